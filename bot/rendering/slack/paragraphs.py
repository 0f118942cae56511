"""Paragraphs of a Slack message: the lines of a report in mrkdwn, in full or folded, on pages. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, chain

from adapters.phrase import Phrase, Texts
from bot.rendering.report_text import ReportField, ReportLine, ReportText, group_lines, list_commands
from bot.rendering.slack.blocks import MAX_BLOCKS, escape, format_code, format_code_block, format_time
from bot.rendering.slack.buttons import AnswerView
from bot.rendering.text import COMMAND, MARK_SIGNS
from bot.security.untrusted_text import to_one_line
from commands.model.finding import Grade
from commands.model.report import Mark, Section

GRADE_SYMBOLS = {
    Grade.CRITICAL: ":red_circle:",
    Grade.HIGH: ":large_orange_circle:",
    Grade.UNKNOWN: ":grey_question:",
    Grade.MEDIUM: ":large_yellow_circle:",
    Grade.LOW: ":large_blue_circle:",
    Grade.WELL: ":large_green_circle:",
}

_MAX_HOSTS_IN_FULL = 10
"""Maximum number of hosts on a page that are shown with their checks. More would not be readable on a phone."""
_MAX_NAMED_HOSTS = 10
"""Maximum number of healthy hosts that are named. More are only counted."""
_MAX_COMMANDS = 3
_ENTRIES_PER_SECTION = 8
"""Entries of a list in one section. Entries with many names take further ones."""
_MAX_ENTRIES = _ENTRIES_PER_SECTION * (MAX_BLOCKS - 10)
"""Maximum entries of a list on a page. Six blocks stay free for the other parts, four for entries with many names."""
_MAX_VALUES = 3
"""Maximum values of a row in one line. On a phone (390 px) such a row has two or three lines."""

# Maximum characters of each part
_MAX_SECTION = 2_800
"""A section, below Slack's limit."""
_MAX_BRIEF_LINES = 1_500
"""Lines without findings that have information."""
_MAX_REASON = 500
_MAX_VALUE = 1_000
_MAX_LINE = 200
"""A sentence of a section."""
_MAX_CODE = 1_000
"""A command line of a section. One that is cut would be of no use."""
_MAX_TAIL = 200
"""The text after a name in a one-line entry."""
_MAX_GROUP = 2_100
"""One host in full; with its commands it stays below Slack's limit for a section."""
_MAX_NAMES = 500
"""Names of hosts in one state that are not shown in full. More are counted."""
_FOLDED_RESERVE = 4_400
"""All lines of hosts that are not shown in full: at most seven states."""
_COUNT_RESERVE = 100
"""Characters reserved for the sentence that counts the rest."""


@dataclass(frozen=True)
class AnswerPage:
    """Paragraphs of one page, its number from 0, and the number of pages.

    `partial`: some lines are not shown in full on any page. `wide`: rows have more values than are shown without details.
    """

    paragraphs: tuple[str, ...]
    number: int
    count: int
    partial: bool = False
    wide: bool = False


