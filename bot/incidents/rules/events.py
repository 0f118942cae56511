"""Signed events of incidents: each act of a person, with the values that it changed. Pure.

act ─ make_event ─▶ {"incident": act, "number", "version", changed values, data of the entry} ─▶ the audit log
the audit log ─ parse_event ─▶ IncidentEvent ─ rules.transitions ─▶ the incident after it, and its timeline entry

`version` is that of the incident after the act.

Signed events of the audit log, as the report of an incident needs them. Pure.

PLAN, BREAK_GLASS, OWED, END ─▶ ReportedChange: digest, requester, outcome, what it owes
EXPORT with a hash           ─▶ EvidenceFile: a file that was delivered
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from bot.audit_log.log import EventKind
from bot.incidents.model import EvidenceFile, ReportedChange
from bot.incidents.tables.incidents import decode_incident, encode_incident
from bot.model.change import ApprovalState, ChangeState
from bot.model.incident import EntryKind, Incident, TimelineEntry
from bot.store.audit_chain import StoredEvent


class IncidentAct(StrEnum):
    """Acts on incidents. The values are stored."""

    OPENED = "opened"
    SNAPSHOT = "snapshot"
    NOTED = "noted"
    UPDATED = "updated"
    POSTPONED = "postponed"
    SEVERITY = "severity"
    LEAD = "lead"
    INVITED = "invited"
    ADDED = "added"
    CORRECTED = "corrected"
    FOLLOWUP = "followup"
    FOLLOWUP_DONE = "followup_done"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    MERGED = "merged"
    CALLED = "called"
    RELATED = "related"


@dataclass(frozen=True)
class IncidentEvent:
    """One parsed event. `changes` are fields of `Incident` as JSON; `data` describes the timeline entry.

    Keys of `data`, each optional: `text` (typed by a person), `phrase` (a phrase as JSON, of the bot), `happened_at`,
    `author` ("" for the bot), `link`, `about`, `hosts`.
    """

    sequence: int
    at: datetime
    actor: str
    operation: str
    act: IncidentAct
    number: int
    version: int
    changes: Mapping[str, Any]
    data: Mapping[str, Any]


DATA_KEYS = frozenset({"text", "phrase", "happened_at", "author", "link", "about", "hosts"})
"""Keys of an event that describe its timeline entry."""

_RESERVED = frozenset({"number", "version"})
_FIELDS = frozenset(field.name for field in fields(Incident)) - _RESERVED
_BLANK = Incident("", "", "", "", "", datetime(1970, 1, 1, tzinfo=UTC))
"""The incident before its opening."""


def make_event(act: IncidentAct, before: Incident | None, after: Incident, data: Mapping[str, Any]) -> dict[str, Any]:
    """Makes the event of a move. `before` is None for the opening. Raises `ValueError` for an unknown key of `data`."""
    if not data.keys() <= DATA_KEYS:
        raise ValueError(f"unknown data of an incident's event: {sorted(data.keys() - DATA_KEYS)}")
    old, new = encode_incident(before or _BLANK), encode_incident(after)
    changes = {key: value for key, value in new.items() if key in _FIELDS and value != old[key]}
    said = {key: value for key, value in data.items() if value not in (None, (), [])}
    return {"incident": str(act), "number": after.number, "version": after.version, **changes, **said}


def parse_event(event: StoredEvent) -> IncidentEvent | None:
    """Parses a stored event. None for one that cannot be read."""
    try:
        stored = json.loads(event.data)
        number, version = stored["number"], stored["version"]
        if not (type(number) is type(version) is int and number > 0 and version > 0):
            return None
        return IncidentEvent(
            event.sequence,
            datetime.fromisoformat(event.at),
            event.actor,
            event.operation,
            IncidentAct(stored["incident"]),
            number,
            version,
            {key: value for key, value in stored.items() if key in _FIELDS},
            {key: value for key, value in stored.items() if key in DATA_KEYS},
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def change_incident(before: Incident | None, event: IncidentEvent) -> Incident | None:
    """Returns the incident with the values of an event; None where they are no incident."""
    document = {**encode_incident(before or _BLANK), **event.changes, "number": event.number, "version": event.version}
    return decode_incident(document)


REPORTED_KINDS = (
    EventKind.PLAN,
    EventKind.BREAK_GLASS,
    EventKind.OWED,
    EventKind.END,
    EventKind.EXPORT,
    EventKind.START,
)
"""Kinds of events that a report needs."""

COLLECTING_COMMAND = "log collect"
"""Beginning of the command that delivers evidence as a file."""

_AUDIT = "audit:"


def list_sequences(entries: Sequence[TimelineEntry]) -> list[int]:
    """Lists the numbers of the audit events that entries are made of, in order."""
    found = (entry.source.removeprefix(_AUDIT) for entry in entries if entry.source.startswith(_AUDIT))
    return sorted(int(number) for number in found if number.isdecimal())


def list_changes(entries: Sequence[TimelineEntry], events: Sequence[StoredEvent]) -> tuple[ReportedChange, ...]:
    """Lists the changes of a timeline in its order, with what their signed events say."""
    first: dict[str, TimelineEntry] = {}
    for entry in entries:
        if entry.kind is EntryKind.CHANGE and entry.operation:
            first.setdefault(entry.operation, entry)
    by_operation: dict[str, list[StoredEvent]] = defaultdict(list)
    for event in events:
        by_operation[event.operation].append(event)
    return tuple(_build_change(entry, by_operation[operation]) for operation, entry in first.items())


def list_evidence(entries: Sequence[TimelineEntry], events: Sequence[StoredEvent]) -> tuple[EvidenceFile, ...]:
    """Lists the files that the checks of a timeline delivered, in the order of their events."""
    asked = {entry.operation: entry for entry in entries if entry.kind is EntryKind.LOOK and entry.operation}
    return tuple(_iterate_files(asked, events))


def list_unrecorded(entries: Sequence[TimelineEntry], files: Sequence[EvidenceFile]) -> tuple[TimelineEntry, ...]:
    """Lists the checks that collect evidence, and of which no delivered file is recorded: it was delivered in a terminal,
    or not at all.
    """
    known = {file.operation for file in files}
    return tuple(
        entry
        for entry in entries
        if entry.kind is EntryKind.LOOK and entry.words.startswith(COLLECTING_COMMAND) and entry.operation not in known
    )


def _build_change(entry: TimelineEntry, events: Sequence[StoredEvent]) -> ReportedChange:
    newest = {event.kind: event for event in events}
    plan, end = newest.get(EventKind.PLAN), newest.get(EventKind.END)
    planned, ended = _parse(plan), _parse(end)
    state, approval = str(ended.get("state")), str(ended.get("approval"))
    return ReportedChange(
        operation=entry.operation,
        words=entry.words,
        hosts=entry.hosts,
        requester="" if plan is None else plan.actor,
        asked_at=None if plan is None else datetime.fromisoformat(plan.at),
        plan=0 if plan is None else plan.sequence,
        digest=str(planned.get("digest", "")),
        state=ChangeState(state) if state in set(ChangeState) else None,
        approval=ApprovalState(approval) if approval in set(ApprovalState) else None,
        ended_at=None if end is None else datetime.fromisoformat(end.at),
        owed=_find_owed_hosts(events),
        break_glass=EventKind.BREAK_GLASS in newest,
    )


def _find_owed_hosts(events: Sequence[StoredEvent]) -> tuple[str, ...]:
    """Finds the hosts that a change left out."""
    parsed = (_parse(event) for event in events if event.kind == EventKind.OWED)
    items = next((data.get("items") for data in parsed if data.get("owed") == "left"), None)
    return tuple(map(str, items)) if isinstance(items, list) else ()


def _iterate_files(asked: Mapping[str, TimelineEntry], events: Sequence[StoredEvent]) -> Iterator[EvidenceFile]:
    for event in events:
        entry, data = asked.get(event.operation), _parse(event)
        if entry is None or event.kind != EventKind.EXPORT or "sha256" not in data:
            continue
        size = data.get("bytes")
        yield EvidenceFile(
            operation=event.operation,
            words=entry.words,
            person=entry.author,
            at=datetime.fromisoformat(event.at),
            name=str(data.get("file", "")),
            size=size if isinstance(size, int) else 0,
            sha256=str(data["sha256"]),
            sequence=event.sequence,
        )


def _parse(event: StoredEvent | None) -> Mapping[str, Any]:
    data = {} if event is None else json.loads(event.data)
    return data if isinstance(data, dict) else {}
