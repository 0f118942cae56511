"""Requests of gateways: summed in windows, made days of, and never counted twice or lost."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from adapters.windows.log_files import FilePosition
from adapters.windows.watch import MAX_COUNT
from bot.alerts.tables.traffic import LogRead, TrafficTable
from bot.store.daily_rows import DETAIL_RETENTION, RETENTION
from bot.store.database import Database
from commands.alerts.traffic import WINDOW, TrafficCount
from tests.bot.store.conftest import break_table

NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.fixture
def traffic(database: Database) -> TrafficTable:
    return TrafficTable(database)


def position(offset: int = 7) -> FilePosition:
    return FilePosition(offset=offset, head=5, sha256="0" * 64)


def read(host: str = "host-a", at: datetime = NOON + MINUTE, offset: int = 7, **counts: int) -> LogRead:
    usual = {"requests": 100, "errors": 2, "timed": 90, "time_ms": 900, "slowest_ms": 50} | counts
    partial = bool(usual.pop("partial", 0))
    return LogRead(host, at, position(offset), TrafficCount(at - MINUTE, at, **usual, partial=partial))


async def test_reads_are_summed_in_the_window_in_which_they_end(traffic: TrafficTable) -> None:
    await traffic.add([read(), read("host-b", errors=0)])
    await traffic.add([read(at=NOON + 5 * MINUTE, slowest_ms=80), read(at=NOON + 6 * MINUTE, partial=1)])

    assert {
        "host-a": (
            TrafficCount(NOON, NOON + WINDOW, 200, 4, 180, 1800, 80),
            TrafficCount(NOON + WINDOW, NOON + 2 * WINDOW, 100, 2, 90, 900, 50, partial=True),
        ),
        "host-b": (TrafficCount(NOON, NOON + WINDOW, 100, 0, 90, 900, 50),),
    } == await traffic.list_windows(NOON, NOON + DAY)


async def test_a_span_is_summed_by_host(traffic: TrafficTable) -> None:
    await traffic.add([read(at=NOON + n * MINUTE, slowest_ms=n) for n in (1, 7, 61)])

    assert {"host-a": TrafficCount(NOON, NOON + 60 * MINUTE, 200, 4, 180, 1800, 7)} == await traffic.sum_by_host(
        NOON, NOON + 60 * MINUTE
    )


async def test_a_host_that_counts_as_much_as_it_may_does_not_stop_the_sums(traffic: TrafficTable) -> None:
    times = [NOON - NOON.hour * 60 * MINUTE + n * MINUTE / 2 for n in range(1, 2881)]
    await traffic.add([read(at=at, requests=MAX_COUNT, time_ms=MAX_COUNT) for at in times])
    while await traffic.aggregate_old(NOON + 2 * DAY + DETAIL_RETENTION):
        pass

    assert 2880 * MAX_COUNT == (await traffic.sum_by_host(NOON - DAY, NOON + DAY))["host-a"].time_ms


async def test_the_first_read_stores_its_position_and_no_window(traffic: TrafficTable) -> None:
    await traffic.add([LogRead("host-a", NOON, position(), None), LogRead("host-b", NOON, None, None)])

    assert ({"host-a": (position(), NOON)}, {}) == (
        await traffic.read_positions(),
        await traffic.list_windows(NOON - DAY, NOON + DAY),
    )


async def test_the_newest_position_stays(traffic: TrafficTable) -> None:
    await traffic.add([read(offset=7)])
    await traffic.add([read(at=NOON + 2 * MINUTE, offset=9)])

    assert {"host-a": (position(9), NOON + 2 * MINUTE)} == await traffic.read_positions()


async def test_counts_and_positions_are_stored_together_or_not_at_all(database: Database, traffic: TrafficTable) -> None:
    await traffic.add([read()])
    await database.run(lambda connection: break_table(connection, "UPDATE ON log_positions"))
    with pytest.raises(IntegrityError):
        await traffic.add([read(at=NOON + 2 * MINUTE, offset=9)])

    assert ({"host-a": (position(), NOON + MINUTE)}, 100) == (
        await traffic.read_positions(),
        (await traffic.list_windows(NOON, NOON + DAY))["host-a"][0].requests,
    )


async def test_a_position_that_this_version_cannot_read_is_none(database: Database, traffic: TrafficTable) -> None:
    await traffic.add([read()])

    def spoil(connection: Connection) -> None:
        connection.execute(text('UPDATE log_positions SET position = \'{"offset": "far"}\''))

    await database.run(spoil)
    assert {} == await traffic.read_positions()


async def test_old_windows_become_days_and_outdated_days_go(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "bot.db")
    try:
        traffic, now = TrafficTable(database), NOON + RETENTION + DAY
        old = now - DETAIL_RETENTION - 3 * DAY
        midnight = old.replace(hour=0)
        times = [midnight + n * timedelta(hours=5) for n in range(1, 5)]
        await traffic.add([read(at=at, slowest_ms=n) for n, at in enumerate(times)])
        await traffic.add([read(at=NOON), read(at=now)])
        before = await traffic.sum_by_host(midnight, now + DAY)
        while await traffic.aggregate_old(now, most=2):
            pass
        windows = await traffic.list_windows(NOON - DAY, now + DAY)
        after = await traffic.sum_by_host(midnight, now + DAY)
    finally:
        await database.aclose()

    assert before == after
    assert [midnight, now - WINDOW] == [window.begins for window in windows["host-a"]]
