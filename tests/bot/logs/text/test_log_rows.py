"""Groups of log lines as text: what they have in common, what varies and how much, the first and the last."""

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.phrase import Phrase, Texts
from bot.locale.texts import get_texts
from bot.logs.text import LogRow, build_rows
from bot.security.redaction import Redactor
from commands.log_lines.excerpt import ALL_LINES, Excerpt, LineFilter
from commands.log_lines.formats import Level
from commands.log_lines.groups import group_entries, separate_lines
from commands.log_lines.lines import LogLine
from commands.model.report import Report, Row
from tests.bot.rendering.anything import HOSTILE, WHATEVER
from tests.bot.rendering.examples import ENGLISH, JAPANESE
from tests.commands.log_examples import BEGAN, line

NAMES = {"10.100.2.1": "host-b", "10.100.3.1": "host-c"}

REFUSED = (
    "2026/01/31 18:00:00 [error] 2404#4120: *{number} connect() failed (111: Connection refused) while connecting to "
    'upstream, client: {client}, server: , request: "GET /orders/{number} HTTP/1.1", upstream: "http://10.100.2.1:8080/orders/{number}"'
)


def rows(
    lines: Sequence[LogLine], texts: Texts = ENGLISH, pick: LineFilter = ALL_LINES, hosts: Sequence[str] = ()
) -> tuple[LogRow, ...]:
    report = Report(
        title=Phrase("Logs"),
        summary=Phrase("lines"),
        rows=tuple(Row(host=host, cells=()) for host in hosts),
        taken_at=BEGAN + timedelta(minutes=5),
    )
    groups = separate_lines(lines) if pick.raw else group_entries(lines)
    return build_rows(report, Excerpt(lines=tuple(lines), names=NAMES), groups, pick, texts)


def said(lines: Sequence[LogLine], texts: Texts = ENGLISH, pick: LineFilter = ALL_LINES) -> list[str]:
    """Every line of text, as a reader in Tokyo sees it."""
    return [each for row in rows(lines, texts, pick) for each in (row.prefix + row.text, *row.further)]


def several(*texts: str, level: Level | None = None) -> list[LogLine]:
    """Lines a minute apart."""
    return [
        line(order, text, level=level).model_copy(update={"at": BEGAN + timedelta(minutes=order)})
        for order, text in enumerate(texts)
    ]


def test_requests_that_failed_alike_are_one_row_with_the_first_and_the_last() -> None:
    lines = several(*(REFUSED.format(number=n, client="10.100.3.1") for n in (17, 19, 23)), level=Level.ERROR)
    assert [
        "18:00:00–18:02:00 ERROR 3× connect() failed (111: Connection refused) → host-b:8080 · GET /orders/‹3 numbers›"
        " · client host-c",
        " ├ 18:00:00 GET /orders/17",
        " └ 18:02:00 GET /orders/23",
    ] == said(lines)


def test_where_only_times_and_hidden_parts_differ_one_row_says_all() -> None:
    lines = several(*(f"2026/01/31 18:0{n}:00 [error] 1#{n}: *{n} no live upstreams" for n in range(4)), level=Level.ERROR)
    assert ["18:00:00–18:03:00 ERROR 4× no live upstreams"] == said(lines)


def test_a_line_alone_is_its_message_and_fields() -> None:
    text = 'time="2026-01-31T09:00:00Z" level=info msg="Handshake timed out" certName=host-b vpnIp=10.100.2.1'
    assert ["18:00:00 INFO Handshake timed out · certName=host-b"] == said(several(text, level=Level.INFO))


@pytest.mark.parametrize(
    ("values", "texts", "shown"),
    [
        pytest.param(("10.100.2.1", "10.0.0.9"), ENGLISH, "‹10.0.0.9, host-b›", id="two addresses are listed"),
        pytest.param(("10.100.2.1:80", "10.100.3.1:80", "10.0.0.9:80"), ENGLISH, "‹3 addresses›", id="three are counted"),
        pytest.param(("10.100.2.1", "10.100.3.1", "10.0.0.9"), JAPANESE, "‹アドレス 3 種›", id="in Japanese"),
        pytest.param(("fd00::1", "fd00::2", "fd00::3"), ENGLISH, "‹3 addresses›", id="of IPv6"),
        pytest.param(("1", "2"), ENGLISH, "‹2 numbers›", id="numbers"),
        pytest.param(("1.5s", "2ms"), JAPANESE, "‹数値 2 種›", id="with units"),
        pytest.param(("3f9a1c", "b7d2"), ENGLISH, "‹2 IDs›", id="IDs"),
        pytest.param(("18:00:01", "18:00:02"), ENGLISH, "‹2 times›", id="times"),
        pytest.param(("2026-01-31T18:00:01Z", "2026-01-31T18:00:02Z"), JAPANESE, "‹時刻 2 種›", id="dates with times"),
        pytest.param(tuple(map(str, range(500))), ENGLISH, "‹100+ numbers›", id="very many"),
    ],
)
def test_of_what_varies_the_kind_and_the_number_are_said(values: Sequence[str], texts: Texts, shown: str) -> None:
    lines = [line(order, f"ask {value} now", level=None) for order, value in enumerate(values)]
    assert rows(lines, texts)[0].text == f"ask {shown} now"


def test_punctuation_after_a_value_stays() -> None:
    assert "took ‹2 numbers›." == rows(several("took 5.", "took 6."))[0].text


