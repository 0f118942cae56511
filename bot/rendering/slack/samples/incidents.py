"""Samples of messages about incidents: the status in each state, as full as it gets, and replies. Pure."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from adapters.phrase import Texts
from bot.model.incident import EntryKind, Incident, IncidentState, TimelineEntry
from bot.model.incident_notice import MAX_LINES, AlertCounts, IncidentNotice, count_alerts, make_notice, make_reply
from bot.rendering.slack.blocks import SlackMessage
from bot.rendering.slack.incident import render_reply, render_status
from bot.rendering.slack.samples.alerts import list_open_alerts
from bot.rendering.slack.samples.reports import AT, FOREIGN, HOSTS, quote_text
from commands.model.finding import Severity

_OPEN = Incident(
    "op-1",
    "C0123456789",
    FOREIGN * 4,
    ",".join(HOSTS),
    "operator",
    AT - timedelta(hours=1),
    number=3,
    severity=Severity.CRITICAL,
    lead="operator",
    began_at=AT - timedelta(hours=2),
    update=FOREIGN * 60,
    updated_at=AT - timedelta(minutes=40),
    next_update_at=AT - timedelta(minutes=10),
)


def list_incident_messages(texts: Texts) -> Iterator[tuple[str, SlackMessage]]:
    """Lists every kind of message about incidents, by the name of its kind."""
    for name, notice in _list_notices():
        yield f"incident.{name}", render_status(notice, texts)
    entries = [_make_entry(number, kind) for number, kind in enumerate((*EntryKind, *[EntryKind.NOTE] * MAX_LINES), 1)]
    yield "incident.reply", render_reply(make_reply(entries), texts)


def _list_notices() -> Iterator[tuple[str, IncidentNotice]]:
    still = list_open_alerts()
    alerts = count_alerts({each.number for each in still} | {9_999}, still)
    small = Incident("op-2", "", "502", "all", "operator", AT, number=4)
    resolved = replace(_OPEN, state=IncidentState.RESOLVED, resolved_at=AT, resolved_by="operator", was=FOREIGN * 60)
    yield "open", make_notice(_OPEN, alerts, AT).model_copy(update={"exposed": True})
    yield "open.small", make_notice(small, AlertCounts(), AT)
    yield "mitigated", make_notice(replace(_OPEN, state=IncidentState.MITIGATED, mitigated_at=AT), alerts, AT)
    yield "resolved", make_notice(resolved, alerts, AT)
    yield "duplicate", make_notice(replace(_OPEN, state=IncidentState.DUPLICATE, duplicate_of=2), alerts, AT)


def _make_entry(number: int, kind: EntryKind) -> TimelineEntry:
    return TimelineEntry(3, f"audit:{number}", kind, AT, AT, "operator", quote_text(FOREIGN, 60), number, HOSTS[:9])
