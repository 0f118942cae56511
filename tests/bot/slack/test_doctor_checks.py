"""Slack as `doctor` looks at it: whether something can be said in the channels that are configured for it."""

import re

import pytest

from adapters.phrase import Phrase
from bot.slack.client.errors import SlackFailure
from bot.slack.doctor_checks import inspect_slack
from tests.bot.slack.conftest import MANIFEST, House
from tests.lab.workspace import Workspace
from tests.lab.workspace.faults import Failing


async def troubles(house: House, **channels: str) -> list[str]:
    """What is said of channels, by the key that names each."""
    place = house.place()
    wanted = {channel: f"notices.{key}" for key, channel in channels.items()}
    found = await inspect_slack(place.api_url, place.tokens, place.team, wanted)
    assert "flatnet" == found.bot.name
    return [str(trouble) for trouble in found.troubles]


async def test_a_channel_that_the_bot_is_in_is_well(house: House) -> None:
    assert [] == await troubles(house)
    assert [] == await troubles(house, channel="C0OPS")


async def test_with_every_scope_nothing_is_said_of_scopes(house: House) -> None:
    place = house.place()
    assert (await inspect_slack(place.api_url, place.tokens, place.team, {})).missing is None


async def test_an_optional_scope_that_was_not_granted_is_named_with_the_consequence_and_is_no_trouble(house: House) -> None:
    house.workspace = Workspace(MANIFEST, withheld=frozenset({"channels:manage", "mpim:read"}))
    await house.workspace.start()
    try:
        place = house.place()
        found = await inspect_slack(place.api_url, place.tokens, place.team, {"C0OPS": "notices.channel"})
        assert () == found.troubles
        assert (
            "channels:manage (incidents do not get public channels of their own), "
            "mpim:read (results in group direct messages are shown to the requester only)"
        ) == str(Phrase("{missing}", missing=found.missing))
    finally:
        await house.workspace.stop()


@pytest.mark.parametrize(
    ("channel", "trouble"),
    [
        ("C0DEV", "the bot is not in C0DEV (set in notices.channel). Invite it there: /invite @flatnet"),
        ("C0BOARD", "the bot is not in C0BOARD (set in notices.channel). Invite it there: /invite @flatnet"),
        ("C0NOWHERE", "the bot is not in C0NOWHERE (set in notices.channel). Invite it there: /invite @flatnet"),
        (
            "C0OLD",
            "channel C0OLD (set in notices.channel) is archived. Unarchive it in Slack, or set another",
        ),
        (
            "C0PARTNERS",
            "channel C0PARTNERS (set in notices.channel) is shared with another organization, "
            "so the bot does not post there. Set another",
        ),
    ],
)
async def test_a_channel_that_takes_nothing_is_named_with_the_mend(house: House, channel: str, trouble: str) -> None:
    """A private channel and one that is not there: Slack does not tell them apart."""
    assert [trouble] == await troubles(house, channel=channel)


async def test_each_channel_is_looked_at(house: House) -> None:
    found = await troubles(house, channel="C0DEV", other="C0OPS", second_channel="C0OLD")
    assert ["notices.channel", "notices.second_channel"] == [re.findall(r"set in (\S+)\)", each)[0] for each in found]


async def test_where_slack_does_not_say_it_that_is_not_taken_for_a_mistake(house: House) -> None:
    house.workspace.faults.switch_on("conversations.info", Failing("fatal_error"))
    with pytest.raises(SlackFailure):
        await troubles(house, channel="C0OPS")
