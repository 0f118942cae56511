"""Traffic that the watch reads: what is counted, kept over a crash, and judged."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.windows.log_files import FilePosition
from adapters.windows.watch import AccessLogReading, RequestCounts
from bot.alerts.services.traffic import MAX_PENDING, TrafficLedger
from bot.alerts.tables.traffic import TrafficTable
from bot.model.alert import Alert, AlertState
from bot.store.database import Database
from commands.alerts.conditions import Condition, HostChecked
from tests.bot.alerts.living import nebula

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Registry:
    """A registry with some open alerts."""

    def __init__(self) -> None:
        self.open: tuple[Alert, ...] = ()

    async def list_open(self) -> tuple[Alert, ...]:
        return self.open


@pytest.fixture
def table(database: Database) -> TrafficTable:
    return TrafficTable(database)


def log(offset: int, requests: int = 100, errors: int = 0, *, first: bool = False) -> AccessLogReading:
    nothing = {"own": 0, "unparsed": 0, "timed": 0, "time_ms": 0, "slowest_ms": 0}
    return AccessLogReading(
        state="present",
        position=FilePosition(offset=offset, head=0, sha256="0" * 64),
        counts=None if first else RequestCounts(requests=requests, errors=errors, **nothing),
        skipped=0,
        lost=False,
    )


async def begin(table: TrafficTable) -> TrafficLedger:
    ledger = TrafficLedger(table)
    await ledger.load()
    return ledger


async def live(ledger: TrafficLedger, since: datetime, minutes: int, errors: int = 0) -> datetime:
    """Reads a host every minute. Returns the time of the last read."""
    for number in range(1, minutes + 1):
        ledger.note("host-a", log(number, errors=errors), since + number * MINUTE)
        await ledger.flush()
    return since + minutes * MINUTE


async def count(table: TrafficTable) -> int:
    found = await table.sum_by_host(BEGIN - timedelta(days=1), BEGIN + timedelta(days=1))
    return found["host-a"].requests if found else 0


def brief(checked: tuple[HostChecked, ...]) -> list[tuple[str, list[bool]]]:
    return [(each.host, [signal.hovering for signal in each.signals]) for each in checked]


async def test_the_first_read_only_sets_the_position(table: TrafficTable) -> None:
    ledger = await begin(table)
    ledger.note("host-a", log(7, first=True), BEGIN)
    await ledger.flush()

    assert (0, 7) == (await count(table), getattr(ledger.find_position("host-a"), "offset", None))


async def test_what_was_not_stored_before_a_crash_is_read_again(table: TrafficTable) -> None:
    ledger = await begin(table)
    ledger.note("host-a", log(1, first=True), BEGIN)
    ledger.note("host-a", log(2), BEGIN + MINUTE)
    await ledger.flush()
    ledger.note("host-a", log(3), BEGIN + 2 * MINUTE)  # the bot dies before the round ends

    again = await begin(table)
    assert (100, 2) == (await count(table), getattr(again.find_position("host-a"), "offset", None))


def locked(offset: int) -> AccessLogReading:
    return log(offset, first=True).model_copy(update={"state": "unreadable"})


async def test_what_is_counted_after_a_lock_is_of_the_whole_time(table: TrafficTable) -> None:
    """A few minutes' requests in one minute would be a wrong alert, or hide one."""
    ledger, registry = await begin(table), Registry()
    ledger.note("host-a", log(0, first=True), BEGIN)
    at = await live(ledger, BEGIN, 60)
    for minute in range(1, 10):
        ledger.note("host-a", locked(60), at + minute * MINUTE)
        await ledger.flush()
    ledger.note("host-a", log(61, requests=900, errors=300), at + 10 * MINUTE)
    await ledger.flush()

    assert 6_900 == await count(table)
    assert () == await ledger.judge(["host-a"], registry, at + 11 * MINUTE)


