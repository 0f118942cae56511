"""A log's text as lines that know their time and level."""

import string
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.logs import LINE_LIMIT, LINE_READ_LIMIT, LogText, Truncation
from commands.log_lines.formats import Level
from commands.log_lines.lines import HostLog, LogLine, LogOrigin, TimeDoubt, parse_log, sanitize_line, shorten_line

NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
TOKYO = timezone(timedelta(hours=9))
BERLIN = ZoneInfo("Europe/Berlin")


def parsed(*lines: str, source: str = "nebula", **given: Any) -> HostLog:
    text = LogText(lines=()).model_copy(update={"lines": tuple(map(sanitize_line, lines))})
    return parse_log(text, LogOrigin("host-a", source, **{"now": NOW} | given))


def times(log: HostLog) -> list[str | None]:
    return [None if line.at is None else f"{line.at:%m-%d %H:%M:%S}" for line in log.lines]


def levels(log: HostLog) -> list[Level | None]:
    return [line.level for line in log.lines]


def nebula(minute: int, level: str = "info") -> str:
    return f'time="2026-11-25T09:{minute:02}:00Z" level={level} msg=x'


def nginx(time: str) -> str:
    return f"{time} [error] 1#1: x"


def test_a_line_knows_where_it_comes_from_and_keeps_its_text() -> None:
    text = 'time="2026-11-25T09:05:44Z" level=info msg="Handshake timed out" vpnIp=10.100.9.9'
    at = datetime(2026, 11, 25, 9, 5, 44, tzinfo=UTC)
    line = LogLine(host="host-a", source="nebula", at=at, level=Level.INFO, text=text, order=0)
    assert (line,) == parsed(text).lines


def test_lines_that_no_format_fits_belong_to_the_line_before_them() -> None:
    log = parsed(nebula(1, "error"), "panic: nil", "\tmain.go:12", nebula(2))
    assert ["11-25 09:01:00"] * 3 + ["11-25 09:02:00"] == times(log)
    assert [Level.ERROR] * 3 + [Level.INFO] == levels(log)
    assert [0, 1, 2, 3] == [line.order for line in log.lines]
    assert [None, 0, 0, None] == [line.part_of for line in log.lines]


def test_lines_before_the_first_that_a_format_fits_have_neither_time_nor_level() -> None:
    log = parsed("  in the middle of a trace", "of the stack", nebula(1))
    assert [None, None, "11-25 09:01:00"] == times(log)
    assert [None, None, Level.INFO] == levels(log)
    assert [None] * 3 == [line.part_of for line in log.lines]


def test_a_line_with_a_level_alone_does_not_borrow_a_time() -> None:
    log = parsed(nebula(1), "level=warn msg=x", "belongs to it")
    assert ["11-25 09:01:00", None, None] == times(log)
    assert [Level.INFO, Level.WARN, Level.WARN] == levels(log)


def test_a_log_of_no_known_format_stays_as_it_is() -> None:
    log = parsed("one", "two")
    assert [("one", None, None), ("two", None, None)] == [(line.text, line.at, line.level) for line in log.lines]


def test_the_clock_s_difference_is_taken_off() -> None:
    assert ["11-25 08:59:57"] == times(parsed(nebula(0), ahead=3.0))
    assert ["11-25 09:00:03"] == times(parsed(nebula(0), ahead=-3.0))
    assert 3.0 == parsed(nebula(0), ahead=3.0).ahead


def test_what_must_be_said_of_a_read_goes_with_its_lines() -> None:
    text = LogText(lines=("x",), cut=frozenset({Truncation.LINES}), encoding="cp932", clock=NOW)
    log = parse_log(text, LogOrigin("host-a", "nebula", NOW))
    assert (frozenset({Truncation.LINES}), "cp932") == (log.cut, log.encoding)


@pytest.mark.parametrize("zone", [TOKYO, ZoneInfo("Asia/Tokyo")])
def test_local_times_are_those_of_the_host_s_zone(zone: tzinfo) -> None:
    log = parsed(nginx("2026/11/25 18:26:47"), zone=zone)
    assert ["11-25 09:26:47"] == times(log)
    assert {} == log.doubts


