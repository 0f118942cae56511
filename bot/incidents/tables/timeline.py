"""Timelines of incidents, and the position up to which the audit log was followed. Rows and queries only.

entries ─ add ─▶ numbered rows, each source once for an incident, never changed or deleted
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from adapters.phrase import Phrase
from bot.model.incident import PERSONAL_KINDS, EntryKind, TimelineEntry
from bot.store.database import Database
from bot.store.encoding import decode_phrase, encode_phrase, escape_text
from bot.store.schema.tables import INCIDENT_POSITION, INCIDENT_TIMELINE

SOURCES_AT_ONCE = 500
"""Sources that are compared in one query."""

_T = INCIDENT_TIMELINE.c
_THIS = _T.incident == bindparam("this")
_NEWEST_NUMBER = select(func.coalesce(func.max(_T.number), 0)).where(_THIS)
_KNOWN_SOURCES = select(_T.source).where(_THIS, _T.source.in_(bindparam("sources", expanding=True)))
_ADD = insert(INCIDENT_TIMELINE)
_COUNT = select(func.count()).where(_THIS)
_NEWEST = select(INCIDENT_TIMELINE).where(_THIS).order_by(_T.happened_at.desc(), _T.number.desc()).limit(bindparam("most"))
_AFTER = select(INCIDENT_TIMELINE).where(_THIS, _T.number > bindparam("after")).order_by(_T.number)
_ONE = select(INCIDENT_TIMELINE).where(_THIS, _T.number == bindparam("number"))
_NEWEST_OF = (
    select(_T.incident, func.max(_T.number).label("newest"))
    .where(_T.incident.in_(bindparam("these", expanding=True)))
    .group_by(_T.incident)
)
_NEWEST_BY_PEOPLE = _NEWEST_OF.where(_T.author != "", _T.kind.in_(sorted(PERSONAL_KINDS)))
_NEWEST_UPDATES = _NEWEST_OF.where(_T.kind == EntryKind.UPDATE)
_NEWEST_CALLS = _NEWEST_OF.where(_T.kind == EntryKind.CALL)
_ALERT_MOVES = (
    select(_T.incident, _T.about, func.max(_T.number).label("newest"))
    .where(_T.incident.in_(bindparam("these", expanding=True)), _T.kind == EntryKind.ALERT)
    .group_by(_T.incident, _T.about)
)
_WITH_ALERT = select(_T.incident).where(_T.kind == EntryKind.ALERT, _T.about == bindparam("alert")).distinct()
_POSITION = select(INCIDENT_POSITION).where(INCIDENT_POSITION.c.id == bindparam("this"))
_SET_POSITION = insert(INCIDENT_POSITION)
_STORE_POSITION = _SET_POSITION.on_conflict_do_update(
    index_elements=["id"],
    set_={"sequence": _SET_POSITION.excluded["sequence"]},
)

ALL_ENTRIES = 2**31 - 1
"""A limit that leaves none out."""


@dataclass(frozen=True)
class FollowPosition:
    """Position in the audit log up to which a follower has read. `id` is the follower: `JOURNAL_POSITION`."""

    id: int
    sequence: int = 0


JOURNAL_POSITION = 1
"""Follower of the acts of people (`bot.incidents.services.journal`)."""


def add_entries(connection: Connection, entries: Sequence[TimelineEntry]) -> tuple[TimelineEntry, ...]:
    """Adds the entries whose sources their incidents do not have yet. Returns those that were added, with their numbers."""
    added: list[TimelineEntry] = []
    by_incident: dict[int, dict[str, TimelineEntry]] = {}
    for entry in entries:
        by_incident.setdefault(entry.incident, {}).setdefault(entry.source, entry)
    for incident, by_source in by_incident.items():
        known = _find_known_sources(connection, incident, tuple(by_source))
        number = connection.execute(_NEWEST_NUMBER, {"this": incident}).scalar_one()
        new = [entry for source, entry in by_source.items() if source not in known]
        added += [replace(entry, number=number + place) for place, entry in enumerate(new, 1)]
    if added:
        connection.execute(_ADD, [_make_values(entry) for entry in added])
    return tuple(added)


def store_position(connection: Connection, position: FollowPosition) -> None:
    """Stores the position of a follower."""
    connection.execute(_STORE_POSITION, {"id": position.id, "sequence": position.sequence})


def _find_known_sources(connection: Connection, incident: int, sources: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for begin in range(0, len(sources), SOURCES_AT_ONCE):
        these = {"this": incident, "sources": list(sources[begin : begin + SOURCES_AT_ONCE])}
        found.update(connection.execute(_KNOWN_SOURCES, these).scalars())
    return found


class TimelineTable:
    """Table of timelines. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, entries: Sequence[TimelineEntry], position: FollowPosition | None = None
    ) -> tuple[TimelineEntry, ...]:
        """Adds entries and moves the position of their follower, in one transaction. Returns those that are new."""
        return await self._database.run(_add, entries, position)

    async def read(self, incident: int, most: int = ALL_ENTRIES) -> tuple[TimelineEntry, ...]:
        """Reads the newest entries, in the order in which they happened."""
        these = {"this": incident, "most": most}
        return await self._database.read(_read, these)

    async def count(self, incident: int) -> int:
        """Counts the entries of an incident, which is also the number of the newest one."""
        return await self._database.read(lambda connection: int(connection.execute(_COUNT, {"this": incident}).scalar_one()))

    async def read_after(self, incident: int, number: int) -> tuple[TimelineEntry, ...]:
        """Reads the entries that were recorded after an entry, in the order in which they were recorded."""
        these = {"this": incident, "after": number}
        return await self._database.read(lambda connection: tuple(map(_read_entry, connection.execute(_AFTER, these))))

    async def find(self, incident: int, number: int) -> TimelineEntry | None:
        """Returns one entry; None if there is none."""
        return await self._database.read(_find, incident, number)

    async def find_newest_moves(self, incidents: Collection[int]) -> Mapping[int, Mapping[int, int]]:
        """Finds the newest entry about each alert of a timeline, by incident and alert."""
        return await self._database.read(_find_newest_moves, incidents)

    async def find_newest_by_people(self, incidents: Collection[int]) -> Mapping[int, int]:
        """Finds the number of the newest entry that shows a person at work, by incident. It depends on no clock."""
        return await self._find_newest(_NEWEST_BY_PEOPLE, incidents)

    async def find_newest_calls(self, incidents: Collection[int]) -> Mapping[int, int]:
        """Finds the number of the newest call for help, by incident."""
        return await self._find_newest(_NEWEST_CALLS, incidents)

    async def find_newest_updates(self, incidents: Collection[int]) -> Mapping[int, int]:
        """Finds the number of the newest update for those who wait, by incident."""
        return await self._find_newest(_NEWEST_UPDATES, incidents)

    async def find_with_alert(self, alert: int) -> frozenset[int]:
        """Finds the incidents whose timelines have moves of an alert."""
        return await self._database.read(
            lambda connection: frozenset(connection.execute(_WITH_ALERT, {"alert": alert}).scalars())
        )

    async def _find_newest(self, query: Select[tuple[int, int]], incidents: Collection[int]) -> Mapping[int, int]:
        return await self._database.read(_find_newest_entries, query, incidents)

    async def find_position(self, follower: int) -> FollowPosition | None:
        """Returns the position of a follower; None for one that has followed nothing yet."""
        return await self._database.read(_find_position, follower)


