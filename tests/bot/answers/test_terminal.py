"""Answers in a terminal: readable at any width, in colour or without, and safe whatever a host says."""

import io
import re

import pytest
from hypothesis import given
from rich.cells import cell_len
from rich.console import Console

from adapters.phrase import Phrase, Texts
from bot.answers.terminal import print_answer
from bot.model.change import Change, ChangeState
from bot.model.request import Failure, FailureKind
from commands.model.report import Cell, ChannelLink, Column, Mark, Report, Section
from tests.bot.rendering import changes
from tests.bot.rendering.anything import WHATEVER, any_changes, reports
from tests.bot.rendering.examples import (
    ALL_WELL,
    DIGEST,
    ENGLISH,
    HELP,
    HOSTS,
    JAPANESE,
    MIXED,
    SCHEDULES,
    WITHHELD,
    answer,
    health,
    stopped,
    with_details,
)
from tests.commands.model.test_chart import chart, host

CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\ud800-\udfff]")


def printed(
    body: Report | Failure | Change, *, width: int = 80, texts: Texts = ENGLISH, understood: str = "health all"
) -> list[str]:
    """The lines of a terminal without colour, without the blanks at their ends."""
    file = io.StringIO()
    print_answer(Console(file=file, width=width), answer(body, understood), texts)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_all_well_is_one_line() -> None:
    assert ["all 3 hosts are healthy"] == printed(ALL_WELL)


def test_a_terminal_links_nothing_and_names_the_channel_where_it_goes_on() -> None:
    leading = ALL_WELL.model_copy(update={"channel": ChannelLink(id="C0NEW", name="2026-01-31-502")})
    assert ["all 3 hosts are healthy", "Channel: #2026-01-31-502"] == printed(leading)
    nameless = ALL_WELL.model_copy(update={"channel": ChannelLink(id="C0NEW")})
    assert printed(ALL_WELL) == printed(nameless)


def test_a_chart_is_said_in_words_after_the_summary() -> None:
    charted = ALL_WELL.model_copy(update={"chart": chart(host("host-a"))})
    assert ["all 3 hosts are healthy", "1 host, last 14 days: 1 healthy. No certificate."] == printed(charted)


def test_a_chart_in_words_stands_apart_from_the_hosts() -> None:
    charted = MIXED.model_copy(update={"chart": chart(host("host-a"))})
    lines = printed(charted)
    assert "" == lines[lines.index("1 host, last 14 days: 1 healthy. No certificate.") - 1]


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (80, ["", "Schedule  Last", "──────────────────", "digest    done", "weekly    ✗ failed", ""]),
        (12, ["", "digest", "  Last: done", "weekly", "  ✗ Last: failed", ""]),
    ],
)
def test_what_is_bad_in_a_list_makes_no_line_well(width: int, lines: list[str]) -> None:
    assert ["2 schedules", *lines] == printed(SCHEDULES, width=width)


def test_where_there_is_room_the_table_speaks_in_words() -> None:
    assert [
        "",
        "Host    State     Nebula         Gateway        API            Containers     Bridge         Forwarding",
        "──────────────────────────────────────────────────────────────────────────────────────────────────────────",
        "host-b  critical  ✗ stopped      ✓ running      ✓ healthy      ✓ 3 running    ✓ up           ✓ on",
        "host-c  unknown   ? unreachable  ? unreachable  ? unreachable  ? unreachable  ? unreachable  ? unreachable",
        "host-a  healthy   ✓ running      ✓ running      ✓ healthy      ✓ 3 running    ✓ up           ✓ on",
        "",
    ] == printed(MIXED, width=120)[1:8]


def test_in_eighty_columns_only_what_is_bad_speaks_and_the_findings_stand_below() -> None:
    assert [
        "2 of 3 hosts need attention: host-b: service Nebula is stopped, and host-c was",
        "unreachable",
        "",
        "Host    State     Nebula     Gateway  API  Containers  Bridge  Forwarding",
        "─────────────────────────────────────────────────────────────────────────",
        "host-b  critical  ✗ stopped  ✓        ✓    ✓           ✓       ✓",
        "host-c  unknown   ?          ?        ?    ?           ?       ?",
        "host-a  healthy   ✓          ✓        ✓    ✓           ✓       ✓",
        "",
        "host-b: service Nebula is stopped  → health host-b --details",
        "host-c: Windows was unreachable: no response. Check that the host is up",
        "  → health host-c --details",
    ] == printed(MIXED)


