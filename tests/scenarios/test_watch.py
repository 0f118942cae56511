"""The watch of a real bot over real protocols, by simulated time."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.model.alert import Alert
from commands.alerts.conditions import Condition
from tests.lab.fleet import NO_SCHEDULES
from tests.scenarios.by_the_clock import World, world

MONDAY = datetime(2026, 3, 2, 10, 0, tzinfo=ZoneInfo("Asia/Tokyo"))


async def rounds(town: World, count: int) -> None:
    """Let the watch check every host so many times."""
    for _ in range(count):
        town.time.move(town.time.now() + timedelta(minutes=1))
        await town.rest()


async def find_open(town: World) -> tuple[Alert, ...]:
    assert town.house is not None
    return await town.house.wings.alerts.registry.list_open()


@pytest.mark.slow
async def test_a_stopped_nebula_is_an_alert_within_two_rounds_and_ends_when_it_runs(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    async with world(tmp_path_factory.mktemp("t"), MONDAY, NO_SCHEDULES) as town:
        await town.begins()
        await rounds(town, 2)
        assert () == await find_open(town)

        town.fleet["host-b"].windows.state.stop_service("Nebula", town.now)
        await rounds(town, 2)
        assert [("host-b", "nebula", Condition.NEBULA)] == [
            (each.host, each.subject, each.condition) for each in await find_open(town)
        ]

        town.fleet["host-b"].windows.state.start_service("Nebula", town.now)
        await rounds(town, 2)
        assert () == await find_open(town)


@pytest.mark.slow
async def test_a_fleet_that_is_cut_off_is_one_alert_of_a_blind_bot(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with world(tmp_path_factory.mktemp("t"), MONDAY, NO_SCHEDULES) as town:
        await town.begins()
        await rounds(town, 2)
        for name in ("host-a", "host-b", "host-c"):
            town.switch_off(name)
        await rounds(town, 4)

        found = {each.subject: each.cause for each in await find_open(town) if each.host in ("", "host-a")}
        assert {"blind": "", "host": "blind"} == found


@pytest.mark.slow
async def test_after_a_crash_nothing_is_counted_twice_and_the_alert_stays(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with world(tmp_path_factory.mktemp("t"), MONDAY, NO_SCHEDULES) as town:
        await town.begins()
        town.fleet["host-b"].windows.state.stop_service("Nebula", town.now)
        await rounds(town, 4)
        (before,) = await find_open(town)
        await town.dies()
        await town.begins()
        await rounds(town, 3)

        assert [(before.number, before.version)] == [(each.number, each.version) for each in await find_open(town)]
