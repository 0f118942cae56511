"""Renders answers as Slack messages, readable on a phone at three in the morning: state, then reason, then commands. Pure.

    :red_circle: *2 of 4 hosts need attention: host-b Nebula stopped, and host-c not reached*     the summary
    :red_circle: *host-b* critical — the service Nebula is stopped                    each bad host with its reason,
    ✗ Nebula  ✓ Gateway, API, Containers, Bridge, Forwarding                          its checks,
    → `/flatnet service start nebula host-b`                                          and the command to type
    :grey_question: *host-c* unknown — Windows was not reached: …
    → `/flatnet health host-c --details`
    :large_green_circle: 2 well: host-a, host-d                                       the healthy hosts in one line
    `/flatnet health all` · 25 Nov 18:10                                  the command as parsed, the time of reading

    [Details] [Show all] [Next page ▶]                        other views of the same answer
    [service start nebula host-b] [health host-c --details]   commands as buttons

On the first page, news come before the hosts and the other sections after them. Hosts with the same findings share a
paragraph. The rest is on further pages; the first page names all hosts that are not shown in full, one line for each state.
"""

from collections.abc import Sequence

from adapters.phrase import Phrase, Texts
from bot.model.change import Change
from bot.model.request import Answer, Failure, FailureKind
from bot.rendering.labels import COMMAND, FAILURES, NEXT, marked, offering, onward
from bot.rendering.report_text import Line, Sheet, alike, sheet
from bot.rendering.slack import buttons, change
from bot.rendering.slack import log_lines as excerpt
from bot.rendering.slack.blocks import CHARACTERS, Block, Message, channel_link, code, context, escape, picture, section
from bot.rendering.slack.buttons import View
from bot.rendering.slack.paragraphs import (
    SYMBOLS,
    Page,
    command,
    fitting,
    footing,
    judged,
    known,
    listed,
    name,
    names,
    told,
    told_in,
)
from bot.security.untrusted_text import one_line
from commands.model.chart import alt_text
from commands.model.report import Channel, Report, Section

_FAILED = {
    FailureKind.USAGE: ":warning:",
    FailureKind.REFUSED: ":no_entry:",
    FailureKind.NOTHING: ":heavy_minus_sign:",
    FailureKind.INTERNAL: ":boom:",
}

_SUGGESTED = 3

# Maximum characters of each part
_HEADLINE = 900
_WHY = 200
_SHORT = 1_000
"""Characters of the lines in a message's `text`. A notification shows only its beginning."""
_CHART = 1_000
_SPOKEN = 400
"""Characters of the news in a message's `text`, and of the beginnings of other sections."""
_BUTTONS = 800
"""Characters reserved for all buttons and the page's number."""

_NEWS, _LINES = 12, 8
"""Maximum lines of the news, and of each other section."""
_PART = 2_800
"""Characters of the news, and of all other sections together. Each stays below Slack's limit for a section."""

_TABLE = 10
"""Minimum rows of a table that gets a button for a file."""


def render(answer: Answer, texts: Texts, view: View | None = None) -> Message:
    """Renders an answer as a message within the budgets of blocks and characters, whatever its size."""
    match answer.body:
        case Failure() as failure:
            return _failure(failure, answer.understood, texts)
        case Change() as stands:
            return change.render(stands, texts)
        case Report(excerpt=lines) as report if lines is not None and (lines.lines or lines.notes):
            return excerpt.render(report, lines, answer.understood, view or View.first(answer.operation, report), texts)
        case Report() as report:
            return _report(report, answer, view or View.first(answer.operation, report), texts)


def _report(report: Report, answer: Answer, view: View, texts: Texts) -> Message:
    seen = report.seen(details=view.details)
    shown = sheet(seen.model_copy(update={"brief": False}) if view.everything else seen, texts)
    headline, origin = _headline(shown), footing(answer.understood, report.taken_at, texts)
    onward = _onward(report.channel, texts)
    said = "" if report.chart is None else alt_text(report.chart).render_sentence(texts)
    room = CHARACTERS - len(headline) - sum(map(len, onward)) - len(said) - len(origin) - _BUTTONS
    wanted = 0 if view.page else sum(map(len, _around(seen, room, texts)))
    page = _page(shown, view, room - wanted, texts)
    news, others = _around(seen, room - sum(len(each) for each in page.paragraphs), texts) if page.number == 0 else ("", "")
    if page.count > 1:
        where = Phrase("page {n} of {count}", n=page.number + 1, count=page.count)
        origin = f"{origin} · {escape(where.render(texts))}"
    return Message(
        text="\n".join(
            [
                *_spoken(shown, texts),
                *_counted(seen, texts),
                *_chart_in_words(said),
                *onward,
                *_spoken_commands(NEXT, seen.next, texts),
            ]
        )
        or COMMAND,
        blocks=(
            *map(section, filter(None, [headline, *onward, news, *page.paragraphs, others])),
            *([picture(view.picture, said)] if said and view.picture else map(section, _chart_in_words(said))),
            *buttons.row(_views(report, page, view.model_copy(update={"page": page.number}), texts)),
            *buttons.row(buttons.runs(seen.next)),
            context(origin),
        ),
    )