def test_what_changed_stands_above_the_table_and_what_else_there_is_below_the_findings() -> None:
    lines = printed(DIGEST)
    assert [
        "",
        "Changes since 2026-11-24 18:10 JST",
        "  • New: host-b: Nebula stopped",
        "  • Resolved: host-a: Bridge down",
        "",
        "Host    State     Nebula     Gateway  API  Containers  Bridge  Forwarding",
    ] == lines[2:8]
    assert [
        "  → health host-c --details",
        "",
        "Locks",
        "  • ana has locked host-c: disk swap",
        "",
        "Audit log",
        "  • Audit log: event 1,234 (ab12cd34ef56)",
    ] == lines[-7:]


def test_a_command_for_another_machine_is_one_line_whatever_the_width() -> None:
    line = "sudo sh prepare-wsl.sh --key 'ssh-ed25519 " + "A" * 400 + "'"
    part = Section(heading=Phrase("WSL2: run on the host"), lines=(Phrase("{words}", words=line),), code=True)
    assert line in printed(MIXED.model_copy(update={"sections": (part,)}), width=60)


@pytest.mark.parametrize("texts", [ENGLISH, JAPANESE])
@pytest.mark.parametrize("width", [60, 70, 80])
def test_one_line_a_host_holds_down_to_sixty_columns_by_cutting_what_is_bad(width: int, texts: Texts) -> None:
    row, finding = stopped("host-b")
    several = Cell(text="2 of 3 with problems", mark=Mark.BAD)
    report = health("…", [(row.model_copy(update={"cells": (*row.cells[:4], several, *row.cells[5:])}), finding)])
    [line] = [line for line in printed(report, width=width, texts=texts) if line.startswith("host-b  ")]
    assert re.match(r"host-b  (critical|緊急)  ✗ [a-z…]+  ✓ +✓ +✗ 2.*… +✓ +✓$", line), line
    assert cell_len(line) <= width


def test_a_narrow_terminal_shows_paragraphs_in_which_only_what_is_bad_speaks() -> None:
    assert [
        "host-b  critical",
        "  ✗ Nebula: stopped  ✓ Gateway  ✓ API",
        "  ✓ Containers  ✓ Bridge  ✓ Forwarding",
    ] == printed(MIXED, width=40)[4:7]


def test_details_that_do_not_fit_are_told_in_words() -> None:
    version = Column(key="nebula_version", heading=Phrase("Nebula version"))
    rows = [row.model_copy(update={"cells": (*row.cells, Cell(text="1.9.5" * 9))}) for row in MIXED.rows]
    lines = printed(MIXED.model_copy(update={"columns": (*MIXED.columns, version), "rows": tuple(rows)}))
    assert [
        "host-a  healthy",
        "  ✓ Nebula: running  ✓ Gateway: running  ✓ API: healthy  ✓ Containers: 3 running",
        "  ✓ Bridge: up  ✓ Forwarding: on",
    ] == lines[(at := lines.index("host-a  healthy")) : at + 3]


def test_details_do_not_lead_to_themselves() -> None:
    findings = tuple(finding.model_copy(update={"next": None}) for finding in MIXED.findings)
    lines = printed(with_details(MIXED.model_copy(update={"findings": findings}), details=True))
    assert [] == [line for line in lines if "--details" in line]


def test_several_reasons_are_a_list_below_the_host() -> None:
    report = health("…", [stopped("host-b")])
    clock = report.findings[0].model_copy(update={"why": Phrase("the clock is wrong")})
    assert [
        "host-b:",
        "  • service Nebula is stopped",
        "  • The clock is wrong",
        "  → health host-b --details",
    ] == printed(report.model_copy(update={"findings": (report.findings[0], clock)}))[-4:]


def test_a_command_for_others_names_whom_to_ask() -> None:
    assert "host-b: service Nebula is stopped  → Start Nebula on host-b: ask bob" in printed(WITHHELD, width=90)


