"""The database's condition: whether it takes a write, and how much waits in it."""

from dataclasses import dataclass

from sqlalchemy import update
from sqlmodel import Session, col, func, select

from bot.store.database import Database
from bot.store.models import AuditRow, InboxRow, OutboxRow
from bot.store.outbox import OPEN, State
from bot.store.schema import ALEMBIC


@dataclass(frozen=True)
class Condition:
    """Rows by what they mean; `audit_events` is the number of the newest event, so it never falls."""

    inbox_unfinished: int
    outbox_waiting: int
    outbox_undeliverable: int
    audit_events: int


async def prove(database: Database) -> Condition:
    """Write a row to the disk, as any other work does, and count; a `DatabaseError` where that cannot be.

    The row is the one that names the tables' revision, and stays as it is.
    """

    def work(session: Session) -> Condition:
        session.execute(update(ALEMBIC).values(version_num=ALEMBIC.c.version_num))
        return Condition(
            inbox_unfinished=session.exec(select(func.count()).where(col(InboxRow.finished_at).is_(None))).one(),
            outbox_waiting=session.exec(select(func.count()).where(col(OutboxRow.state).in_(OPEN))).one(),
            outbox_undeliverable=session.exec(select(func.count()).where(col(OutboxRow.state) == State.UNDELIVERABLE)).one(),
            audit_events=session.exec(select(func.coalesce(func.max(AuditRow.sequence), 0))).one(),
        )

    return await database.run(work)
