"""Traffic of the gateways: positions and counts of the watch's reads, and the judgment of each whole window.

reads of one round ─ flush: one transaction ─▶ windows, positions ─ every five minutes ─ judge ─▶ HostChecked of `errors`

The position in memory runs ahead of the stored one until the next flush. After a crash the stored one counts.
A read that counts nothing, because another program has locked the log, leaves the position and its time as they are. So the
next count names the whole time that it is of. The same is true while the database takes nothing: from `MAX_PENDING` reads on
the log is read again from the same position.
"""

from collections import deque
from collections.abc import Collection
from datetime import datetime, timedelta

from adapters.phrase import Moment, Phrase
from adapters.windows.log_files import FilePosition
from adapters.windows.watch import AccessLogReading
from bot.alerts.ports import AlertReader
from bot.alerts.tables.traffic import LogRead, TrafficTable
from commands.alerts.conditions import Condition, HostChecked, Signal
from commands.alerts.traffic import (
    COMPARISON,
    WINDOW,
    TrafficCount,
    TrafficJudgment,
    Trend,
    find_window,
    judge_traffic,
    make_count,
)
from commands.model.finding import Severity

MAX_COUNTS = 30
"""Counts of one host that are kept: those of two windows, if reads come every half minute."""

MAX_PENDING = 5_000
"""Reads that wait for the database: those of 254 gateways for some twenty minutes."""


class TrafficLedger:
    """Traffic that the watch has read. `load` comes first. `load` and `flush` may raise `DatabaseError`."""

    def __init__(self, table: TrafficTable) -> None:
        self._table = table
        self._positions: dict[str, tuple[FilePosition, datetime]] = {}
        self._counts: dict[str, deque[TrafficCount]] = {}
        self._pending: list[LogRead] = []
        self._judged: datetime | None = None

    async def load(self) -> None:
        """Loads the stored positions."""
        self._positions = dict(await self._table.read_positions())

    def find_position(self, host: str) -> FilePosition | None:
        """Returns the position from which a host's log is read on; None before the first read."""
        found = self._positions.get(host)
        return None if found is None else found[0]

    def note(self, host: str, log: AccessLogReading, at: datetime) -> None:
        """Notes one read of a host's log at that time."""
        before = self._positions.get(host)
        if (before is not None and log.counts is None) or len(self._pending) >= MAX_PENDING:
            return
        count = None if before is None else make_count(log, before[1], at)
        if count is not None:
            self._counts.setdefault(host, deque(maxlen=MAX_COUNTS)).append(count)
        if log.position is not None:
            self._positions[host] = (log.position, at)
        self._pending.append(LogRead(host, at, log.position, count))

    async def flush(self) -> None:
        """Stores what was noted. If that fails, the next flush stores it."""
        reads = tuple(self._pending)
        if reads:
            await self._table.add(reads)
            del self._pending[: len(reads)]

    async def judge(self, hosts: Collection[str], registry: AlertReader, now: datetime) -> tuple[HostChecked, ...]:
        """Judges the newest whole window of each host, once. A host of which it is not known moves nothing."""
        begins = find_window(now) - WINDOW
        if self._judged is not None and begins == self._judged:
            return ()
        began = {
            alert.host: find_window(alert.began_at + timedelta.resolution)  # it began with its window
            for alert in await registry.list_open()
            if alert.condition is Condition.ERRORS
        }
        earlier = await self._table.list_windows(begins - COMPARISON, begins)
        checked = [await self._judge_host(host, begins, earlier.get(host, ()), began.get(host)) for host in hosts]
        self._judged = begins
        return tuple(each for each in checked if each is not None)

    async def _judge_host(
        self, host: str, begins: datetime, earlier: tuple[TrafficCount, ...], since: datetime | None
    ) -> HostChecked | None:
        now = [count for count in self._counts.get(host, ()) if count.ends > begins]
        if not now:
            return None
        if since is not None:
            earlier = (await self._table.list_windows(since - COMPARISON, since)).get(host, ())
        judged = judge_traffic((*earlier, *now), begins, since)
        return None if judged.trend is Trend.UNKNOWN else make_errors_check(host, judged, begins)


def make_errors_check(host: str, judged: TrafficJudgment, at: datetime) -> HostChecked:
    """Makes the outcome of one window, which began at `at`."""
    signal = None if judged.trend is Trend.CALM else _make_signal(host, judged)
    return HostChecked(host=host, at=at, judged=frozenset({Condition.ERRORS}), signals=() if signal is None else (signal,))


def _make_signal(host: str, judged: TrafficJudgment) -> Signal | None:
    window, usual = judged.window, judged.usual
    if window is None:
        return None
    percent = _round_percent(window)
    why = Phrase(
        "{errors} of {requests} requests failed with 5xx from {begin} to {end} ({percent}%). Check the gateway's error.log",
        errors=window.errors,
        requests=window.requests,
        begin=Moment(window.begins),
        end=Moment(window.ends),
        percent=percent,
    )
    if usual is not None:
        why = Phrase("{why}. In the hour before it was {percent}%", why=why, percent=_round_percent(usual))
    return Signal(
        host=host,
        subject="errors",
        condition=Condition.ERRORS,
        severity=Severity.HIGH,
        short=Phrase("{percent}% of requests failed with 5xx", percent=percent),
        why=why,
        next=f"log error {host} --since 1h",
        hovering=judged.trend is Trend.HOVERING,
    )


def _round_percent(count: TrafficCount) -> float:
    percent = round(100 * count.share, 1)
    return int(percent) if percent.is_integer() else percent