def test_what_is_to_be_said_of_several_hosts_is_said_once() -> None:
    assert [
        "host-b, host-c: service Nebula is stopped  → health host-b --details",
        "  → health host-c --details",
    ] == printed(health("…", [stopped("host-b"), stopped("host-c")]))[-2:]


def test_wide_characters_keep_the_columns_straight() -> None:
    head, _, *rows = printed(health("…", [stopped("host-b")]), texts=JAPANESE)[2:5]
    cells = cell_len(head[: head.index("Nebula")])
    assert [cells] == [cell_len(row[: row.index("✗")]) for row in rows]


def test_reports_without_judgements_have_no_state() -> None:
    assert ["Host    ID  WSL2", "────────────────", "host-a  1   yes", "light   0   – no"] == printed(HOSTS)[2:6]
    assert ["Next steps:", "  health host-a --details"] == printed(HELP)[-2:]


def test_a_usage_failure_marks_the_wrong_part_and_offers_the_nearest_commands() -> None:
    failure = Failure(
        kind=FailureKind.USAGE, phrase=Phrase("no such host"), span=(7, 13), suggestions=("health host-b", "health host-a")
    )
    assert [
        "Not recognized: No such host",
        "  health ▸ hsot-b ◂ --details",
        "Did you mean:",
        "  health host-b",
        "  health host-a",
    ] == printed(failure, understood="health hsot-b --details")


def test_markup_and_escape_codes_of_a_host_are_only_text() -> None:
    lines = printed(health("…", [stopped("host-b", why="[red]x[/] \x1b[2J\x9b2J :boom: \u202eabc [/nothing]")]))
    assert "host-b: [red]x[/] ␛[2J2J :boom: abc [/nothing]  → health host-b --details" in lines


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
    assert [] == CONTROLS.findall(text)


def test_a_change_says_its_state_its_steps_with_their_marks_and_what_to_type() -> None:
    assert [
        "Failed — took 1 min, 15 sec — lighthouse does not answer",
        "/flatnet cert renew host-a  op-0123456789ab",
        "Requested by: alice",
        "Reason: expires on Friday",
        "Approved by: bob, 2026-03-01 17:54 JST",
        "",
        "host-a",
        "  ✓ make a new key pair — 2 sec",
        "  ✗ lighthouse: sign its public key — unreachable: lighthouse does not answer",
        "  – replace the certificate and restart Nebula — not run",
        "  – lighthouse: see its handshake — not run",
    ] == printed(changes.FAILED)[:11]
    assert [
        "Excluded: host-z — Windows was unreachable",
        "Next steps:",
        "  op continue op-0123456789ab",
    ] == printed(changes.FAILED)[-3:]


def test_a_change_that_waits_names_who_may_approve_until_when_and_how() -> None:
    lines = printed(changes.WAITING)
    assert "Waiting for approval: 0 of 1" == lines[0]
    assert "Expires: 2026-03-01 18:50 JST" in lines
    assert "  approve op-0123456789ab" in lines


@pytest.mark.parametrize("name", changes.ALL)
@pytest.mark.parametrize("texts", [ENGLISH, JAPANESE], ids=["en", "ja"])
def test_every_state_of_a_change_fits_a_narrow_terminal(name: str, texts: Texts) -> None:
    assert all(cell_len(line) <= 40 for line in printed(changes.ALL[name], width=40, texts=texts))


@WHATEVER
@given(any_changes())
def test_whatever_a_change_holds_the_terminal_stays_safe(anything: Change) -> None:
    assert [] == CONTROLS.findall("\n".join(printed(anything)))


def test_a_plan_that_is_opened_in_the_terminal_has_every_step_of_every_host() -> None:
    """Who approves a critical change must have seen them all."""
    hosts = [f"host-{number}" for number in range(1, 7)]
    waiting = changes.change(ChangeState.WAITING, *hosts)
    assert 1 == "\n".join(printed(waiting)).count("○ make a new key pair")
    assert 6 == "\n".join(printed(waiting, understood="op show op-0123456789ab")).count("○ make a new key pair")
