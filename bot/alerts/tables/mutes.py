"""Silences and maintenance. Rows and queries only; `bot.alerts.services.mutes` has the rules.

add ─▶ active ─┬─ its end time ───▶ ended; its owner was reminded before, if it still hid something
               └─ remove, or the ─▶ ended now, with the person (or the bot) that ended it
                  owner has left
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from bot.model.alert import Mute, MuteKind
from bot.store.database import Database
from bot.store.encoding import escape_text
from bot.store.schema.tables import MUTES

_ADD = insert(MUTES).on_conflict_do_nothing()
_ADDED_BY_OPERATION = select(MUTES).where(MUTES.c.operation == bindparam("this"))
_ONE = select(MUTES).where(MUTES.c.number == bindparam("this"))
_END = (
    update(MUTES)
    .where(MUTES.c.number == bindparam("this"), MUTES.c.ends_at > bindparam("now"))
    .values(ends_at=bindparam("now"), removed_by=bindparam("who"))
)
_MARK_REMINDED = (
    update(MUTES)
    .where(MUTES.c.number == bindparam("this"), MUTES.c.reminded_at.is_(None))
    .values(reminded_at=bindparam("now"))
)
_SINCE = select(MUTES).where(MUTES.c.ends_at > bindparam("since")).order_by(MUTES.c.number)


class MuteTable:
    """Table of silences and maintenance. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, mute: Mute) -> Mute:
        """Stores a mute. Returns the stored one; a repeated request gets the mute that it added before."""
        values = _make_values(mute)

        def work(connection: Connection) -> Mute:
            connection.execute(_ADD, values)
            return _read_mute(connection.execute(_ADDED_BY_OPERATION, {"this": values["operation"]}).one())

        return await self._database.run(work)

    async def find(self, number: int) -> Mute | None:
        """Returns one mute by its number; None if there is none."""

        def work(connection: Connection) -> Mute | None:
            row = connection.execute(_ONE, {"this": number}).first()
            return None if row is None else _read_mute(row)

        return await self._database.read(work)

    async def end(self, number: int, who: str, at: datetime) -> None:
        """Ends an active mute. A mute that has ended stays as it is."""
        await self._write(_END, {"this": number, "who": escape_text(who), "now": at})

    async def mark_reminded(self, number: int, at: datetime) -> None:
        """Marks that its owner was notified of its end. The message must be stored in the outbox."""
        await self._write(_MARK_REMINDED, {"this": number, "now": at})

    async def list_since(self, at: datetime) -> tuple[Mute, ...]:
        """Lists the mutes that end or ended after that time, by number."""
        return await self._database.read(
            lambda connection: tuple(_read_mute(row) for row in connection.execute(_SINCE, {"since": at}))
        )

    async def _write(self, statement: Any, values: Mapping[str, Any]) -> None:
        def work(connection: Connection) -> None:
            connection.execute(statement, values)

        await self._database.run(work)


def _make_values(mute: Mute) -> dict[str, Any]:
    return {
        "kind": mute.kind,
        "what": escape_text(mute.what),
        "reason": escape_text(mute.reason),
        "owner": escape_text(mute.owner),
        "identity": mute.identity,
        "operation": escape_text(mute.operation),
        "channel": escape_text(mute.channel),
        "added_at": mute.added_at,
        "ends_at": mute.ends_at,
        "reminded_at": mute.reminded_at,
        "removed_by": escape_text(mute.removed_by),
    }


def _read_mute(row: Row[Any]) -> Mute:
    return Mute(
        number=row.number,
        kind=MuteKind(row.kind),
        what=row.what,
        reason=row.reason,
        owner=row.owner,
        identity=row.identity,
        operation=row.operation,
        channel=row.channel,
        added_at=row.added_at,
        ends_at=row.ends_at,
        reminded_at=row.reminded_at,
        removed_by=row.removed_by,
    )
