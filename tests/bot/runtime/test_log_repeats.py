"""A line that comes again and again is one line and a count."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from bot.runtime.logging import MAX_REMEMBERED, REPEAT_INTERVAL, configure_logs


class Log:
    """What was logged, read back, and its time."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.now = 0.0

    @property
    def said(self) -> list[tuple[str, int]]:
        """Each line: what it says, and how often it came again."""
        lines = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        return [(line["event"], line.get("repeated", 0)) for line in lines]


@pytest.fixture
def log() -> Iterator[Log]:
    """A log of its own; afterwards everything that logs is as it was before."""
    root, ours = logging.getLogger(), logging.getLogger("bot")
    before = root.handlers, root.level, ours.level
    try:
        made = Log()
        configure_logs("info", made.stream, monotonic=lambda: made.now)
        yield made
    finally:
        root.handlers, root.level, ours.level = before
        structlog.reset_defaults()


def ours() -> Any:
    return structlog.get_logger("bot.made_up")


def test_a_hundred_thousand_equal_errors_are_one_line_and_a_count(log: Log) -> None:
    for _ in range(100_000):
        logging.getLogger("asyncio").error("socket.accept() out of system resource")
    log.now = REPEAT_INTERVAL
    ours().info("something else")
    assert [
        ("socket.accept() out of system resource", 0),
        ("socket.accept() out of system resource (repeated 99999 times)", 0),
        ("something else", 0),
    ] == log.said


def test_the_count_of_an_event_is_a_field(log: Log) -> None:
    for _ in range(3):
        ours().warning("a host is slow", host="host-a")
    log.now = REPEAT_INTERVAL
    ours().warning("a host is slow", host="host-a")
    assert [("a host is slow", 0), ("a host is slow", 2), ("a host is slow", 0)] == log.said


def test_a_fault_that_lasts_is_counted_in_each_interval(log: Log) -> None:
    for _ in range(3 * int(REPEAT_INTERVAL)):
        log.now += 1.0
        ours().error("the database refused a write; retrying")
    written = log.said
    assert [0, 59, 0, 59, 0] == [repeated for _, repeated in written]


def test_what_is_counted_at_the_end_is_written(log: Log) -> None:
    for _ in range(5):
        ours().error("a check failed")
    logging.getLogger().handlers[0].close()
    assert [("a check failed", 0), ("a check failed", 4)] == log.said


@pytest.mark.parametrize("differs", ["host", "level", "exception"])
def test_lines_that_differ_are_all_written(log: Log, differs: str) -> None:
    for number in range(3):
        match differs:
            case "host":
                ours().warning("a host is slow", host=f"host-{number}")
            case "level":
                [ours().warning, ours().error, ours().critical][number]("a host is slow")
            case _:
                fail(number)
    assert 3 == len(log.said)


def test_the_same_exception_again_is_a_count_without_its_traceback(log: Log) -> None:
    for _ in range(3):
        fail(0)
    logging.getLogger().handlers[0].close()
    first, counted = log.stream.getvalue().splitlines()
    assert (True, False, 2) == ("exception" in first, "exception" in counted, json.loads(counted)["repeated"])


def test_what_is_no_warning_is_never_counted(log: Log) -> None:
    for _ in range(3):
        ours().info("configuration activated")
    assert 3 == len(log.said)


def test_memory_for_lines_is_bounded(log: Log) -> None:
    for _ in range(2):
        for number in range(2 * MAX_REMEMBERED):
            ours().warning("a host is slow", host=number)
    assert 2 * 2 * MAX_REMEMBERED - MAX_REMEMBERED == len(log.said)


def fail(number: int) -> None:
    try:
        raise ZeroDivisionError(number)
    except ZeroDivisionError:
        ours().exception("a check failed")
