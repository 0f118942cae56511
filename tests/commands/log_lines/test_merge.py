"""Lines of several hosts and logs, in the order of time, and those of them that are wanted."""

from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.log_lines.formats import Level
from commands.log_lines.groups import count_by_level, count_errors, filter_lines, merge_lines
from commands.log_lines.lines import LogLine

START = datetime(2026, 11, 25, 9, tzinfo=UTC)


def line(host: str, second: int | None, order: int = 0, level: Level | None = None, text: str = "") -> LogLine:
    at = None if second is None else START + timedelta(seconds=second)
    return LogLine(host=host, source="nebula", at=at, level=level, text=text, order=order)


def log(host: str, *seconds: int | None) -> tuple[LogLine, ...]:
    return tuple(line(host, second, order) for order, second in enumerate(seconds))


def order(lines: tuple[LogLine, ...]) -> str:
    return " ".join(f"{line.host}{line.order}" for line in lines)


@pytest.mark.parametrize(
    ("logs", "expected"),
    [
        pytest.param([], "", id="nothing"),
        pytest.param([log("a"), log("b", 1)], "b0", id="an empty log"),
        pytest.param([log("a", 1, 4), log("b", 2, 3)], "a0 b0 b1 a1", id="by time"),
        pytest.param([log("a", 1, 1), log("b", 1)], "a0 a1 b0", id="at the same time: a log stays together"),
        pytest.param([log("a", 5, 2, 7), log("b", 3, 6)], "b0 a0 a1 b1 a2", id="back in time: behind its predecessor"),
        pytest.param([log("a", 1, None, 9), log("b", 2)], "a0 a1 b0 a2", id="without time: behind its predecessor"),
        pytest.param([log("a", None, None, 5), log("b", 2, 7)], "b0 a0 a1 a2 b1", id="without time at the beginning"),
        pytest.param([log("a", 1), log("b", None, None)], "b0 b1 a0", id="a log without any time"),
    ],
)
def test_lines_of_several_logs_come_by_time(logs: list[tuple[LogLine, ...]], expected: str) -> None:
    assert expected == order(merge_lines(logs))


LOGS = st.lists(st.lists(st.one_of(st.none(), st.integers(0, 50)), max_size=8), max_size=5).map(
    lambda all_seconds: [log(f"h{number}-", *seconds) for number, seconds in enumerate(all_seconds)]
)


@given(LOGS)
def test_no_line_is_lost_and_no_log_changes_its_order(logs: list[tuple[LogLine, ...]]) -> None:
    lines = merge_lines(logs)
    assert sum(map(len, logs)) == len(lines)
    for number, own in enumerate(logs):
        assert list(own) == [line for line in lines if line.host == f"h{number}-"]


@given(st.lists(st.lists(st.integers(0, 5), max_size=8).map(lambda steps: list(accumulate(steps))), max_size=5))
def test_logs_in_order_are_merged_as_if_sorted(all_seconds: list[list[int]]) -> None:
    lines = merge_lines([log(f"h{number}-", *seconds) for number, seconds in enumerate(all_seconds)])
    assert sorted(second for seconds in all_seconds for second in seconds) == [
        round((line.at - START).total_seconds()) for line in lines if line.at is not None
    ]


GRAVE = tuple(line("a", number, number, level) for number, level in enumerate([None, *Level]))


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (None, [None, "debug", "info", "warn", "error", "fatal"]),
        (Level.DEBUG, ["debug", "info", "warn", "error", "fatal"]),
        (Level.WARN, ["warn", "error", "fatal"]),
        (Level.FATAL, ["fatal"]),
    ],
)
def test_lines_at_least_so_grave(level: Level | None, expected: list[str | None]) -> None:
    assert expected == [line.level for line in filter_lines(GRAVE, level)]


TEXTS = ("Handshake timed out", "handshake sent", "price 10.5 $", "price 1005 $", "接続 失敗")


@pytest.mark.parametrize(
    ("pattern", "given", "expected"),
    [
        ("", {}, TEXTS),
        ("handshake", {}, TEXTS[:2]),
        ("handshake", {"case": True}, TEXTS[1:2]),
        ("HANDSHAKE", {"fixed": True}, TEXTS[:2]),
        ("10.5", {}, TEXTS[2:4]),
        ("10.5", {"fixed": True}, TEXTS[2:3]),
        ("10.5 $", {"fixed": True, "case": True}, TEXTS[2:3]),
        (r"\d \$$", {}, TEXTS[2:4]),
        ("接続.失敗", {}, TEXTS[4:]),
        ("nowhere", {}, ()),
    ],
)
def test_lines_that_a_pattern_is_found_in(pattern: str, given: dict[str, Any], expected: tuple[str, ...]) -> None:
    lines = [line("a", 1, text=text) for text in TEXTS]
    assert expected == tuple(found.text for found in filter_lines(lines, pattern=pattern, **given))


def test_level_and_pattern_both_count() -> None:
    lines = [line("a", 1, level=level, text=text) for level in (Level.INFO, Level.ERROR) for text in ("x", "y")]
    assert [(Level.ERROR, "y")] == [(found.level, found.text) for found in filter_lines(lines, Level.WARN, "y")]


def test_lines_are_counted_by_level_the_gravest_first() -> None:
    levels = (Level.INFO, None, Level.ERROR, Level.INFO)
    lines = [line("a", 1, order, level) for order, level in enumerate(levels)]
    assert [(Level.ERROR, 1), (Level.INFO, 2), (None, 1)] == list(count_by_level(lines).items())
    assert {} == count_by_level([])


def test_an_error_with_its_stack_trace_is_one_error() -> None:
    """Also where the trace is longer than what was asked for, and where only some lines of it fit."""
    head, alone = line("a", 1, 0, Level.ERROR), line("a", 1, 11, Level.ERROR)
    trace = [line("a", 1, order, Level.ERROR, f"at {order}").model_copy(update={"part_of": 0}) for order in range(1, 11)]
    assert 1 == count_errors([head, *trace])
    assert 1 == count_errors(trace[5:])
    assert 1 == count_errors(trace[::3])
    assert 2 == count_errors([head, *trace, alone])
    assert 2 == count_errors([trace[0], trace[1].model_copy(update={"host": "b"})])
