"""Locks, by which people forbid changes. Rows and queries only; `bot.changes.services.locks` has the rules.

add ─▶ active ─┬─ its end time ─▶ ended
               └─ remove ───────▶ ended now, with the person who removed it
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, update

from bot.model.lock import Lock
from bot.store.database import Database
from bot.store.rows import Rows, execute
from bot.store.schema.base import LockRow

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_FAR_AHEAD = datetime(9999, 1, 1, tzinfo=UTC)


def _repair(readable: Mapping[str, Any]) -> Lock:
    """Makes a lock of a damaged row: it holds until a person removes it."""
    return Lock(**{"added_at": _LONG_AGO, "ends_at": _FAR_AHEAD, **readable})


LOCKS = Rows(Lock, LockRow, repair=_repair)

_C = LOCKS.c
_THIS = _C.number == bindparam("this")
_ADDED_BY_OPERATION = LOCKS.select(_C.operation == bindparam("this"))
_ONE = LOCKS.select(_THIS)
_REMOVE = (
    update(LOCKS.table)
    .where(_THIS, _C.ends_at > bindparam("now"))
    .values(ends_at=bindparam("now"), removed_by=bindparam("who"))
)
_SINCE = LOCKS.select(_C.ends_at > bindparam("since")).order_by(_C.number)


class LockTable:
    """Table of locks. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, lock: Lock) -> Lock:
        """Stores a lock. Returns the stored one; a repeated request gets the lock that it added before."""
        return await self._database.run(_add, lock)

    async def find(self, number: int) -> Lock | None:
        """Returns one lock by its number; None if there is none."""
        return await self._database.read(LOCKS.find, _ONE, this=number)

    async def remove(self, number: int, who: str, at: datetime) -> None:
        """Ends an active lock. A lock that has ended stays as it is."""
        await self._database.run(execute, _REMOVE, this=number, who=who, now=at)

    async def list_since(self, at: datetime) -> tuple[Lock, ...]:
        """Lists the locks that end or ended after that time, by number."""
        return await self._database.read(list_locks_since, at)


def list_locks_since(connection: Connection, at: datetime) -> tuple[Lock, ...]:
    """Does the work of `LockTable.list_since` as a part of the caller's transaction."""
    return LOCKS.list(connection, _SINCE, since=at)


def _add(connection: Connection, lock: Lock) -> Lock:
    LOCKS.store(connection, LOCKS.insert_new, [lock])
    added = LOCKS.find(connection, _ADDED_BY_OPERATION, this=lock.operation)
    assert added is not None
    return added
