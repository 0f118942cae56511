"""Renders the status message of an incident and the replies to it, for a phone at night. Pure.

    :red_circle: *Incident 3: the gateway answers 502*       the number and the problem
    Open, critical. Lead: alice                              state, severity, and who decides
    Hosts: host-a, host-b
    Since 2026-11-25 12:10 JST, opened at … by ana
    2 alerts fire: host-a: Nebula stopped, …                 what is wrong now; acknowledged and resolved ones are counted
    > We are switching to the other gateway                  the newest update
    Next update due: 2026-11-25 13:00 JST
    [Add note] [Post update] [Mark as mitigated] [Resolve] [Timeline]     forms, and a read
    `/flatnet incident show 3`

A resolved incident is green, has its cause and its duration in place of the update, and only buttons that read.
"""

from collections.abc import Iterator, Sequence

from adapters.phrase import Moment, Phrase, Texts
from bot.model.alert_notice import measure_span
from bot.model.incident import STATE_NAMES, EntryKind, IncidentState
from bot.model.incident_notice import AlertCounts, IncidentNotice, IncidentReply, ReplyLine
from bot.rendering.slack.blocks import MAX_TEXT, Block, SlackMessage, escape, make_context, make_section
from bot.rendering.slack.buttons import FORM_ACTION, RUN_ACTION, make_command_button, make_row
from bot.rendering.slack.paragraphs import GRADE_SYMBOLS, render_command
from bot.security.untrusted_text import shorten
from commands.model.finding import GRADE_NAMES, Grade, list_some

_MAX_HEADLINE = 200
_MAX_LINE = 300
"""A section takes 3,000 characters: the headline and its facts."""
_MAX_TYPED = 2_000
_MAX_REPLY_LINE = 380
"""A reply has at most `bot.model.incident_notice.MAX_LINES` lines, and a section takes 3,000 characters."""

_MAX_HOSTS = 8

_DUPLICATE_SYMBOL = ":heavy_minus_sign:"

_LINES_PER_SECTION = 7


def render_status(notice: IncidentNotice, texts: Texts) -> SlackMessage:
    """Renders the status message."""
    headline = _render(
        Phrase("incident {number}: {title}", number=str(notice.number), title=notice.title), texts, _MAX_HEADLINE
    )
    facts = [_render(fact, texts) for fact in _list_facts(notice)]
    typed = [f"> {escape(notice.update, _MAX_TYPED)}"] if notice.update and notice.open else []
    dues = [_render(due, texts) for due in _list_dues(notice)]
    command = f"incident show {notice.number}"
    return SlackMessage(
        text=shorten("\n".join([headline, *facts, *typed, *dues]), MAX_TEXT),
        blocks=(
            make_section("\n".join([f"{_find_symbol(notice)} *{headline}*", *facts])),
            *([make_section("\n".join([*typed, *dues]))] if typed or dues else []),
            *make_row(make_status_buttons(notice, texts)),
            make_context(render_command(command)),
        ),
    )


def render_reply(reply: IncidentReply, texts: Texts) -> SlackMessage:
    """Renders entries of the timeline as a reply."""
    lines = [_render_line(line, texts) for line in reply.lines]
    parts = [lines[begin : begin + _LINES_PER_SECTION] for begin in range(0, len(lines), _LINES_PER_SECTION)]
    return SlackMessage(
        text=shorten("\n".join(lines), MAX_TEXT), blocks=tuple(make_section("\n".join(part)) for part in parts)
    )


def make_status_buttons(notice: IncidentNotice, texts: Texts) -> list[Block]:
    """Makes the buttons: forms for what people add while they work on it, and reads."""
    number = notice.number
    forms: Sequence[tuple[str, Phrase]] = ()
    if notice.open:
        forms = (
            ("note", Phrase("Add note")),
            ("update", Phrase("Post update")),
            *((("mitigated", Phrase("Mark as mitigated")),) if notice.state is IncidentState.OPEN else ()),
            ("resolve", Phrase("Resolve")),
        )
    reads = [("show", Phrase("Timeline"))] if notice.open else [("show", Phrase("Timeline")), ("report", Phrase("Report"))]
    return [
        *(
            make_command_button(label.render(texts), f"{FORM_ACTION}.{verb}", f"incident {verb} --incident {number}")
            for verb, label in forms
        ),
        *(
            make_command_button(label.render(texts), f"{RUN_ACTION}.{verb}", f"incident {verb} {number}")
            for verb, label in reads
        ),
    ]


