"""Suspended hosts. Rows and queries only; `bot.hosts` derives them from signed events.

What decides is the events. Of a row only `reminded_at` counts, which no event has.

The host folder of the leader, for the other copies. Rows and queries only; `bot.config.shared_hosts` says what it is.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from bot.store.database import Database
from bot.store.encoding import escape_text
from bot.store.schema.tables import HOST_FILES, SUSPENSIONS
from commands.model.suspension import Suspension

_S = SUSPENSIONS.c
_MOVED = ("host", "operation", "owner", "state", "since", "remind_at", "ended_at")
_INSERT = insert(SUSPENSIONS)
_STORE = _INSERT.on_conflict_do_update(
    index_elements=["number"],
    set_={
        name: _INSERT.excluded[name] for name in ("host", "operation", "owner", "state", "since", "remind_at", "ended_at")
    },
)
_END_OTHERS = (
    update(SUSPENSIONS)
    .where(_S.ended_at.is_(None), _S.number.not_in(bindparam("kept", expanding=True)))
    .values(ended_at=bindparam("at"))
)
_MARK_REMINDED = update(SUSPENSIONS).where(_S.number == bindparam("this")).values(reminded_at=bindparam("at"))
_REMINDED = select(_S.number, _S.reminded_at).where(_S.ended_at.is_(None), _S.reminded_at.is_not(None))


class SuspensionTable:
    """Table of suspensions. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def store(self, suspensions: Iterable[Suspension], at: datetime) -> None:
        """Stores the open suspensions, which are all that are open: others end at that time."""
        values = [_make_values(each) for each in suspensions]

        def work(connection: Connection) -> None:
            connection.execute(_END_OTHERS, {"kept": [each["number"] for each in values], "at": at})
            if values:
                connection.execute(_STORE, values)

        await self._database.run(work)

    async def mark_reminded(self, number: int, at: datetime) -> None:
        """Marks that the owner was reminded. The message must be stored in the outbox."""

        def work(connection: Connection) -> None:
            connection.execute(_MARK_REMINDED, {"this": number, "at": at})

        await self._database.run(work)

    async def find_reminded(self) -> dict[int, datetime]:
        """Finds when the owners of open suspensions were reminded, by number."""
        return await self._database.read(
            lambda connection: {row.number: row.reminded_at for row in connection.execute(_REMINDED)}
        )


def _make_values(suspension: Suspension) -> dict[str, Any]:
    return {
        "number": suspension.number,
        "host": escape_text(suspension.host),
        "operation": escape_text(suspension.operation),
        "owner": escape_text(suspension.owner),
        "state": escape_text(suspension.model_dump_json(exclude_none=True)),
        "since": suspension.since,
        "remind_at": suspension.remind_at,
        "ended_at": None,
    }


_INSERT_host_files = insert(HOST_FILES).values(
    id=1, number=bindparam("number"), content=bindparam("content"), mac=bindparam("mac")
)
_STORE_host_files = _INSERT_host_files.on_conflict_do_update(
    index_elements=["id"], set_={name: _INSERT_host_files.excluded[name] for name in ("number", "content", "mac")}
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
            connection.execute(_STORE_host_files, vars(stored))
            return stored

        return await self._database.run(work)


def read_hosts_number(connection: Connection) -> int:
    """Returns the number of the newest version, 0 if there is none, as a part of the caller's transaction."""
    return connection.execute(_NUMBER).scalar_one_or_none() or 0


def _read_newest(connection: Connection) -> StoredHosts | None:
    row = connection.execute(_READ).one_or_none()
    return None if row is None else StoredHosts(row.number, row.content, row.mac)
