"""Owed changes. Rows and queries only; `bot.changes` has the rules.

a run ends and had left a host out ─▶ open ─┬─ a run did it there, or a plan found nothing left to do ─▶ settled
                                            └─ a person dropped it, with a reason ─────────────────────▶ settled

A row is added, and settled by a run, in the transaction that ends the run (`apply_effects`). So a crash neither loses nor
doubles one. While one is open, another change of the same words leaves no second row for its host.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, update

from adapters.phrase import Phrase
from bot.model.owed import NO_IDENTITY, OwedChange
from bot.model.request import Surface
from bot.store.database import Database
from bot.store.rows import Rows, execute
from bot.store.schema.hosts import OwedRow
from commands.model.owed import KnownOwed, Matter

DAMAGED = Phrase("it is damaged in the database. Submit its command yourself, then drop this")
"""Why a damaged one is never requested."""

_UNKNOWN = Phrase("unknown")
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_REPLACEMENTS = {
    "matter": Matter.REVOCATION,
    "why": _UNKNOWN,
    "surface": Surface.SCHEDULE,
    "since": _LONG_AGO,
    "asked_at": None,
    "settled_at": _LONG_AGO,
    "due_at": None,
}
"""Values in place of those that could not be read. A matter is taken for the gravest, so that it is not dropped lightly."""


def _repair(readable: Mapping[str, Any]) -> OwedChange:
    """Makes an owed change of a damaged row, which must not hide the others: every plan depends on them.

    One without a readable matter is of another version, and can be requested. Any other damage makes it one that cannot.
    """
    values = {**_REPLACEMENTS, **readable}
    if len(readable) + 1 == len(OWED.names) and "matter" not in readable:
        return OwedChange(**values)
    return OwedChange(**(values | {"arguments": {}, "identity": NO_IDENTITY, "note": DAMAGED}))


OWED = Rows(OwedChange, OwedRow, repair=_repair)

_COLUMNS = OWED.c
_OPEN = _COLUMNS.settled_at.is_(None)
_THIS = _COLUMNS.number == bindparam("this")
_ONE = OWED.select(_THIS)
_ALL_OPEN = OWED.select(_OPEN).order_by(_COLUMNS.number)
_SINCE = OWED.select(_OPEN | (_COLUMNS.settled_at > bindparam("since"))).order_by(_COLUMNS.number)
_SETTLEMENT: dict[str, Any] = {"settled_at": bindparam("at"), "settled_by": bindparam("by"), "reason": bindparam("because")}
_SETTLE = update(OWED.table).where(_THIS, _OPEN).values(_SETTLEMENT)
_SETTLE_DONE = (
    update(OWED.table)
    .where(_COLUMNS.host == bindparam("at_host"), _COLUMNS.words == bindparam("of_words"), _OPEN)
    .values(_SETTLEMENT)
)
_MARK_ASKED = (
    update(OWED.table)
    .where(_THIS, _OPEN)
    .values(asked=bindparam("asker"), asked_at=bindparam("at"), note=bindparam("remark"))
)


@dataclass(frozen=True)
class Deed:
    """A command that was done on one host, by which an owed change of the same words is settled."""

    host: str
    words: str


@dataclass(frozen=True)
class OwedEffects:
    """Effects of the end of a run on owed changes: those that it leaves, and what it did."""

    left: tuple[OwedChange, ...] = ()
    done: tuple[Deed, ...] = ()


class OwedTable:
    """Table of owed changes. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, number: int) -> OwedChange | None:
        """Returns one by its number; None if there is none."""
        return await self._database.read(OWED.find, _ONE, this=number)

    async def list_open(self) -> tuple[OwedChange, ...]:
        """Lists those that are not settled, oldest first."""
        return await self._database.read(OWED.list, _ALL_OPEN)

    async def list_since(self, at: datetime) -> tuple[OwedChange, ...]:
        """Lists those that are not settled or were settled after that time, oldest first."""
        return await self._database.read(OWED.list, _SINCE, since=at)

    async def find_known(self) -> KnownOwed:
        """Finds the open ones as plans know them."""
        return KnownOwed(tuple(owed.brief for owed in await self.list_open()))

    async def settle(self, number: int, by: str, at: datetime, reason: str = "") -> None:
        """Settles an open one. One that is settled stays as it is."""
        await self._database.run(execute, _SETTLE, this=number, by=by, at=at, because=reason)

    async def mark_asked(self, number: int, asked: str, at: datetime, note: Phrase | None) -> None:
        """Records the operation that asks for an open one, or the reason for which none does."""
        await self._database.run(execute, _MARK_ASKED, this=number, asker=asked, at=at, remark=note)


def apply_effects(connection: Connection, effects: OwedEffects, operation: str, at: datetime) -> None:
    """Adds what a run leaves, and settles what it did, as a part of the caller's transaction."""
    for deed in effects.done:
        named = {"at_host": deed.host, "of_words": deed.words, "by": operation, "at": at, "because": ""}
        connection.execute(_SETTLE_DONE, named)
    OWED.store(connection, OWED.insert_new, effects.left)


def find_settled(open_changes: Sequence[OwedChange], done: Sequence[Deed]) -> tuple[OwedChange, ...]:
    """Finds the open ones that what was done settles."""
    return tuple(owed for owed in open_changes if Deed(owed.host, owed.words) in done)
