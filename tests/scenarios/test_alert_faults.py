"""Alerts where much goes wrong at once: a whole fleet, an archived channel, a bot that dies between fire and post."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.lab.fleet import GATEWAY_SERVICE, NO_SCHEDULES
from tests.lab.workspace.message import Message
from tests.scenarios.by_the_clock import World, world

OPS, DEV, ADMIN = "C0OPS", "C0DEV", "U0ADMIN"
BEGIN = datetime(2026, 3, 2, 8, 0, tzinfo=ZoneInfo("Asia/Tokyo"))

ROUTINE = f'{NO_SCHEDULES}\n[notices]\nchannel = "{OPS}"\nsecond_channel = "{DEV}"\n'

SAYING = ("chat.postMessage", "chat.update")

MOST_CALLS = 45
"""Calls to Slack that an alert of a whole fleet may cost: its message, what is said below it, and one edit every ten seconds
of seven minutes. On an idle machine it is ten; on a busy one the hosts are read in more rounds."""


def first_lines(messages: tuple[Message, ...]) -> list[str]:
    """What the messages say first, without what stands below them."""
    return [message.text.splitlines()[0] for message in messages if not message.thread_ts]


def calls(town: World) -> int:
    return sum(len(town.workspace.calls(place)) for place in SAYING)


@pytest.mark.slow
@pytest.mark.parametrize("size", [254])
async def test_a_fleet_that_is_silent_as_a_whole_is_one_message(tmp_path_factory: pytest.TempPathFactory, size: int) -> None:
    """And few calls, also when it is back."""
    async with world(tmp_path_factory.mktemp("t"), BEGIN, ROUTINE, hosts=size) as town:
        await town.begins()
        await town.minute()
        for host in town.fleet.hosts:
            town.switch_off(host.name)
        for _ in range(4):
            await town.minute()
        (said,) = first_lines(town.workspace.messages(OPS))
        for host in town.fleet.hosts:
            town.switch_on(host.name)
        for _ in range(3):
            await town.minute()
        (now,) = first_lines(town.workspace.messages(OPS))
        assert MOST_CALLS >= calls(town)
    assert f"{size + 1} of {size + 1} hosts not responding" in said
    assert "resolved after" in now


@pytest.mark.slow
async def test_254_gateways_that_stop_at_once_are_one_message(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with world(tmp_path_factory.mktemp("t"), BEGIN, ROUTINE, hosts=254) as town:
        await town.begins()
        await town.minute()
        for host in town.fleet.hosts:
            if host.gateway is not None:
                host.windows.state.stop_service(GATEWAY_SERVICE, town.now)
        for _ in range(4):
            await town.minute()
        said = first_lines(town.workspace.messages(OPS))
        assert MOST_CALLS >= calls(town)
    assert ["gateway stopped: 254 hosts"] == [line.lower() for line in said]


async def test_an_alert_whose_channel_is_archived_goes_to_the_second_channel(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    async with world(tmp_path_factory.mktemp("t"), BEGIN, ROUTINE) as town:
        town.workspace.invite_bot(DEV)
        town.workspace.archive(OPS)
        await town.begins()
        await town.minute()
        town.fleet["host-b"].windows.state.stop_service("Nebula", town.now)
        for _ in range(3):
            await town.minute()
        assert [] == first_lines(town.workspace.messages(OPS))
        (said,) = first_lines(town.workspace.messages(DEV))
    assert "host-b: Nebula stopped" in said


async def test_a_bot_that_dies_between_fire_and_post_says_it_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with world(tmp_path_factory.mktemp("t"), BEGIN, ROUTINE) as town:
        await town.begins()
        await town.minute()
        town.fleet["host-b"].windows.state.stop_service("Nebula", town.now)
        await town.fires()
        assert () == town.workspace.messages(OPS)
        await town.dies()
        await town.begins()
        for _ in range(3):
            await town.minute()
        (said,) = first_lines(town.workspace.messages(OPS))
    assert "host-b: Nebula stopped" in said