def build_judged_page(shown: ReportText, view: AnswerView, room: int, texts: Texts) -> AnswerPage:
    """Builds a page of lines with findings in full, equal ones together, and the others folded; or every line by itself.

    Lines without findings that have information get a line each, or share one if the information is equal. The first page
    has a line for each state, which names the hosts that are not shown in full.
    """
    tells = [line for line in shown.others if not view.details and _list_plain_fields(line)]
    in_full = view.everything or not (shown.bad or tells)
    wanted, others = ((*shown.bad, *shown.others), ()) if in_full else (shown.bad, shown.others)
    checks = _render_in_words if in_full or view.details else _render_in_signs
    same = (
        [[line] for line in wanted]
        if view.everything
        else group_lines(wanted, lambda line: (line.grade, line.state, line.reasons, *checks(line, texts)))
    )
    told_of = [] if in_full else list(pack_rows(fit_rows(_render_briefly(tells, texts), _MAX_BRIEF_LINES, texts)))
    groups = [_render_group(lines, checks(lines[0], texts), texts) for lines in same]
    pages = _split_pages(groups, room - _FOLDED_RESERVE - sum(map(len, told_of)), _MAX_HOSTS_IN_FULL)
    number = min(view.page, len(pages) - 1)
    left = [line for lines in same[len(pages[0]) :] for line in lines]
    silent = [line for line in others if line not in tells]
    folded = group_lines((*left, *silent), lambda line: (line.grade, line.state))
    partial = bool(others) or (not view.everything and any(len(lines) > 1 for lines in same))
    first = (*(_render_count(lines, texts) for lines in folded), *told_of) if number == 0 else ()
    return AnswerPage((*pages[number], *first), number, len(pages), partial)


def build_list_page(shown: ReportText, view: AnswerView, room: int, texts: Texts) -> AnswerPage:
    """Builds a page of one-line entries with the first values of each row, or of cards with all of them.

    Cards are for details, and for a wide row that is alone.
    """
    wide = any(len(_list_values(line)) > _MAX_VALUES for line in shown.lines)
    if wide and (view.details or len(shown.lines) == 1):
        pages = _split_pages([_render_card(line, texts) for line in shown.lines], room, _MAX_HOSTS_IN_FULL)
        number = min(view.page, len(pages) - 1)
        return AnswerPage(tuple(pages[number]), number, len(pages), wide=len(shown.lines) > 1)
    pages = _split_pages(list_entries(shown, texts), room, _MAX_ENTRIES)
    number = min(view.page, len(pages) - 1)
    entries = pages[number]
    parts = (entries[start : start + _ENTRIES_PER_SECTION] for start in range(0, len(entries), _ENTRIES_PER_SECTION))
    return AnswerPage(tuple(chain.from_iterable(map(pack_rows, parts))), number, len(pages), wide=wide)


def list_entries(shown: ReportText, texts: Texts) -> list[str]:
    """Lists the rows as one-line entries. Hosts with the same values share an entry."""
    lines = shown.lines
    same = group_lines(lines, lambda line: render_values(line, "")) if shown.by_host else [[line] for line in lines]
    return [f"*{render_names(each, _MAX_NAMES, texts)}*{render_values(each[0], ' — ')}" for each in same]


def _render_card(line: ReportLine, texts: Texts) -> str:
    """Renders a row as a card: its name, and each value on a line of its own."""
    return "\n".join(fit_rows([f"*{render_name(line)}*", *map(_render_field, _list_values(line))], _MAX_GROUP, texts))


def lay_out(values: Sequence[str]) -> list[str]:
    """Lays out the values of a row: a few share a line, more have a line each, so that a phone shows them as a card."""
    return list(filter(None, [" · ".join(values)])) if len(values) <= _MAX_VALUES else list(values)


def build_fact_page(shown: ReportText, page: int, room: int, texts: Texts) -> AnswerPage:
    """Builds a page of facts on one thing, a line each, below its findings."""
    found = [_render_group([line], (), texts) for line in shown.lines if not line.fields]
    facts = [
        f"*{render_name(line)}:* {_render_sign(field.mark)}{escape(field.text, _MAX_VALUE)}"
        for line in shown.lines
        for field in line.fields
    ]
    pages = _split_pages([*found, *pack_rows(facts)], room, MAX_BLOCKS - 6)
    number = min(page, len(pages) - 1)
    return AnswerPage(tuple(pages[number]), number, len(pages))


def pack_rows(rows: Sequence[str]) -> Iterator[str]:
    """Joins rows to paragraphs, as many as one section takes."""
    held: list[str] = []
    for each in rows:
        if held and sum(len(row) + 1 for row in held) + len(each) > _MAX_SECTION:
            yield "\n".join(held)
            held = []
        held.append(each)
    if held:
        yield "\n".join(held)


