"""Slack messages: state first, why, what to type; inside the budgets at any size."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.phrase import Phrase, Texts
from bot.messages.blocks import BLOCKS, CHARACTERS, TEXT
from bot.messages.slack import Message, render
from bot.request import Failure, FailureKind
from commands.report import Cell, Column, Report
from tests.bot.messages.anything import HOSTILE, WHATEVER, reports
from tests.bot.messages.examples import (
    ALL_DOWN,
    ALL_WELL,
    ENGLISH,
    HELP,
    HOSTS,
    JAPANESE,
    MIXED,
    answer,
    health,
    silent,
    stopped,
    well,
)
from tests.lab.workspace.limits import check_update
from tests.lab.workspace.message import Content

DATE = "<!date^1795597800^{date_short_pretty} {time}|2026-11-25 18:10 JST>"


def shown(message: Message) -> list[str]:
    """What each block says."""
    return [(block.get("text") or block["elements"][0])["text"] for block in message.blocks]


def test_all_well_is_one_line_and_how_it_was_understood() -> None:
    assert [":large_green_circle: *all 3 hosts are well*", f"`/flatnet health all` · {DATE}"] == shown(
        render(answer(ALL_WELL), ENGLISH)
    )


def test_a_mixed_fleet_shows_the_worst_first_with_its_checks_why_and_what_to_type() -> None:
    assert [
        ":red_circle: *2 of 3 hosts need attention: host-b: the service Nebula is stopped, and host-c was not reached*",
        ":red_circle: *host-b* critical — the service Nebula is stopped\n"
        "✗ Nebula  ✓ Gateway, API, Containers, Bridge, Forwarding\n"
        "→ `/flatnet health host-b --details`",
        ":grey_question: *host-c* unknown — Windows was not reached: no answer; check that the host is up\n"
        "→ `/flatnet health host-c --details`",
        ":large_green_circle: 1 well: host-a",
        f"`/flatnet health all` · {DATE}",
    ] == shown(render(answer(MIXED), ENGLISH))


def test_the_text_alone_is_complete_and_short_and_in_plain_words() -> None:
    """For notifications, screen readers, and where Slack refuses the blocks."""
    text = render(answer(MIXED), ENGLISH).text
    assert (
        "2 of 3 hosts need attention: host-b: the service Nebula is stopped, and host-c was not reached\n"
        "host-b critical: the service Nebula is stopped\n"
        "host-c unknown: Windows was not reached: no answer; check that the host is up\n"
        "Next: /flatnet health host-b --details, /flatnet health host-c --details"
    ) == text
    assert len(text) <= 300


def test_several_reasons_are_a_list() -> None:
    row, finding = stopped("host-b")
    report = health("…", [(row, finding)])
    report = report.model_copy(
        update={"findings": (finding, finding.model_copy(update={"why": Phrase("the clock is wrong")}))}
    )
    assert [
        ":red_circle: *host-b* critical",
        "✗ Nebula  ✓ Gateway, API, Containers, Bridge, Forwarding",
        "• the service Nebula is stopped",
        "• the clock is wrong",
        "→ `/flatnet health host-b --details`",
    ] == shown(render(answer(report), ENGLISH))[1].splitlines()


def test_details_that_were_asked_for_are_shown_for_well_hosts_too() -> None:
    version = Column(key="nebula_version", heading=Phrase("Nebula version"))
    rows = [row.model_copy(update={"cells": (*row.cells, Cell(text="1.9.5"))}) for row in MIXED.rows]
    message = render(answer(MIXED.model_copy(update={"columns": (*MIXED.columns, version), "rows": tuple(rows)})), ENGLISH)
    assert [
        ":large_green_circle: *host-a* well",
        "✓ Nebula: running · ✓ Gateway: running · ✓ API: healthy"
        " · ✓ Containers: 3 running · ✓ Bridge: up · ✓ Forwarding: on",
        "Nebula version: 1.9.5",
    ] == shown(message)[3].splitlines()


def test_where_many_are_bad_the_worst_are_shown_and_the_others_named_in_one_line_for_each_state() -> None:
    bad = [*(stopped(f"host-{n}", f"reason {n}") for n in range(12)), silent("host-x"), silent("host-y")]
    assert [
        ":red_circle: 2 critical: host-10, host-11",
        ":grey_question: 2 unknown: host-x, host-y",
        ":large_green_circle: 1 well: host-a",
        "This is shortened; ask for fewer hosts at once to see every check.",
    ] == shown(render(answer(health("…", bad, [well("host-a")])), ENGLISH))[11:-1]


def test_what_is_to_be_said_of_several_hosts_is_said_once() -> None:
    message = render(answer(health("…", [stopped("host-b"), stopped("host-c"), silent("host-d")])), ENGLISH)
    assert (
        ":red_circle: 2 critical: host-b, host-c\n"
        "✗ Nebula  ✓ Gateway, API, Containers, Bridge, Forwarding\n"
        "• the service Nebula is stopped\n"
        "→ `/flatnet health host-b --details`  `/flatnet health host-c --details`"
    ) == shown(message)[1]
    assert "host-b, host-c critical: the service Nebula is stopped" == message.text.splitlines()[1]


def test_a_fleet_that_is_all_down_fits_on_a_screen_and_counts_what_it_does_not_name() -> None:
    message = render(answer(ALL_DOWN), ENGLISH)
    headline, hosts, _ = shown(message)
    assert ":large_orange_circle: *none of 254 hosts was reached*" == headline
    assert hosts.startswith(":grey_question: 254 unknown: host-001, host-002, ")
    assert [", … and 214 more", "• Windows was not reached: no answer; check that the host is up"] == [
        hosts.splitlines()[0][-16:],
        hosts.splitlines()[1],
    ]
    assert len(message.text) < 500


def test_many_well_hosts_beside_a_bad_one_are_one_line() -> None:
    message = render(answer(health("…", [stopped("host-b")], [well(f"h{n}") for n in range(253)])), ENGLISH)
    assert ":large_green_circle: 253 well" == shown(message)[2]


def test_a_report_without_judgements_is_a_plain_list() -> None:
    assert [
        "*Hosts* — the bot knows 2 hosts",
        "*host-a* — Id: 1 · WSL2: yes\n*light* — Id: 0 · WSL2: no",
        "`/flatnet host`",
    ] == shown(render(answer(HOSTS, "host"), ENGLISH))


def test_rows_about_no_host_are_named_by_their_first_cell() -> None:
    assert [
        "*Help* — you can ask for health and host",
        "*health [target]* — whether hosts are well\n*host* — the hosts that the bot knows",
        "Next: `/flatnet health host-a --details`",
        "`/flatnet help`",
    ] == shown(render(answer(HELP, "help"), ENGLISH))


def test_findings_of_a_host_without_a_row_are_never_lost() -> None:
    _, finding = stopped("host-z")
    report = Report(title=Phrase("Health"), summary=Phrase("1 bad"), findings=(finding,), brief=True)
    assert (
        ":red_circle: *host-z* critical — the service Nebula is stopped\n→ `/flatnet health host-z --details`"
        == (shown(render(answer(report), ENGLISH))[1])
    )


def test_a_report_in_japanese_speaks_japanese_and_leaves_names_and_commands_alone() -> None:
    message = render(answer(MIXED), JAPANESE)
    assert ":red_circle: *host-b* 緊急 — the service Nebula is stopped" == shown(message)[1].splitlines()[0]
    assert ":large_green_circle: 正常 1 台: host-a" == shown(message)[3]


def failure(kind: FailureKind = FailureKind.USAGE, **more: object) -> Failure:
    return Failure.model_validate({"kind": kind, "phrase": Phrase("no host is called hsot-b")} | more)


def test_a_usage_failure_marks_the_wrong_part_and_offers_the_nearest_commands() -> None:
    wrong = failure(span=(7, 13), suggestions=("health host-b", "health host-a"))
    assert [
        ":warning: *Not understood* — no host is called hsot-b",
        "Did you mean: `/flatnet health host-b`  `/flatnet health host-a`",
        "I read: `health` ▸ *`hsot-b`* ◂ `--details`",
    ] == shown(message := render(answer(wrong, "health hsot-b --details"), ENGLISH))
    assert (
        "Not understood: no host is called hsot-b\nDid you mean: /flatnet health host-b, /flatnet health host-a"
        == message.text
    )


@pytest.mark.parametrize(
    ("understood", "span", "read"),
    [
        ("log", (3, 3), "`log` ▸ *?* ◂"),
        ("log", (90, 99), "`log` ▸ *?* ◂"),
        ("", (0, 0), "▸ *?* ◂"),
        ("`<!here>`", (0, 9), "▸ *`ˋ&lt;!here&gt;ˋ`* ◂"),
        ("a" * 100 + " b", (101, 102), f"`…{'a' * 59}` ▸ *`b`* ◂"),
    ],
)
def test_the_wrong_part_is_marked_wherever_it_is(understood: str, span: tuple[int, int], read: str) -> None:
    assert f"I read: {read}" == shown(render(answer(failure(span=span), understood), ENGLISH))[1]


@pytest.mark.parametrize(
    ("kind", "symbol", "state"),
    [(FailureKind.REFUSED, ":no_entry:", "Refused"), (FailureKind.INTERNAL, ":boom:", "Error")],
)
def test_a_failure_says_its_kind_first(kind: FailureKind, symbol: str, state: str) -> None:
    message = render(answer(failure(kind), "health"), ENGLISH)
    assert [f"{symbol} *{state}* — no host is called hsot-b", "`/flatnet health`"] == shown(message)
    assert f"{state}: no host is called hsot-b" == message.text


def assert_harmless(message: Message) -> None:
    """The workspace takes it, it keeps our budgets, and nothing in it mentions, links or leaves its code."""
    content = Content(message.text, message.blocks)
    assert content == check_update(content)
    assert len(message.blocks) <= BLOCKS
    assert sum(map(len, shown(message))) <= CHARACTERS
    assert 1 <= len(message.text) <= TEXT
    for text in (*shown(message), message.text):
        assert [] == re.findall(r"<(?!!date\^)", text)
        assert all(line.count("`") % 2 == 0 for line in text.splitlines())
        assert "``" not in text


@WHATEVER
@given(reports(), HOSTILE, st.sampled_from([ENGLISH, JAPANESE]))
def test_a_report_of_any_size_and_content_stays_in_its_place(report: Report, understood: str, texts: Texts) -> None:
    assert_harmless(render(answer(report, understood), texts))


@WHATEVER
@given(HOSTILE, HOSTILE, st.tuples(st.integers(-9, 99), st.integers(-9, 99)), st.lists(HOSTILE, max_size=9))
def test_a_failure_of_any_content_stays_in_its_place(
    phrase: str, understood: str, span: tuple[int, int], suggestions: list[str]
) -> None:
    body = failure(phrase=Phrase("{it}", it=phrase), span=span, suggestions=suggestions)
    assert_harmless(render(answer(body, understood * 50), ENGLISH))


def test_the_largest_text_of_every_kind_still_fits() -> None:
    """Every part as long as it may become, all of it characters that grow when they are escaped."""
    long = "&" * 5_000
    bad = [stopped(f"{n}{long}", why=long) for n in range(254)]
    report = health(long, bad, [well(f"{n}{long}") for n in range(10)])
    assert_harmless(render(answer(report, long), ENGLISH))
    assert_harmless(render(answer(report.model_copy(update={"findings": report.findings[:3] * 99}), long), JAPANESE))
