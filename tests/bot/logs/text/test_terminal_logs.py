"""Log lines in a terminal: grouped as in Slack, in full, with color for what is wrong; raw lines as in the file."""

from datetime import timedelta

import pytest
from rich.text import Text

from adapters.phrase import Phrase
from bot.logs.text import list_log_lines
from commands.log_lines import patterns
from commands.log_lines.excerpt import Excerpt
from commands.log_lines.formats import Level
from commands.model.report import Report
from tests.bot.rendering.examples import ENGLISH
from tests.commands.log_examples import BEGAN, line

LINES = (
    *(line(order, f"request {order} to 10.100.2.1 failed", level=Level.ERROR) for order in range(3)),
    line(3, "x" * 500),
)


def listed(excerpt: Excerpt) -> list[Text]:
    report = Report(title=Phrase("Logs"), summary=Phrase("lines"), taken_at=BEGAN + timedelta(minutes=5))
    return list(list_log_lines(report, excerpt, ENGLISH))


def test_lines_are_grouped_and_long_ones_are_whole() -> None:
    shown = listed(Excerpt(lines=LINES, names={"10.100.2.1": "host-b"}))
    assert [
        "18:00:00–18:00:02 ERROR 3× request ‹3 numbers› to host-b failed",
        " ├ 18:00:00 request 0 to host-b failed",
        " └ 18:00:02 request 2 to host-b failed",
        f"18:00:03 INFO {'x' * 500}",
    ] == [each.plain for each in shown]


def test_an_error_is_red() -> None:
    shown = listed(Excerpt(lines=LINES))
    assert ["red"] == [str(span.style) for span in shown[0].spans if "request" in shown[0].plain[span.start : span.end]]


def test_raw_lines_are_as_in_the_file() -> None:
    shown = listed(Excerpt(lines=LINES[:2], raw=True))
    assert [
        "2026-01-31 18:00:00.000 host-a nebula ERROR request 0 to 10.100.2.1 failed",
        "2026-01-31 18:00:01.000 host-a nebula ERROR request 1 to 10.100.2.1 failed",
    ] == [each.plain for each in shown]


def test_lines_are_raw_where_a_search_in_them_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "MATCH_TIMEOUT", -1.0)
    assert listed(Excerpt(lines=LINES, raw=True)) == listed(Excerpt(lines=LINES, sought="request"))


def test_a_line_cannot_write_to_the_terminal() -> None:
    shown = listed(Excerpt(lines=(line(0, "\x1b[31mred\x07 [bold]b[/bold]"),)))
    assert ["18:00:00 INFO ␛[31mred␇ [bold]b[/bold]"] == [each.plain for each in shown]
