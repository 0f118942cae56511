"""What was seen over time: a look at the fleet becomes rows, and rows the days of a picture."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from adapters.errors import HostError, Unreachable
from adapters.phrase import Phrase
from bot.digests.services import HealthHistory, make_observations
from bot.digests.tables import DigestTable
from bot.store.daily_rows import DETAIL_RETENTION
from bot.store.database import Database
from bot.store.observations import Observation, ObservationTable
from commands.health.operation import Health
from commands.model.chart import DayHealth
from tests.commands.canned import NOW, Said, gateway, host, view, windows, wsl

A, LIGHTHOUSE = host("host-a", 1), host("lighthouse", 0)
LOST = Unreachable(Phrase("no connection"))
SIDES = ("windows", "wsl", "gateway")


def all_lost(name: str = "host-a") -> Said:
    return {(name, side): LOST for side in SIDES}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param({}, Observation("host-a", NOW, well=1, answers=1, answer_ms=12), id="well"),
        pytest.param(
            {("host-a", "windows"): windows(nebula="Stopped")},
            Observation("host-a", NOW, troubled=1, failed={"nebula": 1}, answers=1, answer_ms=12),
            id="a check that is not well",
        ),
        pytest.param(
            {
                ("host-a", "windows"): windows(nebula="Stopped"),
                ("host-a", "wsl"): wsl(A, forwarding=False),
            },
            Observation("host-a", NOW, troubled=1, failed={"nebula": 1, "forwarding": 1}, answers=1, answer_ms=12),
            id="two of them",
        ),
        pytest.param(
            {("host-a", "windows"): windows(clock=NOW + timedelta(hours=1))},
            Observation("host-a", NOW, troubled=1, answers=1, answer_ms=12),
            id="something that is no check",
        ),
        pytest.param(
            {("host-a", "gateway"): LOST}, Observation("host-a", NOW, troubled=1), id="a side that does not answer"
        ),
        pytest.param(
            {("host-a", "gateway"): gateway(A, healthy=False, answer_ms=900)},
            Observation("host-a", NOW, troubled=1, failed={"api": 1}, answers=1, answer_ms=900),
            id="a gateway that is ill answers all the same",
        ),
        pytest.param(all_lost(), Observation("host-a", NOW, unreached=1), id="nothing is known"),
    ],
)
async def test_a_look_is_well_troubled_or_unreached(said: Said, expected: Observation) -> None:
    assert (expected,) == make_observations(await Health().read(view(A, said=said)), NOW)


async def test_a_host_without_a_gateway_is_judged_by_what_it_has() -> None:
    silent: dict[tuple[str, str], HostError] = {("lighthouse", "windows"): LOST}

    assert (Observation("lighthouse", NOW, well=1),) == make_observations(await Health().read(view(LIGHTHOUSE)), NOW)
    assert (Observation("lighthouse", NOW, unreached=1),) == make_observations(
        await Health().read(view(LIGHTHOUSE, said=silent)), NOW
    )


@pytest.fixture
def zone() -> ZoneInfo:
    return ZoneInfo("Asia/Tokyo")


async def test_days_are_those_of_the_configured_zone(tmp_path: Path, zone: ZoneInfo) -> None:
    database = Database.open(tmp_path / "flatnet.sqlite3")
    history = HealthHistory(ObservationTable(database), DigestTable(database), zone)
    report = await Health().read(view(A, said=all_lost()))
    before, after = datetime(2026, 11, 24, 14, 59, tzinfo=UTC), datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
    for at in (before, after, after + timedelta(hours=1)):
        await history.record(report, at)

    days, hosts = await history.read_days(["host-a", "host-b"], NOW, 3)

    assert (date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 25)) == days
    once, twice = (DayHealth(well=0, troubled=0, unreached=n) for n in (1, 2))
    assert [("host-a", (None, once, twice)), ("host-b", (None, None, None))] == [(each.host, each.days) for each in hosts]
    await database.aclose()


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)])
async def test_a_day_on_which_clocks_are_moved_has_all_its_hours_and_no_other(tmp_path: Path, day: date, hours: int) -> None:
    database = Database.open(tmp_path / "flatnet.sqlite3")
    zone = ZoneInfo("Europe/Berlin")
    history = HealthHistory(ObservationTable(database), DigestTable(database), zone)
    report = await Health().read(view(A))
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    for hour in range(-2, 28):
        await history.record(report, midnight + timedelta(hours=hour))

    _, [host_a] = await history.read_days(["host-a"], midnight + timedelta(hours=6), 1)

    assert (DayHealth(well=hours, troubled=0, unreached=0),) == host_a.days
    await database.aclose()


async def test_tidying_makes_days_of_old_looks_and_lets_old_digests_go(tmp_path: Path, zone: ZoneInfo) -> None:
    database = Database.open(tmp_path / "flatnet.sqlite3")
    history = HealthHistory(ObservationTable(database), DigestTable(database), zone)
    report = await Health().read(view(A))
    for hour in range(1, 5):
        await history.record(report, NOW + timedelta(hours=hour))
    await history.store_digest("op-1", NOW, "1")
    await history.store_digest("op-2", NOW + timedelta(hours=1), "2")
    later = NOW + DETAIL_RETENTION + timedelta(days=1)

    await history.prune(later)

    midnight = NOW.replace(hour=0, minute=0)
    assert {"host-a": 4} == {
        host: each.observation_count for host, each in (await history.sum_by_host(midnight, NOW)).items()
    }
    assert "2" == await history.find_previous_digest("op-3", later)
    assert None is await history.find_previous_digest("op-2", later)
    await database.aclose()