async def test_a_lock_of_two_minutes_hides_no_rise(table: TrafficTable) -> None:
    ledger, registry = await begin(table), Registry()
    ledger.note("host-a", log(0, first=True), BEGIN)
    at = await live(ledger, BEGIN, 60)
    ledger.note("host-a", locked(60), at + MINUTE)
    ledger.note("host-a", locked(60), at + 2 * MINUTE)
    ledger.note("host-a", log(61, requests=300, errors=100), at + 3 * MINUTE)
    at = await live(ledger, at + 3 * MINUTE, 2)

    assert [("host-a", [False])] == brief(await ledger.judge(["host-a"], registry, at + MINUTE))


async def test_a_log_that_is_locked_over_a_restart_is_read_on_where_it_was(table: TrafficTable) -> None:
    ledger = await begin(table)
    ledger.note("host-a", log(1, first=True), BEGIN)
    ledger.note("host-a", locked(1), BEGIN + MINUTE)
    await ledger.flush()

    assert {"host-a": BEGIN} == {host: at for host, (_, at) in (await table.read_positions()).items()}


async def test_a_database_that_takes_nothing_costs_a_bounded_memory_and_no_request(table: TrafficTable) -> None:
    ledger = await begin(table)
    ledger.note("host-a", log(0, first=True), BEGIN)
    for number in range(1, MAX_PENDING + 100):
        ledger.note("host-a", log(number), BEGIN + number * timedelta(seconds=1))
    held = ledger.find_position("host-a")
    await ledger.flush()
    ledger.note("host-a", log(MAX_PENDING + 100, requests=10_100), BEGIN + timedelta(hours=2))
    await ledger.flush()

    assert (MAX_PENDING - 1, 100 * (MAX_PENDING - 1) + 10_100) == (getattr(held, "offset", None), await count(table))


async def test_more_errors_than_before_are_a_signal_and_a_calm_window_is_none(table: TrafficTable) -> None:
    ledger, registry = await begin(table), Registry()
    ledger.note("host-a", log(0, first=True), BEGIN)
    at = await live(ledger, BEGIN, 60, errors=0)
    assert [("host-a", [])] == brief(await ledger.judge(["host-a"], registry, at + MINUTE))

    at = await live(ledger, at, 5, errors=10)
    (checked,) = await ledger.judge(["host-a"], registry, at + MINUTE)
    (signal,) = checked.signals
    assert ("10% of requests failed with 5xx", "log error host-a --since 1h") == (str(signal.short), signal.next)
    assert frozenset({Condition.ERRORS}) == checked.judged


async def test_each_window_is_judged_once(table: TrafficTable) -> None:
    ledger, registry = await begin(table), Registry()
    ledger.note("host-a", log(0, first=True), BEGIN)
    at = await live(ledger, BEGIN, 10)

    assert 1 == len(await ledger.judge(["host-a"], registry, at + MINUTE))
    assert () == await ledger.judge(["host-a"], registry, at + 2 * MINUTE)


async def test_a_failure_that_lasts_does_not_become_usual(table: TrafficTable) -> None:
    ledger, registry = await begin(table), Registry()
    ledger.note("host-a", log(0, first=True), BEGIN)
    at = await live(ledger, BEGIN, 60)
    problem = nebula()
    alert = Alert(
        host="host-a",
        subject="errors",
        condition=Condition.ERRORS,
        severity=problem.severity,
        state=AlertState.FIRING,
        short=problem.short,
        why=problem.why,
        began_at=at,
        checked_at=at,
    )
    registry.open = (alert,)
    at = await live(ledger, at, 120, errors=10)

    assert [("host-a", [False])] == brief(await ledger.judge(["host-a"], registry, at + MINUTE))


async def test_a_window_that_was_not_read_is_unknown(table: TrafficTable) -> None:
    ledger, registry = await begin(table), Registry()
    ledger.note("host-a", log(0, first=True), BEGIN)
    at = await live(ledger, BEGIN, 2, errors=50)

    assert () == await ledger.judge(["host-a", "host-b"], registry, at + 10 * MINUTE)
