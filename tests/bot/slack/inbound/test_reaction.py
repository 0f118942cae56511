"""The emoji that makes a message of an incident's channel a note, and the many that do not."""

from dataclasses import replace

import pytest

from bot.model.request import Request
from tests.bot.slack.conftest import CANARY, INCIDENT, House
from tests.lab.workspace.faults import Failing, RateLimited
from tests.lab.workspace.message import Message

USER, AUTHOR = "U0ADMIN", "U0MEMBER"


async def react(house: House, message: Message, name: str = "pushpin", user: str = USER) -> None:
    await house.workspace.react(user, message, name)
    await house.settled()


def asked(request: Request) -> tuple[str, str, str]:
    assert request.quoted is not None
    return request.text, request.quoted.author, request.quoted.ts


@pytest.fixture
def listening(house: House) -> House:
    """A bot with a reaction, and an incident in #ops."""
    house.desk.reaction, house.desk.incidents = "pushpin", (INCIDENT,)
    return house


async def test_a_reaction_adds_the_message_as_it_is_then_and_is_confirmed_privately(listening: House) -> None:
    async with listening.bot():
        first = await listening.workspace.say(AUTHOR, "C0OPS", "slow")
        reply = await listening.workspace.say(AUTHOR, "C0OPS", "since 14:05", first.ts)
        edited = await listening.workspace.rewrite(AUTHOR, reply, "since 14:07")
        await react(listening, edited)
        await listening.private(USER)
        assert [('incident note "since 14:07" --incident 3', "max (U0MEMBER)", reply.ts)] == [
            asked(request) for request in listening.desk.requests
        ]
        await listening.workspace.rewrite(AUTHOR, edited, "never mind")
        listening.workspace.delete(edited)
        await listening.workspace.react(USER, first, "eyes")
        await listening.settled()
    assert 1 == len(listening.desk.requests)


async def test_a_tone_of_the_emoji_counts_and_another_emoji_is_dropped_unread(listening: House) -> None:
    async with listening.bot():
        said = await listening.workspace.say(AUTHOR, "C0OPS", "slow")
        await react(listening, said, "eyes")
        assert () == listening.workspace.calls("reactions.get")
        await react(listening, said, "pushpin::skin-tone-3")
        await listening.private(USER)
    assert 1 == len(listening.desk.requests)


@pytest.mark.parametrize("case", ["switched off", "no incident here", "guest"])
async def test_a_reaction_that_means_nothing_here_reads_no_message(listening: House, case: str) -> None:
    if case == "switched off":
        listening.desk.reaction = ""
    if case == "no incident here":
        listening.desk.incidents = (replace(INCIDENT, channel="C0DEV"),)
    async with listening.bot():
        said = await listening.workspace.say(AUTHOR, "C0OPS", "slow")
        await react(listening, said, user="U0GUEST" if case == "guest" else USER)
        assert () == listening.workspace.calls("reactions.get")
    assert [] == listening.desk.requests


async def test_the_secret_of_a_message_is_withheld_before_anything_is_asked(listening: House) -> None:
    async with listening.bot():
        await react(listening, await listening.workspace.say(AUTHOR, "C0OPS", f"the key is {CANARY}"))
        await listening.private(USER)
    assert ['incident note "the key is [redacted]" --incident 3'] == [request.text for request in listening.desk.requests]


@pytest.mark.parametrize("code", ["missing_scope", "message_not_found", "not_in_channel"])
async def test_a_message_that_cannot_be_read_is_said_to_the_person_alone(listening: House, code: str) -> None:
    listening.workspace.faults.switch_on("reactions.get", Failing(code))
    async with listening.bot():
        await react(listening, await listening.workspace.say(AUTHOR, "C0OPS", "slow"))
        [text] = await listening.private(USER)
    assert f"({code})" in text
    assert "Use Add to incident in the menu of the message instead" in text
    assert [] == listening.desk.requests


async def test_a_slack_that_is_busy_is_asked_again(listening: House) -> None:
    listening.workspace.faults.switch_on("reactions.get", RateLimited(retry_after=1), times=1)
    async with listening.bot():
        said = await listening.workspace.say(AUTHOR, "C0OPS", "slow")
        await listening.workspace.react(USER, said, "pushpin")
        await listening.moving(lambda: listening.desk.requests)
    assert 2 == len(listening.workspace.calls("reactions.get"))


async def test_a_message_without_text_is_said_to_the_person_alone(listening: House) -> None:
    async with listening.bot():
        await react(listening, await listening.workspace.say(AUTHOR, "C0OPS", ""))
        assert "this message has no text" in (await listening.private(USER))[0]
    assert [] == listening.desk.requests
