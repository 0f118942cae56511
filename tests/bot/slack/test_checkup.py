"""Slack as `doctor` looks at it: whether requests can be shown in the channel that is configured for them."""

import pytest

from bot.slack.api import SlackFailure
from bot.slack.checkup import check_up
from bot.slack.preflight import NotReady
from tests.bot.slack.conftest import House
from tests.lab.workspace.faults import Failing


async def checked(house: House, channel: str | None) -> str:
    """The bot's name."""
    place = house.place()
    return (await check_up(place.api_url, place.tokens, place.team, channel)).name


@pytest.mark.parametrize("channel", [None, "C0OPS"])
async def test_a_channel_that_the_bot_is_in_is_well(house: House, channel: str | None) -> None:
    assert "flatnet" == await checked(house, channel)


@pytest.mark.parametrize("channel", ["C0DEV", "C0BOARD", "C0NOWHERE"])
async def test_a_channel_that_the_bot_is_not_in_is_named_with_the_mend(house: House, channel: str) -> None:
    """Public, private, or not there at all: Slack does not tell the last two apart."""
    with pytest.raises(NotReady) as missing:
        await checked(house, channel)
    assert f"the bot is not in {channel}, where approvals.channel shows requests; invite it there" == str(missing.value)


async def test_where_slack_does_not_say_it_that_is_not_taken_for_a_mistake(house: House) -> None:
    house.workspace.faults.switch_on("conversations.info", Failing("fatal_error"))
    with pytest.raises(SlackFailure):
        await checked(house, "C0OPS")
