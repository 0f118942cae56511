"""Incidents, and the requests answered in their channels. Rows and queries only; `bot.incidents` has the rules.

moves, folded from signed events ─ follow ─▶ rows, their timeline entries and the position of the journal, in one transaction
entry: one answered request in the channel of an open incident, once for each operation

A row has the values that are queried as columns, and all as JSON in `document`. Privacy is what Slack said last, so its
column counts, and never the document.

Incidents as JSON: of a row's document, and of the values in audit events.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, Row, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from bot.incidents.model import IncidentEntry
from bot.incidents.tables.timeline import FollowPosition, add_entries, store_position
from bot.model.incident import WORKED_ON_STATES, Incident, IncidentState, TimelineEntry
from bot.store.database import Database
from bot.store.encoding import decode_phrase, encode_json, encode_phrase, escape_text
from bot.store.schema.tables import INCIDENT_CHANNELS, INCIDENT_ENTRIES, INCIDENTS


@lru_cache(maxsize=1)
def _get_adapter() -> TypeAdapter[Incident]:
    return TypeAdapter(Incident)


def encode_incident(incident: Incident) -> dict[str, Any]:
    """Encodes an incident as JSON, each field by its name."""
    encoded: dict[str, Any] = _get_adapter().dump_python(incident, mode="json")
    return encoded


def decode_incident(document: Mapping[str, Any]) -> Incident | None:
    """Decodes an incident. Unknown fields are left out; None for what is no incident."""
    try:
        return _get_adapter().validate_python(document)
    except ValidationError:
        return None


MAX_ENTRIES = 200
"""Maximum number of entries that are read of one incident; the newest ones."""

_INCIDENTS = select(INCIDENTS, INCIDENT_CHANNELS.c.name).outerjoin(
    INCIDENT_CHANNELS, INCIDENT_CHANNELS.c.channel == INCIDENTS.c.channel
)
_OPEN = INCIDENTS.c.state.in_(sorted(WORKED_ON_STATES))
_THIS = INCIDENTS.c.number == bindparam("this")
_ADD = insert(INCIDENTS)
_CHANGE = update(INCIDENTS).where(_THIS, INCIDENTS.c.version == bindparam("seen")).returning(INCIDENTS.c.number)
_SAME = select(INCIDENTS.c.number).where(
    or_(INCIDENTS.c.number == bindparam("this"), INCIDENTS.c.operation == bindparam("by"))
)
_NEWEST_NUMBER = select(func.coalesce(func.max(INCIDENTS.c.number), 0))
_OPEN_IN_CHANNEL = _INCIDENTS.where(INCIDENTS.c.channel == bindparam("where"), _OPEN)
_OPEN_OR_RESOLVED_BY = _INCIDENTS.where(
    INCIDENTS.c.channel == bindparam("where"), _OPEN | (INCIDENTS.c.resolution == bindparam("by"))
).order_by(_OPEN)
_OPENED_BY_OPERATION = _INCIDENTS.where(INCIDENTS.c.operation == bindparam("this"))
_ONE = _INCIDENTS.where(_THIS)
_WORKING = _INCIDENTS.where(_OPEN).order_by(INCIDENTS.c.number)
_SINCE = _INCIDENTS.where(_OPEN | (INCIDENTS.c.resolved_at > bindparam("since"))).order_by(INCIDENTS.c.number)
_STORE_CHANNEL_NAME = insert(INCIDENT_CHANNELS).on_conflict_do_nothing()
_SET_PRIVATE = update(INCIDENTS).where(
    INCIDENTS.c.channel == bindparam("where"), or_(INCIDENTS.c.private.is_(None), INCIDENTS.c.private == 0)
)
_ADD_ENTRY = insert(INCIDENT_ENTRIES).on_conflict_do_nothing()
_ENTRIES = (
    select(INCIDENT_ENTRIES)
    .where(INCIDENT_ENTRIES.c.incident == bindparam("this"))
    .order_by(INCIDENT_ENTRIES.c.at.desc(), INCIDENT_ENTRIES.c.operation)
    .limit(MAX_ENTRIES)
)
_COUNT = select(func.count()).where(INCIDENT_ENTRIES.c.incident == bindparam("this"))


@dataclass(frozen=True)
class IncidentMove:
    """One move of an incident, with the entry that tells it. `before` is None for the opening."""

    before: Incident | None
    after: Incident
    entry: TimelineEntry


class IncidentTable:
    """Table of incidents. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_open_in(self, channel: str) -> Incident | None:
        """Returns the open incident of a channel; None if there is none."""
        return await self._database.read(
            lambda connection: _read_optional(connection.execute(_OPEN_IN_CHANNEL, {"where": channel}).first())
        )

    async def find_opened_by(self, operation: str) -> Incident | None:
        """Returns the incident that an operation opened; None if there is none."""
        return await self._database.read(
            lambda connection: _read_optional(connection.execute(_OPENED_BY_OPERATION, {"this": operation}).first())
        )

    async def find_for_request(self, operation: str, channel: str) -> Incident | None:
        """Returns the incident of a channel that the request resolved, else the open one."""
        these = {"by": operation, "where": channel}
        return await self._database.read(
            lambda connection: _read_optional(connection.execute(_OPEN_OR_RESOLVED_BY, these).first())
        )

    async def follow(self, moves: Sequence[IncidentMove], position: FollowPosition) -> tuple[TimelineEntry, ...]:
        """Stores moves that follow their rows, their entries, and the position of the journal. Returns the new entries.

        A move that does not follow its row is left out, and so is its entry.
        """
        return await self._database.run(_follow, moves, position)

    async def find_newest_number(self) -> int:
        """Returns the newest number; 0 if there is no incident."""
        return await self._database.read(lambda connection: int(connection.execute(_NEWEST_NUMBER).scalar_one()))

    async def list_working(self) -> tuple[Incident, ...]:
        """Lists the incidents in which people work, by number."""
        return await self._database.read(lambda connection: tuple(map(_read_incident, connection.execute(_WORKING))))

    async def count_public(self) -> Mapping[str, int]:
        """Counts the incidents in which people work and that everyone may know of, by severity: "" for one without any."""
        return Counter(each.severity or "" for each in await self.list_working() if each.private is False)

    async def find(self, number: int) -> Incident | None:
        """Returns one incident by its number; None if there is none."""
        return await self._database.read(
            lambda connection: _read_optional(connection.execute(_ONE, {"this": number}).first())
        )

    async def list_since(self, at: datetime) -> tuple[Incident, ...]:
        """Lists the incidents that are open or were resolved after that time, by number."""
        return await self._database.read(
            lambda connection: tuple(map(_read_incident, connection.execute(_SINCE, {"since": at})))
        )

    async def set_private(self, channel: str, private: bool) -> None:
        """Stores whether a channel is private, for its incidents. One that was private stays so: it was not for others."""
        await self._database.run(_set_private, channel, private)

    async def add_entry(self, entry: IncidentEntry) -> None:
        """Stores an entry; does nothing if the operation has an entry."""
        values = {
            "incident": entry.incident,
            "operation": entry.operation,
            "at": entry.at,
            "actor": escape_text(entry.actor),
            "words": escape_text(entry.words),
            "answer": encode_phrase(entry.answer),
        }
        await self._database.run(_add_entry, values)

    async def read_entries(self, number: int) -> tuple[tuple[IncidentEntry, ...], int]:
        """Returns the newest entries of an incident, oldest first, and the number of all its entries."""
        this = {"this": number}
        return await self._database.read(_read_entries, this)


