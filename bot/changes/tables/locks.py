"""Locks, by which people forbid changes. Rows and queries only; `bot.changes.services.locks` has the rules.

add ─▶ active ─┬─ its end time ─▶ ended
               └─ remove ───────▶ ended now, with the person who removed it
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from bot.model.lock import Lock
from bot.store.database import Database
from bot.store.encoding import escape_text
from bot.store.schema.tables import LOCKS

_ADD = insert(LOCKS).on_conflict_do_nothing()
_ADDED_BY_OPERATION = select(LOCKS).where(LOCKS.c.operation == bindparam("this"))
_ONE = select(LOCKS).where(LOCKS.c.id == bindparam("this"))
_REMOVE = (
    update(LOCKS)
    .where(LOCKS.c.id == bindparam("this"), LOCKS.c.ends_at > bindparam("now"))
    .values(ends_at=bindparam("now"), removed_by=bindparam("who"))
)
_SINCE = select(LOCKS).where(LOCKS.c.ends_at > bindparam("since")).order_by(LOCKS.c.id)


class LockTable:
    """Table of locks. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, lock: Lock) -> Lock:
        """Stores a lock. Returns the stored one; a repeated request gets the lock that it added before."""
        values = {
            "operation": escape_text(lock.operation),
            "target": escape_text(lock.target),
            "reason": escape_text(lock.reason),
            "owner": escape_text(lock.owner),
            "added_at": lock.added_at,
            "ends_at": lock.ends_at,
            "removed_by": escape_text(lock.removed_by),
        }

        def work(connection: Connection) -> Lock:
            connection.execute(_ADD, values)
            return _read_lock(connection.execute(_ADDED_BY_OPERATION, {"this": values["operation"]}).one())

        return await self._database.run(work)

    async def find(self, number: int) -> Lock | None:
        """Returns one lock by its number; None if there is none."""

        def work(connection: Connection) -> Lock | None:
            row = connection.execute(_ONE, {"this": number}).first()
            return None if row is None else _read_lock(row)

        return await self._database.read(work)

    async def remove(self, number: int, who: str, at: datetime) -> None:
        """Ends an active lock. A lock that has ended stays as it is."""

        def work(connection: Connection) -> None:
            connection.execute(_REMOVE, {"this": number, "who": escape_text(who), "now": at})

        await self._database.run(work)

    async def list_since(self, at: datetime) -> tuple[Lock, ...]:
        """Lists the locks that end or ended after that time, by number."""
        return await self._database.read(lambda connection: list_locks_since(connection, at))


def list_locks_since(connection: Connection, at: datetime) -> tuple[Lock, ...]:
    """Does the work of `LockTable.list_since` as a part of the caller's transaction."""
    return tuple(_read_lock(row) for row in connection.execute(_SINCE, {"since": at}))


def _read_lock(row: Row[Any]) -> Lock:
    return Lock(
        operation=row.operation,
        target=row.target,
        reason=row.reason,
        owner=row.owner,
        added_at=row.added_at,
        ends_at=row.ends_at,
        removed_by=row.removed_by,
        number=row.id,
    )
