"""Incidents, and the requests answered in their channels. Rows and queries only; `bot.incidents.registry` has the rules.

add ─▶ OPEN (at most one for each channel, enforced by an index) ─ resolve ─▶ RESOLVED, with the person and the cause
entry: one answered request in the channel of an open incident, once for each operation
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select, update
from sqlalchemy.dialects.sqlite import insert

from adapters.phrase import Phrase
from bot.model.incident import Incident, IncidentState
from bot.store.database import Database
from bot.store.encoding import escape_text
from bot.store.records import decode_phrase, encode_phrase
from bot.store.tables import INCIDENT_CHANNELS, INCIDENT_ENTRIES, INCIDENTS

MAX_ENTRIES = 200
"""Maximum number of entries that are read of one incident; the newest ones."""

_INCIDENTS = select(INCIDENTS, INCIDENT_CHANNELS.c.name).outerjoin(
    INCIDENT_CHANNELS, INCIDENT_CHANNELS.c.channel == INCIDENTS.c.channel
)
_OPEN = INCIDENTS.c.resolved_at.is_(None)
_THIS = INCIDENTS.c.number == bindparam("this")
_ADD = insert(INCIDENTS).on_conflict_do_nothing()
_OPEN_IN_CHANNEL = _INCIDENTS.where(INCIDENTS.c.channel == bindparam("where"), _OPEN)
_OPEN_OR_RESOLVED_BY = _INCIDENTS.where(
    INCIDENTS.c.channel == bindparam("where"), _OPEN | (INCIDENTS.c.resolution == bindparam("by"))
).order_by(_OPEN)
_RESOLVED_BY = _INCIDENTS.where(INCIDENTS.c.resolution == bindparam("by"))
_OPENED_BY_OPERATION = _INCIDENTS.where(INCIDENTS.c.operation == bindparam("this"))
_ONE = _INCIDENTS.where(_THIS)
_SINCE = _INCIDENTS.where(_OPEN | (INCIDENTS.c.resolved_at > bindparam("since"))).order_by(INCIDENTS.c.number)
_STORE_CHANNEL_NAME = insert(INCIDENT_CHANNELS).on_conflict_do_nothing()
_RESOLVE = update(INCIDENTS).where(_THIS, _OPEN)
_SET_PRIVATE = update(INCIDENTS).where(INCIDENTS.c.channel == bindparam("where"))
_ADD_ENTRY = insert(INCIDENT_ENTRIES).on_conflict_do_nothing()
_ENTRIES = (
    select(INCIDENT_ENTRIES)
    .where(INCIDENT_ENTRIES.c.incident == bindparam("this"))
    .order_by(INCIDENT_ENTRIES.c.at.desc(), INCIDENT_ENTRIES.c.operation)
    .limit(MAX_ENTRIES)
)
_COUNT = select(func.count()).where(INCIDENT_ENTRIES.c.incident == bindparam("this"))


@dataclass(frozen=True)
class IncidentEntry:
    """One answered request in an incident's channel: actor, command, and the answer as one sentence."""

    incident: int
    operation: str
    at: datetime
    actor: str
    words: str
    answer: Phrase


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

    async def add(self, incident: Incident) -> Incident:
        """Stores an incident. Returns the stored one: the new one, that of the same request, or the channel's open one."""
        values = {
            "operation": incident.operation,
            "channel": incident.channel,
            "title": escape_text(incident.title),
            "target": escape_text(incident.target),
            "opened_by": escape_text(incident.opened_by),
            "opened_at": incident.opened_at,
            "resolution": "",
            "resolved_by": "",
            "resolved_at": None,
            "was": "",
            "private": incident.private,
            "shared": incident.shared,
            "state": incident.state,
            "version": incident.version,
            "document": None,
        }

        def work(connection: Connection) -> Incident:
            connection.execute(_ADD, values)
            if incident.channel_name:
                connection.execute(
                    _STORE_CHANNEL_NAME, {"channel": incident.channel, "name": escape_text(incident.channel_name)}
                )
            mine = connection.execute(_OPENED_BY_OPERATION, {"this": incident.operation}).first()
            kept = _read_optional(mine or connection.execute(_OPEN_IN_CHANNEL, {"where": incident.channel}).first())
            assert kept is not None
            return kept

        return await self._database.run(work)

    async def find(self, number: int) -> Incident | None:
        """Returns one incident by its number; None if there is none."""
        return await self._database.read(
            lambda connection: _read_optional(connection.execute(_ONE, {"this": number}).first())
        )

    async def find_resolved_by(self, operation: str) -> Incident | None:
        """Returns the incident that a request resolved; None if there is none."""
        this = {"by": operation}
        return await self._database.read(lambda connection: _read_optional(connection.execute(_RESOLVED_BY, this).first()))

    async def list_since(self, at: datetime) -> tuple[Incident, ...]:
        """Lists the incidents that are open or were resolved after that time, by number."""
        return await self._database.read(
            lambda connection: tuple(map(_read_incident, connection.execute(_SINCE, {"since": at})))
        )

    async def resolve(self, ended: Incident) -> Incident:
        """Stores the resolution of an open incident. Returns the stored incident, which may have been resolved before."""
        values = {
            "this": ended.number,
            "resolution": ended.resolution,
            "resolved_by": escape_text(ended.resolved_by),
            "resolved_at": ended.resolved_at,
            "was": escape_text(ended.was),
            "state": IncidentState.RESOLVED,
        }

        def work(connection: Connection) -> Incident:
            connection.execute(_RESOLVE, values)
            return _read_incident(connection.execute(_ONE, {"this": ended.number}).one())

        return await self._database.run(work)

    async def set_private(self, channel: str, private: bool) -> None:
        """Stores whether a channel is private, for all of its incidents."""

        def work(connection: Connection) -> None:
            connection.execute(_SET_PRIVATE, {"where": channel, "private": private})

        await self._database.run(work)

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

        def work(connection: Connection) -> None:
            connection.execute(_ADD_ENTRY, values)

        await self._database.run(work)

    async def read_entries(self, number: int) -> tuple[tuple[IncidentEntry, ...], int]:
        """Returns the newest entries of an incident, oldest first, and the number of all its entries."""
        this = {"this": number}

        def work(connection: Connection) -> tuple[tuple[IncidentEntry, ...], int]:
            found: Sequence[Row[Any]] = connection.execute(_ENTRIES, this).all()
            return tuple(_read_entry(row) for row in reversed(found)), connection.execute(_COUNT, this).scalar_one()

        return await self._database.read(work)


def _read_optional(row: Row[Any] | None) -> Incident | None:
    return None if row is None else _read_incident(row)


def _read_incident(row: Row[Any]) -> Incident:
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
        number=row.number,
        channel_name=row.name or "",
        private=None if row.private is None else bool(row.private),
        shared=row.shared is None or bool(row.shared),
        state=IncidentState(row.state),
    )


def _read_entry(row: Row[Any]) -> IncidentEntry:
    answer = decode_phrase(row.answer)
    assert answer is not None
    return IncidentEntry(row.incident, row.operation, row.at, row.actor, row.words, answer)