def _split_pages(paragraphs: Sequence[str], room: int, most: int) -> list[list[str]]:
    """Splits paragraphs into pages of at most `most` paragraphs and `room` characters; at least one page."""
    pages: list[list[str]] = [[]]
    used = 0
    for paragraph in paragraphs:
        if pages[-1] and (len(pages[-1]) == most or used + len(paragraph) + 2 > room):
            pages.append([])
            used = 0
        pages[-1].append(paragraph)
        used += len(paragraph) + 2
    return pages


def _render_group(lines: Sequence[ReportLine], checks: Sequence[str], texts: Texts) -> str:
    """Renders hosts with the same findings; usually one."""
    first = lines[0]
    whys = [escape(why, _MAX_REASON) for why in first.reasons]
    head = (
        _render_count(lines, texts)
        if len(lines) > 1
        else f"{GRADE_SYMBOLS[first.grade]} *{render_name(first)}* {escape(first.state, 30)}"
    )
    rows = [f"{head} — {whys[0]}"] if len(lines) == len(whys) == 1 else [head, *(f"• {why}" for why in whys)]
    commands = [render_command(words) for words in list_commands(lines, _MAX_COMMANDS)]
    typed = [f"→ {'  '.join(commands)}"] if commands else []
    asks = [f"→ {escape(ask, _MAX_REASON)}" for line in lines for ask in line.asks][:_MAX_COMMANDS]
    return "\n".join([*fit_rows([rows[0], *checks, *rows[1:]], _MAX_GROUP, texts), *typed, *asks])


def _render_briefly(tells: Sequence[ReportLine], texts: Texts) -> list[str]:
    """Renders the information of lines besides their state, without headings if each has only one."""
    headed = any(len(_list_plain_fields(line)) > 1 for line in tells)
    same = group_lines(tells, lambda line: (line.grade, _render_tail(line, headed)))
    return [
        f"{GRADE_SYMBOLS[lines[0].grade]} *{render_names(lines, _MAX_NAMES, texts)}* — {_render_tail(lines[0], headed)}"
        for lines in same
    ]


def _render_tail(line: ReportLine, headed: bool) -> str:
    plain = [escape(f"{field.heading}: {field.text}" if headed else field.text, 60) for field in _list_plain_fields(line)]
    doubts = [_render_field(field) for field in line.fields if field.mark is Mark.UNKNOWN]
    return " · ".join([*plain, *doubts])


def _list_values(line: ReportLine) -> list[ReportField]:
    return [field for field in line.fields if field.text]


def _list_plain_fields(line: ReportLine) -> list[ReportField]:
    return [field for field in line.fields if field.mark is Mark.PLAIN and field.text]


def _render_count(lines: Sequence[ReportLine], texts: Texts) -> str:
    """Renders hosts in the same state as `:large_green_circle: 2 healthy: host-a, host-d`."""
    sign = GRADE_SYMBOLS[lines[0].grade]
    count = f"{sign} {escape(Phrase('{n} {state}', n=len(lines), state=lines[0].state).render(texts), 60)}"
    if lines[0].grade is Grade.WELL and len(lines) > _MAX_NAMED_HOSTS:
        return count
    return f"{count}: {render_names(lines, _MAX_NAMES, texts)}"


def _render_in_words(line: ReportLine, texts: Texts) -> list[str]:
    """Renders the checks in words, unknown and absent ones only by sign, then plain information."""
    checks = [_render_field(field) for field in line.fields if field.mark in (Mark.BAD, Mark.WELL)]
    rows = [" · ".join(checks), _render_signs(line, (Mark.UNKNOWN, Mark.ABSENT), texts)]
    return [*filter(None, rows), *lay_out(list(map(_render_field, _list_plain_fields(line))))]


