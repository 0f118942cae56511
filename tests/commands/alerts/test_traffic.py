"""Answers of 5xx rise where a window has many of them, a large share, and far more than the hour before."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from adapters.windows.watch import AccessLogReading, RequestCounts
from commands.alerts.traffic import (
    COMPARISON,
    SAMPLE,
    WINDOW,
    TrafficCount,
    TrafficJudgment,
    Trend,
    find_window,
    judge_traffic,
    make_count,
    sum_counts,
)

BEGIN = datetime(2026, 2, 20, 9, 0, tzinfo=UTC)
"""The begin of the window that is judged."""

MINUTE = timedelta(minutes=1)


def at(minutes: float) -> datetime:
    return BEGIN + minutes * MINUTE


def count(requests: int, errors: int, begins: float = 0, ends: float = 5, *, partial: bool = False) -> TrafficCount:
    """A count, by default of the whole window; its times are in minutes after the window began."""
    return TrafficCount(at(begins), at(ends), requests, errors, partial=partial)


def hour(requests: int, errors: int, ends: float = 0) -> list[TrafficCount]:
    """Twelve windows of an hour, by default the one before; the first has the rest of the requests."""
    each = [(requests // 12, errors // 12)] * 12
    each[0] = (requests - 11 * (requests // 12), errors - 11 * (errors // 12))
    return [count(*one, ends - 60 + 5 * n, ends - 55 + 5 * n) for n, one in enumerate(each)]


@pytest.mark.parametrize(
    ("requests", "errors", "trend"),
    [
        (0, 0, Trend.CALM),
        (1_000, 0, Trend.CALM),
        (4, 4, Trend.CALM),
        (5, 5, Trend.HOVERING),
        (9, 9, Trend.HOVERING),
        (10, 10, Trend.RISING),
        (500, 10, Trend.RISING),
        (501, 10, Trend.HOVERING),
        (1_000, 10, Trend.HOVERING),
        (1_001, 10, Trend.CALM),
        (1_000_000, 20_000, Trend.RISING),
        (1_000_000, 19_999, Trend.HOVERING),
        (1_000_000, 10_000, Trend.HOVERING),
        (1_000_000, 9_999, Trend.CALM),
    ],
)
def test_without_an_hour_before_the_number_and_the_share_decide(requests: int, errors: int, trend: Trend) -> None:
    window = count(requests, errors)
    assert TrafficJudgment(trend, window, None) == judge_traffic([window], BEGIN)


@pytest.mark.parametrize(
    ("errors", "usual", "trend"),
    [
        (30, (1_000, 0), Trend.RISING),
        (30, (1_000, 10), Trend.RISING),
        (29, (1_000, 10), Trend.HOVERING),
        (15, (1_000, 10), Trend.HOVERING),
        (14, (1_000, 10), Trend.CALM),
        (300, (12_000, 1_200), Trend.RISING),
        (299, (12_000, 1_200), Trend.HOVERING),
        (149, (12_000, 1_200), Trend.CALM),
        (1_000, (12_000, 4_000), Trend.RISING),
        (1_000, (12_000, 4_001), Trend.HOVERING),
        (1_000, (100, 90), Trend.CALM),
        (1_000, (99, 99), Trend.RISING),
    ],
)
def test_the_share_of_the_hour_before_decides_too(errors: int, usual: tuple[int, int], trend: Trend) -> None:
    window = count(1_000, errors)
    assert trend == judge_traffic([*hour(*usual), window], BEGIN).trend


def test_a_judgment_has_the_figures_that_it_was_made_of() -> None:
    window, before = count(1_000, 50), hour(12_000, 12)
    usual = count(12_000, 12, -60, 0)
    assert TrafficJudgment(Trend.RISING, window, usual) == judge_traffic([*before, window], BEGIN)


def test_a_failure_that_lasts_does_not_become_usual() -> None:
    """When it has lasted for an hour, three times its share is more than there can be."""
    counts = [*hour(12_000, 12, ends=-60), *hour(12_000, 6_000), count(1_000, 500)]
    assert Trend.CALM == judge_traffic(counts, BEGIN).trend
    assert Trend.RISING == judge_traffic(counts, BEGIN, since=at(-60)).trend


def test_an_alert_ends_by_the_hour_before_it_began() -> None:
    counts = [*hour(12_000, 120, ends=-60), *hour(12_000, 6_000), count(1_000, 14)]
    assert Trend.CALM == judge_traffic(counts, BEGIN, since=at(-60)).trend
    counts[-1] = count(1_000, 15)
    assert Trend.HOVERING == judge_traffic(counts, BEGIN, since=at(-60)).trend


def test_an_alert_that_a_clock_has_put_into_the_future_changes_nothing() -> None:
    counts = [*hour(12_000, 12), count(1_000, 500)]
    assert judge_traffic(counts, BEGIN) == judge_traffic(counts, BEGIN, since=at(600))


MINUTES = [count(20, 4, n, n + 1) for n in range(5)]
"""A whole window, counted each minute."""

UNKNOWN = {
    "no counts": [],
    "counts of other windows": [count(100, 50, -5, 0), count(100, 50, 5, 10)],
    "half of a minute too few": [*MINUTES[:3], count(20, 4, 3.5, 4)],
    "a count that is longer than half a window more": [count(100, 50, -2.6, 5)],
    "a count that ends in the next window": [*MINUTES[:3], count(100, 50, 3, 5.1)],
    "a count whose clock was set back": [count(100, 50, 5, 1)],
    "a count of no time": [count(100, 50, 1, 1)],
    "a small part of what there was": [count(SAMPLE - 1, 900, partial=True)],
}
"""Windows of which nothing follows."""


@pytest.mark.parametrize("counts", UNKNOWN.values(), ids=UNKNOWN)
def test_a_window_that_is_not_whole_is_unknown(counts: list[TrafficCount]) -> None:
    assert TrafficJudgment(Trend.UNKNOWN) == judge_traffic(counts, BEGIN)


WHOLE = {
    "five minutes": MINUTES,
    "four of them, of which the last came late": [*MINUTES[:3], count(40, 8, 3, 5)],
    "one minute is missing": [*MINUTES[:4]],
    "reads between the minutes": [count(20, 4, n - 0.5, n + 0.5) for n in range(5)],
    "one that began half a window before": [count(100, 20, -2.5, 5)],
    "one of many requests, of which a part was skipped": [count(SAMPLE, 20, partial=True)],
    "in any order": list(reversed(MINUTES)),
}
"""Windows that are judged."""


@pytest.mark.parametrize("counts", WHOLE.values(), ids=WHOLE)
def test_a_window_whose_counts_cover_most_of_it_is_judged(counts: list[TrafficCount]) -> None:
    expected = sum_counts(counts, BEGIN, BEGIN + WINDOW)
    assert TrafficJudgment(Trend.RISING, expected) == judge_traffic(counts, BEGIN)


@pytest.mark.parametrize(
    ("minutes", "begin"), [(0, -5), (0.01, 0), (1, 0), (5, 0), (5.01, 5), (-0.01, -5), (-5, -10), (12 * 60, 12 * 60 - 5)]
)
def test_a_count_belongs_to_the_window_in_which_it_ends(minutes: float, begin: int) -> None:
    assert at(begin) == find_window(at(minutes))


def test_windows_are_the_same_in_every_zone() -> None:
    assert at(5) == find_window(at(7).astimezone(ZoneInfo("Asia/Kathmandu")))


def test_sums_are_of_all_and_the_slowest_of_each() -> None:
    one = TrafficCount(at(0), at(1), 10, 1, timed=10, time_ms=500, slowest_ms=90)
    two = TrafficCount(at(1), at(2), 5, 2, timed=5, time_ms=100, slowest_ms=60, partial=True)
    assert TrafficCount(at(0), at(5), 15, 3, 15, 600, 90, partial=True) == sum_counts([one, two], at(0), at(5))
    assert TrafficCount(at(0), at(5)) == sum_counts([], at(0), at(5))


def test_shares_and_means_without_requests_are_no_errors() -> None:
    assert (0.0, None) == (count(0, 0).share, count(0, 0).mean_ms)
    some = TrafficCount(at(0), at(1), 200, 3, timed=100, time_ms=2_500)
    assert (0.015, 25.0) == (some.share, some.mean_ms)


COUNTED = RequestCounts(requests=10, errors=2, own=3, unparsed=1, timed=9, time_ms=900, slowest_ms=400)


@pytest.mark.parametrize(
    ("counts", "skipped", "lost", "expected"),
    [
        (None, 0, False, None),
        (COUNTED, 0, False, TrafficCount(at(0), at(1), 10, 2, 9, 900, 400)),
        (COUNTED, 1, False, TrafficCount(at(0), at(1), 10, 2, 9, 900, 400, partial=True)),
        (COUNTED, 0, True, TrafficCount(at(0), at(1), 10, 2, 9, 900, 400, partial=True)),
    ],
)
def test_a_read_of_the_access_log_becomes_a_count(
    counts: RequestCounts | None, skipped: int, lost: bool, expected: TrafficCount | None
) -> None:
    log = AccessLogReading(state="present", position=None, counts=counts, skipped=skipped, lost=lost)
    assert expected == make_count(log, at(0), at(1))


def test_the_hour_before_is_twelve_windows() -> None:
    assert COMPARISON == 12 * WINDOW
