"""Paragraphs of a Slack message: the lines of a report in mrkdwn, in full or folded, on pages. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from adapters.phrase import Phrase, Texts
from bot.rendering.labels import COMMAND, SIGNS
from bot.rendering.report_text import Field, Line, Sheet, alike
from bot.rendering.slack.blocks import BLOCKS, code, escape, when
from bot.rendering.slack.buttons import View
from commands.model.finding import Severity
from commands.model.report import Mark, Section

SYMBOLS: dict[Severity | None, str] = {
    Severity.CRITICAL: ":red_circle:",
    Severity.HIGH: ":large_orange_circle:",
    Severity.MEDIUM: ":large_yellow_circle:",
    Severity.LOW: ":large_blue_circle:",
    None: ":large_green_circle:",
}
UNKNOWN_SIGN = ":grey_question:"

_FULL = 10
"""Maximum number of hosts on a page that are shown with their checks. More would not be readable on a phone."""
_NAMED = 10
"""Maximum number of healthy hosts that are named. More are only counted."""
_SUGGESTED = 3
_BATCH = 8
"""Entries of a list in one section. Eight of the longest stay below Slack's limit for a section."""
_ROWS = _BATCH * (BLOCKS - 6)
"""Maximum entries of a list on a page. Six blocks stay free for the other parts."""

# Maximum characters of each part
_SECTION = 2_800
"""A section, below Slack's limit."""
_EACH = 1_500
"""Lines without findings that have information."""
_WHY = 500
_VALUE = 1_000
_LINE = 200
"""A sentence of a section."""
_TAIL = 200
"""The text after a name in a one-line entry."""
_GROUP = 2_100
"""One host in full; with its commands it stays below Slack's limit for a section."""
_NAMES = 500
"""Names of hosts in one state that are not shown in full. More are counted."""
_FOLDED = 4_400
"""All lines of hosts that are not shown in full: at most seven states."""
_COUNTED = 100
"""Characters reserved for the sentence that counts the rest."""


@dataclass(frozen=True)
class Page:
    """Paragraphs of one page, its number from 0, and the number of pages.

    `partial`: some lines are not shown in full on any page.
    """

    paragraphs: tuple[str, ...]
    number: int
    count: int
    partial: bool = False


def judged(shown: Sheet, view: View, room: int, texts: Texts) -> Page:
    """Builds a page of lines with findings in full, equal ones together, and the others folded; or every line by itself.

    Lines without findings that have information get a line each, or share one if the information is equal. The first page
    has a line for each state, which names the hosts that are not shown in full.
    """
    tells = [line for line in shown.others if not view.details and _plain(line)]
    in_full = view.everything or not (shown.bad or tells)
    wanted, others = ((*shown.bad, *shown.others), ()) if in_full else (shown.bad, shown.others)
    checks = _in_words if in_full or view.details else _in_signs
    same = (
        [[line] for line in wanted]
        if view.everything
        else alike(wanted, lambda line: (symbol(line), line.state, line.whys, *checks(line, texts)))
    )
    told_of = [] if in_full else list(packed(fitting(_briefly(tells, texts), _EACH, texts)))
    groups = [_group(lines, checks(lines[0], texts), texts) for lines in same]
    pages = _pages(groups, room - _FOLDED - sum(map(len, told_of)), _FULL)
    number = min(view.page, len(pages) - 1)
    left = [line for lines in same[len(pages[0]) :] for line in lines]
    silent = [line for line in others if line not in tells]
    folded = alike((*left, *silent), lambda line: (symbol(line), line.state))
    partial = bool(others) or (not view.everything and any(len(lines) > 1 for lines in same))
    first = (*(_counted(lines, texts) for lines in folded), *told_of) if number == 0 else ()
    return Page((*pages[number], *first), number, len(pages), partial)


def listed(lines: Sequence[Line], page: int, room: int, texts: Texts) -> Page:
    """Builds a page of one-line entries."""
    pages = _pages([f"*{name(line)}*{told(line, ' — ')}" for line in lines], room, _ROWS)
    number = min(page, len(pages) - 1)
    entries = pages[number]
    paragraphs = ["\n".join(entries[start : start + _BATCH]) for start in range(0, len(entries), _BATCH)]
    return Page(tuple(paragraphs), number, len(pages))


def known(shown: Sheet, page: int, room: int, texts: Texts) -> Page:
    """Builds a page of facts on one thing, a line each, below its findings."""
    found = [_group([line], (), texts) for line in shown.lines if not line.fields]
    facts = [
        f"*{name(line)}:* {_sign(field.mark)}{escape(field.text, _VALUE)}" for line in shown.lines for field in line.fields
    ]
    pages = _pages([*found, *packed(facts)], room, BLOCKS - 6)
    number = min(page, len(pages) - 1)
    return Page(tuple(pages[number]), number, len(pages))


def packed(rows: Sequence[str]) -> Iterator[str]:
    """Joins rows to paragraphs, as many as one section takes."""
    held: list[str] = []
    for each in rows:
        if held and sum(len(row) + 1 for row in held) + len(each) > _SECTION:
            yield "\n".join(held)
            held = []
        held.append(each)
    if held:
        yield "\n".join(held)


def _pages(paragraphs: Sequence[str], room: int, most: int) -> list[list[str]]:
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


