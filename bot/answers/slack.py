"""Renders answers as Slack messages, readable on a phone at three in the morning: state, then reason, then commands. Pure.

    :red_circle: *2 of 4 hosts need attention: host-b Nebula stopped, and host-c unreachable*     the summary
    :red_circle: *host-b* critical — service Nebula is stopped                        each bad host with its reason,
    ✗ Nebula  ✓ Gateway, API, Containers, Bridge, Forwarding                          its checks,
    → `/flatnet service start nebula host-b`                                          and the command to type
    :grey_question: *host-c* unknown — no response from Windows: …
    → `/flatnet health host-c --details`
    :large_green_circle: 2 healthy: host-a, host-d                                    the healthy hosts in one line
    `/flatnet health all` · 2026-11-25 18:10 JST                           the command as parsed, the time of reading

    [Details] [Show all] [Next page ▶]                        other views of the same answer
    [Start Nebula on host-b] [Check host-c (details)]         commands as buttons, at most five with those above

On the first page, news come before the hosts and the other sections after them. Hosts with the same findings share a
paragraph. The rest is on further pages; the first page names all hosts that are not shown in full, one line for each state.
"""

from collections.abc import Sequence

from adapters.phrase import Phrase, Texts
from bot.changes.slack import card as change
from bot.changes.text.facts import is_wanted_in_full
from bot.logs.slack import lines as log_lines
from bot.model.change import Change
from bot.model.request import Answer, Failure, FailureKind
from bot.rendering.report_text import ReportLine, ReportText, build_report_text, group_lines
from bot.rendering.slack import buttons
from bot.rendering.slack.blocks import (
    MAX_CHARACTERS,
    Block,
    SlackMessage,
    escape,
    format_channel_link,
    format_code,
    make_chart_blocks,
    make_context,
    make_picture,
    make_section,
)
from bot.rendering.slack.buttons import AnswerView, make_topic_menu, render_topics
from bot.rendering.slack.paragraphs import (
    GRADE_SYMBOLS,
    AnswerPage,
    build_fact_page,
    build_judged_page,
    build_list_page,
    fit_rows,
    render_command,
    render_footer,
    render_name,
    render_names,
    render_section,
    render_values,
)
from bot.rendering.text import COMMAND, FAILURE_LABELS, NEXT, choose_suggestion_label, describe_channel, split_at_span
from commands.catalogue import CATALOGUE
from commands.language.form_filling import find_missing
from commands.model.chart import Chart
from commands.model.lanes import Drawing, describe_drawing
from commands.model.report import ChannelLink, Report, Section

_FAILURE_SYMBOLS = {
    FailureKind.USAGE: ":warning:",
    FailureKind.REFUSED: ":no_entry:",
    FailureKind.NOTHING: ":heavy_minus_sign:",
    FailureKind.INTERNAL: ":boom:",
}

_MAX_COMMANDS = 3

# Maximum characters of each part
_MAX_HEADLINE = 900
_MAX_REASON = 200
_MAX_TEXT = 1_000
"""Characters of the lines in a message's `text`. A notification shows only its beginning."""
_MAX_CHART_TEXT = 1_000
_MAX_NEWS_TEXT = 400
"""Characters of the news in a message's `text`, and of the beginnings of other sections."""
_BUTTON_RESERVE = 800
"""Characters reserved for all buttons and the page's number."""

_MAX_NEWS_LINES, _MAX_SECTION_LINES = 12, 8
"""Maximum lines of the news, and of each other section."""
_MAX_PART = 2_800
"""Characters of the news, and of all other sections together. Each stays below Slack's limit for a section."""

_MIN_FILE_ROWS = 10
"""Minimum rows of a table that gets a button for a file."""


def render(answer: Answer, texts: Texts, view: AnswerView | None = None) -> SlackMessage:
    """Renders an answer as a message within the budgets of blocks and characters, whatever its size."""
    match answer.body:
        case Failure() as failure:
            return _render_failure(failure, answer.understood, texts)
        case Change() as stands if is_wanted_in_full(answer.understood, stands):
            return change.render_in_full(stands, texts)
        case Change() as stands:
            return change.render(stands, texts)
        case Report(excerpt=lines) as report if lines is not None and (lines.lines or lines.notes):
            return log_lines.render(
                report, lines, answer.understood, view or AnswerView.make_first(answer.operation, report), texts
            )
        case Report() as report:
            return _render_report(report, answer, view or AnswerView.make_first(answer.operation, report), texts)


