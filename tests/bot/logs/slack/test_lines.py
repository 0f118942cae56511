"""Lines of logs in Slack, for a reader in Tokyo: harmless, within every limit, the newest first, with what must be said."""

import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.phrase import Phrase, Texts
from bot.answers.slack import render
from bot.locale.texts import get_texts
from bot.logs.slack.lines import render_file
from bot.model.request import Answer
from bot.rendering.slack.blocks import MAX_BLOCKS, MAX_CHARACTERS, MAX_TEXT
from bot.rendering.slack.buttons import AnswerView
from commands.log_lines.excerpt import Excerpt, LineFilter
from commands.log_lines.formats import Level
from commands.model.finding import Finding, Severity
from commands.model.report import Report, Row
from tests.bot.rendering.anything import HOSTILE, WHATEVER
from tests.bot.rendering.examples import ENGLISH, JAPANESE
from tests.commands.log_examples import BEGAN, excerpt, line

READ = BEGAN + timedelta(minutes=5)
"""When the lines were read; 18:05 in Tokyo."""


def answered(lines: Excerpt, *findings: Finding, taken_at: datetime = READ) -> Answer:
    report = Report(
        title=Phrase("Logs"),
        summary=Phrase("{n} lines of nebula", n=len(lines.lines)),
        findings=findings,
        excerpt=lines,
        taken_at=taken_at,
    )
    return Answer(operation="op-1", understood="log nebula", body=report)


def preformatted(blocks: tuple[dict[str, object], ...]) -> str:
    (block,) = [each for each in blocks if each["type"] == "rich_text"]
    return json.loads(json.dumps(block))["elements"][0]["elements"][0]["text"]  # type: ignore[no-any-return]


def pressed(blocks: tuple[dict[str, object], ...]) -> dict[str, AnswerView | None]:
    (row,) = [json.loads(json.dumps(each)) for each in blocks if each["type"] == "actions"]
    return {button["text"]["text"]: AnswerView.from_value(button["value"]) for button in row["elements"]}


def shortened(text: str, pattern: str) -> str:
    """A single line as a view with this pattern shows it."""
    view = AnswerView(operation="op-1", pattern=pattern)
    return preformatted(render(answered(Excerpt(lines=(line(0, text),))), ENGLISH, view).blocks).strip()


def test_the_newest_twenty_lines_stand_in_a_block_in_which_nothing_is_a_mention() -> None:
    message = render(answered(excerpt(45, errors=2)), ENGLISH)
    lines = preformatted(message.blocks).splitlines()
    assert (20, "18:00:25 INFO line-25", "18:00:44 ERROR line-44") == (len(lines), lines[0], lines[-1])
    assert "*Logs* — 45 lines of nebula" in str(message.blocks[0])
    assert "Lines 26–45 of 45" in str(message.blocks)
    assert message.text.splitlines()[0] == "45 lines of nebula"
    assert "line-44" in message.text


def test_of_several_hosts_each_line_names_its_own() -> None:
    lines = Excerpt(lines=(line(0), line(1, host="host-b")))
    assert ["18:00:00 host-a INFO line-0", "18:00:01 host-b INFO line-1"] == preformatted(
        render(answered(lines), ENGLISH).blocks
    ).splitlines()


def test_of_several_hosts_that_were_asked_each_line_names_its_own_though_one_alone_has_any() -> None:
    answer = answered(Excerpt(lines=(line(0),)))
    assert isinstance(answer.body, Report)
    rows = tuple(Row(host=name, cells=()) for name in ("host-a", "host-b"))
    both = answer.model_copy(update={"body": answer.body.model_copy(update={"rows": rows})})
    assert "18:00:00 host-a INFO line-0" == preformatted(render(both, ENGLISH).blocks).strip()


