"""Renders groups of log lines as text, for every surface. Pure.

    18:02:00–18:06:51 host-a ERROR 17× connect() failed (10061: …) → host-b:8080 · GET /orders/‹17 numbers› · client shop
     ├ 18:02:00 GET /orders/118            the first and the last: only the pieces that vary
     └ 18:06:51 GET /orders/134
    18:06:52 host-a INFO Handshake message received · certName=host-b
       at main.py …                        lines that belong to the newest entry

Times are in the reader's zone, addresses of hosts are names. A line whose match a reader searches for, but would not see,
is shown as it was written. Lines are untrusted: each becomes one line of visible characters.

Log lines for a terminal, in groups or as they came. Errors and warnings are colored. Pure.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from rich.text import Text

from adapters.phrase import Phrase, Texts
from bot.security.json_spelling import decode_json_spelling
from bot.security.untrusted_text import clean_lines, to_one_line
from commands.log_lines.excerpt import ALL_LINES, CONTINUATION_LINES, Excerpt, LineFilter
from commands.log_lines.formats import Level
from commands.log_lines.groups import MAX_COUNTED, VARIABLE, LineGroup, group_entries
from commands.log_lines.patterns import make_finder
from commands.log_lines.pieces import Piece, Pieces, find_pieces
from commands.log_lines.redaction import name_hosts
from commands.logs.text_file import render_text
from commands.model.report import Report
from commands.values.arguments import BadArgument

MAX_LISTED = 2
"""Addresses or hosts that are listed; more of them are counted."""

NO_DATE, NO_TIME = "-" * 10, "--:--:--"


@dataclass(frozen=True)
class _Layout:
    """The columns before each text, and how text is shown.

    `host`, `source`: the answer is about several. `date`: a line is from another day than the reading. `raw`: texts as they
    were written. `names`: the hosts' names by address. `found` is the reader's search.
    """

    host: bool
    source: bool
    date: bool
    raw: bool
    names: Mapping[str, str]
    found: Callable[[str], tuple[int, int] | None]


@dataclass(frozen=True)
class LogRow:
    """A group as text: what precedes its text, the text, and further lines below it."""

    prefix: str
    text: str
    level: Level | None
    further: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Hole:
    """A part of a line that varies within its group, from one place to another, and its description."""

    begin: int
    end: int
    label: str


def build_rows(
    report: Report, excerpt: Excerpt, groups: Sequence[LineGroup], pick: LineFilter, texts: Texts
) -> tuple[LogRow, ...]:
    """Builds the rows of groups. The columns for host and log depend on the whole answer, so they are on every page.

    Raises `BadArgument` if the search takes too long.
    """
    hosts = {*(row.host for row in report.rows), *(line.host for line in excerpt.lines)}
    sources = {line.source for line in excerpt.lines}
    date = _has_other_days(groups, report.taken_at, texts)
    found = make_finder(pick.pattern or excerpt.sought, fixed=False, case=False)
    layout = _Layout(len(hosts) > 1, len(sources) > 1, date, pick.raw, excerpt.names, found)
    return tuple(_build_row(group, layout, texts) for group in groups)


def list_times(groups: Iterable[LineGroup]) -> Iterator[datetime]:
    """Lists the first and last times of groups."""
    for group in groups:
        yield from (at for at in (group.begins, group.ends) if at is not None)


def _has_other_days(groups: Iterable[LineGroup], taken_at: datetime | None, texts: Texts) -> bool:
    """Returns whether a line is from another day than the reading, in the reader's zone."""
    days = {at.astimezone(texts.zone).date() for at in list_times(groups)}
    return bool(days - ({taken_at.astimezone(texts.zone).date()} if taken_at is not None else set()))