def _onward(channel: Channel | None, texts: Texts) -> list[str]:
    """Renders the link to the incident's channel, if there is one."""
    link = "" if channel is None else channel_link(channel.id)
    return [onward(link).render(texts)] if link else []


def _chart_in_words(said: str) -> list[str]:
    return [escape(said, _CHART)] if said else []


def _around(report: Report, room: int, texts: Texts) -> tuple[str, str]:
    """Renders the news before and the sections after the lines of the first page, as far as they fit."""
    news = "" if report.news is None else told_in(report.news, _NEWS, min(room, _PART), texts)
    others: list[str] = []
    for part in report.sections:
        left = min(room - len(news), _PART) - sum(len(each) + 2 for each in others)
        others += filter(None, [told_in(part, _LINES, left, texts)])
    return news, "\n\n".join(others)


def _page(shown: Sheet, view: View, room: int, texts: Texts) -> Page:
    if shown.facts:
        return known(shown, view.page, room, texts)
    if shown.judged:
        return judged(shown, view, room, texts)
    return listed(shown.lines, view.page, room, texts)


def _views(report: Report, page: Page, view: View, texts: Texts) -> list[Block]:
    """Makes the buttons for other views of the same answer."""
    return [
        *([buttons.details(view, texts)] if report.detailed else []),
        *([buttons.scope(view, texts)] if page.partial or (view.everything and report.findings) else []),
        *buttons.turns(view, page.count, texts),
        *([buttons.file(view, texts)] if page.count > 1 or len(report.rows) >= _TABLE else []),
    ]


def _headline(shown: Sheet) -> str:
    summary = escape(shown.summary, _HEADLINE)
    if not shown.judged:
        return f"*{escape(shown.title, 100)}* — {summary}"
    return f"{SYMBOLS[shown.worst]} *{summary}*"


def _spoken(shown: Sheet, texts: Texts) -> list[str]:
    """Lists the lines of the plain text: the summary, then the findings of hosts, or the entries of a list."""
    same = alike(shown.bad, lambda line: (line.state, line.whys[:1]))
    said = [f"{names(lines, _WHY, texts)} {escape(lines[0].state, 30)}{_why(lines[0])}" for lines in same]
    if shown.facts or not shown.judged:
        said += [f"{name(line)}{told(line, ': ')}" for line in shown.lines if line not in shown.bad]
    return [escape(shown.summary, _HEADLINE), *fitting(said, _SHORT, texts)]


def _counted(report: Report, texts: Texts) -> list[str]:
    """Lists the news and the beginnings of the other sections for the plain text."""
    parts = [_beginning(part, texts) for part in report.sections if part.lines]
    news = [] if report.news is None else [report.news.heading, *report.news.lines]
    return [
        *fitting([escape(each.render_sentence(texts), _WHY) for each in news], _SPOKEN, texts),
        *fitting(parts, _SPOKEN, texts),
    ]


def _beginning(part: Section, texts: Texts) -> str:
    heading, first = part.heading.render_sentence(texts), part.lines[0].render(texts)
    more = len(part.lines) - 1
    rest = f" {Phrase('… and {n} more', n=more).render(texts)}" if more else ""
    return f"{escape(heading, 100)}: {escape(first, _WHY)}{rest}"


def _why(line: Line) -> str:
    return f": {escape(line.whys[0], _WHY)}" if line.whys else ""


def _failure(failure: Failure, understood: str, texts: Texts) -> Message:
    state = escape(FAILURES[failure.kind].render(texts))
    why = escape(failure.phrase.render_sentence(texts), _HEADLINE)
    headline = f"{_FAILED[failure.kind]} *{state}* — {why}"
    offered = offering(failure.kind)
    mended = _typed(offered, failure.suggestions, texts)
    origin = footing(understood, None, texts) if failure.span is None else _marked(understood, failure.span, texts)
    return Message(
        text="\n".join([f"{state}: {why}", *_spoken_commands(offered, failure.suggestions, texts)]),
        blocks=(*map(section, [headline, *mended]), *buttons.row(buttons.runs(failure.suggestions)), context(origin)),
    )


def _marked(understood: str, span: tuple[int, int], texts: Texts) -> str:
    before, wrong, after = marked(understood, span)
    read = f"{code(before)} ▸ *{code(wrong) or '?'}* ◂ {code(after)}".strip()
    return f"{escape(Phrase('I read:').render(texts))} {read}"


def _typed(label: Phrase, words: Sequence[str], texts: Texts) -> list[str]:
    """Renders the label above the command buttons, and a line for each command that is too long for a button."""
    if not words:
        return []
    longer = [each for each in words[:_SUGGESTED] if len(one_line(each)) > buttons.LABEL]
    return ["\n".join([escape(label.render(texts)), *map(command, longer)])]


def _spoken_commands(label: Phrase, words: Sequence[str], texts: Texts) -> list[str]:
    if not words:
        return []
    typed = texts.series([escape(f"{COMMAND} {each}", 150) for each in words[:_SUGGESTED]])
    return [f"{escape(label.render(texts))} {typed}"]
