"""What was seen of hosts: kept look by look, summed over time, made days of, and let go in the end."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from bot.store.daily_rows import DETAIL_RETENTION, RETENTION
from bot.store.database import Database
from bot.store.observations import Observation, ObservationTable
from tests.bot.store.conftest import Clock

NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def observations(database: Database) -> ObservationTable:
    return ObservationTable(database)


def look(host: str = "host-a", at: datetime = NOON, **found: int) -> Observation:
    """A look that found the host well with a gateway that took 10 ms, or what is said; `api=1`: that check was not well."""
    failed: dict[str, int] = {check: found.pop(check) for check in ("api", "nebula") if check in found}
    counts = found or ({"troubled": 1} if failed else {"well": 1})
    return Observation(host, at, **counts, failed=failed, answers=1, answer_ms=10)


async def rows(database: Database) -> int:
    def count(connection: Connection) -> int:
        return int(connection.execute(text("SELECT count(*) FROM observations")).scalar_one())

    return await database.read(count)


async def thinned(observations: ObservationTable, now: datetime, most: int = 1_000) -> list[int]:
    """How many rows each step moved, until none was left."""
    steps = []
    while moved := await observations.aggregate_old(now, most):
        steps.append(moved)
    return steps


async def test_looks_are_summed_by_host(observations: ObservationTable) -> None:
    await observations.add([look(), look("host-b", unreached=1)])
    await observations.add(
        [look(at=NOON + timedelta(minutes=30), api=1), look(at=NOON + timedelta(hours=1), api=1, nebula=1)]
    )

    assert {
        "host-a": Observation("host-a", NOON, 1, 2, 0, {"api": 2, "nebula": 1}, 3, 30),
        "host-b": Observation("host-b", NOON, 0, 0, 1, {}, 1, 10),
    } == await observations.sum_by_host(NOON, NOON + DAY)


async def test_the_same_host_at_the_same_second_is_the_same_look(observations: ObservationTable) -> None:
    await observations.add([look()])
    await observations.add([look(at=NOON + timedelta(milliseconds=200), api=1)])

    assert {"host-a": look()} == await observations.sum_by_host(NOON, NOON + DAY)


@pytest.mark.parametrize(
    ("since", "until", "looks"),
    [
        pytest.param(NOON, NOON + DAY, 1, id="from its own second on"),
        pytest.param(NOON - DAY, NOON, 0, id="before its own second"),
        pytest.param(NOON + timedelta(seconds=1), NOON + DAY, 0, id="after it"),
        pytest.param(NOON - 400 * DAY, NOON + 400 * DAY, 1, id="a span of years"),
    ],
)
async def test_a_span_holds_its_beginning_and_not_its_end(
    observations: ObservationTable, since: datetime, until: datetime, looks: int
) -> None:
    await observations.add([look()])

    assert looks == sum(each.observation_count for each in (await observations.sum_by_host(since, until)).values())


async def test_of_nothing_there_is_no_sum(observations: ObservationTable) -> None:
    await observations.add([])

    assert {} == await observations.sum_by_host(NOON, NOON + DAY)


def fortnights(hosts: int, days: int) -> Iterable[Observation]:
    """Two looks an hour at each host; every seventh finds the API ill."""
    for number in range(days * 48):
        at = NOON.replace(hour=0) + timedelta(minutes=30 * number)
        yield from (look(f"host-{n}", at, **({"api": 1} if (number + n) % 7 == 0 else {})) for n in range(hosts))


async def test_old_looks_become_days_and_nothing_is_lost_but_the_time_of_day(
    observations: ObservationTable, database: Database
) -> None:
    await observations.add(fortnights(hosts=20, days=21))
    began, ended = NOON.replace(hour=0), NOON.replace(hour=0) + 21 * DAY
    before = [await observations.sum_by_host(began + n * DAY, began + (n + 1) * DAY) for n in range(21)]
    assert 20 * 21 * 48 == await rows(database)

    now = began + DETAIL_RETENTION + 20 * DAY + timedelta(hours=13)  # the last of the days is not old enough yet
    steps = await thinned(observations, now)

    assert 1_000 == max(steps)
    assert 20 * 20 * 47 == sum(steps)  # the look at midnight is the day's row already
    assert 20 * 20 + 20 * 48 == await rows(database)
    assert before == [await observations.sum_by_host(began + n * DAY, began + (n + 1) * DAY) for n in range(21)]
    assert 20 * 21 * 48 == sum(each.observation_count for each in (await observations.sum_by_host(began, ended)).values())


async def test_thinning_what_is_thin_changes_nothing(observations: ObservationTable, database: Database) -> None:
    await observations.add(fortnights(hosts=2, days=2))
    now = NOON + DETAIL_RETENTION + 9 * DAY
    await thinned(observations, now)
    once = await observations.sum_by_host(NOON - DAY, NOON + 9 * DAY)

    assert [] == await thinned(observations, now)
    assert 2 * 2 == await rows(database)
    assert once == await observations.sum_by_host(NOON - DAY, NOON + 9 * DAY)


@pytest.mark.parametrize("most", [1, 7, 95])
async def test_thinning_goes_on_where_it_was_broken_off(path: Path, most: int) -> None:
    """The bot may end after any step: each is a transaction of its own."""
    database = Database.open(path)
    await ObservationTable(database).add(fortnights(hosts=2, days=2))
    now = NOON + DETAIL_RETENTION + 9 * DAY
    whole = await ObservationTable(database).sum_by_host(NOON - DAY, NOON + 9 * DAY)
    moved = 1
    while moved:
        moved = await ObservationTable(database).aggregate_old(now, most)
        assert whole == await ObservationTable(database).sum_by_host(NOON - DAY, NOON + 9 * DAY)
        if most > 1:
            await database.aclose()
            database = Database.open(path)
    assert 2 * 2 == await rows(database)
    await database.aclose()


async def test_days_are_kept_for_more_than_a_year(observations: ObservationTable, database: Database, clock: Clock) -> None:
    days = [look(at=clock() - RETENTION + n * DAY) for n in (-2, -1, 1, 2)]
    await observations.add(days)

    await thinned(observations, clock(), most=1)

    assert 2 == await rows(database)
    assert 2 == (await observations.sum_by_host(clock() - 500 * DAY, clock()))["host-a"].observation_count


def test_a_sum_keeps_the_first_ones_name_and_time() -> None:
    later = replace(look(api=1), at=NOON + DAY)

    assert Observation("host-a", NOON, 1, 1, 0, {"api": 1}, 2, 20) == look() + later
