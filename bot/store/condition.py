"""Condition of the database: proof that it accepts a write, and what waits in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Text, bindparam, exists, func, select, type_coerce, update

from bot.store.database import Database
from bot.store.outbox_values import OPEN_STATES, PostState
from bot.store.schema.creation import ALEMBIC_TABLE
from bot.store.schema.tables import ALERTS, AUDIT, INBOX, OUTBOX


@dataclass(frozen=True)
class DatabaseCondition:
    """Row counts. `audit_events` is the number of the newest event, so it never decreases. `alerts` are those that are not
    resolved, by state and severity.
    """

    inbox_unfinished: int
    outbox_waiting: int
    outbox_undeliverable: int
    audit_events: int
    alerts: Mapping[tuple[str, str], int] = field(default_factory=dict)


_WRITE_UNCHANGED = update(ALEMBIC_TABLE).values(version_num=ALEMBIC_TABLE.c.version_num)
_UNFINISHED = select(func.count()).where(INBOX.c.finished_at.is_(None))
_OPEN = select(func.count()).where(OUTBOX.c.state.in_(OPEN_STATES))
_OLDEST = select(func.min(OUTBOX.c.made_at)).where(OUTBOX.c.state.in_(OPEN_STATES))
_UNDELIVERABLE = select(func.count()).where(OUTBOX.c.state == PostState.UNDELIVERABLE)
_ALERTS = (
    select(type_coerce(ALERTS.c.state, Text), type_coerce(ALERTS.c.severity, Text), func.count())
    .where(ALERTS.c.resolved_at.is_(None))
    .group_by(ALERTS.c.state, ALERTS.c.severity)
)
_IS_UNDELIVERABLE = select(
    exists().where(OUTBOX.c.operation == bindparam("this"), OUTBOX.c.state == PostState.UNDELIVERABLE)
)
_NEWEST = select(func.coalesce(func.max(AUDIT.c.sequence), 0))


async def check_writable(database: Database) -> DatabaseCondition:
    """Writes a row to the disk and counts rows. Raises `DatabaseError` if the database does not accept the write.

    The row is the one with the revision of the tables. Its value stays the same.
    """

    def work(connection: Connection) -> DatabaseCondition:
        connection.execute(_WRITE_UNCHANGED)
        return DatabaseCondition(
            inbox_unfinished=connection.execute(_UNFINISHED).scalar_one(),
            outbox_waiting=connection.execute(_OPEN).scalar_one(),
            outbox_undeliverable=connection.execute(_UNDELIVERABLE).scalar_one(),
            audit_events=connection.execute(_NEWEST).scalar_one(),
            alerts={(state, severity): count for state, severity, count in connection.execute(_ALERTS)},
        )

    return await database.run(work)


async def find_oldest_waiting(database: Database) -> datetime | None:
    """Returns the time of the oldest message that Slack has not confirmed; None if there is none."""

    def work(connection: Connection) -> datetime | None:
        found: datetime | None = connection.execute(_OLDEST).scalar_one()
        return found

    return await database.read(work)


async def is_undeliverable(database: Database, operation: str) -> bool:
    """Returns whether a message of an operation reached no place. Raises `DatabaseError`."""
    return await database.read(
        lambda connection: bool(connection.execute(_IS_UNDELIVERABLE, {"this": operation}).scalar_one())
    )
