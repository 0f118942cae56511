"""Silences and maintenance. Rows and queries only; `bot.alerts.services.mutes` has the rules.

add ─▶ active ─┬─ its end time ───▶ ended; its owner was reminded before, if it still hid something
               └─ remove, or the ─▶ ended now, with the person (or the bot) that ended it
                  owner has left
"""

from datetime import datetime

from sqlalchemy import Connection, bindparam, update

from bot.model.alert import Mute
from bot.store.database import Database
from bot.store.rows import Rows, execute, leave_out
from bot.store.schema.alerts import MuteRow

MUTES = Rows(Mute, MuteRow, repair=leave_out)
"""A damaged mute hides nothing."""

_C = MUTES.c
_THIS = _C.number == bindparam("this")
_ONE = MUTES.select(_THIS)
_ADDED_BY_OPERATION = MUTES.select(_C.operation == bindparam("this"))
_SINCE = MUTES.select(_C.ends_at > bindparam("since")).order_by(_C.number)
_END = (
    update(MUTES.table)
    .where(_THIS, _C.ends_at > bindparam("now"))
    .values(ends_at=bindparam("now"), removed_by=bindparam("who"))
)
_MARK_REMINDED = update(MUTES.table).where(_THIS, _C.reminded_at.is_(None)).values(reminded_at=bindparam("now"))


class MuteTable:
    """Table of silences and maintenance. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, mute: Mute) -> Mute:
        """Stores a mute. Returns the stored one; a repeated request gets the mute that it added before."""
        return await self._database.run(_add, mute)

    async def find(self, number: int) -> Mute | None:
        """Returns one mute by its number; None if there is none."""
        return await self._database.read(MUTES.find, _ONE, this=number)

    async def end(self, number: int, who: str, at: datetime) -> None:
        """Ends an active mute. A mute that has ended stays as it is."""
        await self._database.run(execute, _END, this=number, who=who, now=at)

    async def mark_reminded(self, number: int, at: datetime) -> None:
        """Marks that its owner was notified of its end. The message must be stored in the outbox."""
        await self._database.run(execute, _MARK_REMINDED, this=number, now=at)

    async def list_since(self, at: datetime) -> tuple[Mute, ...]:
        """Lists the mutes that end or ended after that time, by number."""
        return await self._database.read(MUTES.list, _SINCE, since=at)


def _add(connection: Connection, mute: Mute) -> Mute:
    MUTES.store(connection, MUTES.insert_new, [mute])
    added = MUTES.find(connection, _ADDED_BY_OPERATION, this=mute.operation)
    assert added is not None
    return added
