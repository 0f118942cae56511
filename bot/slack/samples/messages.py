"""Renders the samples: every kind of message. Pure.

Samples of messages about incidents: the status in each state, as full as it gets, and replies. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from adapters.phrase import Texts
from bot.answers import slack as answer
from bot.answers import slack_progress as progress
from bot.changes.slack import card as change
from bot.changes.slack import updates as change_updates
from bot.incidents.slack.messages import render_reply, render_status
from bot.logs.slack import lines as log_lines
from bot.model.incident import EntryKind, Incident, IncidentState, TimelineEntry
from bot.model.incident_notice import MAX_LINES, AlertCounts, IncidentNotice, count_alerts, make_notice, make_reply
from bot.model.request import Answer, Failure, FailureKind
from bot.rendering.slack import menu
from bot.rendering.slack.blocks import SlackMessage
from bot.rendering.slack.buttons import AnswerView
from bot.rendering.slack.pictures import drop_charts, replace_pictures
from bot.slack.samples.alerts import list_alert_messages, list_open_alerts
from bot.slack.samples.changes import list_changes
from bot.slack.samples.reports import (
    ALL_WELL,
    AT,
    COMMANDS,
    DIGEST,
    FACTS,
    FOREIGN,
    HOSTS,
    JUDGED,
    LISTED,
    LOG_GROUPS,
    LOG_LINES,
    NO_LINES,
    quote_text,
)
from commands.language.help import OperationClasses
from commands.log_lines.formats import Level
from commands.model.finding import Severity
from commands.model.operation import ReadProgress
from commands.model.report import Report

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


SAMPLE_FILE = "F0123456789"
"""Id of a file that does not exist. Slack says so of a picture, and that is no fault of the message."""

_FIRST = AnswerView(operation="op-0123456789ab")


@dataclass(frozen=True)
class MessageSample:
    """A message, and the name of its kind."""

    kind: str
    message: SlackMessage


def list_messages(permitted: OperationClasses, texts: Texts) -> Iterator[MessageSample]:
    """Lists every kind of message, in one language."""
    yield from _list_answers(texts)
    yield from _list_digests(texts)
    yield from _list_failures(texts)
    yield from _list_changes(texts)
    yield from (MessageSample(kind, message) for kind, message in list_alert_messages(texts))
    yield from (MessageSample(kind, message) for kind, message in list_incident_messages(texts))
    yield MessageSample("menu", menu.render_menu(COMMANDS, permitted, texts))
    yield from _list_progress(texts)
    yield MessageSample("progress.ready", progress.render_ready("health", "<@U0123456789>", texts))


def _list_answers(texts: Texts) -> Iterator[MessageSample]:
    filtered = _FIRST.model_copy(update={"level": Level.ERROR, "pattern": "証明書", "by": "U0123456789", "page": 1})
    views: tuple[tuple[str, Report, AnswerView], ...] = (
        ("answer", JUDGED, _FIRST),
        ("answer.page", JUDGED, _FIRST.model_copy(update={"page": 2})),
        ("answer.details", JUDGED, _FIRST.model_copy(update={"details": True, "everything": True})),
        ("answer.healthy", ALL_WELL, _FIRST),
        ("answer.list", LISTED, _FIRST),
        ("answer.list.page", LISTED, _FIRST.model_copy(update={"page": 1})),
        ("answer.facts", FACTS, _FIRST),
        ("answer.logs.filtered", LOG_LINES, filtered),
        ("answer.logs.groups", LOG_GROUPS, _FIRST),
        ("answer.logs.raw", LOG_GROUPS, _FIRST.model_copy(update={"raw": True})),
        ("answer.logs.unmatched", LOG_LINES, _FIRST.model_copy(update={"pattern": "no such line"})),
        ("answer.logs.empty", NO_LINES, _FIRST),
    )
    for kind, report, view in views:
        yield MessageSample(kind, answer.render(_make_answer(report), texts, view))
    excerpt = LOG_LINES.excerpt
    assert excerpt is not None
    yield MessageSample("answer.logs", log_lines.render(LOG_LINES, excerpt, "log nebula", _FIRST, texts))


def _list_progress(texts: Texts) -> Iterator[MessageSample]:
    """Lists what is shown while hosts are awaited: who is, the answer on the others, and what one person sees of both."""
    seen = ReadProgress(2 * len(HOSTS), tuple(HOSTS), lambda: JUDGED)
    yield MessageSample("progress", progress.render_progress("health", seen, texts))
    yield MessageSample("progress.partial", progress.render_partial_answer("health", seen, texts))
    yield MessageSample("progress.private", progress.render_waiting_notice("health", seen, texts))


def _list_digests(texts: Texts) -> Iterator[MessageSample]:
    """Lists the digest with a picture, with charts that Slack draws, and without both."""
    pictured = answer.render(_make_answer(DIGEST), texts, _FIRST.model_copy(update={"picture": SAMPLE_FILE}))
    drawn = answer.render(_make_answer(DIGEST), texts, _FIRST.model_copy(update={"drawn": True}))
    yield MessageSample("digest.picture", pictured)
    yield MessageSample("digest.words", replace_pictures(pictured))
    yield MessageSample("digest.charts", drawn)
    yield MessageSample("digest.without-charts", drop_charts(drawn))


def _list_failures(texts: Texts) -> Iterator[MessageSample]:
    for kind in FailureKind:
        failure = Failure(kind=kind, phrase=quote_text(FOREIGN, 20), suggestions=COMMANDS, reference="7f3a0123")
        yield MessageSample(f"failure.{kind.value}", answer.render(_make_answer(failure), texts))
    wrong = Failure(kind=FailureKind.USAGE, phrase=quote_text("unknown"), span=(0, 6), suggestions=(f"log {FOREIGN * 3}",))
    yield MessageSample("failure.usage.part", answer.render(_make_answer(wrong), texts))


def _list_changes(texts: Texts) -> Iterator[MessageSample]:
    """Lists cards, the pointers to them, each kind of milestone and each kind of request for a decision once."""
    known, asked = set[str](), set[str]()
    for sample in list_changes():
        yield MessageSample(f"change.{sample.name}", change.render(sample.change, texts, AT + timedelta(minutes=2)))
        in_full = change.render_in_full(sample.change, texts, AT + timedelta(minutes=2))
        yield MessageSample(f"change.full.{sample.name}", in_full)
        yield MessageSample(f"change.pointer.{sample.name}", change_updates.render_pointer(sample.change, texts))
        for milestone in change_updates.list_milestones(sample.change):
            name = milestone.key.partition(".")[0]
            if name not in known:
                known.add(name)
                thread = change_updates.render_for_thread(milestone, sample.change, texts)
                yield MessageSample(f"change.thread.{name}", thread)
                person = change_updates.render_for_person(milestone, sample.change, texts)
                yield MessageSample(f"change.person.{name}", person)
            if milestone.key in change_updates.DECISION_KEYS and name not in asked:
                asked.add(name)
                request = change_updates.render_decision_request(milestone, sample.change, texts)
                yield MessageSample(f"change.request.{name}", request)
    yield MessageSample("change.request.hidden", change_updates.render_hidden_request(texts))


def _make_answer(body: Report | Failure) -> Answer:
    return Answer(operation="op-0123456789ab", understood=f"log nebula --grep {FOREIGN}", body=body)
