"""Owed changes. Rows and queries only; `bot.changes` has the rules.

a run ends and had left a host out ─▶ open ─┬─ a run did it there, or a plan found nothing left to do ─▶ settled
                                            └─ a person dropped it, with a reason ─────────────────────▶ settled

A row is added, and settled by a run, in the transaction that ends the run (`apply_effects`). So a crash neither loses nor
doubles one. While one is open, another change of the same words leaves no second row for its host.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, Text, bindparam, select, type_coerce, update
from sqlalchemy.dialects.postgresql import insert

from adapters.phrase import Phrase
from bot.model.owed import OwedChange
from bot.model.request import Surface, SystemIdentity
from bot.store.database import Database
from bot.store.encoding import decode_identity, decode_phrase, encode_identity, encode_json, encode_phrase, escape_text
from bot.store.schema.tables import OWED
from commands.model.owed import KnownOwed, Matter

_COLUMNS = OWED.c
_OPEN = _COLUMNS.settled_at.is_(None)
_THIS = _COLUMNS.number == bindparam("this")
_ADD = insert(OWED).on_conflict_do_nothing()
_TIMES = ("since", "asked_at", "settled_at", "due_at")
_ROWS = select(*(type_coerce(each, Text).label(each.name) if each.name in _TIMES else each for each in _COLUMNS))
"""Times are read as text: one that is damaged must not end the whole query."""

_ONE = _ROWS.where(_THIS)
_ALL_OPEN = _ROWS.where(_OPEN).order_by(_COLUMNS.number)
_SINCE = _ROWS.where(_OPEN | (_COLUMNS.settled_at > bindparam("since"))).order_by(_COLUMNS.number)
_SETTLE = update(OWED).where(_THIS, _OPEN)
_SETTLE_DONE = update(OWED).where(_COLUMNS.host == bindparam("at_host"), _COLUMNS.words == bindparam("of_words"), _OPEN)
_MARK_ASKED = update(OWED).where(_THIS, _OPEN)

DAMAGED = Phrase("it is damaged in the database. Submit its command yourself, then drop this")
"""Why a damaged one is never requested."""

_UNKNOWN = Phrase("unknown")
_NO_IDENTITY = SystemIdentity(-1, "")
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


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

        def work(connection: Connection) -> OwedChange | None:
            row = connection.execute(_ONE, {"this": number}).first()
            return None if row is None else _read_row(row)

        return await self._database.read(work)

    async def list_open(self) -> tuple[OwedChange, ...]:
        """Lists those that are not settled, oldest first."""
        return await self._database.read(lambda connection: tuple(map(_read_row, connection.execute(_ALL_OPEN))))

    async def list_since(self, at: datetime) -> tuple[OwedChange, ...]:
        """Lists those that are not settled or were settled after that time, oldest first."""
        return await self._database.read(lambda connection: tuple(map(_read_row, connection.execute(_SINCE, {"since": at}))))

    async def find_known(self) -> KnownOwed:
        """Finds the open ones as plans know them."""
        return KnownOwed(tuple(owed.brief for owed in await self.list_open()))

    async def settle(self, number: int, by: str, at: datetime, reason: str = "") -> None:
        """Settles an open one. One that is settled stays as it is."""
        values = {"settled_at": at, "settled_by": escape_text(by), "reason": escape_text(reason)}
        await self._run(lambda connection: connection.execute(_SETTLE.values(values), {"this": number}))

    async def mark_asked(self, number: int, asked: str, at: datetime, note: Phrase | None) -> None:
        """Records the operation that asks for an open one, or the reason for which none does."""
        values = {"asked": asked, "asked_at": at, "note": encode_phrase(note)}
        await self._run(lambda connection: connection.execute(_MARK_ASKED.values(values), {"this": number}))

    async def _run(self, work: Callable[[Connection], Any]) -> None:
        def run(connection: Connection) -> None:
            work(connection)

        await self._database.run(run)


def apply_effects(connection: Connection, effects: OwedEffects, operation: str, at: datetime) -> None:
    """Adds what a run leaves, and settles what it did, as a part of the caller's transaction."""
    settled = {"settled_at": at, "settled_by": escape_text(operation), "reason": ""}
    for deed in effects.done:
        named = {"at_host": escape_text(deed.host), "of_words": escape_text(deed.words)}
        connection.execute(_SETTLE_DONE.values(settled), named)
    for owed in effects.left:
        connection.execute(_ADD, _make_values(owed))


def find_settled(open_changes: Sequence[OwedChange], done: Sequence[Deed]) -> tuple[OwedChange, ...]:
    """Finds the open ones that what was done settles."""
    return tuple(owed for owed in open_changes if Deed(owed.host, owed.words) in done)


def _make_values(owed: OwedChange) -> dict[str, Any]:
    return {
        "host": escape_text(owed.host),
        "kind": owed.kind,
        "arguments": encode_json(owed.arguments),
        "words": escape_text(owed.words),
        "matter": owed.matter,
        "why": encode_phrase(owed.why),
        "operation": escape_text(owed.operation),
        "requester": escape_text(owed.requester),
        "identity": encode_identity(owed.identity),
        "surface": owed.surface,
        "channel": escape_text(owed.channel),
        "since": owed.since,
        "asked": escape_text(owed.asked),
        "asked_at": owed.asked_at,
        "note": encode_phrase(owed.note),
        "settled_at": owed.settled_at,
        "settled_by": escape_text(owed.settled_by),
        "reason": escape_text(owed.reason),
        "due_at": owed.due_at,
    }


def _read_matter(stored: str) -> Matter:
    """Reads a matter. One of another version is taken for the gravest, so that it is not dropped lightly."""
    try:
        return Matter(stored)
    except ValueError:
        return Matter.REVOCATION


def _read_row(row: Row[Any]) -> OwedChange:
    """Reads a row. A damaged one must not hide the others, on which every plan depends."""
    try:
        return replace(
            _read_plain_columns(row),
            since=_decode_time(row.since),
            asked_at=None if row.asked_at is None else _decode_time(row.asked_at),
            settled_at=None if row.settled_at is None else _decode_time(row.settled_at),
            arguments=dict(json.loads(row.arguments)),
            why=decode_phrase(row.why) or _UNKNOWN,
            identity=decode_identity(row.identity),
            surface=Surface(row.surface),
            note=decode_phrase(row.note),
            due_at=None if row.due_at is None else _decode_time(row.due_at),
        )
    except (ValueError, TypeError, AttributeError, RecursionError):  # what the decoders raise for other JSON
        return replace(_read_plain_columns(row), note=DAMAGED, damaged=True)


def _read_plain_columns(row: Row[Any]) -> OwedChange:
    """Reads the columns that need no decoding."""
    return OwedChange(
        host=row.host,
        kind=row.kind,
        arguments={},
        words=row.words,
        matter=_read_matter(row.matter),
        why=_UNKNOWN,
        operation=row.operation,
        requester=row.requester,
        identity=_NO_IDENTITY,
        surface=Surface.SCHEDULE,
        channel=row.channel,
        since=_LONG_AGO,
        asked=row.asked,
        settled_at=None if row.settled_at is None else _LONG_AGO,
        settled_by=row.settled_by,
        reason=row.reason,
        number=row.number,
    )


def _decode_time(text: str) -> datetime:
    """Decodes a stored time. Raises `ValueError` for other text, and for a time without a zone."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("not a stored time")
    return at
