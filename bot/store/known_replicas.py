"""The copies of the bot that are known, and the leader. Over SQLite there is one copy, which leads."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.store.address import PostgresAddress
from bot.store.database import Database
from bot.store.leadership import CopyIdentity, Leader, read_leader
from bot.store.replicas import LEADS, CopyReport, SeenCopy, list_copies
from bot.store.schema.creation import HEAD_REVISION

EXPECTED = timedelta(days=7)
"""Time for which a copy that was seen is expected back. One that was given up is no problem after that."""


@dataclass(frozen=True)
class KnownCopies:
    """All copies that were seen lately, by name, and the one that leads or led last; None on SQLite."""

    copies: tuple[SeenCopy, ...]
    leader: Leader | None

    @property
    def leading(self) -> SeenCopy | None:
        """The copy that leads now; None if none does. A former leader that ended at once still reports that it leads."""
        led = [copy for copy in self.copies if copy.report.role == LEADS and not copy.is_missed]
        return next((copy for copy in led if self.leader is None or copy.name == self.leader.identity.name), None)

    @property
    def able(self) -> int:
        """Number of copies that could take over now."""
        return sum(copy.could_take_over for copy in self.copies)

    @property
    def unable(self) -> tuple[SeenCopy, ...]:
        """The copies that are expected to lead or to stand by, and could not take over now. None on SQLite."""
        if self.leader is None:
            return ()
        others = (copy for copy in self.copies if copy is not self.leading and copy.age < EXPECTED)
        return tuple(copy for copy in others if not copy.could_take_over)


async def read_known_copies(database: Database, name: str, version: str) -> KnownCopies:
    """Reads the copies over a database. `name` and `version` are those of this one. Raises a `DatabaseError`."""
    if not isinstance(database.address, PostgresAddress):
        report = CopyReport(CopyIdentity(name, version, "", ""), HEAD_REVISION, LEADS)
        return KnownCopies((SeenCopy(report, datetime.now(UTC), timedelta(0)),), None)
    return await database.read(lambda connection: KnownCopies(list_copies(connection), read_leader(connection)))