@pytest.mark.parametrize(
    ("later", "shown"),
    [
        pytest.param(timedelta(0), ["18:00:00 INFO line-0", "--:--:-- INFO line-1"], id="of the day"),
        pytest.param(
            timedelta(hours=5, minutes=54), ["18:00:00 INFO line-0", "--:--:-- INFO line-1"], id="until midnight in Tokyo"
        ),
        pytest.param(
            timedelta(hours=5, minutes=56),
            ["2026-01-31 18:00:00 INFO line-0", "---------- --:--:-- INFO line-1"],
            id="of the day before, as people in Tokyo count",
        ),
        pytest.param(
            timedelta(days=365),
            ["2026-01-31 18:00:00 INFO line-0", "---------- --:--:-- INFO line-1"],
            id="of the same day last year",
        ),
    ],
)
def test_lines_have_a_date_where_one_is_not_of_the_day_on_which_they_were_read(later: timedelta, shown: list[str]) -> None:
    lines = Excerpt(lines=(line(0), line(1, timeless=True)))
    message = render(answered(lines, taken_at=READ + later), ENGLISH)
    assert shown == preformatted(message.blocks).splitlines()


def test_which_day_that_was_stands_below_for_whoever_looks_later() -> None:
    read = str(render(answered(excerpt(1)), ENGLISH).blocks[-1])
    assert ENGLISH.moment(READ) in read
    assert "`/flatnet log nebula`" in read


def test_notes_that_have_no_room_are_counted() -> None:
    notes = tuple(Phrase("{note}", note=f"note {n}") for n in range(9))
    shown = str(render(answered(excerpt(3).model_copy(update={"notes": notes})), ENGLISH).blocks)
    assert [True] * 6 + [False] * 3 == [f"note {n}" in shown for n in range(9)]
    assert "and 3 more" in shown


def test_where_nothing_was_brought_the_headline_alone_says_so() -> None:
    """It knows whether all was read; a filter of what was brought is something else."""
    assert "No matching lines." not in str(render(answered(Excerpt(lines=())), ENGLISH).blocks)


def test_where_nothing_could_be_read_the_next_step_stands_below_and_no_button_for_lines() -> None:
    silent = Finding(
        severity=Severity.HIGH,
        host="host-e",
        subject="log nebula",
        why=Phrase("no route"),
        next="health host-e",
        reached=False,
    )
    blocks = str(render(answered(Excerpt(lines=()), silent), ENGLISH).blocks)
    assert "/flatnet health host-e" in blocks
    assert not [each for each in ("lines 0", "Filter", "Only errors", "Get as file") if each in blocks]


@pytest.mark.parametrize(
    ("texts", "said"), [(ENGLISH, "Lines 1–2 of 2 · times in JST"), (JAPANESE, "全 2 行中 1～2 行目 · 時刻は JST")]
)
def test_in_which_zone_the_times_are_stands_below_them(texts: Texts, said: str) -> None:
    assert said in str(render(answered(excerpt(2)), texts).blocks)


def test_where_no_line_has_a_time_there_is_no_zone() -> None:
    assert "times in" not in str(render(answered(Excerpt(lines=(line(0, timeless=True),))), ENGLISH).blocks)


def test_where_clocks_changed_between_lines_both_names_stand_below() -> None:
    half = timedelta(days=180)
    lines = Excerpt(lines=(line(0), line(1).model_copy(update={"at": BEGAN + half})))
    assert "times in EST and EDT" in str(render(answered(lines), get_texts("en", ZoneInfo("America/New_York"))).blocks)


def test_a_long_line_keeps_its_end_where_programs_say_whom_they_meant() -> None:
    """Nginx on Windows: the reason alone has 170 characters."""
    text = f'[error] 2404#4120: connect() failed (10060: {"why " * 60}) upstream: "http://10.100.2.1:8080/orders/"'
    shown = preformatted(render(answered(Excerpt(lines=(line(0, text),))), ENGLISH).blocks).strip()
    assert 220 == len(shown)
    assert shown.startswith("18:00:00 INFO [error] 2404#4120: connect() failed (10060: why")
    assert shown.endswith('upstream: "http://10.100.2.1:8080/orders/"')


