"""Renders log lines as a Slack message: the newest that fit, in the order of time, with notes. Pure.

    :warning: *nebula of 3 hosts: 120 lines, 4 of them errors*
    :grey_question: *host-b* — no response from Windows: …
    ┌ 18:21:03–18:26:47 host-a ERROR 17× connect() failed … → host-b:8080       the newest twenty; with dates if any line
    └ 18:26:48 host-c INFO …                                                    is from another day than the message
    120 lines in 9 groups · times in JST · The clock of host-c is 2.4 s ahead …
    [◀ Older] [Newer ▶] [Only errors] [Filter] [Show raw lines] [Get as file]
    `/flatnet log nebula` · 2026-11-25 18:27 JST                           the time of reading

Lines are untrusted: they are in a preformatted block, which has no mentions, links or commands.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from adapters.phrase import Listing, Phrase, Texts
from bot.logs.text import LogRow, build_rows, list_times
from bot.model.request import Answer
from bot.rendering.slack.blocks import MAX_CHARACTERS, MAX_TEXT, Block, SlackMessage, escape, make_context, make_section
from bot.rendering.slack.buttons import FILTER_ACTION, SHOW_ACTION, AnswerView, make_button, make_file_button, make_row
from bot.rendering.slack.paragraphs import GRADE_SYMBOLS, render_footer
from bot.rendering.text import COMMAND
from bot.security.untrusted_text import ELLIPSIS, shorten
from commands.log_lines.excerpt import ALL_LINES, Excerpt, FilteredPage, LineFilter, select_page
from commands.log_lines.formats import Level
from commands.log_lines.groups import LineGroup, filter_lines
from commands.log_lines.patterns import make_finder
from commands.logs.text_file import render_text
from commands.logs.text_file import summarize_lines as span
from commands.model.finding import Grade, find_worst
from commands.model.report import Report

_Finder = Callable[[str], tuple[int, int] | None]

_MAX_LINE = 220
"""Maximum characters of one line: a few lines on a phone. The file has all of it."""
_END_LENGTH = 90
"""Characters kept of the end of a longer line: nginx names the upstream there, Nebula the host."""
_HEAD_LENGTH, _LEAD_LENGTH, _MATCH_LENGTH = 110, 15, 40
"""If the match is in the middle of such a line: characters kept of its beginning (nginx states the reason there) and before
the match, and characters of the match that must be visible."""
_MAX_FURTHER = 140
"""Maximum characters of a line below another one: the first of a group, or a part of a stack trace."""
_MAX_FINDINGS = 4
_MAX_REASON = 300
_MAX_NOTES = 6
"""Maximum number of notes, notes on missing lines first. The file has all of them."""
_MAX_NOTE = 240
_MAX_TEXT_LINES = 5
"""Newest lines in the plain text. A notification shows only its beginning."""


def render(report: Report, excerpt: Excerpt, understood: str, view: AnswerView, texts: Texts) -> SlackMessage:
    """Renders the message for one view."""
    page = select_page(excerpt, view.pick)
    rows = build_rows(report, excerpt, page.groups, view.pick, texts)
    found = make_finder(view.pattern or excerpt.sought, fixed=False, case=False)
    lines = [line for row in rows for line in _render_row(row, found)]
    summary = escape(report.summary.render_sentence(texts), 900)
    worst = find_worst(finding.grade for finding in report.findings)
    headline = (
        f"{GRADE_SYMBOLS[worst]} *{summary}*"
        if worst is not Grade.WELL
        else f"*{escape(report.title.render_sentence(texts), 100)}* — {summary}"
    )
    blocks = (
        make_section(headline),
        *map(make_section, _list_unread(report, texts)),
        *_make_preformatted(lines, excerpt, texts),
        make_context(*_render_notes(excerpt, page, view, texts)),
        *make_row(_make_buttons(view, page, texts)),
        make_context(render_footer(understood, report.taken_at, texts)),
    )
    assert sum(map(len, lines)) <= MAX_CHARACTERS
    spoken = [summary, *(escape(line, _MAX_LINE) for line in lines[-_MAX_TEXT_LINES:])]
    return SlackMessage(text=shorten("\n".join(spoken), MAX_TEXT), blocks=blocks)


def _render_row(row: LogRow, found: _Finder) -> Iterator[str]:
    yield _shorten_line(row.prefix, row.text, found)
    for line in row.further:
        yield line if len(line) <= _MAX_FURTHER else f"{line[: _MAX_FURTHER - 1]}{ELLIPSIS}"


def render_file(answer: Answer, texts: Texts, pick: LineFilter = ALL_LINES) -> str:
    """Renders every line that the filter leaves for a file, below a heading; "" without lines.

    The heading has the command, the summary, the filter, the time zone and the notes. Raises `BadArgument` if the search
    takes too long.
    """
    report = answer.body
    if not isinstance(report, Report) or report.excerpt is None:
        return ""
    brought = report.excerpt.lines
    lines = filter_lines(brought, pick.level, pick.pattern)
    asked = Phrase("{words}", words=f"{COMMAND} {answer.understood}")
    heading = (asked, report.summary, *_describe_filter(pick, len(lines), len(brought), texts), span(lines, texts.zone))
    return render_text(lines, (*heading, *report.excerpt.notes), texts, texts.zone)


def _describe_filter(pick: LineFilter, fitting: int, total: int, texts: Texts) -> Iterable[Phrase]:
    """Describes the filter of a file, because a reader elsewhere does not know that lines are missing."""
    if pick.descriptions:
        how = (part.render(texts) for part in (*pick.descriptions, _describe_share(fitting, total)))
        yield Phrase("filtered: {how}", how=" · ".join(how))


def _describe_share(fitting: int, total: int) -> Phrase:
    return Phrase("{fitting} of {n} line", plural="{fitting} of {n} lines", fitting=fitting, n=total)


def _shorten_line(before: str, text: str, found: _Finder) -> str:
    """Shortens a long line to its beginning and its end, or to its beginning and the match if the match is in neither.

    Raises `BadArgument` if the search takes too long.
    """
    whole = before + text
    if len(whole) <= _MAX_LINE:
        return whole
    first, last = (len(before) + place for place in found(text) or (0, 0))
    head, tail = _MAX_LINE - _END_LENGTH - 1, len(whole) - _END_LENGTH
    if min(last, first + _MATCH_LENGTH) <= head or first >= tail:
        return f"{whole[:head]}{ELLIPSIS}{whole[tail:]}"
    begin = first - _LEAD_LENGTH
    end = begin + _MAX_LINE - _HEAD_LENGTH - 2
    return f"{whole[:_HEAD_LENGTH]}{ELLIPSIS}{whole[begin:end]}{ELLIPSIS if end < len(whole) else ''}"


def _make_preformatted(lines: Sequence[str], excerpt: Excerpt, texts: Texts) -> Iterable[Block]:
    if not lines:
        if excerpt.lines:  # otherwise the headline reports that there are no lines
            yield make_section(escape(Phrase("No matching lines.").render(texts)))
        return
    text = "\n".join(lines)
    yield {
        "type": "rich_text",
        "elements": [{"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]}],
    }


def _list_unread(report: Report, texts: Texts) -> list[str]:
    """Lists the hosts whose logs could not be read, with the reasons."""
    told = [
        f"{GRADE_SYMBOLS[finding.grade]} *{escape(finding.host, 60)}* — "
        f"{escape(finding.why.render_sentence(texts), _MAX_REASON)}"
        for finding in report.findings[:_MAX_FINDINGS]
    ]
    if (more := len(report.findings) - _MAX_FINDINGS) > 0:
        told.append(escape(Phrase("and {n} more", n=more).render(texts)))
    return ["\n".join(told)] if told else []


def _render_notes(excerpt: Excerpt, page: FilteredPage, view: AnswerView, texts: Texts) -> list[str]:
    said = (
        escape(_describe_range(page, view.pick, len(excerpt.lines)).render_sentence(texts), _MAX_NOTE),
        *_render_phrases(view.pick.descriptions, texts),
        *_render_chooser(view, texts),
        *_render_phrases(_describe_zones(page.groups, texts), texts),
    )
    notes = [escape(note.render_sentence(texts), _MAX_NOTE) for note in excerpt.notes[:_MAX_NOTES]]
    if (more := len(excerpt.notes) - _MAX_NOTES) > 0:
        notes.append(escape(Phrase("and {n} more", n=more).render(texts)))
    return [" · ".join(said), *notes]


def _render_phrases(phrases: Iterable[Phrase], texts: Texts) -> Iterable[str]:
    return (escape(phrase.render(texts), _MAX_NOTE) for phrase in phrases)


def _render_chooser(view: AnswerView, texts: Texts) -> Iterable[str]:
    """Renders the person who chose the filter, for the other readers: Slack shows no author of an edit."""
    if view.by:
        yield Phrase("filtered by {person}", person=f"<@{view.by}>").render(texts)


def _describe_zones(groups: Iterable[LineGroup], texts: Texts) -> Iterable[Phrase]:
    """Describes the zone of the times by its short names, of which some zones have two in a year.

    In a channel it need not be the reader's zone.
    """
    names = dict.fromkeys(at.astimezone(texts.zone).tzname() or "" for at in list_times(groups))
    if names:
        yield Phrase("times in {zone}", zone=Listing(tuple(names)))


def _describe_range(page: FilteredPage, pick: LineFilter, total: int) -> Phrase:
    """Describes the range of these lines, and their number."""
    if page.total_groups < page.matching:
        return _describe_groups(page, _describe_share(page.matching, total) if pick.descriptions else _count_lines(total))
    if not pick.descriptions:
        return Phrase("lines {first}–{last} of {n}", first=page.first, last=page.last, n=total)
    if page.pages == 1:
        return _describe_share(page.matching, total)
    return Phrase(
        "lines {first}–{last} of {fitting} matching ({n} in total)",
        first=page.first,
        last=page.last,
        fitting=page.matching,
        n=total,
    )


def _count_lines(total: int) -> Phrase:
    return Phrase("{n} line", plural="{n} lines", n=total)


def _describe_groups(page: FilteredPage, lines: Phrase) -> Phrase:
    if page.pages == 1:
        return Phrase("{lines} in {n} group", plural="{lines} in {n} groups", lines=lines, n=page.total_groups)
    return Phrase(
        "{lines} in {n} groups, {first}–{last} shown", lines=lines, n=page.total_groups, first=page.first, last=page.last
    )


def _make_buttons(view: AnswerView, page: FilteredPage, texts: Texts) -> list[Block]:
    """Makes the buttons for other views of the same lines."""
    return [
        *_make_page_buttons(view, page, texts),
        *_make_filter_buttons(view, page, texts),
        make_button(Phrase("Filter").render(texts), FILTER_ACTION, view.with_changes().value),
        _make_raw_button(view, texts),
        make_file_button(view, texts),
    ]


def _make_raw_button(view: AnswerView, texts: Texts) -> Block:
    """Makes the button that shows every line as it was written, or groups them again."""
    if view.raw:
        return make_button(Phrase("Group lines").render(texts), f"{SHOW_ACTION}.groups", view.with_changes(raw=False).value)
    return make_button(Phrase("Show raw lines").render(texts), f"{SHOW_ACTION}.raw", view.with_changes(raw=True).value)


def _make_filter_buttons(view: AnswerView, page: FilteredPage, texts: Texts) -> list[Block]:
    """Makes the buttons to all lines, and to errors alone if these are some but fewer lines than now."""
    ways = []
    if view.pick.descriptions:
        ways.append(make_button(Phrase("All lines").render(texts), f"{SHOW_ACTION}.lines", view.with_filter().value))
    if 0 < page.errors < page.matching:
        ways.append(
            make_button(
                Phrase("Only errors").render(texts),
                f"{SHOW_ACTION}.errors",
                view.with_filter(Level.ERROR, view.pattern).value,
            )
        )
    return ways


def _make_page_buttons(view: AnswerView, page: FilteredPage, texts: Texts) -> list[Block]:
    """Makes the buttons to older and newer lines."""
    turns = []
    if page.page < page.pages - 1:
        older = Phrase("Older").render(texts)
        turns.append(make_button(f"◀ {older}", f"{SHOW_ACTION}.older", view.with_changes(page=page.page + 1).value))
    if page.page > 0:
        newer = Phrase("Newer").render(texts)
        turns.append(make_button(f"{newer} ▶", f"{SHOW_ACTION}.newer", view.with_changes(page=page.page - 1).value))
    return turns