def test_local_times_of_an_unknown_zone_are_no_times_and_counted() -> None:
    log = parsed(nginx("2026/11/25 18:26:47"), nebula(1), nginx("2026/11/25 18:26:48"))
    assert [None, "11-25 09:01:00", None] == times(log)
    assert [Level.ERROR, Level.INFO, Level.ERROR] == levels(log)
    assert {TimeDoubt.UNPLACED: 2} == log.doubts


def test_an_hour_that_never_was_is_taken_as_if_the_clock_had_not_been_set_yet() -> None:
    before, gap, after = (nginx(f"2026/03/29 0{time}") for time in ("1:59:00", "2:30:00", "3:31:00"))
    log = parsed(before, gap, after, zone=BERLIN)
    assert ["03-29 00:59:00", "03-29 01:30:00", "03-29 01:31:00"] == times(log)
    assert {TimeDoubt.SKIPPED: 1} == log.doubts


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        pytest.param(("01:59:00", "02:10:00", "02:50:00"), ("23:59:00", "00:10:00", "00:50:00"), id="the first time round"),
        pytest.param(("02:50:00", "02:10:00", "02:40:00"), ("00:50:00", "01:10:00", "01:40:00"), id="then the second"),
        pytest.param(
            ("02:50:00", "02:10:00", "02:59:00", "02:20:00"), ("00:50:00", "01:10:00", "01:59:00", "01:20:00"), id="no third"
        ),
        pytest.param(("02:50:00", "02:49:00"), ("00:50:00", "00:49:00"), id="a little out of order"),
        pytest.param(("02:50:00", "02:10:00", "03:00:00"), ("00:50:00", "01:10:00", "02:00:00"), id="and on"),
    ],
)
def test_an_hour_that_came_twice_is_told_by_the_line_before(local: tuple[str, ...], utc: tuple[str, ...]) -> None:
    log = parsed(*(nginx(f"2026/10/25 {time}") for time in local), zone=BERLIN)
    assert list(utc) == [str(time)[6:] for time in times(log)]
    assert {TimeDoubt.TWICE: sum(time.startswith("02") for time in local)} == log.doubts


def test_a_line_long_before_the_change_says_nothing_of_it() -> None:
    log = parsed(nginx("2026/01/10 12:00:00"), nginx("2026/10/25 02:30:00"), zone=BERLIN)
    assert ["01-10 11:00:00", "10-25 00:30:00"] == times(log)


@pytest.mark.parametrize(
    ("minute", "ahead", "doubts"),
    [
        pytest.param(30, 0.0, {}, id="now"),
        pytest.param(31, 0.0, {TimeDoubt.FUTURE: 1}, id="a minute ahead"),
        pytest.param(31, 60.0, {}, id="a minute ahead, as the host's clock is"),
        pytest.param(30, -60.0, {TimeDoubt.FUTURE: 1}, id="now, but the host's clock is behind"),
    ],
)
def test_times_in_the_future_stay_and_are_counted(minute: int, ahead: float, doubts: dict[TimeDoubt, int]) -> None:
    log = parsed(nebula(minute), ahead=ahead)
    assert doubts == log.doubts
    assert None is not log.lines[0].at


def test_the_host_s_own_clock_says_what_the_future_is() -> None:
    text = LogText(lines=(nebula(40),), clock=datetime(2026, 11, 25, 18, 40, tzinfo=TOKYO))
    assert {} == parse_log(text, LogOrigin("host-a", "nebula", NOW)).doubts


