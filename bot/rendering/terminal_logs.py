"""Log lines for a terminal, in groups or as they came. Errors and warnings are colored. Pure."""

from collections.abc import Iterator
from contextlib import suppress

from rich.text import Text

from adapters.phrase import Texts
from bot.rendering.log_rows import LogRow, build_rows
from bot.security.untrusted_text import clean_lines
from commands.log_lines.excerpt import ALL_LINES, Excerpt
from commands.log_lines.formats import Level
from commands.log_lines.groups import group_entries
from commands.logs.text_file import render_text
from commands.model.report import Report
from commands.values.arguments import BadArgument

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
