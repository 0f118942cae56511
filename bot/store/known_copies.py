"""The copies of the bot that are known, and the leader. Over SQLite there is one copy, which leads."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.store.address import PostgresAddress
from bot.store.copies import LEADS, CopyReport, SeenCopy, list_copies
from bot.store.database import Database
from bot.store.lead import CopyIdentity, Leader, read_leader
from bot.store.schema import HEAD_REVISION


@dataclass(frozen=True)
class KnownCopies:
    """All copies that were seen lately, by name, and the one that leads or led last; None on SQLite."""

    copies: tuple[SeenCopy, ...]
    leader: Leader | None


async def read_known_copies(database: Database, name: str, version: str) -> KnownCopies:
    """Reads the copies over a database. `name` and `version` are those of this one. Raises a `DatabaseError`."""
    if not isinstance(database.address, PostgresAddress):
        report = CopyReport(CopyIdentity(name, version, "", ""), HEAD_REVISION, LEADS)
        return KnownCopies((SeenCopy(report, datetime.now(UTC), timedelta(0)),), None)
    return await database.read(lambda connection: KnownCopies(list_copies(connection), read_leader(connection)))