def test_the_year_of_a_time_without_one_is_told_by_the_host_s_clock() -> None:
    text = LogText(lines=("Dec 31 23:59:00 h p: x",), clock=datetime(2027, 1, 1, 0, 1, tzinfo=TOKYO))
    log = parse_log(text, LogOrigin("host-a", "cni", datetime(2026, 12, 31, 15, 1, tzinfo=UTC), zone=TOKYO))
    assert datetime(2026, 12, 31, 14, 59, tzinfo=UTC) == log.lines[0].at


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        pytest.param("\x1b[31mERROR\x1b[0m disk\x1b[K full", "ERROR disk full", id="colours"),
        pytest.param("\x1b[38;5;196mred", "red", id="more colours"),
        pytest.param("\x1b]0;a title\x07text", "text", id="a window's title"),
        pytest.param("\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\", "click", id="a link"),
        pytest.param("\x1b]0;never ended", "]0;never ended", id="what never ends hides nothing"),
        pytest.param("a\x00b\x07c\x7fd\x9be", "abcde", id="control characters"),
        pytest.param("one\ttwo\r\nthree\u2028four", "one two three four", id="one line"),
        pytest.param("safe\u202egnp.exe\u2066x", "safegnp.exex", id="nothing reads in another order"),
        pytest.param("\ufeffBOM", "BOM", id="a byte order mark"),
        pytest.param("pass\u200bword\u2060=a\xadb\u200dc", "password=abc", id="nothing without a width"),
        pytest.param("half \ud83d a character", "half \ufffd a character", id="half a character"),
        pytest.param("接続に失敗しました　再試行 🚒", "接続に失敗しました　再試行 🚒", id="Japanese"),
        pytest.param("<!channel> &amp; `x` ```", "<!channel> &amp; `x` ```", id="Slack's signs stay what they are"),
        pytest.param("token=xoxb-1234567890-abc", "token=xoxb-1234567890-abc", id="redaction is not done here"),
        pytest.param("\x1b[31m" + "x" * LINE_LIMIT, "x" * LINE_LIMIT, id="as long as may be"),
        pytest.param("x" * (LINE_LIMIT + 1), "x" * (LINE_LIMIT - 1) + "…", id="too long"),
    ],
)
def test_a_line_is_harmless_to_show(raw: str, shown: str) -> None:
    assert shown == shorten_line(sanitize_line(raw))


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        pytest.param("x" * (LINE_READ_LIMIT - 1), "x" * (LINE_LIMIT - 1) + "…", id="brought whole"),
        pytest.param("x" * LINE_READ_LIMIT, "x" * (LINE_LIMIT - 1) + "…", id="perhaps not"),
        pytest.param("\x1b[31m" * 800 + "x" * (LINE_READ_LIMIT - 4_000), "…", id="nothing but its margin"),
        pytest.param(
            "\x1b[31m" * 200 + "x" * (LINE_READ_LIMIT - 1_000), "x" * (LINE_LIMIT - 1_001) + "…", id="with colours"
        ),
        pytest.param("x\r", "x ", id="a line end of its own"),
    ],
)
def test_of_a_line_whose_end_is_not_known_the_margin_is_never_shown(raw: str, shown: str) -> None:
    """What redaction or colours made shorter is not filled up from there: a secret may begin in it."""
    assert shown == shorten_line(sanitize_line(raw))


def test_a_line_that_is_shown_in_part_has_its_time_and_is_told() -> None:
    line = '{"msg":"' + "x" * LINE_LIMIT + '","time":"2026-11-25T09:05:44Z","level":"error"}'
    log = parsed(line)
    assert (["11-25 09:05:44"], [Level.ERROR], {Truncation.LONG}) == (times(log), levels(log), set(log.cut))


def test_colours_do_not_hide_time_and_level() -> None:
    log = parsed('\x1b[90mtime="2026-11-25T09:05:00Z" level=\x1b[31merror\x1b[0m msg=x')
    assert (["11-25 09:05:00"], [Level.ERROR]) == (times(log), levels(log))


PIECES = st.sampled_from(
    [
        'time="2026-11-25T09:05:44Z" level=',
        "2026/10/25 02:30:00 [error] ",
        "2026-11-25T09:05:44.123456789",
        "Nov 25 18:26:47 ",
        "<34>1 ",
        '[25/Nov/2026:18:26:47 +0900] "',
        '{"__REALTIME_TIMESTAMP":"',
        '{"time":',
        '"level":"',
        "\x1b[",
        "}",
    ]
)
ANYTHING = st.lists(st.one_of(st.text(), PIECES, st.text(string.digits)), max_size=6).map("".join)
ENCODINGS = st.sampled_from(["utf-8", "utf-16", "cp932"])


