"""Requests of gateways in the monthly report: what was counted, never less than it was, and no data where there is none."""

from datetime import timedelta

import pytest

from bot.digests.reports.monthly_sections import (
    MAX_NAMED,
    TRAFFIC_COLUMNS,
    add_traffic,
    build_traffic_cells,
    build_traffic_section,
    compute_error_percent,
)
from commands.alerts.traffic import TrafficCount
from commands.model.report import Mark
from tests.bot.reported import OCTOBER

DAY = timedelta(days=1)


def count(requests: int, errors: int = 0, timed: int = 0, time_ms: int = 0, slowest_ms: int = 0) -> TrafficCount:
    return TrafficCount(OCTOBER.begin, OCTOBER.begin + DAY, requests, errors, timed, time_ms, slowest_ms)


def cells(found: TrafficCount | None, *, gateway: bool = True) -> dict[str, tuple[str, object, Mark]]:
    made = build_traffic_cells(found, gateway=gateway)
    return {column.key: (str(cell.text), cell.value, cell.mark) for column, cell in zip(TRAFFIC_COLUMNS, made, strict=True)}


def test_requests_errors_and_times_are_numbers() -> None:
    assert {
        "requests": ("12345", 12345, Mark.PLAIN),
        "errors_percent": ("0.5% (61)", 0.5, Mark.PLAIN),
        "request_ms": ("46 ms", 46, Mark.PLAIN),
        "slowest_ms": ("2300 ms", 2300, Mark.PLAIN),
    } == cells(count(12345, 61, 10_000, 456_000, 2300))


def test_without_any_count_there_is_no_data_and_not_zero() -> None:
    assert {("no data", None, Mark.UNKNOWN)} == set(cells(None).values())
    assert {("N/A", None, Mark.ABSENT)} == set(cells(None, gateway=False).values())


def test_a_gateway_without_requests_has_no_share() -> None:
    found = cells(count(0))
    assert (("0", 0, Mark.PLAIN), ("no requests", None, Mark.PLAIN)) == (found["requests"], found["errors_percent"])


def test_a_log_without_times_has_no_data_about_them() -> None:
    found = cells(count(10))
    assert [("no data", None, Mark.UNKNOWN)] * 2 == [found["request_ms"], found["slowest_ms"]]


@pytest.mark.parametrize(
    ("errors", "requests", "percent"),
    [(0, 1_000_000, 0), (1, 1_000_000, 0.01), (1, 3, 33.34), (3, 3, 100), (1, 8, 12.5)],
)
def test_a_share_of_errors_is_never_rounded_down(errors: int, requests: int, percent: float) -> None:
    assert percent == compute_error_percent(count(requests, errors))


def test_days_are_added_and_a_part_that_was_skipped_is_said() -> None:
    first = TrafficCount(OCTOBER.begin, OCTOBER.begin + DAY, 10, 1, 8, 80, 30)
    second = TrafficCount(OCTOBER.begin + DAY, OCTOBER.begin + 2 * DAY, 5, 2, 5, 50, 20, partial=True)
    total = add_traffic([{"host-a": first}, {}, {"host-a": second, "host-b": first}])
    assert {
        "host-a": TrafficCount(OCTOBER.begin, OCTOBER.begin + 2 * DAY, 15, 3, 13, 130, 30, partial=True),
        "host-b": first,
    } == total
    assert ("at least 15", 15, Mark.PLAIN) == cells(total["host-a"])["requests"]


def lines(found: dict[str, TrafficCount], **gateways: bool) -> list[str]:
    known = {name.replace("_", "-"): gateway for name, gateway in gateways.items()}
    return [str(line) for line in build_traffic_section(found, known).lines]


def test_gateways_are_named_those_with_most_errors_first() -> None:
    found = {
        "host-a": count(1000, 1, 1000, 12_000, 90),
        "host-b": count(10, 5),
        "host-c": count(0),
    }
    assert [
        "host-b: 10 requests, 50% with server errors (5xx)",
        "host-a: 1000 requests, 0.1% with server errors (5xx), 12 ms on average, 90 ms at most",
        "host-c: no requests",
        "no data: host-d",
    ] == lines(found, host_a=True, host_d=True, host_e=False)


def test_without_gateways_there_is_none_and_many_are_counted() -> None:
    assert ["none"] == lines({}, host_e=False)
    told = lines({f"host-{n:03}": count(10) for n in range(254)})
    assert (MAX_NAMED + 1, "… and 244 more") == (len(told), told[-1])