def _find_symbol(notice: IncidentNotice) -> str:
    if notice.state is IncidentState.DUPLICATE:
        return _DUPLICATE_SYMBOL
    if not notice.open:
        return GRADE_SYMBOLS[Grade.WELL]
    return GRADE_SYMBOLS[Grade.UNKNOWN if notice.severity is None else Grade.of(notice.severity)]


def _list_facts(notice: IncidentNotice) -> Iterator[Phrase]:
    """Lists state, severity and lead, hosts, times and alerts, a line each."""
    yield _describe_state(notice)
    hosts = list_some(notice.target.split(","), _MAX_HOSTS)
    yield Phrase("hosts: {hosts}", hosts=hosts)
    yield from _list_times(notice)
    yield from _list_alerts(notice.alerts)
    if notice.exposed:
        yield Phrase("this channel is public now: everyone in the workspace can read here. Elsewhere it stays private")


def _describe_state(notice: IncidentNotice) -> Phrase:
    state = STATE_NAMES[notice.state]
    if notice.state is IncidentState.DUPLICATE:
        return Phrase("merged into another incident")  # its readers need not be those of the other one
    if notice.severity is not None:
        state = Phrase("{state}, {severity}", state=state, severity=GRADE_NAMES[Grade.of(notice.severity)])
    if not notice.lead:
        return state
    return Phrase("{state}. Lead: {person}", state=state, person=notice.lead)


def _list_times(notice: IncidentNotice) -> Iterator[Phrase]:
    begin = notice.began_at or notice.opened_at
    if notice.resolved_at is not None:
        span = measure_span(begin, notice.resolved_at)
        yield Phrase("{since} to {until} ({span})", since=Moment(begin), until=Moment(notice.resolved_at), span=span)
        if notice.state is IncidentState.RESOLVED:
            yield Phrase("resolved by {person}: {was}", person=notice.resolved_by, was=notice.was)
        return
    opened = Phrase("opened at {at} by {person}", at=Moment(notice.opened_at), person=notice.opened_by)
    if notice.began_at is not None:
        yield Phrase("since {since}, {opened}", since=Moment(begin), opened=opened)
    else:
        yield opened
    if notice.state is IncidentState.MITIGATED and notice.mitigated_at is not None:
        yield Phrase("mitigated at {at}", at=Moment(notice.mitigated_at))


def _list_alerts(alerts: AlertCounts) -> Iterator[Phrase]:
    if alerts.named is not None:
        yield Phrase("{n} alert fires: {names}", plural="{n} alerts fire: {names}", n=alerts.firing, names=alerts.named)
    if alerts.acknowledged:
        n = alerts.acknowledged
        yield Phrase("{n} alert is acknowledged", plural="{n} alerts are acknowledged", n=n)
    if alerts.resolved:
        yield Phrase("{n} alert is resolved", plural="{n} alerts are resolved", n=alerts.resolved)


def _list_dues(notice: IncidentNotice) -> Iterator[Phrase]:
    """Lists when the newest update was posted, and when the next one is due."""
    if notice.open and notice.update and notice.updated_at is not None:
        yield Phrase("last update: {at}", at=Moment(notice.updated_at))
    if not notice.open or notice.next_update_at is None:
        return
    due = Moment(notice.next_update_at)
    yield Phrase("the next update was due at {at}", at=due) if notice.overdue else Phrase("next update due: {at}", at=due)


def _render_line(line: ReplyLine, texts: Texts) -> str:
    said = escape(_describe_line(line).render_sentence(texts), _MAX_REPLY_LINE)
    return f"• {escape(texts.moment(line.at))} — {said}"


def _describe_line(line: ReplyLine) -> Phrase:
    """Describes an entry: who says or did what."""
    match line.kind:
        case EntryKind.NOTE:
            return Phrase("note by {person}: {text}", person=line.author, text=line.text)
        case EntryKind.UPDATE:
            return Phrase("update by {person}: {text}", person=line.author, text=line.text)
        case EntryKind.CORRECTION:
            return Phrase(
                "{person} corrects entry {number}: {text}", person=line.author, number=str(line.about), text=line.text
            )
        case EntryKind.FOLLOWUP if not line.about:
            return Phrase("follow-up by {person}: {text}", person=line.author, text=line.text)
    said = Phrase("{words}: {text}", words=line.words, text=line.text) if line.words else line.text
    return Phrase("{text} ({person})", text=said, person=line.author) if line.author else said


def _render(phrase: Phrase, texts: Texts, most: int = _MAX_LINE) -> str:
    return escape(phrase.render_sentence(texts), most)