@given(st.lists(ANYTHING, max_size=5), st.sampled_from([None, TOKYO, BERLIN]))
def test_whatever_a_host_writes_is_read_line_by_line(lines: list[str], zone: tzinfo | None) -> None:
    log = parsed(*lines, zone=zone)
    assert [shorten_line(sanitize_line(line)) for line in lines] == [line.text for line in log.lines]
    assert log == HostLog.model_validate_json(log.model_dump_json())


@given(st.binary(max_size=300), ENCODINGS)
def test_whatever_bytes_a_host_writes_are_one_visible_line(data: bytes, encoding: str) -> None:
    (line,) = parsed(data.decode(encoding, "replace")).lines
    assert line.text == shorten_line(sanitize_line(line.text))
    assert [line.text] == (line.text.splitlines() or [""])
    line.text.encode()


@pytest.mark.parametrize(
    ("source", "written", "shown"),
    [
        ("container:web", "2026-11-25T09:26:47.126064000Z ERROR no disk", "ERROR no disk"),
        ("container:web", "2026-11-25T18:26:47.126064000+09:00 2026-11-25 09:26:47 up", "2026-11-25 09:26:47 up"),
        ("container:web", "up", "up"),
        (
            "podman",
            "2026-11-25T18:26:47.126064000+09:00 host podman: up",
            "2026-11-25T18:26:47.126064000+09:00 host podman: up",
        ),
    ],
)
def test_the_time_that_podman_puts_before_a_line_is_the_line_s_time_and_no_part_of_it(
    source: str, written: str, shown: str
) -> None:
    [line] = parse_log(LogText(lines=(written,), clock=NOW), LogOrigin("host-a", source, NOW)).lines
    assert shown == line.text
    assert written == shown or line.at is not None


HEAD = "2026/11/25 09:05:44 [error] 4#4: *1 lua entry thread aborted: runtime error: no host_id"


def continued(*lines: tuple[str, str]) -> list[tuple[str | None, Level | None, int | None]]:
    """Time, level and entry of the lines that a pattern found, each with the beginning of the entry that it continues."""
    text = LogText(lines=tuple(line for line, _ in lines), openings=tuple(opening for _, opening in lines), clock=NOW)
    log = parse_log(text, LogOrigin("host-a", "error", NOW, zone=UTC))
    return [(None if each.at is None else f"{each.at:%H:%M:%S}", each.level, each.part_of) for each in log.lines]


OTHER = HEAD.replace("44", "45")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([("\tno host_id", HEAD[:120])], [("09:05:44", Level.ERROR, None)], id="alone"),
        pytest.param(
            [("\tno", HEAD[:60]), ("\tno", HEAD[:60]), ("\tno", OTHER[:60])],
            [("09:05:44", Level.ERROR, None), ("09:05:44", Level.ERROR, 0), ("09:05:45", Level.ERROR, None)],
            id="two of one entry, one of another",
        ),
        pytest.param(
            [(HEAD, ""), ("\tno host_id", HEAD[:60]), (OTHER, ""), ("\tno host_id", HEAD[:60])],
            [
                ("09:05:44", Level.ERROR, None),
                ("09:05:44", Level.ERROR, 0),
                ("09:05:45", Level.ERROR, None),
                ("09:05:44", Level.ERROR, None),
            ],
            id="behind its beginning, and behind another one",
        ),
        pytest.param([("\tno host_id", "")], [(None, None, None)], id="an unknown one"),
        pytest.param(
            [(HEAD, ""), ("\tno host_id", "")],
            [("09:05:44", Level.ERROR, None), (None, None, None)],
            id="an unknown one, not that of the line before it",
        ),
        pytest.param(
            [(HEAD, ""), ("\tno host_id", "no time at all")],
            [("09:05:44", Level.ERROR, None), (None, None, None)],
            id="one whose beginning has no time",
        ),
    ],
)
def test_a_line_whose_beginning_a_pattern_left_out_has_its_time_and_level(
    lines: list[tuple[str, str]], expected: list[tuple[str | None, Level | None, int | None]]
) -> None:
    assert expected == continued(*lines)


def test_openings_are_there_for_every_line_or_for_none() -> None:
    with pytest.raises(ValidationError, match="not an opening for each line"):
        LogText(lines=("a", "b"), openings=("",))