def test_a_long_line_shows_what_was_looked_for_wherever_in_it_that_is() -> None:
    text = f"[error] {'a' * 200} Upstream timed out {'b' * 200} end"
    for pattern in ("upstream", "timed", "(timed|upstream)", "out b"):
        found = shortened(text, pattern)
        assert len(found) <= 220
        assert "Upstream timed out b" in found
        assert found.startswith("18:00:00 INFO [error] aaa")
    assert shortened(text, "end") == shortened(text, "") == shortened(text, "[error]")


def test_what_hosts_looked_for_stays_in_view_until_something_else_is_looked_for() -> None:
    text = f"{'a' * 200} upstream {'b' * 200} timed out {'c' * 200}"
    lines = Excerpt(lines=(line(0, text),), sought="UPSTREAM")
    first = preformatted(render(answered(lines), ENGLISH).blocks)
    filtered = preformatted(render(answered(lines), ENGLISH, AnswerView(operation="op-1", pattern="timed")).blocks)
    assert ("upstream" in first, "timed" in first) == (True, False)
    assert ("upstream" in filtered, "timed" in filtered) == (False, True)


@pytest.mark.parametrize("place", range(0, 400, 7))
def test_what_was_looked_for_is_seen_at_every_place_of_a_line(place: int) -> None:
    text = f"{'-' * place}needle{'-' * (400 - place)}"
    found = shortened(text, "needle")
    assert "needle" in found
    assert all(part in f"18:00:00 INFO {text}" for part in found.split("…"))
    assert len(found) <= 220


def test_of_what_fills_a_long_line_its_beginning_is_seen() -> None:
    assert shortened("x" * 400, "x+") == shortened("x" * 400, "")
    assert "first" in shortened(f"{'-' * 200}first {'x' * 400} last", "first.*last")


def test_buttons_go_back_in_time_to_errors_to_a_filter_and_to_the_file() -> None:
    first = pressed(render(answered(excerpt(45, errors=2)), ENGLISH).blocks)
    assert {
        "◀ Older": AnswerView(operation="op-1", page=1),
        "Only errors": AnswerView(operation="op-1", level=Level.ERROR),
        "Filter": AnswerView(operation="op-1"),
        "Show raw lines": AnswerView(operation="op-1", raw=True),
        "Get as file": AnswerView(operation="op-1"),
    } == first
    last = pressed(render(answered(excerpt(45)), ENGLISH, AnswerView(operation="op-1", page=2, pattern="line")).blocks)
    assert AnswerView(operation="op-1", page=1, pattern="line") == last["Newer ▶"]
    assert "◀ Older" not in last
    grave = pressed(render(answered(excerpt(45, errors=2)), ENGLISH, AnswerView(operation="op-1", level=Level.ERROR)).blocks)
    assert AnswerView(operation="op-1") == grave["All lines"]
    assert "Only errors" not in grave


@pytest.mark.parametrize(("errors", "offered"), [(0, False), (1, True), (44, True), (45, False)])
def test_errors_alone_are_offered_where_they_are_fewer_than_all_lines_and_some(errors: int, offered: bool) -> None:
    assert offered == ("Only errors" in pressed(render(answered(excerpt(45, errors=errors)), ENGLISH).blocks))


@pytest.mark.parametrize(
    ("view", "texts", "said"),
    [
        (
            AnswerView(operation="op-1", level=Level.ERROR, pattern="4"),
            ENGLISH,
            "2 of 45 lines · error and above · matching 4",
        ),
        (AnswerView(operation="op-1", level=Level.ERROR), JAPANESE, "45 行中 2 行 · error 以上"),
        (AnswerView(operation="op-1", pattern="x"), ENGLISH, "0 of 45 lines · matching x"),
        (AnswerView(operation="op-1", pattern="line"), ENGLISH, "Lines 26–45 of 45 matching (45 in total) · matching line"),
        (
            AnswerView(operation="op-1", pattern="[1-3].", page=1),
            ENGLISH,
            "Lines 1–10 of 30 matching (45 in total) · matching [1-3].",
        ),
        (AnswerView(operation="op-1", pattern="[1-3]."), JAPANESE, "該当 30 行中 11～30 行目 (全 45 行) · [1-3]. に一致"),
    ],
)
def test_what_a_view_leaves_out_is_said(view: AnswerView, texts: Texts, said: str) -> None:
    assert said in str(render(answered(excerpt(45, errors=2)), texts, view).blocks)


