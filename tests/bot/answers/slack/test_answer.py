"""Slack messages: state first, why, what to type; inside the budgets at any size."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.phrase import Phrase, Texts
from bot.answers.slack import render
from bot.model.request import Failure, FailureKind
from bot.rendering.slack.blocks import MAX_BLOCKS, MAX_CHARACTERS, MAX_TEXT, SlackMessage
from bot.rendering.slack.buttons import MAX_BUTTONS, AnswerView, parse_words
from commands.model.chart import describe_chart
from commands.model.report import Cell, ChannelLink, Column, Mark, Report, Row, Section
from tests.bot.rendering.anything import HOSTILE, WHATEVER, reports
from tests.bot.rendering.examples import (
    ALL_DOWN,
    ALL_WELL,
    DETAILED,
    DIGEST,
    DISKS,
    ENGLISH,
    HELP,
    HOSTS,
    JAPANESE,
    MIXED,
    NEWS,
    PARTS,
    SCHEDULES,
    WITHHELD,
    answer,
    health,
    row,
    silent,
    stopped,
    well,
)
from tests.commands.model.test_chart import BLINKED, SILENT, TROUBLED, certificate, chart, host
from tests.lab.workspace.limits import check_update
from tests.lab.workspace.message import Content

WIDE = Report(
    title=Phrase("Wide"),
    summary=Phrase("2 rows"),
    columns=tuple(Column(key=f"b{n}", heading=Phrase("b{n}", n=n)) for n in range(6)),
    rows=(
        Row(cells=(*(Cell(text=text) for text in ("b0", "1", "2", "", "")), Cell(text="5", mark=Mark.BAD))),
        Row(cells=tuple(Cell(text=text) for text in ("c0", "1", "2", "3", "4", "5"))),
    ),
)
"""A list with more values in a row than a phone shows in a line."""
CHART = chart(host("host-a", TROUBLED), certificates=(certificate("host-a", 5),))
CHARTED = DETAILED.model_copy(update={"chart": CHART})
LARGEST_CHART = chart(
    *(host(f"{n}{'&' * 300}", *last) for n in range(254) for last in ((TROUBLED,), (SILENT,), (BLINKED,))),
    certificates=tuple(certificate(f"{n}{'&' * 300}", n) for n in range(254)),
)

DATE = "2026-11-25 18:10 JST"


def shown(message: SlackMessage) -> list[str]:
    """What each block says; buttons and pictures say nothing here."""
    saying = [block for block in message.blocks if block["type"] not in ("actions", "image")]
    return [(block.get("text") or block["elements"][0])["text"] for block in saying]


def pressed(message: SlackMessage) -> dict[str, str]:
    """The buttons: what each carries, by its label."""
    rows = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    return {button["text"]["text"]: button["value"] for buttons in rows for button in buttons}


def look(report: Report, label: str, view: AnswerView | None = None) -> SlackMessage:
    """The message after somebody pressed a button of it."""
    value = pressed(render(answer(report), ENGLISH, view))[label]
    return render(answer(report), ENGLISH, AnswerView.from_value(value))


def test_all_well_is_one_line_and_how_it_was_understood() -> None:
    assert [":large_green_circle: *all 3 hosts are healthy*", f"`/flatnet health all` · {DATE}"] == shown(
        render(answer(ALL_WELL), ENGLISH)
    )


def test_a_mixed_fleet_shows_the_worst_first_with_its_checks_why_and_what_to_type() -> None:
    assert [
        ":red_circle: *2 of 3 hosts need attention: host-b: service Nebula is stopped, and host-c was unreachable*",
        ":red_circle: *host-b* critical — service Nebula is stopped\n"
        "✗ Nebula  ✓ Gateway, API, Containers, Bridge, Forwarding\n"
        "→ `/flatnet health host-b --details`",
        ":grey_question: *host-c* unknown — Windows was unreachable: no response. Check that the host is up\n"
        "→ `/flatnet health host-c --details`",
        ":large_green_circle: 1 healthy: host-a",
        f"`/flatnet health all` · {DATE}",
    ] == shown(render(answer(MIXED), ENGLISH))


def test_the_text_alone_is_complete_and_short_and_in_plain_words() -> None:
    """For notifications, screen readers, and where Slack refuses the blocks."""
    text = render(answer(MIXED), ENGLISH).text
    assert (
        "2 of 3 hosts need attention: host-b: service Nebula is stopped, and host-c was unreachable\n"
        "host-b critical: service Nebula is stopped\n"
        "host-c unknown: Windows was unreachable: no response. Check that the host is up\n"
        "Next steps: /flatnet health host-b --details, /flatnet health host-c --details"
    ) == text
    assert len(text) <= 300


def test_a_command_for_others_names_whom_to_ask() -> None:
    assert "→ Start Nebula on host-b: ask bob" == shown(render(answer(WITHHELD), ENGLISH))[1].splitlines()[-1]


def test_several_reasons_are_a_list() -> None:
    row, finding = stopped("host-b")
    report = health("…", [(row, finding)])
    report = report.model_copy(
        update={"findings": (finding, finding.model_copy(update={"why": Phrase("the clock is wrong")}))}
    )
    assert [
        ":red_circle: *host-b* critical",
        "✗ Nebula  ✓ Gateway, API, Containers, Bridge, Forwarding",
        "• service Nebula is stopped",
        "• The clock is wrong",
        "→ `/flatnet health host-b --details`",
    ] == shown(render(answer(report), ENGLISH))[1].splitlines()


def test_details_that_were_asked_for_are_shown_for_well_hosts_too() -> None:
    message = render(answer(DETAILED.model_copy(update={"details": True})), ENGLISH)
    assert [
        ":large_green_circle: *host-a* healthy",
        "✓ Nebula: running · ✓ Gateway: running · ✓ API: healthy"
        " · ✓ Containers: 3 running · ✓ Bridge: up · ✓ Forwarding: on",
        "Nebula version: 1.9.5",
    ] == shown(message)[3].splitlines()


def test_where_many_are_bad_the_worst_are_shown_and_the_others_named_in_one_line_for_each_state() -> None:
    bad = [*(stopped(f"host-{n}", f"reason {n}") for n in range(12)), silent("host-x"), silent("host-y")]
    assert [
        ":red_circle: 2 critical: host-10, host-11",
        ":grey_question: 2 unknown: host-x, host-y",
        ":large_green_circle: 1 healthy: host-a",
        f"`/flatnet health all` · {DATE} · page 1 of 2",
    ] == shown(render(answer(health("…", bad, [well("host-a")])), ENGLISH))[11:]


def test_what_is_to_be_said_of_several_hosts_is_said_once() -> None:
    message = render(answer(health("…", [stopped("host-b"), stopped("host-c"), silent("host-d")])), ENGLISH)
    assert (
        ":red_circle: 2 critical: host-b, host-c\n"
        "✗ Nebula  ✓ Gateway, API, Containers, Bridge, Forwarding\n"
        "• service Nebula is stopped\n"
        "→ `/flatnet health host-b --details`  `/flatnet health host-c --details`"
    ) == shown(message)[1]
    assert "host-b, host-c critical: service Nebula is stopped" == message.text.splitlines()[1]


def test_a_fleet_that_is_all_down_fits_on_a_screen_and_counts_what_it_does_not_name() -> None:
    message = render(answer(ALL_DOWN), ENGLISH)
    headline, hosts, _ = shown(message)
    assert ":grey_question: *none of 254 hosts was reached*" == headline
    assert hosts.startswith(":grey_question: 254 unknown: host-001, host-002, ")
    assert [", … and 214 more", "• Windows was unreachable: no response. Check that the host is up"] == [
        hosts.splitlines()[0][-16:],
        hosts.splitlines()[1],
    ]
    assert len(message.text) < 500


def test_what_changed_comes_first_and_what_is_no_table_last() -> None:
    message = render(answer(DIGEST), ENGLISH)
    assert [
        "*Changes since 2026-11-24 18:10 JST*\n• New: host-b: Nebula stopped\n• Resolved: host-a: Bridge down",
        "*Locks*\n• ana has locked host-c: disk swap\n\n*Audit log*\n• Audit log: event 1,234 (ab12cd34ef56)",
    ] == [shown(message)[1], shown(message)[-2]]
    assert [
        "Changes since 2026-11-24 18:10 JST",
        "New: host-b: Nebula stopped",
        "Resolved: host-a: Bridge down",
        "Locks: ana has locked host-c: disk swap",
        "Audit log: audit log: event 1,234 (ab12cd34ef56)",
    ] == message.text.splitlines()[3:8]


def test_a_well_fleet_of_which_something_changed_says_so_below_its_one_line() -> None:
    report = ALL_WELL.model_copy(update={"news": NEWS})
    assert [":large_green_circle: *all 3 hosts are healthy*", f"*{NEWS.heading.render(ENGLISH)}*"] == [
        text.splitlines()[0] for text in shown(render(answer(report), ENGLISH))[:2]
    ]


def test_of_much_that_changed_the_first_is_said_and_the_rest_counted() -> None:
    many = Section(heading=NEWS.heading, lines=tuple(Phrase("{n} new", n=n) for n in range(254)))
    report = DIGEST.model_copy(update={"news": many, "sections": (many,)})
    _, news, *_, others, _ = shown(render(answer(report), ENGLISH))
    assert [(12 + 1, "… and 243 more"), (8 + 1, "… and 247 more")] == [
        (len(part.splitlines()), part.splitlines()[-1]) for part in (news, others)
    ]


def test_a_command_for_another_machine_is_a_code_block_that_is_never_cut() -> None:
    line = "sudo sh prepare-wsl.sh --key 'ssh-ed25519 " + "A" * 400 + "'"
    part = Section(heading=Phrase("WSL2: run on the host"), lines=(Phrase("{words}", words=line),), code=True)
    assert any(
        f"```\n{line}\n```" in each
        for each in shown(render(answer(DIGEST.model_copy(update={"sections": (part,)})), ENGLISH))
    )


def test_what_is_no_table_stands_on_the_first_page_alone() -> None:
    """So that the other pages have room for hosts."""
    bad = [stopped(f"host-{n}", f"reason {n}") for n in range(12)]
    report = health("…", bad).model_copy(update={"news": NEWS, "sections": PARTS})
    second = shown(look(report, "Next page ▶"))
    assert [] == [text for text in second if text.startswith(("*Changes since", "*Locks"))]


def test_many_well_hosts_beside_a_bad_one_are_one_line() -> None:
    message = render(answer(health("…", [stopped("host-b")], [well(f"h{n}") for n in range(253)])), ENGLISH)
    assert ":large_green_circle: 253 healthy" == shown(message)[2]


def test_a_report_without_judgements_is_a_plain_list() -> None:
    assert [
        "*Hosts* — 2 hosts configured",
        "*host-a* — ID: 1 · WSL2: yes\n*light* — ID: 0 · WSL2: no",
        "`/flatnet host`",
    ] == shown(render(answer(HOSTS, "host"), ENGLISH))


def test_hosts_that_are_well_tell_the_same_once_and_with_headings() -> None:
    said = shown(render(answer(DISKS, "disk"), ENGLISH))[2:-1]
    assert [":large_green_circle: *host-a, host-c* — Podman: 5 GB · Logs: 1 MB"] == said


def test_what_is_bad_in_a_list_makes_no_other_line_well() -> None:
    assert ["*Schedules* — 2 schedules", "*digest* — done\n*weekly* — failed", "`/flatnet schedule`"] == shown(
        render(answer(SCHEDULES, "schedule"), ENGLISH)
    )


def test_rows_about_no_host_are_named_by_their_first_cell() -> None:
    assert [
        "*Help* — You can ask for health and host",
        "*health [target]* — whether hosts are healthy\n*host* — list of configured hosts",
        "`/flatnet help`",
    ] == shown(render(answer(HELP, "help"), ENGLISH))


def test_hosts_of_a_list_that_have_the_same_values_share_a_line() -> None:
    rows = tuple(HOSTS.rows[0].model_copy(update={"host": f"host-{name}"}) for name in "abc")
    assert ["*host-a, host-b, host-c* — ID: 1 · WSL2: yes", "*light* — ID: 0 · WSL2: no"] == (
        shown(render(answer(HOSTS.model_copy(update={"rows": (*rows, HOSTS.rows[1])})), ENGLISH))[1].splitlines()
    )


def test_rows_that_are_no_hosts_are_never_joined() -> None:
    twice = SCHEDULES.model_copy(update={"rows": SCHEDULES.rows[:1] * 2})
    assert ["*digest* — done"] * 2 == shown(render(answer(twice), ENGLISH))[1].splitlines()


def test_a_wide_row_shows_its_first_three_values_and_what_is_bad_and_all_of_them_on_a_card() -> None:
    compact, *_ = shown(render(answer(WIDE), ENGLISH))[1:-1]
    assert ["*b0* — b1: 1 · b2: 2 · b5: 5", "*c0* — b1: 1 · b2: 2 · b3: 3"] == compact.splitlines()
    cards = shown(look(WIDE, "Details"))[1:-1]
    assert ["*b0*\nb1: 1\nb2: 2\n✗ b5: 5", "*c0*\nb1: 1\nb2: 2\nb3: 3\nb4: 4\nb5: 5"] == cards
    assert "Hide details" in pressed(look(WIDE, "Details"))


def test_a_wide_row_that_is_alone_is_a_card_at_once_and_needs_no_button() -> None:
    alone = render(answer(WIDE.model_copy(update={"rows": WIDE.rows[1:]})), ENGLISH)
    assert "*c0*\nb1: 1\nb2: 2\nb3: 3\nb4: 4\nb5: 5" == shown(alone)[1]
    assert {} == pressed(alone)


def test_rows_of_few_values_have_no_details() -> None:
    assert {} == pressed(render(answer(HOSTS), ENGLISH))


def test_254_hosts_of_a_wide_list_are_one_line_or_cards_on_pages_and_none_is_lost() -> None:
    rows = tuple(Row(host=f"host-{n:03}", cells=tuple(Cell(text=str(each)) for each in range(6))) for n in range(254))
    report = WIDE.model_copy(update={"rows": rows})
    first = render(answer(report), ENGLISH)
    assert ", … and 214 more* — b0: 0 · b1: 1 · b2: 2" == shown(first)[1][-41:]
    seen: list[str] = []
    for number in range(26):
        message = render(answer(report), ENGLISH, AnswerView(operation="01K", details=True, page=number))
        assert_harmless(message)
        seen += re.findall(r"\*(host-\d+)\*", "\n".join(shown(message)))
    assert [f"host-{n:03}" for n in range(254)] == seen


@pytest.mark.parametrize(("texts", "onward"), [(ENGLISH, "Channel: <#C0NEW>"), (JAPANESE, "チャンネル: <#C0NEW>")])
def test_where_it_goes_on_is_a_link_right_below_the_headline(texts: Texts, onward: str) -> None:
    leading = HOSTS.model_copy(update={"channel": ChannelLink(id="C0NEW", name="2026-01-31-502")})
    message = render(answer(leading), texts)
    assert onward == shown(message)[1]
    assert onward in message.text


@pytest.mark.parametrize("channel", ["", "D0ANA", "!channel", "C0NEW> <!channel", "C0NEW|x"])
def test_what_is_no_channel_s_id_is_no_link(channel: str) -> None:
    leading = HOSTS.model_copy(update={"channel": ChannelLink(id=channel)})
    assert render(answer(HOSTS), ENGLISH) == render(answer(leading), ENGLISH)


def test_words_worth_typing_next_are_buttons() -> None:
    """Their labels have verbs; what they carry is the command. An answer has at most five buttons."""
    carried = pressed(render(answer(MIXED), ENGLISH))["Check host-b (details)"]
    assert "health host-b --details" == parse_words(carried)
    many = MIXED.model_copy(update={"next": tuple(f"health host-{n}" for n in range(9))})
    assert MAX_BUTTONS == len(pressed(render(answer(many), ENGLISH)))


def test_details_are_one_click_away_and_back() -> None:
    long = look(DETAILED, "Details")
    assert "Nebula version: 1.9.5" == shown(long)[1].splitlines()[2]
    assert ["Hide details", "Show all"] == list(pressed(long))
    assert render(answer(DETAILED), ENGLISH) == look(DETAILED, "Hide details", AnswerView(operation="01K", details=True))


def test_details_take_no_next_step_away_but_the_one_to_details() -> None:
    words = ("service start nebula host-b", "health host-b --details")
    first = look(DETAILED.model_copy(update={"next": words}), "Details")
    assert ["Hide details", "Show all", "Start Nebula on host-b"] == list(pressed(first))


def test_where_all_is_well_details_show_every_host() -> None:
    calm = ALL_WELL.model_copy(update={"columns": DETAILED.columns, "rows": DETAILED.rows[-1:]})
    assert [] == shown(render(answer(calm), ENGLISH))[1:-1]
    assert ":large_green_circle: *host-a* healthy" == shown(look(calm, "Details"))[1].splitlines()[0]


def test_every_host_can_be_shown_in_full_or_only_what_needs_attention() -> None:
    full = look(MIXED, "Show all")
    assert ":large_green_circle: *host-a* healthy" == shown(full)[3].splitlines()[0]
    assert "Needs attention only" in pressed(full)
    assert "Show all" not in pressed(render(answer(health("…", [stopped("host-b")])), ENGLISH))


def test_what_does_not_fit_is_on_further_pages_and_nothing_is_cut() -> None:
    """254 hosts with a reason each: every one is named in full on exactly one page."""
    bad = [stopped(f"host-{n:03}", f"reason {n}") for n in range(254)]
    report, view = health("…", bad), AnswerView(operation="01K", everything=True)
    seen: list[str] = []
    for number in range(26):
        message = render(answer(report), ENGLISH, view.with_changes(page=number))
        assert_harmless(message)
        seen += re.findall(r"\*(host-\d+)\* critical", "\n".join(shown(message)))
    assert [f"host-{n:03}" for n in range(254)] == seen
    assert "page 26 of 26" in shown(message)[-1]
    assert "Next page ▶" not in pressed(message)


def test_a_page_that_is_not_there_is_the_last_one() -> None:
    last = render(answer(MIXED), ENGLISH, AnswerView(operation="01K", page=9_999))
    assert render(answer(MIXED), ENGLISH) == last


def test_a_long_list_is_on_pages_too() -> None:
    rows = tuple(row(f"host-{n:03}", Cell(text=str(n), value=n), Cell(text="yes", value=True)) for n in range(400))
    report = HOSTS.model_copy(update={"rows": rows})
    assert "*host-399*" in "\n".join(shown(look(report, "Next page ▶")))
    assert "Get as file" in pressed(render(answer(report), ENGLISH))


def test_findings_of_a_host_without_a_row_are_never_lost() -> None:
    _, finding = stopped("host-z")
    report = Report(title=Phrase("Health"), summary=Phrase("1 bad"), findings=(finding,), brief=True)
    assert (
        ":red_circle: *host-z* critical — service Nebula is stopped\n→ `/flatnet health host-z --details`"
        == (shown(render(answer(report), ENGLISH))[1])
    )


def test_a_report_in_japanese_speaks_japanese_and_leaves_names_and_commands_alone() -> None:
    message = render(answer(MIXED), JAPANESE)
    assert ":red_circle: *host-b* 緊急 — service Nebula is stopped" == shown(message)[1].splitlines()[0]
    assert ":large_green_circle: 正常 (1): host-a" == shown(message)[3]


def failure(kind: FailureKind = FailureKind.USAGE, **more: object) -> Failure:
    return Failure.model_validate({"kind": kind, "phrase": Phrase("no host is called hsot-b")} | more)


def test_a_chart_is_a_picture_that_every_view_keeps() -> None:
    view = AnswerView(operation="01K", picture="F0PICTURE1")
    message = render(answer(CHARTED), ENGLISH, view)
    again = render(answer(CHARTED), ENGLISH, AnswerView.from_value(pressed(message)["Details"]))
    expected = {"type": "image", "slack_file": {"id": "F0PICTURE1"}, "alt_text": str(describe_chart(CHART))}
    assert [[expected], [expected]] == [
        [block for block in each.blocks if block["type"] == "image"] for each in (message, again)
    ]


def test_a_chart_without_a_picture_is_said_in_words_and_in_the_text_always() -> None:
    message = render(answer(CHARTED), ENGLISH)
    assert str(describe_chart(CHART)) in shown(message)
    assert str(describe_chart(CHART)) in message.text.splitlines()


def test_a_usage_failure_marks_the_wrong_part_and_offers_the_nearest_commands() -> None:
    wrong = failure(span=(7, 13), suggestions=("health host-b", "health host-a"))
    assert [
        ":warning: *Not recognized* — No host is called hsot-b",
        "Did you mean:\n`/flatnet health host-b`\n`/flatnet health host-a`",
        "Interpreted as: `health` ▸ *`hsot-b`* ◂ `--details`",
    ] == shown(message := render(answer(wrong, "health hsot-b --details"), ENGLISH))
    assert (
        "Not recognized: No host is called hsot-b\nDid you mean: /flatnet health host-b, /flatnet health host-a"
        == message.text
    )


def test_nearest_commands_are_buttons_and_text() -> None:
    long = f"log nebula host-a --grep {'x' * 60}"
    message = render(answer(failure(suggestions=("health host-b", long))), ENGLISH)
    assert f"Did you mean:\n`/flatnet health host-b`\n`/flatnet {long}`" == shown(message)[1]
    assert f"Show the Nebula log of host-a (--grep {'x' * 36}…" == list(pressed(message))[1]
    assert ["health host-b", long] == [parse_words(carried) for carried in pressed(message).values()]


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
    assert f"Interpreted as: {read}" == shown(render(answer(failure(span=span), understood), ENGLISH))[1]


@pytest.mark.parametrize(
    ("kind", "symbol", "state"),
    [(FailureKind.REFUSED, ":no_entry:", "Cannot run"), (FailureKind.INTERNAL, ":boom:", "Error")],
)
def test_a_failure_says_its_kind_first(kind: FailureKind, symbol: str, state: str) -> None:
    message = render(answer(failure(kind), "health"), ENGLISH)
    assert [f"{symbol} *{state}* — No host is called hsot-b", "`/flatnet health`"] == shown(message)
    assert f"{state}: No host is called hsot-b" == message.text


def assert_harmless(message: SlackMessage) -> None:
    """The workspace takes it, it keeps our budgets, and nothing in it mentions, links or leaves its code."""
    content = Content(message.text, message.blocks)
    assert content == check_update(content)
    assert len(message.blocks) <= MAX_BLOCKS
    assert sum(map(len, shown(message))) <= MAX_CHARACTERS
    assert 1 <= len(message.text) <= MAX_TEXT
    for text in (*shown(message), message.text):
        assert [] == re.findall(r"<(?!!date\^)", text)
        assert all(line.count("`") % 2 == 0 for line in text.splitlines())
        assert "``" not in text


@WHATEVER
@given(reports(), HOSTILE, st.sampled_from([ENGLISH, JAPANESE]), st.booleans(), st.integers(0, 30))
def test_a_report_of_any_size_and_content_stays_in_its_place(
    report: Report, understood: str, texts: Texts, everything: bool, page: int
) -> None:
    assert_harmless(render(answer(report, understood), texts))
    view = AnswerView(operation="01K", everything=everything, page=page, picture="F0PICTURE1")
    assert_harmless(render(answer(report, understood), texts, view))
    assert_harmless(render(answer(report, understood), texts, view.with_changes(details=True, page=page)))


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
    report = health(long, bad, [well(f"{n}{long}") for n in range(10)]).model_copy(update={"chart": LARGEST_CHART})
    assert_harmless(render(answer(report, long), ENGLISH))
    part = Section(heading=Phrase("{it}", it=long), lines=(Phrase("{it}", it=long),) * 99)
    assert_harmless(render(answer(report.model_copy(update={"news": part, "sections": (part,) * 9}), long), JAPANESE))
    assert_harmless(render(answer(report.model_copy(update={"findings": report.findings[:3] * 99}), long), JAPANESE))