def _read(connection: Connection, these: Mapping[str, Any]) -> tuple[TimelineEntry, ...]:
    return tuple(map(_read_entry, reversed(connection.execute(_NEWEST, these).all())))


def _find_position(connection: Connection, follower: int) -> FollowPosition | None:
    row = connection.execute(_POSITION, {"this": follower}).first()
    return None if row is None else FollowPosition(row.id, row.sequence)


def _find_newest_entries(
    connection: Connection, query: Select[tuple[int, int]], incidents: Collection[int]
) -> Mapping[int, int]:
    return {row.incident: row.newest for row in connection.execute(query, {"these": list(incidents)})}


def _find_newest_moves(connection: Connection, incidents: Collection[int]) -> Mapping[int, Mapping[int, int]]:
    found: dict[int, dict[int, int]] = {}
    for row in connection.execute(_ALERT_MOVES, {"these": list(incidents)}):
        found.setdefault(row.incident, {})[row.about] = row.newest
    return found


def _find(connection: Connection, incident: int, number: int) -> TimelineEntry | None:
    row = connection.execute(_ONE, {"this": incident, "number": number}).first()
    return None if row is None else _read_entry(row)


def _add(
    connection: Connection, entries: Sequence[TimelineEntry], position: FollowPosition | None
) -> tuple[TimelineEntry, ...]:
    added = add_entries(connection, entries)
    if position is not None:
        store_position(connection, position)
    return added


def _make_values(entry: TimelineEntry) -> dict[str, Any]:
    return {
        "incident": entry.incident,
        "number": entry.number,
        "source": escape_text(entry.source),
        "kind": entry.kind,
        "happened_at": entry.happened_at,
        "recorded_at": entry.recorded_at,
        "author": escape_text(entry.author),
        "text": encode_phrase(entry.text),
        "hosts": escape_text(" ".join(entry.hosts)),
        "words": escape_text(entry.words),
        "operation": escape_text(entry.operation),
        "link": escape_text(entry.link),
        "about": entry.about,
    }


def _read_entry(row: Row[Any]) -> TimelineEntry:
    return TimelineEntry(
        incident=row.incident,
        source=row.source,
        kind=EntryKind(row.kind),
        happened_at=row.happened_at,
        recorded_at=row.recorded_at,
        author=row.author,
        text=decode_phrase(row.text) or Phrase("unknown"),
        number=row.number,
        hosts=tuple(row.hosts.split()),
        words=row.words,
        operation=row.operation,
        link=row.link,
        about=row.about,
    )