def _render_report(report: Report, answer: Answer, view: AnswerView, texts: Texts) -> SlackMessage:
    seen = report.show(details=view.details)
    shown = build_report_text(seen.model_copy(update={"brief": False}) if view.everything else seen, texts)
    headline, origin = _render_headline(shown), render_footer(answer.understood, report.taken_at, texts)
    onward = _render_channel_link(report.channel, texts)
    said = "" if report.chart is None else describe_drawing(report.chart).render_sentence(texts)
    room = MAX_CHARACTERS - len(headline) - sum(map(len, onward)) - len(said) - len(origin) - _BUTTON_RESERVE
    wanted = 0 if view.page else sum(map(len, _render_sections(seen, room, texts)))
    page = _build_page(report, shown, view, room - wanted, texts)
    news, others = (
        _render_sections(seen, room - sum(len(each) for each in page.paragraphs), texts) if page.number == 0 else ("", "")
    )
    if page.count > 1:
        where = Phrase("page {n} of {count}", n=page.number + 1, count=page.count)
        origin = f"{origin} · {escape(where.render(texts))}"
    views = _make_view_buttons(report, page, view.model_copy(update={"page": page.number}), texts)
    return SlackMessage(
        text="\n".join(
            [
                *_list_text_lines(shown, texts),
                *_list_section_beginnings(seen, texts),
                *_render_chart_text(said),
                *onward,
                *_list_command_texts(NEXT, seen.next, texts),
            ]
        )
        or COMMAND,
        blocks=(
            *map(make_section, filter(None, [headline, *onward, news, *page.paragraphs, others])),
            *_render_chart(report.chart, said, view, texts),
            *buttons.make_row(views),
            *buttons.make_row(
                [
                    *buttons.make_run_buttons(seen.next, texts, buttons.MAX_BUTTONS - len(views)),
                    *([make_topic_menu(report.topics, buttons.RUN_ACTION, texts)] if report.topics else []),
                ]
            ),
            make_context(origin),
        ),
    )


def _render_channel_link(channel: ChannelLink | None, texts: Texts) -> list[str]:
    """Renders the link to the incident's channel, if there is one."""
    link = "" if channel is None else format_channel_link(channel.id)
    return [describe_channel(link).render(texts)] if link else []


def _render_chart(chart: Drawing | None, said: str, view: AnswerView, texts: Texts) -> list[Block]:
    """Renders the chart as a picture if there is one; else in words, above the chart that Slack draws if it can."""
    if chart is None:
        return []
    if view.picture:
        return [make_picture(view.picture, said)]
    return [
        *map(make_section, _render_chart_text(said)),
        *(make_chart_blocks(chart, texts) if view.drawn and isinstance(chart, Chart) else []),
    ]


def _render_chart_text(said: str) -> list[str]:
    return [escape(said, _MAX_CHART_TEXT)] if said else []


def _render_sections(report: Report, room: int, texts: Texts) -> tuple[str, str]:
    """Renders the news before and the sections after the lines of the first page, as far as they fit."""
    news = "" if report.news is None else render_section(report.news, _MAX_NEWS_LINES, min(room, _MAX_PART), texts)
    others: list[str] = []
    for part in report.sections:
        left = min(room - len(news), _MAX_PART) - sum(len(each) + 2 for each in others)
        others += filter(None, [render_section(part, _MAX_SECTION_LINES, left, texts)])
    return news, "\n\n".join(others)


def _build_page(report: Report, shown: ReportText, view: AnswerView, room: int, texts: Texts) -> AnswerPage:
    if report.topics:
        return AnswerPage((render_topics(report.topics),), 0, 1)
    if shown.facts:
        return build_fact_page(shown, view.page, room, texts)
    if shown.judged:
        return build_judged_page(shown, view, room, texts)
    return build_list_page(shown, view, room, texts)


def _make_view_buttons(report: Report, page: AnswerPage, view: AnswerView, texts: Texts) -> list[Block]:
    """Makes the buttons for other views of the same answer."""
    return [
        *([buttons.make_details_button(view, texts)] if report.has_details or page.wide else []),
        *([buttons.make_scope_button(view, texts)] if page.partial or (view.everything and report.findings) else []),
        *buttons.make_page_buttons(view, page.count, texts),
        *([buttons.make_file_button(view, texts)] if _fills_file(report, page) else []),
    ]