def test_lines_that_are_alike_are_one_and_a_button_shows_every_one_of_them() -> None:
    lines = Excerpt(lines=tuple(line(order, f"request {order} failed") for order in range(45)))
    first = render(answered(lines), ENGLISH)
    assert [
        "18:00:00–18:00:44 INFO 45× request ‹45 numbers› failed",
        " ├ 18:00:00 request 0 failed",
        " └ 18:00:44 request 44 failed",
    ] == preformatted(first.blocks).splitlines()
    assert "45 lines in 1 group · times in JST" in str(first.blocks)
    view = pressed(first.blocks)["Show raw lines"]
    raw = render(answered(lines), ENGLISH, view)
    assert "18:00:25 request 25 failed" == preformatted(raw.blocks).splitlines()[0]
    assert "Lines 26–45 of 45" in str(raw.blocks)
    assert AnswerView(operation="op-1") == pressed(raw.blocks)["Group lines"]


@pytest.mark.parametrize(
    ("view", "texts", "said"),
    [
        (AnswerView(operation="op-1"), ENGLISH, "60 lines in 30 groups, 25–30 shown"),
        (AnswerView(operation="op-1", page=4), JAPANESE, "60 行 (30 グループ中 1～6 を表示)"),
        (AnswerView(operation="op-1", pattern="name-7 "), ENGLISH, "2 of 60 lines in 1 group · matching name-7"),
        (AnswerView(operation="op-1", pattern="name-7 "), JAPANESE, "60 行中 2 行 (1 グループ)"),
    ],
)
def test_of_groups_the_number_of_lines_and_of_groups_is_said(view: AnswerView, texts: Texts, said: str) -> None:
    lines = Excerpt(lines=tuple(line(order, f"name-{order % 30} failed {order} times") for order in range(60)))
    assert said in str(render(answered(lines), texts, view).blocks)


def test_raw_lines_that_were_asked_for_are_shown_raw_and_a_filter_keeps_that() -> None:
    lines = Excerpt(lines=tuple(line(order, f"request {order} failed") for order in range(3)), raw=True)
    message = render(answered(lines), ENGLISH)
    assert "18:00:00 request 0 failed" == preformatted(message.blocks).splitlines()[0]
    view = pressed(message.blocks)["Filter"]
    assert view is not None
    assert view.with_filter(Level.ERROR, "x").raw


@pytest.mark.parametrize("name", ["{name}", "same"])
def test_a_message_of_a_hundred_thousand_lines_stays_within_its_limits(name: str) -> None:
    lines = Excerpt(lines=tuple(line(n, f"{name.format(name=f'host-{n}')} failed {n} times") for n in range(100_000)))
    message = render(answered(lines), ENGLISH)
    assert len(message.blocks) <= MAX_BLOCKS
    assert sum(len(json.dumps(block, ensure_ascii=False)) for block in message.blocks) <= MAX_CHARACTERS
    assert len(preformatted(message.blocks).splitlines()) <= 20


def test_from_a_filter_that_no_line_fits_one_press_leads_back_to_all_lines() -> None:
    blocks = render(
        answered(excerpt(45, errors=2)), ENGLISH, AnswerView(operation="op-1", level=Level.ERROR, pattern="x")
    ).blocks
    assert "No matching lines." in str(blocks)
    assert AnswerView(operation="op-1") == pressed(blocks)["All lines"]


@pytest.mark.parametrize(("pattern", "offered"), [("line-4[34]", False), ("line-4", True), ("line-1", False)])
def test_errors_alone_are_offered_where_some_of_the_lines_that_fit_are_errors(pattern: str, offered: bool) -> None:
    view = AnswerView(operation="op-1", pattern=pattern)
    assert offered == ("Only errors" in pressed(render(answered(excerpt(45, errors=2)), ENGLISH, view).blocks))


