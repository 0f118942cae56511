"""Suspended hosts. Rows and queries only; `bot.suspensions` derives them from signed events.

What decides is the events. Of a row only `reminded_at` counts, which no event has.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from bot.store.database import Database
from bot.store.encoding import escape_text
from bot.store.tables import SUSPENSIONS
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