def _render_field(field: ReportField) -> str:
    return f"{_render_sign(field.mark)}{escape(field.heading, 60)}: {escape(field.text, _MAX_VALUE)}"


def _render_in_signs(line: ReportLine, texts: Texts) -> list[str]:
    """Renders the checks by sign. An entirely unknown host has none, because its state says it."""
    unknown = all(field.mark is Mark.UNKNOWN for field in line.fields)
    signs = "" if unknown else _render_signs(line, (Mark.BAD, Mark.UNKNOWN, Mark.WELL, Mark.ABSENT), texts)
    return [signs] if signs else []


def _render_signs(line: ReportLine, marks: Sequence[Mark], texts: Texts) -> str:
    """Renders headings by sign, as `✗ Nebula  ✓ Gateway, API`."""
    headings = {mark: [escape(field.heading, 60) for field in line.fields if field.mark is mark] for mark in marks}
    return "  ".join(f"{_render_sign(mark)}{texts.series(same)}" for mark, same in headings.items() if same)


def _render_sign(mark: Mark) -> str:
    return f"{MARK_SIGNS[mark]} " if MARK_SIGNS[mark] else ""


def render_values(line: ReportLine, after: str) -> str:
    """Renders the first values of a line and the bad and unknown ones, with headings if there are several that need one."""
    several = len(line.fields) > 1
    shown = [
        field
        for number, field in enumerate(line.fields)
        if field.text and (number < _MAX_VALUES or field.mark in (Mark.BAD, Mark.UNKNOWN))
    ]
    headed = (f"{field.heading}: {field.text}" if several and not field.plain else field.text for field in shown)
    words = " · ".join(headed)
    return f"{after}{escape(words, _MAX_TAIL)}" if words else ""


def render_name(line: ReportLine) -> str:
    """Renders the name of a line."""
    return escape(line.name, 64)


def render_names(lines: Sequence[ReportLine], room: int, texts: Texts) -> str:
    """Renders as many names as fit into `room` characters, each once, and counts the rest."""
    return texts.series(fit_rows(list(dict.fromkeys(map(render_name, lines))), room, texts))


def render_section(part: Section, most: int, room: int, texts: Texts) -> str:
    """Renders a section of a report: its heading and at most `most` lines; "" if there is no room."""
    heading = f"*{escape(part.heading.render_sentence(texts), _COUNT_RESERVE)}*"
    if len(heading) + 2 * _COUNT_RESERVE > room:
        return ""
    lines = [_render_section_line(line, texts, code=part.code) for line in part.lines]
    return "\n".join([heading, *fit_rows(lines, room - len(heading) - 1, texts, most)])


def _render_section_line(line: Phrase, texts: Texts, *, code: bool) -> str:
    if code:
        return format_code_block([to_one_line(line.render(texts))], _MAX_CODE)
    return f"• {escape(line.render_sentence(texts), _MAX_LINE)}"


def fit_rows(rows: Sequence[str], room: int, texts: Texts, most: int = _MAX_ENTRIES) -> list[str]:
    """Returns the first rows, at most `most`, that fit into `room` characters. If rows are left, a last row counts them."""
    sizes = list(accumulate(len(row) + 2 for row in rows))
    if len(rows) <= most and max(sizes, default=0) <= room:
        return list(rows)
    count = sum(size <= room - _COUNT_RESERVE for size in sizes[: most - 1])
    more = Phrase("… and {n} more", n=len(rows) - count)
    return [*rows[:count], escape(more.render(texts), _COUNT_RESERVE - 1)]


def render_command(words: str) -> str:
    """Renders a command as it can be typed."""
    return format_code(f"{COMMAND} {words}")


def render_footer(understood: str, taken_at: datetime | None, texts: Texts) -> str:
    """Renders the command as it was parsed, and the time of reading."""
    if taken_at is None:
        return render_command(understood)
    return f"{render_command(understood)} · {format_time(taken_at, texts)}"
