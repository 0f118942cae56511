"""Reminders of suspended hosts. Rows and queries only; `bot.hosts` derives the suspensions from signed events.

The host folder of the leader, for the other copies. Rows and queries only; `bot.config.shared_hosts` says what it is.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from bot.store.database import Database
from bot.store.rows import execute
from bot.store.schema.tables import HOST_FILES, SUSPENSION_REMINDERS

_REMINDERS = SUSPENSION_REMINDERS.c
_INSERT = insert(SUSPENSION_REMINDERS)
_MARK = _INSERT.on_conflict_do_update(index_elements=["number"], set_={"reminded_at": _INSERT.excluded.reminded_at})
_REMINDED = select(_REMINDERS.number, _REMINDERS.reminded_at).where(
    _REMINDERS.number.in_(bindparam("numbers", expanding=True))
)


class SuspensionReminderTable:
    """Table of reminders. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def mark_reminded(self, number: int, at: datetime) -> None:
        """Marks that the owner of a suspension was reminded. The message must be stored in the outbox."""
        await self._database.run(execute, _MARK, number=number, reminded_at=at)

    async def find_reminded(self, numbers: Collection[int]) -> Mapping[int, datetime]:
        """Finds when the owners of these suspensions were reminded last, by number."""
        return await self._database.read(_find_reminded, numbers)


def _find_reminded(connection: Connection, numbers: Collection[int]) -> Mapping[int, datetime]:
    return {row.number: row.reminded_at for row in connection.execute(_REMINDED, {"numbers": list(numbers)})}


_INSERT_HOST_FILES = insert(HOST_FILES).values(
    id=1, number=bindparam("number"), content=bindparam("content"), mac=bindparam("mac")
)
_STORE_HOST_FILES = _INSERT_HOST_FILES.on_conflict_do_update(
    index_elements=["id"], set_={name: _INSERT_HOST_FILES.excluded[name] for name in ("number", "content", "mac")}
)
_READ = select(HOST_FILES.c.number, HOST_FILES.c.content, HOST_FILES.c.mac).where(HOST_FILES.c.id == 1)
_NUMBER = select(HOST_FILES.c.number).where(HOST_FILES.c.id == 1)

Sign = Callable[[int, str], str]
"""Computes the mac of a number and a content."""


@dataclass(frozen=True)
class StoredHosts:
    """One version of the folder, as it is stored."""

    number: int
    content: str
    mac: str


class HostFilesTable:
    """Table with the folder's newest version. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self) -> StoredHosts | None:
        """Returns the newest version; None if no copy has stored one."""
        return await self._database.read(_read_newest)

    async def read_number(self) -> int:
        """Returns the number of the newest version, 0 if there is none."""
        return await self._database.read(read_hosts_number)

    async def store(self, content: str, after: int, sign: Sign) -> StoredHosts:
        """Stores a version, unless the newest one has this content. Its number is above that one's, and above `after`."""
        return await self._database.run(_store_hosts, content, after, sign)


def _store_hosts(connection: Connection, content: str, after: int, sign: Sign) -> StoredHosts:
    newest = _read_newest(connection)
    last = max(after, 0 if newest is None else newest.number)
    if newest is not None and newest == StoredHosts(last, content, sign(last, content)):
        return newest
    stored = StoredHosts(last + 1, content, sign(last + 1, content))
    connection.execute(_STORE_HOST_FILES, vars(stored))
    return stored


def read_hosts_number(connection: Connection) -> int:
    """Returns the number of the newest version, 0 if there is none, as a part of the caller's transaction."""
    return connection.execute(_NUMBER).scalar_one_or_none() or 0


def _read_newest(connection: Connection) -> StoredHosts | None:
    row = connection.execute(_READ).one_or_none()
    return None if row is None else StoredHosts(row.number, row.content, row.mac)
