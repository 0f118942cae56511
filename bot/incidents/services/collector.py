"""Collector of timelines: what concerns the hosts of an incident joins it, from every channel and terminal.

the audit log after the event that was read last ─┐
                                                  ├─ projection (pure) ─▶ Scope.select (pure) ─▶ entries, each source once
moves of alerts since they were read last ────────┘

Each incident is followed from 30 minutes before it began, whenever this process meets it, or its scope changes: hosts were
added, it was reopened, the inventory was reread. What its timeline has already is left out, since a source is unique. So a
crash or a new scope leads to the same entries as if the bot had followed it all the time, and no position is stored.
Nothing is followed while no incident needs it.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from adapters.errors import FlatnetError
from adapters.inventory import Inventory
from bot.audit_log.log import EventKind
from bot.incidents.rules.projection import (
    Gap,
    PlannedWork,
    Scope,
    find_look_words,
    is_about_change,
    make_alert_entry,
    make_change_entry,
    make_gap_entry,
    make_look_entry,
    make_scope,
    parse_plan,
)
from bot.incidents.rules.reads import LookReader
from bot.model.alert import AlertStep
from bot.model.incident import EntryKind, Incident, IncidentState, TimelineEntry
from bot.store.audit_chain import StoredEvent
from bot.store.audit_head_file import Head

SETTLING_PERIOD = timedelta(days=1)
"""Time after the resolution of an incident for which the changes in its timeline are followed to their outcome."""

EVENTS_AT_ONCE = 500
"""Audit events that are read at once. Others use the database in between."""

MOVES_PERIOD = timedelta(days=1)
"""Period whose moves of alerts are read at once. An incident may have been open for months when the bot starts."""

ALERT_OVERLAP = timedelta(minutes=2)
"""Time for which moves of alerts are read again: the time of a move is older than its commit."""

_log = structlog.get_logger("bot.incidents.services.collector")


class IncidentStore(Protocol):
    """Stored incidents (`bot.incidents.tables.incidents`)."""

    async def list_since(self, at: datetime) -> tuple[Incident, ...]:
        """List the incidents that are open or were resolved after that time."""


class AuditReader(Protocol):
    """The audit log (`bot.audit_log.log`)."""

    async def read_newest(self) -> Head | None: ...

    async def find_last_before(self, at: datetime, until: int) -> int: ...

    async def list_after(self, sequence: int, most: int) -> tuple[StoredEvent, ...]: ...

    def is_signed(self, event: StoredEvent) -> bool: ...

    async def find_signed(self, operation: str, kind: EventKind) -> tuple[StoredEvent, ...]: ...


class StepReader(Protocol):
    """Histories of alerts (`bot.alerts.tables.alerts`)."""

    async def list_steps(self, since: datetime, until: datetime | None = None) -> tuple[AlertStep, ...]: ...


class TimelineWriter(Protocol):
    """Timelines (`bot.incidents.tables.timeline`)."""

    async def add(self, entries: Sequence[TimelineEntry]) -> tuple[TimelineEntry, ...]:
        """Add entries in one transaction, unless their incident has one of that source. Return those that are new."""


@dataclass(frozen=True)
class CollectorSources:
    """Sources of the collector, and the reader of looks. `inventory` returns the present one."""

    incidents: IncidentStore
    audit: AuditReader
    alerts: StepReader
    looks: LookReader
    inventory: Callable[[], Inventory]


@dataclass
class _Followed:
    """Progress of one incident. `sequence` is the audit event that was read last, `signed` the last one that was signed.

    `steps` are the sources of the moves that were read since `alerts_at`. `changes` are the changes that have joined.
    """

    scope: Scope
    sequence: int
    signed: int
    alerts_at: datetime
    steps: frozenset[str] = frozenset()
    changes: set[str] = field(default_factory=set)


class TimelineCollector:
    """Follows what happens for the incidents in which people work. `collect` may raise a `DatabaseError`, and goes on
    from there when it is called again.
    """

    def __init__(self, sources: CollectorSources, timeline: TimelineWriter, now: Callable[[], datetime]) -> None:
        self._sources = sources
        self._timeline = timeline
        self._now = now
        self._turn = asyncio.Lock()
        self._followed: dict[int, _Followed] = {}
        self._works: dict[str, PlannedWork | None] = {}

    async def collect(self) -> None:
        """Add all that happened since the last call to the timelines that it concerns."""
        async with self._turn:
            scopes = await self._list_scopes()
            if not scopes:
                self._followed, self._works = {}, {}
                return
            newest = await self._sources.audit.read_newest()
            await self._begin(scopes, 0 if newest is None else newest.sequence)
            while newest is not None and self._get_position() < newest.sequence:
                await self._follow_events()
            await self._follow_alerts()

    async def refresh(self) -> None:
        """Collect for a timeline that is about to be shown. It is shown all the same if that fails."""
        try:
            await self.collect()
        except FlatnetError as error:
            _log.warning("the timelines could not be brought up to date", why=str(error))

    async def _list_scopes(self) -> tuple[Scope, ...]:
        since, inventory = self._now() - SETTLING_PERIOD, self._sources.inventory()
        found = await self._sources.incidents.list_since(since)
        return tuple(make_scope(each, inventory) for each in found if each.state is not IncidentState.DUPLICATE)

    async def _begin(self, scopes: Sequence[Scope], newest: int) -> None:
        """Begin to follow what is new or has another scope; all of them where the log is shorter than it was."""
        before = self._followed if self._get_position() <= newest else {}
        self._followed = {}
        for scope in scopes:
            known = before.get(scope.incident)
            self._followed[scope.incident] = (
                known if known is not None and known.scope == scope else await self._make_followed(scope, newest)
            )

    async def _make_followed(self, scope: Scope, newest: int) -> _Followed:
        """Begin with the events of the time before the opening: the clock may have been set back since."""
        opened = await self._sources.audit.find_signed(scope.opening, EventKind.INCIDENT)
        first = await self._sources.audit.find_last_before(scope.since, opened[0].sequence if opened else newest)
        return _Followed(scope, first, first, scope.since)

    def _get_position(self) -> int:
        return min((each.sequence for each in self._followed.values()), default=0)

    async def _follow_events(self) -> None:
        """Read the next events, and add their entries in one transaction."""
        begin = self._get_position()
        events = await self._sources.audit.list_after(begin, EVENTS_AT_ONCE)
        end = events[-1].sequence if events else begin + 1
        signed = [event for event in events if self._sources.audit.is_signed(event)]
        made = [(event.sequence, entry) for event in signed if (entry := await self._project(event)) is not None]
        entries = [
            entry
            for followed in self._followed.values()
            for entry in (*_select(followed, made), *_list_gap_entries(followed, signed, self._now()))
        ]
        await self._add(entries)
        for followed in self._followed.values():
            followed.sequence = max(followed.sequence, end)
            followed.signed = max(followed.signed, *(event.sequence for event in signed), 0)

    async def _project(self, event: StoredEvent) -> TimelineEntry | None:
        """Make the entry of a signed event; None for one that belongs to no timeline."""
        if words := find_look_words(event):
            hosts = self._sources.looks.find_hosts(words, self._sources.inventory())
            return make_look_entry(event, words, hosts, self._now()) if hosts else None
        if not is_about_change(event):
            return None
        return make_change_entry(event, await self._find_work(event), self._now())

    async def _find_work(self, event: StoredEvent) -> PlannedWork | None:
        """Find the words and the hosts of the change that an event is about."""
        if event.kind == EventKind.PLAN:
            self._works[event.operation] = parse_plan(event)
        elif event.operation not in self._works:
            plans = await self._sources.audit.find_signed(event.operation, EventKind.PLAN)
            self._works[event.operation] = parse_plan(plans[0]) if plans else None
        return self._works[event.operation]

    async def _follow_alerts(self) -> None:
        """Read the moves since the last time, and add their entries, those of each day in one transaction."""
        since = min(each.alerts_at for each in self._followed.values())
        while self._now() - since > MOVES_PERIOD:
            await self._follow_moves(since, since + MOVES_PERIOD)
            since += MOVES_PERIOD
        found = await self._follow_moves(since, None)
        for followed in self._followed.values():
            followed.alerts_at = self._now() - ALERT_OVERLAP
            followed.steps = frozenset(each.source for each in found if each.happened_at >= followed.alerts_at)

    async def _follow_moves(self, since: datetime, until: datetime | None) -> list[TimelineEntry]:
        """Read the moves of a period, and add their entries. Return the entries of all, of whatever incident."""
        made = [make_alert_entry(step, self._now()) for step in await self._sources.alerts.list_steps(since, until)]
        found = [entry for entry in made if entry is not None]
        entries = [
            entry
            for followed in self._followed.values()
            for entry in _select(followed, ((0, each) for each in found if each.source not in followed.steps))
        ]
        await self._add(entries)
        return found

    async def _add(self, entries: Sequence[TimelineEntry]) -> None:
        if entries:
            await self._timeline.add(sorted(entries, key=lambda entry: entry.happened_at))


def _select(followed: _Followed, made: Iterable[tuple[int, TimelineEntry]]) -> Iterator[TimelineEntry]:
    """Select the entries that concern an incident, of events after the one that was read last; moves of alerts have none.

    A change that joins is remembered: its later events join also after the resolution.
    """
    for sequence, entry in made:
        if sequence and sequence <= followed.sequence:
            continue
        chosen = followed.scope.select(entry, followed.changes)
        if chosen is None:
            continue
        if chosen.kind is EntryKind.CHANGE:
            followed.changes.add(chosen.operation)
        yield chosen


def _list_gap_entries(followed: _Followed, signed: Iterable[StoredEvent], now: datetime) -> Iterator[TimelineEntry]:
    """List the gaps before these signed events. One that no signed event has ended yet is listed when one does."""
    last = followed.signed
    for event in signed:
        if event.sequence > last + 1:
            gap = Gap(last + 1, event.sequence - 1, datetime.fromisoformat(event.at))
            if (entry := followed.scope.select(make_gap_entry(gap, now), followed.changes)) is not None:
                yield entry
        last = max(last, event.sequence)
