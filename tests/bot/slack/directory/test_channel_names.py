"""Names of channels for lists: public ones by name, looked up once in five minutes, never in the way of a list."""

from collections.abc import AsyncIterator
from typing import cast

import pytest

from bot.slack.client.api import SlackApi
from bot.slack.directory.channels import CACHE_SECONDS, MAX_NAMED, ChannelDirectory
from tests.bot.slack.conftest import House
from tests.lab.workspace.faults import Failing


@pytest.fixture
async def channels(house: House) -> AsyncIterator[ChannelDirectory]:
    async with house.bot() as surface:
        assert surface._senders is not None
        yield ChannelDirectory(surface._senders.api, house.time.monotonic)


def asked(house: House) -> int:
    return len(house.workspace.calls("conversations.info"))


class Describing:
    """Slack's descriptions of channels. One that is missing is never answered."""

    def __init__(self, **channels: dict[str, object]) -> None:
        self._channels = channels

    async def get_conversation(self, channel: str) -> dict[str, object]:
        if channel not in self._channels:
            raise TimeoutError
        return self._channels[channel]


async def test_a_public_channel_is_named_and_an_unknown_one_is_left_out(channels: ChannelDirectory) -> None:
    assert {"C0OPS": "#ops"} == await channels.find_names(["C0OPS", "C0NOWHERE", "C0OPS"])


@pytest.mark.parametrize("described", [{"name": "board", "is_private": True}, {"name": "board"}, {"is_private": False}, {}])
async def test_a_channel_that_is_not_known_to_be_public_keeps_its_name_to_itself(described: dict[str, object]) -> None:
    api = cast(SlackApi, Describing(C0BOARD=described))
    assert {"C0BOARD": ""} == await ChannelDirectory(api, lambda: 0.0).find_names(["C0BOARD"])


async def test_names_that_came_in_time_are_used_where_others_do_not_come() -> None:
    api = cast(SlackApi, Describing(C0A={"name": "a", "is_private": False}))
    assert {"C0A": "#a"} == await ChannelDirectory(api, lambda: 0.0).find_names(["C0A", "C0B"])


async def test_a_name_is_looked_up_once_in_five_minutes(house: House, channels: ChannelDirectory) -> None:
    before = asked(house)
    for _ in range(3):
        await channels.find_names(["C0OPS"])
    assert 1 == asked(house) - before
    house.time.move(CACHE_SECONDS)
    await channels.find_names(["C0OPS"])
    assert 2 == asked(house) - before


async def test_where_slack_fails_a_list_keeps_its_ids(house: House, channels: ChannelDirectory) -> None:
    house.workspace.faults.switch_on("conversations.info", Failing("missing_scope"))
    assert {} == await channels.find_names(["C0OPS"])


async def test_a_list_asks_for_no_more_than_some_channels(house: House, channels: ChannelDirectory) -> None:
    before = asked(house)
    await channels.find_names([f"C0X{number}" for number in range(200)])
    assert MAX_NAMED == asked(house) - before
