"""Traffic of a gateway: windows of five minutes, and the rule for more answers of 5xx than before. Pure.

counts, about one a minute ─▶ the newest whole window, the hour before it ─▶ rising, hovering, calm or unknown

Rising is a window with at least 10 answers of 5xx that are at least 2 % of all, and at least 3 times the share of the hour
before. Ten keep a gateway with few requests quiet, 2 % one with many, and the comparison one on which some requests always
fail. Below half of any of these it is calm. Between the two it hovers, so an alert neither begins nor ends.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from adapters.windows.watch import AccessLogReading

WINDOW = timedelta(minutes=5)
"""Length of a window. Windows begin at multiples of it since 1970."""

COMPARISON = timedelta(hours=1)
"""The time before, whose share of 5xx is the usual one."""

LEAST_ERRORS = 10
LEAST_PERCENT = 2
LEAST_FACTOR = 3

LEAST_REQUESTS = 100
"""Requests of the hour before that make its share the usual one. Without them the comparison is left out, because a new
failure must not go unnoticed: after a quiet night or a pause of the bot nothing is known of before. A gateway on which some
requests always fail may then fire once, and is calm as soon as there are that many."""

SAMPLE = 1_000
"""Requests by which a window is judged although a part of it was skipped: they show a share to about one percent."""

LEAST_COVERED = WINDOW * 4 // 5
"""Time of a window that counts must cover, so that reads every minute may be late."""

SLACK = WINDOW / 2
"""Time before a window at which a count that ends in it may begin. Of a longer one too much belongs to other windows."""


class Trend(StrEnum):
    """Answers of 5xx in a window, compared with the hour before."""

    RISING = "rising"
    HOVERING = "hovering"
    CALM = "calm"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TrafficCount:
    """Requests that a gateway answered in a time. `errors` are answers of 5xx.

    `timed` requests have a time in the log: `time_ms` together, `slowest_ms` at most. `partial`: a part of the log was
    skipped or lost, so there were more.
    """

    begins: datetime
    ends: datetime
    requests: int = 0
    errors: int = 0
    timed: int = 0
    time_ms: int = 0
    slowest_ms: int = 0
    partial: bool = False

    @property
    def share(self) -> float:
        """The share of 5xx, 0 to 1; 0 without requests."""
        return self.errors / self.requests if self.requests else 0.0

    @property
    def mean_ms(self) -> float | None:
        """The mean time of a request; None if the log has no times."""
        return self.time_ms / self.timed if self.timed else None


@dataclass(frozen=True, slots=True)
class TrafficJudgment:
    """The trend in `window`, and the hour before that it was compared with; None where that had too few requests.

    `window` is None while the trend is unknown.
    """

    trend: Trend
    window: TrafficCount | None = None
    usual: TrafficCount | None = None


def make_count(log: AccessLogReading, begins: datetime, ends: datetime) -> TrafficCount | None:
    """Makes the count of one read; None if it counted nothing. `begins` is when the log was read before."""
    if log.counts is None:
        return None
    return TrafficCount(
        begins=begins,
        ends=ends,
        requests=log.counts.requests,
        errors=log.counts.errors,
        timed=log.counts.timed,
        time_ms=log.counts.time_ms,
        slowest_ms=log.counts.slowest_ms,
        partial=log.partial,
    )


def sum_counts(counts: Iterable[TrafficCount], begins: datetime, ends: datetime) -> TrafficCount:
    """Sums counts up to one of that time."""
    every = tuple(counts)
    return TrafficCount(
        begins=begins,
        ends=ends,
        requests=sum(count.requests for count in every),
        errors=sum(count.errors for count in every),
        timed=sum(count.timed for count in every),
        time_ms=sum(count.time_ms for count in every),
        slowest_ms=max((count.slowest_ms for count in every), default=0),
        partial=any(count.partial for count in every),
    )


def find_window(at: datetime) -> datetime:
    """Finds the begin of the window that a count belongs to which ends at that time. The end of a window belongs to it."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch + (-(-(at - epoch) // WINDOW) - 1) * WINDOW


def judge_traffic(counts: Sequence[TrafficCount], begins: datetime, since: datetime | None = None) -> TrafficJudgment:
    """Judges the window that begins then, by one gateway's counts of it and of the hour before.

    `since` is the begin of the window in which the present alert began. The hour before that stays the usual one, or a
    failure would become usual after an hour, and its alert would end while it lasts.
    """
    window = _sum_window(counts, begins)
    if window is None:
        return TrafficJudgment(Trend.UNKNOWN)
    usual = _find_usual(counts, begins if since is None else min(begins, since))
    if _reaches(window, usual, 1):
        return TrafficJudgment(Trend.RISING, window, usual)
    return TrafficJudgment(Trend.HOVERING if _reaches(window, usual, 2) else Trend.CALM, window, usual)


def _sum_window(counts: Sequence[TrafficCount], begins: datetime) -> TrafficCount | None:
    """Sums the counts of a window up; None if it is not whole, or too small a sample."""
    within = tuple(_select(counts, begins, begins + WINDOW))
    covered = sum((count.ends - max(count.begins, begins) for count in within), timedelta())
    window = sum_counts(within, begins, begins + WINDOW)
    if covered < LEAST_COVERED or (window.partial and window.requests < SAMPLE):
        return None
    return window


def _find_usual(counts: Sequence[TrafficCount], ends: datetime) -> TrafficCount | None:
    begins = ends - COMPARISON
    usual = sum_counts(_select(counts, begins, ends), begins, ends)
    return usual if usual.requests >= LEAST_REQUESTS else None


def _select(counts: Sequence[TrafficCount], begins: datetime, ends: datetime) -> Iterator[TrafficCount]:
    """Selects the counts that end within a time. One that ends before it begins comes from a clock that was set back."""
    for count in counts:
        if begins < count.ends <= ends and begins - SLACK <= count.begins < count.ends:
            yield count


def _reaches(window: TrafficCount, usual: TrafficCount | None, divisor: int) -> bool:
    """Returns whether a window reaches all limits, divided by `divisor`. All in whole numbers, so a limit is exact."""
    errors = divisor * window.errors
    if errors < LEAST_ERRORS or 100 * errors < LEAST_PERCENT * window.requests:
        return False
    return usual is None or errors * usual.requests >= LEAST_FACTOR * usual.errors * window.requests
