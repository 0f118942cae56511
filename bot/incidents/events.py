"""Signed events of incidents: each act of a person, with the values that it changed. Pure.

act ─ make_event ─▶ {"incident": act, "number", "version", changed values, data of the entry} ─▶ the audit log
the audit log ─ parse_event ─▶ IncidentEvent ─ bot.incidents.life ─▶ the incident after it, and its timeline entry

`version` is that of the incident after the act.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from bot.model.incident import Incident
from bot.store.chain import StoredEvent
from bot.store.incident_records import decode_incident, encode_incident


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
