"""Situation of a PostgreSQL database, as a copy that stands by sees it: its tables, its leader, the lock."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from bot.store.audit import has_events
from bot.store.leadership import Leader, is_led_elsewhere, read_leader
from bot.store.schema.creation import ALEMBIC_TABLE

_REVISION = select(ALEMBIC_TABLE.c.version_num)


@dataclass(frozen=True)
class Situation:
    """Revision of the tables, the copy that leads or led last, and whether another session has the lead right now.

    `begun`: the database has a history.
    """

    revision: str
    leader: Leader | None
    led: bool
    begun: bool


def read_situation(connection: Connection) -> Situation:
    """Reads the situation, whatever the revision of the tables is."""
    revision = connection.execute(_REVISION).scalar_one_or_none()
    return Situation(str(revision or ""), read_leader(connection), is_led_elsewhere(connection), has_events(connection))
