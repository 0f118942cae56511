"""Log lines for a terminal, in groups or as they came. Errors and warnings are colored. Pure."""

from collections.abc import Iterator

from rich.text import Text

from adapters.phrase import Texts
from bot.rendering.log_rows import LogRow, build_rows
from bot.security.untrusted_text import clean_lines
from commands.loglines.excerpt import ALL_LINES, Excerpt
from commands.loglines.formats import Level
from commands.loglines.groups import group_entries
from commands.logs.text_file import render_text
from commands.model.report import Report

_LEVEL_STYLES: dict[Level | None, str] = {Level.WARN: "yellow", Level.ERROR: "red", Level.FATAL: "bold red"}


def list_log_lines(report: Report, excerpt: Excerpt, texts: Texts) -> Iterator[Text]:
    """Yields the log lines in groups, or as in the file if they were requested raw."""
    if excerpt.raw:
        yield from map(Text, clean_lines(render_text(excerpt.lines, (), texts, texts.zone)).splitlines())
        return
    for row in build_rows(report, excerpt, group_entries(excerpt.lines), ALL_LINES, texts):
        yield from _format_row(row)


def _format_row(row: LogRow) -> Iterator[Text]:
    yield Text(row.prefix, "dim") + Text(row.text, _LEVEL_STYLES.get(row.level, ""))
    for line in row.further:
        yield Text(line, "dim")
