"""Search and export of the audit log: matching events, and files of them (CSV, JSON lines). Runs in a worker thread.

Rows may be forged, so each is made readable first: invalid text becomes a visible escape, and a time or data that could not
be read is marked so. Secrets are removed (`bot.security.redaction`): exported lines show what happened and prove nothing;
the table is the proof. The caller records the read.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Literal

from adapters.phrase import Phrase
from bot.security.redaction import Redactor
from bot.store import audit as table
from bot.store.address import DatabaseAddress
from bot.store.audit import AuditFilters
from bot.store.audit_chain import StoredEvent
from bot.store.encoding import escape_text
from bot.store.errors import TooLarge
from bot.store.reading import open_for_reading

__all__ = [
    "MAX_EXPORT_BYTES",
    "MAX_SEARCH_EVENTS",
    "AuditFilters",
    "ExportFormat",
    "export",
    "search",
    "search_operations",
]

ExportFormat = Literal["csv", "jsonl"]

MAX_EXPORT_BYTES = 4_000_000
"""Bytes of one export: about ten thousand events, more than a year of a small team. It also passes through Slack."""

MAX_SEARCH_EVENTS = 1_000
"""Most events of one search."""

COUNTED_KINDS = frozenset({"intent", "outcome"})
"""Kinds of events of which an operation has one for each step. They are counted, and read only for the details."""

UNREADABLE_TIME = "1970-01-01T00:00:00.000000Z"
"""Stands for a time that could not be read; the data has a note."""


@dataclass(frozen=True)
class AuditedOperation:
    """One operation in the audit log, or an event that belongs to none (`operation` is "").

    `events` are those that tell its course, oldest first and never empty; `steps` and `count` are the numbers of its steps
    and of all its events.
    """

    operation: str
    events: tuple[StoredEvent, ...]
    steps: int
    count: int


@dataclass(frozen=True)
class FoundOperations:
    """The newest operations of a search, newest first. `more`: older ones match, too."""

    operations: tuple[AuditedOperation, ...]
    more: bool = False


def search_operations(database: DatabaseAddress, filters: AuditFilters, redactor: Redactor) -> FoundOperations:
    """Find the newest operations that have a matching event, whole. An event without an operation stands for itself."""
    limit, newest = _clamp_limit(filters), dict[tuple[str, int], StoredEvent]()
    with open_for_reading(database) as connection:
        for stored in table.search_events(connection, filters, newest_first=True):
            key = stored.operation, 0 if stored.operation else stored.sequence
            if key not in newest:  # cleaning every event of a large operation would take minutes
                newest.update((key, event) for event in _clean_events(iter((stored,)), filters, redactor))
            if len(newest) > limit:
                break
        found = [
            _build_operation(
                event, table.search_events(connection, AuditFilters(operation=event.operation), newest_first=False), redactor
            )
            for event in list(newest.values())[:limit]
        ]
    newest_first = sorted(found, key=lambda each: each.events[0].sequence, reverse=True)
    return FoundOperations(tuple(newest_first), more=len(newest) > limit)


def _build_operation(event: StoredEvent, events: Iterator[StoredEvent], redactor: Redactor) -> AuditedOperation:
    """Build the operation of a matching event from all its events. A forged id may have none."""
    if not event.operation:
        return AuditedOperation("", (event,), steps=0, count=1)
    whole = tuple(events) or (event,)
    course = [each for each in whole if each.kind not in COUNTED_KINDS] or [event]
    kinds = Counter(each.kind for each in whole)
    steps = max(kinds[kind] for kind in COUNTED_KINDS)
    return AuditedOperation(event.operation, tuple(_clean_event(each, redactor) for each in course), steps, len(whole))


def _clamp_limit(filters: AuditFilters) -> int:
    return max(1, min(filters.limit, MAX_SEARCH_EVENTS))


def search(database: DatabaseAddress, filters: AuditFilters, redactor: Redactor) -> tuple[StoredEvent, ...]:
    """Find the newest events that match, newest first."""
    limit = _clamp_limit(filters)
    with open_for_reading(database) as connection:
        return tuple(
            islice(_clean_events(table.search_events(connection, filters, newest_first=True), filters, redactor), limit)
        )


def export(database: DatabaseAddress, filters: AuditFilters, form: ExportFormat, redactor: Redactor) -> bytes:
    """Export all events that match, oldest first. Raises `TooLarge` beyond `MAX_EXPORT_BYTES`."""
    lines = {"csv": _render_csv_lines, "jsonl": _render_json_lines}[form]
    written = bytearray()
    with open_for_reading(database) as connection:
        events = table.search_events(connection, filters, newest_first=False)
        for line in lines(_clean_events(events, filters, redactor)):
            written += line.encode()
            if len(written) > MAX_EXPORT_BYTES:
                raise TooLarge(
                    Phrase(
                        "the export exceeds {limit} MB. Narrow it with --since and --until",
                        limit=MAX_EXPORT_BYTES // 1_000_000,
                    )
                )
    return bytes(written)


def _clean_events(events: Iterator[StoredEvent], filters: AuditFilters, redactor: Redactor) -> Iterator[StoredEvent]:
    """Clean the events, and drop those that matched only because of a secret in them."""
    stored, escaped = (text.lower() for text in filters.stored_text)
    for event in events:
        shown = _clean_event(event, redactor)
        if stored in f"{shown.actor}\n{shown.operation}".lower() or escaped in shown.data.lower():
            yield shown


def _clean_event(event: StoredEvent, redactor: Redactor) -> StoredEvent:
    """Clean an event so that every field can be shown, whatever the row holds."""
    at, data = event.at, _parse_object(event.data)
    if not _is_time(at):
        at, data = UNREADABLE_TIME, {"unreadable time": escape_text(str(event.at)), **data}
    shown = {
        name: escape_text(str(getattr(event, name))) for name in ("kind", "actor", "operation", "key", "previous", "mac")
    }
    cleaned = redactor.redact_json({**shown, "data": data})
    return StoredEvent(
        sequence=event.sequence,
        at=at,
        kind=cleaned["kind"],
        actor=cleaned["actor"],
        operation=cleaned["operation"],
        data=json.dumps(cleaned["data"], ensure_ascii=True, separators=(",", ":")),
        key=cleaned["key"],
        previous=cleaned["previous"],
        mac=cleaned["mac"],
    )


def _parse_object(data: str) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {"unreadable data": escape_text(str(data))}


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _render_json_lines(events: Iterator[StoredEvent]) -> Iterator[str]:
    for event in events:
        document = event._asdict() | {"data": json.loads(event.data)}
        yield json.dumps(document, ensure_ascii=True, separators=(",", ":")) + "\n"


def _render_csv_lines(events: Iterator[StoredEvent]) -> Iterator[str]:
    """Render lines of RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe in front."""
    yield _render_csv_line(StoredEvent._fields)
    for event in events:
        data = json.dumps(json.loads(event.data), ensure_ascii=False, separators=(",", ":"))
        yield _render_csv_line([_escape_formula(str(part)) for part in event._replace(data=data)])


def _render_csv_line(parts: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(parts)
    return line.getvalue()


def _escape_formula(text: str) -> str:
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