def _group(lines: Sequence[Line], checks: Sequence[str], texts: Texts) -> str:
    """Renders hosts with the same findings; usually one."""
    first = lines[0]
    whys = [escape(why, _WHY) for why in first.whys]
    head = _counted(lines, texts) if len(lines) > 1 else f"{symbol(first)} *{name(first)}* {escape(first.state, 30)}"
    rows = [f"{head} — {whys[0]}"] if len(lines) == len(whys) == 1 else [head, *(f"• {why}" for why in whys)]
    commands = [command(words) for line in lines for words in line.next][:_SUGGESTED]
    typed = [f"→ {'  '.join(commands)}"] if commands else []
    return "\n".join([*fitting([rows[0], *checks, *rows[1:]], _GROUP, texts), *typed])


def _briefly(tells: Sequence[Line], texts: Texts) -> list[str]:
    """Renders the information of lines besides their state, without headings if each has only one."""
    headed = any(len(_plain(line)) > 1 for line in tells)
    same = alike(tells, lambda line: (symbol(line), _tail(line, headed)))
    return [f"{symbol(lines[0])} *{names(lines, _NAMES, texts)}* — {_tail(lines[0], headed)}" for lines in same]


def _tail(line: Line, headed: bool) -> str:
    plain = [escape(f"{field.heading}: {field.text}" if headed else field.text, 60) for field in _plain(line)]
    doubts = [_in_word(field) for field in line.fields if field.mark is Mark.UNKNOWN]
    return " · ".join([*plain, *doubts])


def _plain(line: Line) -> list[Field]:
    return [field for field in line.fields if field.mark is Mark.PLAIN and field.text]


def _counted(lines: Sequence[Line], texts: Texts) -> str:
    """Renders hosts in the same state as `:large_green_circle: 2 well: host-a, host-d`."""
    sign = symbol(lines[0])
    count = f"{sign} {escape(Phrase('{n} {state}', n=len(lines), state=lines[0].state).render(texts), 60)}"
    if sign == SYMBOLS[None] and len(lines) > _NAMED:
        return count
    return f"{count}: {names(lines, _NAMES, texts)}"


def _in_words(line: Line, texts: Texts) -> list[str]:
    """Renders the checks in words, unknown and absent ones only by sign, then plain information."""
    checks = [_in_word(field) for field in line.fields if field.mark in (Mark.BAD, Mark.WELL)]
    more = [_in_word(field) for field in line.fields if field.mark is Mark.PLAIN and field.text]
    rows = [" · ".join(checks), _signs(line, (Mark.UNKNOWN, Mark.ABSENT), texts), " · ".join(more)]
    return [row for row in rows if row]


def _in_word(field: Field) -> str:
    return f"{_sign(field.mark)}{escape(field.heading, 60)}: {escape(field.text, _VALUE)}"


def _in_signs(line: Line, texts: Texts) -> list[str]:
    """Renders the checks by sign. An entirely unknown host has none, because its state says it."""
    unknown = all(field.mark is Mark.UNKNOWN for field in line.fields)
    return [] if unknown else [_signs(line, (Mark.BAD, Mark.UNKNOWN, Mark.WELL, Mark.ABSENT), texts)]


def _signs(line: Line, marks: Sequence[Mark], texts: Texts) -> str:
    """Renders headings by sign, as `✗ Nebula  ✓ Gateway, API`."""
    headings = {mark: [escape(field.heading, 60) for field in line.fields if field.mark is mark] for mark in marks}
    return "  ".join(f"{_sign(mark)}{texts.series(same)}" for mark, same in headings.items() if same)


def _sign(mark: Mark) -> str:
    return f"{SIGNS[mark]} " if SIGNS[mark] else ""


def told(line: Line, after: str) -> str:
    """Renders the values of a line, with headings if there are several."""
    several = len(line.fields) > 1
    words = " · ".join(f"{field.heading}: {field.text}" if several else field.text for field in line.fields if field.text)
    return f"{after}{escape(words, _TAIL)}" if words else ""


def name(line: Line) -> str:
    """Renders the name of a line."""
    return escape(line.name, 64)


def names(lines: Sequence[Line], room: int, texts: Texts) -> str:
    """Renders as many names as fit into `room` characters, and counts the rest."""
    return texts.series(fitting([name(line) for line in lines], room, texts))


def symbol(line: Line) -> str:
    """Chooses the symbol of a line by its severity."""
    return SYMBOLS[line.severity] if line.known else UNKNOWN_SIGN


def told_in(part: Section, most: int, room: int, texts: Texts) -> str:
    """Renders a section of a report: its heading and at most `most` lines; "" if there is no room."""
    heading = f"*{escape(part.heading.render_sentence(texts), _COUNTED)}*"
    if len(heading) + 2 * _COUNTED > room:
        return ""
    lines = [f"• {escape(line.render_sentence(texts), _LINE)}" for line in part.lines]
    return "\n".join([heading, *fitting(lines, room - len(heading) - 1, texts, most)])


def fitting(rows: Sequence[str], room: int, texts: Texts, most: int = _ROWS) -> list[str]:
    """Returns the first rows, at most `most`, that fit into `room` characters. If rows are left, a last row counts them."""
    sizes = list(accumulate(len(row) + 2 for row in rows))
    if len(rows) <= most and max(sizes, default=0) <= room:
        return list(rows)
    count = sum(size <= room - _COUNTED for size in sizes[: most - 1])
    more = Phrase("… and {n} more", n=len(rows) - count)
    return [*rows[:count], escape(more.render(texts), _COUNTED - 1)]


def command(words: str) -> str:
    """Renders a command as it can be typed."""
    return code(f"{COMMAND} {words}")


def footing(understood: str, taken_at: datetime | None, texts: Texts) -> str:
    """Renders the command as it was parsed, and the time of reading in the reader's own zone."""
    if taken_at is None:
        return command(understood)
    return f"{command(understood)} · {when(taken_at, texts)}"