def _build_row(group: LineGroup, layout: _Layout, texts: Texts) -> LogRow:
    """Builds the row of a group."""
    last = group.last[0]
    if layout.raw:
        return LogRow(_render_prefix(group, layout, texts, level=False), to_one_line(last.text), last.level)
    holes = _find_holes(group, layout, texts)
    pieces = find_pieces(last.text)
    text = _render_pieces(last.text, pieces, holes, layout)
    if layout.found(text) is None and layout.found(last.text) is not None:
        pieces = (Piece("", 0, len(last.text)),)
        text = _render_pieces(last.text, pieces, holes, layout)
    count = f"{texts.number(group.count)}× " if group.count > 1 else ""
    further = (*_render_ends(group, pieces, holes, layout, texts), *_render_rest(group, layout, texts))
    return LogRow(_render_prefix(group, layout, texts, level=True) + count, text, last.level, further)


def _list_hosts(group: LineGroup, texts: Texts) -> str:
    """Lists the hosts of a group, or counts them."""
    names = sorted(group.hosts)
    if len(names) <= MAX_LISTED:
        return ",".join(names)
    return Phrase("{n} hosts", n=texts.number(len(names))).render(texts)


def _format_time(at: datetime | None, date: bool, texts: Texts) -> str:
    """Formats the time of a line in the reader's zone."""
    if at is None:
        return f"{NO_DATE} {NO_TIME}" if date else NO_TIME
    return f"{at.astimezone(texts.zone):{'%Y-%m-%d %H:%M:%S' if date else '%H:%M:%S'}}"


def _render_prefix(group: LineGroup, layout: _Layout, texts: Texts, *, level: bool) -> str:
    last = group.last[0]
    columns = (
        _format_span(group, layout.date, texts),
        _list_hosts(group, texts) if layout.host else "",
        last.source if layout.source else "",
        last.level.upper() if level and last.level is not None else "",
    )
    return "".join(f"{column} " for column in columns if column)


def _format_span(group: LineGroup, date: bool, texts: Texts) -> str:
    """Formats the times of a group. The date is not repeated within a day."""
    begins, ends = _format_time(group.begins, date, texts), _format_time(group.ends, date, texts)
    if begins == ends:
        return begins
    same_day = date and begins.split()[0] == ends.split()[0]
    return f"{begins}–{ends.split()[1] if same_day else ends}"


def _find_holes(group: LineGroup, layout: _Layout, texts: Texts) -> list[_Hole]:
    """Finds the parts of the newest entry's first line that vary within the group."""
    if not group.values:
        return []
    return [
        _Hole(found.start(), found.start() + len(_strip_value(found[0])), _describe_values(values, layout.names, texts))
        for number, found in enumerate(VARIABLE.finditer(group.last[0].text))
        if (values := group.values.get(number)) is not None
    ]


def _strip_value(value: str) -> str:
    return value.rstrip(".:+-")


_IP_ADDRESS = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?|[0-9a-fA-F:]*:[0-9a-fA-F]*:[0-9a-fA-F:.]*", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d.*|\d{1,2}:\d\d(?::\d\d)?(?:\.\d+)?", re.ASCII | re.DOTALL)
_NUMBER = re.compile(r"[\d.]+[A-Za-z]{0,2}", re.ASCII)


def _describe_values(values: Iterable[str], names: Mapping[str, str], texts: Texts) -> str:
    """Describes the values of a part that varies: the addresses if there are few, otherwise their number."""
    different = {name_hosts(_strip_value(value), names) for value in values}
    stripped = [_strip_value(value) for value in values]
    count = f"{texts.number(MAX_COUNTED)}+" if len(stripped) >= MAX_COUNTED else texts.number(len(different))
    if all(map(_TIME.fullmatch, stripped)):
        return f"‹{Phrase('{n} times', n=count).render(texts)}›"
    if all(map(_IP_ADDRESS.fullmatch, stripped)):
        if len(different) <= MAX_LISTED:
            return f"‹{', '.join(sorted(different))}›"
        return f"‹{Phrase('{n} addresses', n=count).render(texts)}›"
    if all(map(_NUMBER.fullmatch, stripped)):
        return f"‹{Phrase('{n} numbers', n=count).render(texts)}›"
    return f"‹{Phrase('{n} IDs', n=count).render(texts)}›"


