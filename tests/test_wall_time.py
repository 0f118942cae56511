"""No test fails because the machine is slow: how long something takes is measured in `tests.bench`."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

STOPWATCH = re.compile(r"perf_counter|\.started <|(?:monotonic|time\.time)\(\) - \w+ <")


def list_tests() -> list[Path]:
    return [path for path in sorted(TESTS.rglob("test_*.py")) if path != Path(__file__)]


@pytest.mark.parametrize(
    "line",
    [
        "took.append(time.perf_counter() - begun)",
        "assert time.monotonic() - began < 0.5",
        "assert 1.5 <= time.monotonic() - began < 2.9",
        "assert time.time() - began < 2",
        "assert lab.started < 4.0",
    ],
)
def test_a_stopwatch_is_found(line: str) -> None:
    assert STOPWATCH.search(line)


@pytest.mark.parametrize(
    "line",
    ["assert time.process_time() - began < 2.0", "while time.monotonic() < ends:", "assert 0.3 <= time.monotonic() - began"],
)
def test_processor_time_patience_and_least_waits_are_none(line: str) -> None:
    assert not STOPWATCH.search(line)


@pytest.mark.parametrize("path", list_tests(), ids=lambda path: str(path.relative_to(TESTS)))
def test_no_test_measures_wall_time(path: Path) -> None:
    assert [] == [line for line in path.read_text().splitlines() if STOPWATCH.search(line)]
