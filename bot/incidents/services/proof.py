"""Proof of timelines: each entry compared with the signed audit event or the move of an alert that it was made of.

entries ─ their sources ─▶ audit log, history of alerts ─▶ Evidence ─ find_flaws (pure) ─▶ a flaw for each entry that differs

A row alone is never trusted. An entry is made anew from its source and must be the same, except for what depends on the
moment at which it was recorded: the hosts that a look meant, and the time of a move after the clock was set back.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from adapters.phrase import Phrase
from bot.alerts.tables.history import RETENTION
from bot.audit_log.log import EventKind
from bot.incidents.rules.events import IncidentAct, change_incident, parse_event
from bot.incidents.rules.projection import (
    Gap,
    PlannedWork,
    find_look_words,
    make_alert_entry,
    make_change_entry,
    make_gap_entry,
    make_look_entry,
    parse_plan,
)
from bot.incidents.rules.transitions import make_entry
from bot.model.alert import AlertStep
from bot.model.incident import EntryKind, Incident, TimelineEntry
from bot.store.audit_chain import StoredEvent
from bot.store.encoding import escape_text

EVENTS_AT_ONCE = 500
"""Audit events that are read at once. Others use the database in between."""

MAX_GAP = 10_000
"""Audit events of a gap that are compared. A row may be forged, and name any number."""

_NUMBER = re.compile(r"[0-9]{1,18}")

_COLLECTED_KINDS = frozenset({EntryKind.LOOK, EntryKind.CHANGE, EntryKind.ALERT, EntryKind.GAP})
"""Kinds of entries that are no acts on the incident."""


@dataclass(frozen=True)
class EntryFlaw:
    """An entry that its source does not prove; number 0 is the row of the incident. `expired`: its source was deleted when
    its time was over.
    """

    entry: int
    why: Phrase
    expired: bool = False


@dataclass(frozen=True)
class Evidence:
    """Sources of entries: `events` by number, of which those in `signed` are ours; plans of changes by operation; moves of
    alerts by source; `at`, the time of the comparison.
    """

    at: datetime
    events: Mapping[int, StoredEvent] = field(default_factory=dict)
    signed: frozenset[int] = frozenset()
    works: Mapping[str, PlannedWork | None] = field(default_factory=dict)
    steps: Mapping[str, AlertStep] = field(default_factory=dict)


class EvidenceAudit(Protocol):
    """The audit log (`bot.audit_log.log`)."""

    async def list_numbered(self, sequences: Sequence[int]) -> tuple[StoredEvent, ...]: ...

    def is_signed(self, event: StoredEvent) -> bool: ...

    async def find_signed(self, operation: str, kind: EventKind) -> tuple[StoredEvent, ...]: ...


class EvidenceAlerts(Protocol):
    """Histories of alerts (`bot.alerts.tables.alerts`)."""

    async def list_steps(self, since: datetime) -> tuple[AlertStep, ...]: ...


class TimelineVerifier:
    """Verifies timelines. Its methods may raise a `DatabaseError`."""

    def __init__(self, audit: EvidenceAudit, alerts: EvidenceAlerts, now: Callable[[], datetime]) -> None:
        self._audit = audit
        self._alerts = alerts
        self._now = now

    async def verify(self, entries: Sequence[TimelineEntry], incident: Incident | None = None) -> tuple[EntryFlaw, ...]:
        """Compare all entries of one incident with their sources, and its row with its acts. Returns those that differ, by
        number; the row is number 0.
        """
        evidence = await self._read_evidence(entries)
        flaws = () if incident is None else tuple(_find_flaws_of_row(incident, entries, evidence))
        return (*flaws, *find_flaws(entries, evidence))

    async def _read_evidence(self, entries: Sequence[TimelineEntry]) -> Evidence:
        events = await self._read_events(sorted({number for entry in entries for number in _list_numbers(entry)}))
        changes = sorted({entry.operation for entry in entries if entry.kind is EntryKind.CHANGE})
        moves = [entry.happened_at for entry in entries if entry.kind is EntryKind.ALERT]
        steps = await self._alerts.list_steps(min(*moves, self._now())) if moves else ()
        made = [(step, make_alert_entry(step, self._now())) for step in steps]
        return Evidence(
            self._now(),
            {event.sequence: event for event in events},
            frozenset(event.sequence for event in events if self._audit.is_signed(event)),
            {operation: await self._find_work(operation) for operation in changes},
            {entry.source: step for step, entry in made if entry is not None},
        )

    async def _read_events(self, numbers: Sequence[int]) -> list[StoredEvent]:
        found: list[StoredEvent] = []
        for begin in range(0, len(numbers), EVENTS_AT_ONCE):
            found += await self._audit.list_numbered(numbers[begin : begin + EVENTS_AT_ONCE])
        return found

    async def _find_work(self, operation: str) -> PlannedWork | None:
        plans = await self._audit.find_signed(operation, EventKind.PLAN)
        return parse_plan(plans[0]) if plans else None


def find_flaws(entries: Iterable[TimelineEntry], evidence: Evidence) -> tuple[EntryFlaw, ...]:
    """Finds the entries of one incident that their sources do not prove, by number. Pure."""
    ordered = sorted(entries, key=lambda entry: entry.number)
    acts = _make_acts(ordered, evidence)
    return tuple(flaw for entry in ordered if (flaw := _find_flaw(entry, evidence, acts)) is not None)


def _find_flaws_of_row(incident: Incident, entries: Sequence[TimelineEntry], evidence: Evidence) -> Iterator[EntryFlaw]:
    """Finds whether entries are missing, and whether the acts made something else of the incident than its row has.

    Acts that came after the row was read do not count. What Slack says of its channel is in no act.
    """
    if sorted(entry.number for entry in entries) != [*range(1, len(entries) + 1)]:
        yield EntryFlaw(0, Phrase("entries of the timeline are missing"))
    acts = [act for event in _list_act_events(entries, evidence) if (act := parse_event(event)) is not None]
    if not acts or acts[0].act is not IncidentAct.OPENED:
        return
    made: Incident | None = None
    for act in acts:
        if act.version <= incident.version:
            made = change_incident(made, act) or made
    if made is None or replace(made, private=incident.private) != incident:
        yield EntryFlaw(0, Phrase("the incident differs from its signed audit events"))


def _find_flaw(entry: TimelineEntry, evidence: Evidence, acts: Mapping[str, TimelineEntry]) -> EntryFlaw | None:
    match _split(entry):
        case "audit", _ if numbers := _list_numbers(entry):
            return _find_flaw_of_event(entry, numbers[0], evidence, acts)
        case "alert", _:
            return _find_flaw_of_step(entry, evidence)
        case "gap", _ if (gap := _find_gap(entry, evidence)) is not None and _is_same(entry, make_gap_entry(gap, gap.at)):
            return None
    return EntryFlaw(entry.number, Phrase("the audit log does not prove it"))


def _find_flaw_of_event(
    entry: TimelineEntry, number: int, evidence: Evidence, acts: Mapping[str, TimelineEntry]
) -> EntryFlaw | None:
    event = evidence.events.get(number)
    if event is None:
        return EntryFlaw(entry.number, Phrase("audit event {number} is missing", number=str(number)))
    if number not in evidence.signed:
        return EntryFlaw(entry.number, Phrase("audit event {number} is not signed", number=str(number)))
    match entry.kind:
        case EntryKind.LOOK:
            same = _is_of_look(entry, event)
        case EntryKind.CHANGE:
            same = _is_same(entry, make_change_entry(event, evidence.works.get(entry.operation), entry.recorded_at))
        case _:
            same = _is_same(entry, acts.get(entry.source))
    return None if same else EntryFlaw(entry.number, Phrase("audit event {number} shows something else", number=str(number)))


def _find_flaw_of_step(entry: TimelineEntry, evidence: Evidence) -> EntryFlaw | None:
    step = evidence.steps.get(entry.source)
    if step is None:
        expired = evidence.at - entry.happened_at > RETENTION
        return EntryFlaw(
            entry.number, Phrase("the history of alert {number} has no such move", number=str(entry.about)), expired
        )
    made = make_alert_entry(step, entry.recorded_at)
    if made is None or made.happened_at > entry.happened_at or not _is_same(_strip(entry), _strip(made)):
        return EntryFlaw(entry.number, Phrase("the history of alert {number} shows something else", number=str(entry.about)))
    return None


def _strip(entry: TimelineEntry) -> TimelineEntry:
    """Strips what a move need not repeat: its time, and the words for a problem, which get worse with it."""
    values = {name: value for name, value in entry.text.values.items() if name != "alert"}
    return replace(entry, happened_at=entry.recorded_at, text=entry.text.with_values(**values, alert=""))


def _is_of_look(entry: TimelineEntry, event: StoredEvent) -> bool:
    """Returns whether an entry tells this look. The hosts are those of the inventory at that time."""
    words = find_look_words(event)
    made = make_look_entry(event, words, entry.hosts, entry.recorded_at)
    same_text = replace(made, text=entry.text if entry.text.template == made.text.template else made.text)
    return bool(words) and _is_same(entry, same_text)


def _is_same(entry: TimelineEntry, made: TimelineEntry | None) -> bool:
    if made is None:
        return False
    made = replace(made, words=escape_text(made.words), author=escape_text(made.author))
    return replace(entry, number=0) == replace(made, number=0, incident=entry.incident, recorded_at=entry.recorded_at)


def _make_acts(entries: Iterable[TimelineEntry], evidence: Evidence) -> Mapping[str, TimelineEntry]:
    """Makes the entries of the acts on an incident anew, each from the incident as the acts before it made it."""
    made: dict[str, TimelineEntry] = {}
    incident: Incident | None = None
    for event in _list_act_events(entries, evidence):
        parsed = parse_event(event)
        after = None if parsed is None else change_incident(incident, parsed)
        if parsed is not None and after is not None:
            incident = after
            made[f"audit:{event.sequence}"] = make_entry(parsed, after)
    return made


def _list_act_events(entries: Iterable[TimelineEntry], evidence: Evidence) -> Iterator[StoredEvent]:
    acts = [number for entry in entries if entry.kind not in _COLLECTED_KINDS for number in _list_numbers(entry)]
    return (evidence.events[number] for number in sorted(set(acts) & evidence.signed))


def _split(entry: TimelineEntry) -> tuple[str, str]:
    kind, _, name = entry.source.partition(":")
    return kind, name


def _find_gap(entry: TimelineEntry, evidence: Evidence) -> Gap | None:
    """Finds the gap that an entry tells; None if one of its events is there and signed, or the one after it is not."""
    *lost, end = _list_numbers(entry) or [0]
    if not lost or end not in evidence.signed or not evidence.signed.isdisjoint(lost):
        return None
    return Gap(lost[0], lost[-1], datetime.fromisoformat(evidence.events[end].at))


def _list_numbers(entry: TimelineEntry) -> list[int]:
    """Lists the numbers of the audit events that an entry is made of; of a gap all of it, and the event that ends it.

    None for a source that was changed, and for a gap that is too long to be compared.
    """
    kind, name = _split(entry)
    numbers = [int(each) for each in name.split("-") if _NUMBER.fullmatch(each)]
    match kind, numbers:
        case "audit", [number]:
            return [number]
        case "gap", [first, last] if 0 <= last - first < MAX_GAP:
            return list(range(first, last + 2))
    return []