def _render_pieces(line: str, pieces: Pieces, holes: Sequence[_Hole], layout: _Layout) -> str:
    """Renders pieces of a line. A field whose value an earlier field has already shown is left out."""
    rendered: dict[str, str] = {}
    for piece in pieces:
        value = _render_piece(line, piece, holes, layout)
        rendered.setdefault(value, piece.lead)
    return to_one_line("".join(f"{lead}{value}" for value, lead in rendered.items()))


def _render_piece(line: str, piece: Piece, holes: Sequence[_Hole], layout: _Layout) -> str:
    parts, at = [], piece.begin
    for hole in holes:
        if piece.begin <= hole.begin and hole.end <= piece.end:
            parts += [_render_part(line[at : hole.begin], piece, layout), hole.label]
            at = hole.end
    return "".join((*parts, _render_part(line[at : piece.end], piece, layout)))


def _render_part(text: str, piece: Piece, layout: _Layout) -> str:
    """Renders a part of a piece. Lines are redacted as they were written, so only escapes known to redaction are decoded."""
    return name_hosts(decode_json_spelling(text) if piece.quoted and "\\" in text else text, layout.names)


def _render_ends(group: LineGroup, pieces: Pieces, holes: Sequence[_Hole], layout: _Layout, texts: Texts) -> Iterator[str]:
    """Renders the first and the last entry of a group: the pieces that vary."""
    varying = [n for n, piece in enumerate(pieces) if any(piece.begin <= each.begin < piece.end for each in holes)]
    if not varying:
        return
    for sign, entry in (("├", group.first[0]), ("└", group.last[0])):
        found = find_pieces(entry.text) if len(pieces) > 1 else (Piece("", 0, len(entry.text)),)
        shown = tuple(found[n] for n in varying) if len(found) == len(pieces) else found
        text = _render_pieces(entry.text, shown, (), layout).lstrip("·→: ")
        host = f"{entry.host} " if len(group.hosts) > 1 else ""
        yield f" {sign} {_format_time(entry.at, layout.date, texts)} {host}{text}"


def _render_rest(group: LineGroup, layout: _Layout, texts: Texts) -> Iterator[str]:
    """Renders the lines that belong to the newest entry, up to a few."""
    rest = group.last[1:]
    for line in rest[:CONTINUATION_LINES]:
        yield f"   {to_one_line(name_hosts(line.text, layout.names))}"
    if (more := len(rest) - CONTINUATION_LINES) > 0:
        yield "   " + Phrase("and {n} more line", plural="and {n} more lines", n=more).render(texts)


_LEVEL_STYLES: dict[Level | None, str] = {Level.WARN: "yellow", Level.ERROR: "red", Level.FATAL: "bold red"}


def list_log_lines(report: Report, excerpt: Excerpt, texts: Texts) -> Iterator[Text]:
    """Yields the log lines in groups, or as in the file if they were requested raw or their search takes too long."""
    rows = None if excerpt.raw else _try_rows(report, excerpt, texts)
    if rows is None:
        yield from map(Text, clean_lines(render_text(excerpt.lines, (), texts, texts.zone)).splitlines())
        return
    for row in rows:
        yield from _format_row(row)


def _try_rows(report: Report, excerpt: Excerpt, texts: Texts) -> tuple[LogRow, ...] | None:
    """Builds the rows of all groups; None if the search in them takes too long."""
    with suppress(BadArgument):
        return build_rows(report, excerpt, group_entries(excerpt.lines), ALL_LINES, texts)
    return None


def _format_row(row: LogRow) -> Iterator[Text]:
    yield Text(row.prefix, "dim") + Text(row.text, _LEVEL_STYLES.get(row.level, ""))
    for line in row.further:
        yield Text(line, "dim")