def _fills_file(report: Report, page: AnswerPage) -> bool:
    return page.count > 1 or (len(report.rows) >= _MIN_FILE_ROWS and not report.topics)


def _render_headline(shown: ReportText) -> str:
    summary = escape(shown.summary, _MAX_HEADLINE)
    if not shown.judged:
        return f"*{escape(shown.title, 100)}* — {summary}"
    return f"{GRADE_SYMBOLS[shown.worst]} *{summary}*"


def _list_text_lines(shown: ReportText, texts: Texts) -> list[str]:
    """Lists the lines of the plain text: the summary, then the findings of hosts, or the entries of a list."""
    same = group_lines(shown.bad, lambda line: (line.state, line.reasons[:1]))
    said = [
        f"{render_names(lines, _MAX_REASON, texts)} {escape(lines[0].state, 30)}{_render_reason(lines[0])}" for lines in same
    ]
    if shown.facts or not shown.judged:
        said += [f"{render_name(line)}{render_values(line, ': ')}" for line in shown.lines if line not in shown.bad]
    return [escape(shown.summary, _MAX_HEADLINE), *fit_rows(said, _MAX_TEXT, texts)]


def _list_section_beginnings(report: Report, texts: Texts) -> list[str]:
    """Lists the news and the beginnings of the other sections for the plain text."""
    parts = [_summarize_section(part, texts) for part in report.sections if part.lines]
    news = [] if report.news is None else [report.news.heading, *report.news.lines]
    return [
        *fit_rows([escape(each.render_sentence(texts), _MAX_REASON) for each in news], _MAX_NEWS_TEXT, texts),
        *fit_rows(parts, _MAX_NEWS_TEXT, texts),
    ]


def _summarize_section(part: Section, texts: Texts) -> str:
    heading, first = part.heading.render_sentence(texts), part.lines[0].render(texts)
    more = len(part.lines) - 1
    rest = f" {Phrase('… and {n} more', n=more).render(texts)}" if more else ""
    return f"{escape(heading, 100)}: {escape(first, _MAX_REASON)}{rest}"


def _render_reason(line: ReportLine) -> str:
    return f": {escape(line.reasons[0], _MAX_REASON)}" if line.reasons else ""


def _render_failure(failure: Failure, understood: str, texts: Texts) -> SlackMessage:
    state = escape(FAILURE_LABELS[failure.kind].render(texts))
    why = escape(failure.phrase.render_sentence(texts), _MAX_HEADLINE)
    headline = f"{_FAILURE_SYMBOLS[failure.kind]} *{state}* — {why}"
    offered = choose_suggestion_label(failure.kind)
    mended = _render_commands(offered, failure.suggestions, texts)
    origin = (
        render_footer(understood, None, texts)
        if failure.span is None
        else _render_wrong_part(understood, failure.span, texts)
    )
    return SlackMessage(
        text="\n".join([f"{state}: {why}", *_list_command_texts(offered, failure.suggestions, texts)]),
        blocks=(
            *map(make_section, [headline, *mended]),
            *buttons.make_row(buttons.make_run_buttons(_list_offers(failure, understood), texts)),
            make_context(origin),
        ),
    )


def _list_offers(failure: Failure, understood: str) -> Sequence[str]:
    """Lists the suggested commands; without any, the typed one if a form can ask for the argument that it lacks."""
    if failure.suggestions or failure.kind is not FailureKind.USAGE or find_missing(understood, CATALOGUE) is None:
        return failure.suggestions
    return (understood,)


def _render_wrong_part(understood: str, span: tuple[int, int], texts: Texts) -> str:
    before, wrong, after = split_at_span(understood, span)
    read = f"{format_code(before)} ▸ *{format_code(wrong) or '?'}* ◂ {format_code(after)}".strip()
    return f"{escape(Phrase('Interpreted as:').render(texts))} {read}"


def _render_commands(label: Phrase, words: Sequence[str], texts: Texts) -> list[str]:
    """Renders the label above the command buttons, and each command as it is typed."""
    return ["\n".join([escape(label.render(texts)), *map(render_command, words[:_MAX_COMMANDS])])] if words else []


def _list_command_texts(label: Phrase, words: Sequence[str], texts: Texts) -> list[str]:
    if not words:
        return []
    typed = texts.series([escape(f"{COMMAND} {each}", 150) for each in words[:_MAX_COMMANDS]])
    return [f"{escape(label.render(texts))} {typed}"]
