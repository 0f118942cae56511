"""Answers in a terminal: readable at any width, in colour or without, and safe whatever a host says."""

import io
import re

import pytest
from hypothesis import given
from rich.cells import cell_len
from rich.console import Console

from adapters.phrase import Phrase, Texts
from bot.messages.terminal import print_answer
from bot.request import Failure, FailureKind
from commands.report import Report
from tests.bot.messages.anything import WHATEVER, reports
from tests.bot.messages.examples import ALL_WELL, ENGLISH, HELP, HOSTS, JAPANESE, MIXED, answer, health, stopped


def printed(body: Report | Failure, *, width: int = 80, texts: Texts = ENGLISH, understood: str = "health all") -> list[str]:
    """The lines of a terminal without colour, without the blanks at their ends."""
    file = io.StringIO()
    print_answer(Console(file=file, width=width), answer(body, understood), texts)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_all_well_is_one_line() -> None:
    assert ["all 3 hosts are well"] == printed(ALL_WELL)


def test_where_there_is_room_the_table_speaks_in_words() -> None:
    assert [
        "",
        "Host    State     Nebula         Gateway        API            Containers     Bridge         Forwarding",
        "──────────────────────────────────────────────────────────────────────────────────────────────────────────",
        "host-b  critical  ✗ stopped      ✓ running      ✓ healthy      ✓ 3 running    ✓ up           ✓ on",
        "host-c  unknown   ? not reached  ? not reached  ? not reached  ? not reached  ? not reached  ? not reached",
        "host-a  well      ✓ running      ✓ running      ✓ healthy      ✓ 3 running    ✓ up           ✓ on",
        "",
    ] == printed(MIXED, width=120)[1:8]


def test_in_eighty_columns_only_what_is_bad_speaks_and_the_findings_stand_below() -> None:
    assert [
        "2 of 3 hosts need attention: host-b: the service Nebula is stopped, and host-c",
        "was not reached",
        "",
        "Host    State     Nebula     Gateway  API  Containers  Bridge  Forwarding",
        "─────────────────────────────────────────────────────────────────────────",
        "host-b  critical  ✗ stopped  ✓        ✓    ✓           ✓       ✓",
        "host-c  unknown   ?          ?        ?    ?           ?       ?",
        "host-a  well      ✓          ✓        ✓    ✓           ✓       ✓",
        "",
        "host-b: the service Nebula is stopped",
        "  health host-b --details",
        "host-c: Windows was not reached: no answer; check that the host is up",
        "  health host-c --details",
    ] == printed(MIXED)


def test_a_narrow_terminal_shows_paragraphs() -> None:
    assert ["host-b critical", "  ✗ Nebula: stopped", "  ✓ Gateway: running"] == printed(MIXED, width=40)[3:6]


def test_wide_characters_keep_the_columns_straight() -> None:
    head, _, *rows = printed(health("…", [stopped("host-b")]), texts=JAPANESE)[2:5]
    cells = cell_len(head[: head.index("Nebula")])
    assert [cells] == [cell_len(row[: row.index("✗")]) for row in rows]


def test_reports_without_judgements_have_no_state() -> None:
    assert ["Host    Id  WSL2", "────────────────", "host-a  1   yes", "light   0   – no"] == printed(HOSTS)[2:6]
    assert ["Next:", "  health host-a --details"] == printed(HELP)[-2:]


def test_a_usage_failure_marks_the_wrong_part_and_offers_the_nearest_commands() -> None:
    failure = Failure(
        kind=FailureKind.USAGE, phrase=Phrase("no such host"), span=(7, 13), suggestions=("health host-b", "health host-a")
    )
    assert [
        "Not understood: no such host",
        "  health ▸ hsot-b ◂ --details",
        "Did you mean:",
        "  health host-b",
        "  health host-a",
    ] == printed(failure, understood="health hsot-b --details")


def test_markup_and_escape_codes_of_a_host_are_only_text() -> None:
    lines = printed(health("…", [stopped("host-b", why="[red]x[/] \x1b[2J\x9b2J :boom: \u202eabc [/nothing]")]))
    assert "host-b: [red]x[/] ␛[2J2J :boom: abc [/nothing]" in lines


@pytest.mark.parametrize("width", [20, 79, 200])
def test_colour_says_nothing_that_words_do_not_say(width: int) -> None:
    coloured, plain = io.StringIO(), io.StringIO()
    print_answer(Console(file=coloured, width=width, force_terminal=True, color_system="truecolor"), answer(MIXED), ENGLISH)
    print_answer(Console(file=plain, width=width, no_color=True), answer(MIXED), ENGLISH)
    assert "\x1b[1;31m" in coloured.getvalue()
    assert plain.getvalue() == re.sub(r"\x1b\[[0-9;]*m", "", coloured.getvalue())


@WHATEVER
@given(reports())
def test_no_report_carries_a_control_character_into_the_terminal(report: Report) -> None:
    text = "\n".join(printed(report.model_copy(update={"rows": report.rows[:20], "findings": report.findings[:20]})))
    assert [] == re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\ud800-\udfff]", text)