def test_hosts_that_say_nothing_and_notes_are_said_with_the_lines() -> None:
    silent = Finding(severity=Severity.HIGH, host="host-b", subject="log", why=Phrase("unreachable"), reached=False)
    lines = excerpt(3).model_copy(update={"notes": (Phrase("the clock of host-c is wrong"),)})
    shown = str(render(answered(lines, silent), ENGLISH).blocks)
    assert ":grey_question: *host-b* — Unreachable" in shown
    assert "The clock of host-c is wrong" in shown


@pytest.mark.parametrize(
    "text",
    ["<!channel> help", "<@U1ANA>", "```\nrm -rf /\n```", "\x1b[31mred\x1b[0m", "a\u202eb", "x" * 10_000, "&amp;<>", "‮"],
)
def test_a_hostile_line_is_text_and_nothing_else(text: str) -> None:
    message = render(answered(Excerpt(lines=(line(0, text),))), ENGLISH)
    shown = preformatted(message.blocks)
    assert len(shown.splitlines()) == 1
    assert all(each.isprintable() for each in shown)
    assert "<!channel>" not in message.text
    assert "<@U1ANA>" not in message.text
    assert "<!channel>" not in str([block for block in message.blocks if block["type"] != "rich_text"])


@WHATEVER
@given(st.lists(HOSTILE, max_size=60), st.sampled_from([ENGLISH, JAPANESE]), st.integers(0, 5), HOSTILE)
def test_whatever_stands_in_lines_a_message_stays_within_its_limits(
    lines: list[str],
    texts: Texts,
    page: int,
    note: str,
) -> None:
    made = Excerpt(
        lines=tuple(line(order, text * 40, host=text[:30] or "h") for order, text in enumerate(lines)),
        notes=(Phrase("{note}", note=note * 50),) * 9,
    )
    findings = tuple(
        Finding(severity=Severity.LOW, host=text[:99], subject="log", why=Phrase("{it}", it=text * 99)) for text in lines
    )
    message = render(answered(made, *findings), texts, AnswerView(operation="op-1", page=page))
    assert len(message.blocks) <= MAX_BLOCKS
    assert len(message.text) <= MAX_TEXT
    assert sum(len(json.dumps(block, ensure_ascii=False)) for block in message.blocks) <= 2 * MAX_CHARACTERS


def test_the_file_has_every_line_below_what_was_asked() -> None:
    lines = render_file(answered(excerpt(45)), ENGLISH).splitlines()
    span = "# 45 lines, 2026-01-31 18:00:00.000 – 2026-01-31 18:00:44.000 (Asia/Tokyo): 45 info"
    assert ["# /flatnet log nebula", "# 45 lines of nebula", span] == lines[:3]
    assert 48 == len(lines)
    assert lines[-1].startswith("2026-01-31 18:00:44.000 host-a nebula INFO")


@pytest.mark.parametrize(
    ("pick", "texts", "said", "count"),
    [
        (LineFilter(pattern="nobody"), ENGLISH, "# Filtered: matching nobody · 0 of 45 lines", 0),
        (LineFilter(pattern="nobody"), JAPANESE, "# 絞り込み: nobody に一致 · 45 行中 0 行", 0),
        (
            LineFilter(level=Level.ERROR, pattern="4|{"),
            ENGLISH,
            "# Filtered: error and above · matching 4|{ · 2 of 45 lines",
            2,
        ),
        (LineFilter(level=Level.ERROR), JAPANESE, "# 絞り込み: error 以上 · 45 行中 2 行", 2),
    ],
)
def test_a_file_that_has_not_all_lines_says_which_it_has_and_of_how_many(
    pick: LineFilter, texts: Texts, said: str, count: int
) -> None:
    lines = render_file(answered(excerpt(45, errors=2)), texts, pick).splitlines()
    assert ("# 45 lines of nebula", said) == tuple(lines[1:3])
    assert count == len([line for line in lines if not line.startswith("#")])
