"""The host folder of the leader, for the other copies. Rows and queries only; `bot.config.shared_hosts` says what it is."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from bot.store.database import Database
from bot.store.tables import HOST_FILES

_INSERT = insert(HOST_FILES).values(id=1, number=bindparam("number"), content=bindparam("content"), mac=bindparam("mac"))
_STORE = _INSERT.on_conflict_do_update(
    index_elements=["id"], set_={name: _INSERT.excluded[name] for name in ("number", "content", "mac")}
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

        def work(connection: Connection) -> StoredHosts:
            newest = _read_newest(connection)
            last = max(after, 0 if newest is None else newest.number)
            if newest is not None and newest == StoredHosts(last, content, sign(last, content)):
                return newest
            stored = StoredHosts(last + 1, content, sign(last + 1, content))
            connection.execute(_STORE, vars(stored))
            return stored

        return await self._database.run(work)


def read_hosts_number(connection: Connection) -> int:
    """Returns the number of the newest version, 0 if there is none, as a part of the caller's transaction."""
    return connection.execute(_NUMBER).scalar_one_or_none() or 0


def _read_newest(connection: Connection) -> StoredHosts | None:
    row = connection.execute(_READ).one_or_none()
    return None if row is None else StoredHosts(row.number, row.content, row.mac)