def test_of_a_group_of_hosts_two_are_named_and_more_are_counted() -> None:
    both = [line(0, "lost"), line(1, "lost", host="host-b")]
    assert "18:00:00–18:00:01 host-a,host-b INFO 2× " == rows(both)[0].prefix
    assert "18:00:00–18:00:02 3 hosts INFO 3× " == rows([*both, line(2, "lost", host="host-c")])[0].prefix
    assert "18:00:00–18:00:02 3 台 INFO 3× " == rows([*both, line(2, "lost", host="host-c")], JAPANESE)[0].prefix


def test_the_first_and_the_last_of_several_hosts_name_theirs() -> None:
    lines = [line(0, "took 5"), line(1, "took 6", host="host-b")]
    assert (" ├ 18:00:00 host-a took 5", " └ 18:00:01 host-b took 6") == rows(lines)[0].further


def test_a_stack_trace_follows_its_line_up_to_a_few() -> None:
    trace = [line(0, "broken")] + [line(n, f"at {'x' * n}.py").model_copy(update={"part_of": 0}) for n in range(1, 8)]
    (row,) = rows(trace)
    assert ("   at x.py", "   and 2 more lines", 6) == (row.further[0], row.further[-1], len(row.further))


def test_raw_lines_stay_as_they_were_written() -> None:
    lines = several(*(REFUSED.format(number=n, client="10.100.3.1") for n in (17, 19)), level=Level.ERROR)
    assert [f"18:0{n}:00 {each.text}" for n, each in enumerate(lines)] == said(lines, pick=LineFilter(raw=True))


def test_a_line_is_shown_as_written_where_the_search_is_in_a_part_that_is_left_out() -> None:
    (text,) = (each.text for each in several(REFUSED.format(number=17, client="10.100.3.1")))
    lines = several(text)
    assert "while connecting" in said(lines, pick=LineFilter(pattern="while connecting"))[0]
    assert "while connecting" not in said(lines, pick=LineFilter(pattern="orders"))[0]


def test_escapes_of_json_are_read_and_what_they_hide_is_removed() -> None:
    text = r'{"level":"info","msg":"\u65e5\u672c\u8a9e \"a\" \u202e\u200bb\u001b[31m","path":"F:\\x"}'
    assert ['18:00:00 日本語 "a" b␛[31m · path=F:\\x'] == said(several(text))


def test_the_times_of_the_hour_that_clocks_repeat_are_those_that_clocks_showed() -> None:
    before = datetime(2026, 11, 1, 5, 59, tzinfo=UTC)
    lines = [each.model_copy(update={"at": before + timedelta(minutes=n)}) for n, each in enumerate(several("x", "x", "x"))]
    (row,) = rows(lines, get_texts("en", ZoneInfo("America/New_York")))
    assert "2026-11-01 01:59:00–01:01:00 3× " == row.prefix


def test_across_midnight_both_days_are_shown() -> None:
    lines = [
        each.model_copy(update={"at": BEGAN + timedelta(hours=5, minutes=59 + 2 * n)})
        for n, each in enumerate(several("x", "x"))
    ]
    assert "2026-01-31 23:59:00–2026-02-01 00:01:00 2× " == rows(lines)[0].prefix


def test_a_secret_that_the_lines_do_not_show_is_in_no_row() -> None:
    """Rows consist of parts of the lines, which were redacted before they were stored."""
    redact = Redactor(()).redact
    raw = [f'time=x level=error msg="login failed" password=hunter{n} error="token=ghp_{"a1" * 18}{n}"' for n in range(9)]
    shown = "\n".join(said(several(*map(redact, raw), level=Level.ERROR)))
    assert "9× login failed · password=[redacted]" in shown
    assert not [secret for secret in ("hunter", "ghp_") if secret in shown]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        pytest.param(r"pa\u0026ss\u003cw/rd-99", "[redacted]", id="Go"),
        pytest.param(r"pa\u0026ss\u003Cw/rd-99", "[redacted]", id="capital digits"),
        pytest.param(r"pa&ss<w\/rd-99", "[redacted]", id="an escaped slash"),
        pytest.param(r"pa\u0026ss\u003cw\/rd-99", "[redacted]", id="Go's escapes and an escaped slash"),
        pytest.param(r"pa\u0026ss<w/rd-99", r"pa\u0026ss<w/rd-99", id="an escape beside its like without one"),
        pytest.param(r"p\u0061&ss<w/rd-99", r"p\u0061&ss<w/rd-99", id="an escape of a letter"),
    ],
)
def test_no_escape_is_decoded_behind_which_redaction_does_not_look(written: str, shown: str) -> None:
    line_of_json = f'{{"level":"error","msg":"login failed for {written}"}}'
    seen = Redactor(["pa&ss<w/rd-99"]).redact_log(line_of_json)
    assert [f"18:00:00 ERROR login failed for {shown}"] == said(several(seen, level=Level.ERROR))


def test_escapes_around_what_varies_are_decoded() -> None:
    lines = several(*(rf'{{"msg":"a\u003cb\u003e {n} c\u0026d"}}' for n in (5, 6)))
    assert "a<b> ‹2 numbers› c&d" == rows(lines)[0].text


STARTS = st.sampled_from(["", "time=1 level=info msg=", '{"msg":"', "2026/01/31 18:00:00 [error] "])


@WHATEVER
@given(st.lists(st.tuples(HOSTILE, STARTS)))
def test_whatever_stands_in_lines_a_row_is_visible_text_on_one_line(written: list[tuple[str, str]]) -> None:
    lines = [line(order, f"{start}{text} {order}") for order, (text, start) in enumerate(written)]
    shown = {unicodedata.category(character) for each in said(lines) for character in each}
    assert not shown & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert len(lines) == sum(group.count for group in group_entries(lines))
