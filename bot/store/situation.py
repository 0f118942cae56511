"""Situation of a PostgreSQL database, as a copy that stands by sees it: its tables, its leader, the lock."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, select, text

from bot.store.lead import LOCK_KEY, Leader, read_leader
from bot.store.schema import ALEMBIC_TABLE

_HOLDERS = text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND classid::bigint = :high AND objid::bigint = :low"
)
"""Counts the sessions that hold the lock. The server splits the key of an advisory lock into two halves."""

_REVISION = select(ALEMBIC_TABLE.c.version_num)


@dataclass(frozen=True)
class Situation:
    """Revision of the tables, the copy that leads or led last, and whether a session holds the lead right now."""

    revision: str
    leader: Leader | None
    led: bool


def judge_under_lock(judge: Callable[[Situation], None]) -> Callable[[Connection], None]:
    """Makes the last check of `bot.store.database.Database.try_lead`: `judge` raises if the situation forbids to lead."""
    return lambda connection: judge(read_situation(connection))


def read_situation(connection: Connection) -> Situation:
    """Reads the situation, whatever the revision of the tables is."""
    revision = "" if (found := connection.execute(_REVISION).scalar_one_or_none()) is None else str(found)
    return Situation(revision, read_leader(connection), is_led(connection))


def is_led(connection: Connection) -> bool:
    """Returns whether a session holds the lead right now, by the server's list of locks."""
    halves = {"high": LOCK_KEY >> 32, "low": LOCK_KEY & 0xFFFFFFFF}
    return bool(connection.execute(_HOLDERS, halves).scalar_one())