def _read_entries(connection: Connection, this: Mapping[str, Any]) -> tuple[tuple[IncidentEntry, ...], int]:
    found: Sequence[Row[Any]] = connection.execute(_ENTRIES, this).all()
    return tuple(_read_entry(row) for row in reversed(found)), connection.execute(_COUNT, this).scalar_one()


def _add_entry(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(_ADD_ENTRY, values)


def _set_private(connection: Connection, channel: str, private: bool) -> None:
    connection.execute(_SET_PRIVATE, {"where": channel, "private": private})


def _follow(connection: Connection, moves: Sequence[IncidentMove], position: FollowPosition) -> tuple[TimelineEntry, ...]:
    stored = [move.entry for move in moves if _store_move(connection, move)]
    added = add_entries(connection, stored)
    store_position(connection, position)
    return added


def _read_optional(row: Row[Any] | None) -> Incident | None:
    return None if row is None else _read_incident(row)


def _store_move(connection: Connection, move: IncidentMove) -> bool:
    """Stores a move. Returns whether it follows its row, and its channel has no other open incident."""
    before, after = move.before, move.after
    if after.open and _is_taken(connection, after):
        return False
    if before is not None:
        seen = {"this": after.number, "seen": before.version}
        values = _make_values(after)
        return connection.execute(_CHANGE.values(**values), seen).first() is not None
    if connection.execute(_SAME, {"this": after.number, "by": after.operation}).first() is not None:
        return False
    opening = {"number": after.number, "operation": after.operation, "private": after.private}
    connection.execute(_ADD, {**_make_values(after), **opening})
    if after.channel_name:
        name = {"channel": after.channel, "name": escape_text(after.channel_name)}
        connection.execute(_STORE_CHANNEL_NAME, name)
    return True


def _is_taken(connection: Connection, incident: Incident) -> bool:
    if not incident.channel:
        return False
    there = connection.execute(_OPEN_IN_CHANNEL, {"where": incident.channel}).first()
    return there is not None and there.number != incident.number


def _make_values(incident: Incident) -> dict[str, Any]:
    """Makes the columns of a row that acts change."""
    return {
        "channel": incident.channel,
        "title": escape_text(incident.title),
        "target": escape_text(incident.target),
        "opened_by": escape_text(incident.opened_by),
        "opened_at": incident.opened_at,
        "resolution": incident.resolution,
        "resolved_by": escape_text(incident.resolved_by),
        "resolved_at": incident.resolved_at,
        "was": escape_text(incident.was),
        "shared": incident.shared,
        "state": incident.state,
        "version": incident.version,
        "document": encode_json(encode_incident(incident)),
    }


def _read_incident(row: Row[Any]) -> Incident:
    """Reads a row: its document, or its columns if that is damaged."""
    private = None if row.private is None else bool(row.private)
    known = _decode_document(row.document) or _read_columns(row)
    return replace(
        known,
        number=row.number,
        channel_name=row.name or known.channel_name,
        private=private,
        state=IncidentState(row.state),
        version=row.version,
    )


def _decode_document(document: str) -> Incident | None:
    try:
        return decode_incident(json.loads(document))
    except (ValueError, TypeError, RecursionError):
        return None


def _read_columns(row: Row[Any]) -> Incident:
    return Incident(
        operation=row.operation,
        channel=row.channel,
        title=row.title,
        target=row.target,
        opened_by=row.opened_by,
        opened_at=row.opened_at,
        resolution=row.resolution,
        resolved_by=row.resolved_by,
        resolved_at=row.resolved_at,
        was=row.was,
        shared=bool(row.shared),
    )


def _read_entry(row: Row[Any]) -> IncidentEntry:
    answer = decode_phrase(row.answer)
    assert answer is not None
    return IncidentEntry(row.incident, row.operation, row.at, row.actor, row.words, answer)
