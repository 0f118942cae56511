"""Reports on the audit log: one row an operation, or one row an event. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from pydantic import JsonValue

from adapters.phrase import Phrase
from bot.audit_log.log import EventKind
from bot.audit_log.search import AuditedOperation, FoundOperations
from bot.changes.reports.listing import MAX_NEXT_COMMANDS
from bot.model.change import APPROVAL_PHRASES, STATE_PHRASES, ApprovalState, ChangeState
from bot.security.untrusted_text import shorten
from bot.store.audit_chain import StoredEvent
from commands.model.finding import list_some
from commands.model.report import Cell, Column, Mark, Report, Row, Section

MAX_EVENT_LENGTH, MAX_VALUE_LENGTH = 300, 60
"""Characters of an event that a line shows, and of each value in it."""

EVENT_KIND_PHRASES: Mapping[str, Phrase] = {
    EventKind.REQUEST: Phrase("request", context="event"),
    EventKind.REFUSAL: Phrase("refusal", context="event"),
    EventKind.CONFIGURATION: Phrase("configuration", context="event"),
    EventKind.START: Phrase("start", context="event"),
    EventKind.STOP: Phrase("stop", context="event"),
    EventKind.AUDIT_READ: Phrase("audit read", context="event"),
    EventKind.EXPORT: Phrase("export", context="event"),
    EventKind.PLAN: Phrase("plan", context="event"),
    EventKind.APPROVAL: Phrase("approval request", context="event"),
    EventKind.OPENED: Phrase("plan opened", context="event"),
    EventKind.REVIEW: Phrase("approval, denial or review", context="event"),
    EventKind.BREAK_GLASS: Phrase("break-glass", context="event"),
    EventKind.WAIVER: Phrase("approved by rule", context="event"),
    EventKind.RUN: Phrase("run", context="event"),
    EventKind.INTENT: Phrase("intent", context="event"),
    EventKind.OUTCOME: Phrase("outcome", context="event"),
    EventKind.END: Phrase("end", context="event"),
    EventKind.LOCK: Phrase("lock", context="event"),
    EventKind.SCHEDULE: Phrase("schedule", context="event"),
    EventKind.NOTICE: Phrase("notice", context="event"),
    EventKind.INCIDENT: Phrase("incident", context="event"),
    EventKind.ALERT: Phrase("alert", context="event"),
    EventKind.MUTE: Phrase("silence or maintenance", context="event"),
    EventKind.OWED: Phrase("owed change", context="event"),
    EventKind.IDENTITY: Phrase("certificate", context="event"),
    EventKind.ROTATION: Phrase("CA rotation", context="event"),
    EventKind.SUSPENSION: Phrase("suspension", context="event"),
    EventKind.BACKUP: Phrase("backup", context="event"),
    EventKind.DRILL: Phrase("restore drill", context="event"),
    EventKind.HOST: Phrase("host", context="event"),
    EventKind.ACCEPTED: Phrase("accepted", context="event"),
    EventKind.SETTLED: Phrase("settled after a loss", context="event"),
    EventKind.ADOPTED: Phrase("adopted", context="event"),
}
"""The kinds of audit events. In English they are close to what `--kind` takes."""


_READ_KINDS = frozenset({EventKind.REQUEST, EventKind.AUDIT_READ, EventKind.EXPORT})
"""Kinds of the only events of a read."""

_OPERATION_COLUMNS = (
    Column(key="words", heading=Phrase("Command")),
    Column(key="at", heading=Phrase("Time")),
    Column(key="actor", heading=Phrase("User")),
    Column(key="outcome", heading=Phrase("Result")),
    Column(key="steps", heading=Phrase("Steps")),
    Column(key="events", heading=Phrase("Events")),
    Column(key="operation", heading=Phrase("Operation")),
)


def list_operations(found: FoundOperations, at: datetime, *, shared: bool = False) -> Report:
    """Lists operations in the given order, each with its words, person, time and outcome.

    `shared`: others read the result, who need not know of all incidents. So those about incidents are left out.
    """
    if shared:
        kept = [each for each in found.operations if not any(map(_is_about_incident, each.events))]
        found = replace(found, operations=tuple(kept))
    n = len(found.operations)
    counted = Phrase("{n} operation", plural="{n} operations", n=n) if n else Phrase("no matching events")
    named = [each.operation for each in found.operations if each.operation]
    return Report(
        title=Phrase("Audit log"),
        summary=Phrase("the newest {n} operations. Older ones match, too", n=n) if found.more else counted,
        columns=_OPERATION_COLUMNS,
        rows=tuple(_build_operation_row(each, at) for each in found.operations),
        sections=_explain_left_out(shared=shared),
        taken_at=at,
        next=tuple(f"audit show {operation}" for operation in named[:MAX_NEXT_COMMANDS]),
    )


def _build_operation_row(each: AuditedOperation, at: datetime) -> Row:
    first = each.events[0]
    return Row(
        cells=(
            _build_words_cell(each),
            Cell.of_moment(datetime.fromisoformat(first.at), at),
            Cell.of(first.actor),
            _build_outcome_cell(each),
            Cell(text=str(each.steps) if each.steps else "", value=each.steps),
            Cell(text=str(each.count), value=each.count),
            Cell.of(each.operation),
        )
    )


def _build_words_cell(each: AuditedOperation) -> Cell:
    """The command as it was understood; the kind and content of an event that no command caused."""
    for event in each.events:
        data = json.loads(event.data)
        words = next((data[key] for key in ("understood", "text", "words") if isinstance(data.get(key), str)), "")
        if words and event.kind in (EventKind.REQUEST, EventKind.REFUSAL, EventKind.PLAN, EventKind.RUN):
            return Cell.of(shorten(words, MAX_EVENT_LENGTH))
    first = each.events[0]
    content = _summarize_data(first.data)
    label = _describe_kind(first.kind)
    return Cell(text=Phrase("{kind}: {content}", kind=label, content=content) if content else label, value=first.kind)


def _build_outcome_cell(each: AuditedOperation) -> Cell:
    """The outcome as far as the log has one: a state, a rejection, or else the newest event. A read has none."""
    last = _find_telling_event(each.events)
    data = json.loads(last.data)
    if last.kind == EventKind.REFUSAL:
        return Cell(text=Phrase("rejected"), value="rejected", mark=Mark.BAD)
    state, approval = str(data.get("state")), str(data.get("approval"))
    if state == ChangeState.DONE and (owed := _find_owed_hosts(each.events)):
        return Cell(text=Phrase("done, except {hosts} (owed)", hosts=list_some(owed)), value="done_except_owed")
    if last.kind == EventKind.END and state in set(ChangeState):
        closed = state == ChangeState.CLOSED and approval in set(APPROVAL_PHRASES)
        text = APPROVAL_PHRASES[ApprovalState(approval)] if closed else STATE_PHRASES[ChangeState(state)]
        bad = state in (ChangeState.FAILED, ChangeState.UNKNOWN)
        return Cell(text=text, value=approval if closed else state, mark=Mark.BAD if bad else Mark.PLAIN)
    if last.kind == EventKind.RUN:
        return Cell(text=Phrase("started, no end recorded"), value="started")
    named = each.operation and last.kind not in _READ_KINDS
    return Cell(text=Phrase("last event: {kind}", kind=_describe_kind(last.kind)) if named else "", value=last.kind)


def _find_owed_hosts(events: Sequence[StoredEvent]) -> Sequence[str]:
    """Finds the hosts to which an operation left an owed change."""
    left = (json.loads(event.data) for event in events if event.kind == EventKind.OWED)
    return next((data["items"] for data in left if data.get("owed") == "left"), [])


def _find_telling_event(events: Sequence[StoredEvent]) -> StoredEvent:
    """Finds the newest end, or else the newest event. A rejected decision on a planned change does not reject the change."""
    planned = any(event.kind == EventKind.PLAN for event in events)
    course = [event for event in events if not planned or event.kind != EventKind.REFUSAL] or list(events)
    return next((event for event in reversed(course) if event.kind == EventKind.END), course[-1])


def list_events(found: Sequence[StoredEvent], limit: int, at: datetime, *, shared: bool = False) -> Report:
    """Lists audit events in the given order. A search finds at most `limit` of them. `shared`: as for operations."""
    if shared:
        about = {event.operation for event in found if event.operation and _is_about_incident(event)}
        found = [event for event in found if event.operation not in about and not _is_about_incident(event)]
    return Report(
        title=Phrase("Audit log"),
        summary=_count_events(found, limit),
        columns=(
            Column(key="sequence", heading=Phrase("Number")),
            Column(key="at", heading=Phrase("Time")),
            Column(key="kind", heading=Phrase("Kind")),
            Column(key="data", heading=Phrase("Content")),
            Column(key="actor", heading=Phrase("User")),
            Column(key="operation", heading=Phrase("Operation")),
        ),
        rows=tuple(_build_event_row(event, at) for event in found),
        sections=_explain_left_out(shared=shared),
        taken_at=at,
    )


def _is_about_incident(event: StoredEvent) -> bool:
    """Returns whether an event is an act on an incident, a command about incidents, or the delivery of a report."""
    data = json.loads(event.data)
    told = [str(data.get(key, "")) for key in ("understood", "text", "words", "file")] if isinstance(data, dict) else []
    return event.kind == EventKind.INCIDENT or any("incident" in each.lower() for each in told)


def _explain_left_out(*, shared: bool) -> tuple[Section, ...]:
    """Explains what is left out where others read the result. The text is the same with and without incidents."""
    if not shared:
        return ()
    line = Phrase("everything about incidents, because others read this result")
    return (Section(heading=Phrase("Not listed"), lines=(line,)),)


def _build_event_row(event: StoredEvent, at: datetime) -> Row:
    return Row(
        cells=(
            Cell(text=str(event.sequence), value=event.sequence),
            Cell.of_moment(datetime.fromisoformat(event.at), at),
            Cell(text=_describe_kind(event.kind), value=event.kind),
            Cell(text=_summarize_data(event.data), value=event.data),
            Cell.of(event.actor),
            Cell.of(event.operation),
        )
    )


def _count_events(found: Sequence[StoredEvent], limit: int) -> Phrase:
    n = len(found)
    if n >= limit:
        return Phrase("the newest {n} events. Older ones may match, too", n=n)
    return Phrase("{n} event", plural="{n} events", n=n) if n else Phrase("no matching events")


def _describe_kind(kind: str) -> Phrase | str:
    """The label of a kind. One that this version does not know is shown as it is stored."""
    return EVENT_KIND_PHRASES.get(kind, kind)


def _summarize_data(data: str) -> str:
    """Summarizes the data of an event in one line: its fields without braces and quotes, and without empty ones."""
    said = ", ".join(
        f"{name}: {shorten(value, MAX_VALUE_LENGTH)}" for name, value in _iterate_leaves("", json.loads(data)) if value
    )
    return shorten(said, MAX_EVENT_LENGTH)


def _iterate_leaves(name: str, value: JsonValue) -> Iterator[tuple[str, str]]:
    """Yields name and text of the plain values inside a JSON value, except times, which the export contains."""
    match value:
        case dict():
            for inner, each in value.items():
                yield from _iterate_leaves(inner, each)
        case list() if all(isinstance(each, str) for each in value):
            yield name, " ".join(map(str, value))
        case list():
            for each in value:
                yield from _iterate_leaves(name, each)
        case None | False:
            return
        case _ if not name.endswith("_at"):
            yield name, str(value)
