"""The status of an incident in Slack: pinned, edited, posted anew, and never more than its channel may read."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.model.announcement import Announcement, DeliveryStage, Fallback
from bot.model.incident import Incident
from bot.model.incident_notice import AlertCounts, make_notice, make_reply
from bot.rendering.slack.blocks import SlackMessage
from bot.slack.directory.channels import CACHE_SECONDS
from bot.slack.outbound.message import Address, build_post
from bot.slack.outbound.sender import EDIT_INTERVAL
from bot.slack.surface import SlackSurface
from tests.bot.incident_examples import OPEN, OPENED, entry
from tests.bot.slack.conftest import House
from tests.lab.workspace.faults import DropBefore, Failing

OPS, DEV, ADMIN = "C0OPS", "C0DEV", "U0ADMIN"
NAME = "incident-3-status-1"


@pytest.fixture(autouse=True)
def fallback(house: House) -> None:
    """What a channel rejects goes to another channel, then to an administrator."""
    house.workspace.invite_bot(DEV)
    house.desk.fallback = Fallback(DEV, (ADMIN,))


def status(incident: Incident = OPEN, *, private: bool = False, **changes: Any) -> Announcement:
    shown = make_notice(replace(incident, **changes), AlertCounts(), OPENED + timedelta(minutes=5))
    return Announcement(NAME, OPS, shown, private=private)


def reply(*numbers: int) -> Announcement:
    name = f"{NAME}:{numbers[0] - 1}-{numbers[-1]}"
    return Announcement(name, OPS, make_reply([entry(number, f"note {number}") for number in numbers]), below=NAME)


def leads(house: House, channel: str = OPS) -> list[str]:
    """Leads that the messages of a channel name, and whether they are pinned."""
    found = []
    for message in house.workspace.messages(channel):
        words = message.text.partition("Lead: ")[2].splitlines()
        found.append(f"{words[0] if words else message.text}{' pinned' if message.pinned_by else ''}")
    return found


async def edit(house: House, surface: SlackSurface, lead: str) -> None:
    """Have the message edited, or dropped."""
    await surface.revise(status(lead=lead), None)
    house.time.move(EDIT_INTERVAL)
    await house.settled()


async def test_the_message_is_pinned_and_edited(house: House) -> None:
    async with house.bot() as surface:
        await surface.announce(status())
        await house.public(OPS)
        await house.settled()
        await edit(house, surface, "bo")
        await surface.announce(status(lead="carl"))
        await house.settled()
    assert ["bo pinned"] == leads(house)


async def test_a_message_that_a_person_deleted_is_posted_and_pinned_anew_with_its_thread(house: House) -> None:
    async with house.bot() as surface:
        await surface.announce(status())
        await house.public(OPS)
        await house.settled()
        house.workspace.delete(house.workspace.messages(OPS)[0])
        await edit(house, surface, "bo")
        await surface.announce(reply(1))
        await house.public(OPS, 2)
        await house.settled()
    message, below = house.workspace.messages(OPS)
    assert ["bo pinned", "• 2026-11-25 12:16 JST — Note by ana: note 1"] == leads(house)
    assert message.ts == below.thread_ts


async def test_while_slack_is_away_the_message_is_rewritten(house: House) -> None:
    house.workspace.faults.switch_on("chat.postMessage", DropBefore())
    async with house.bot() as surface:
        await surface.announce(status())
        await house.until(lambda: house.workspace.calls("chat.postMessage"))
        await house.settled()
        assert DeliveryStage.WAITING is await surface.find_delivery(NAME)
        await surface.revise(status(lead="bo"), None)
        house.workspace.faults.switch_off("chat.postMessage")
        await house.moving(lambda: house.workspace.messages(OPS))
        await house.settled()
    [said] = leads(house)
    assert said.startswith("bo")
    assert () == house.workspace.calls("chat.update")


async def test_what_everyone_in_the_channel_read_as_an_answer_is_not_said_again(house: House) -> None:
    """The answer of one note was posted there, that of the other one was private."""
    for operation, address in (("op-1", Address(channel=OPS)), ("op-2", Address(user=ADMIN))):
        await house.rows.outbox.add(build_post(operation, address, SlackMessage("noted", ()), house.time.now()))
    async with house.bot() as surface:
        await surface.announce(status())
        await surface.announce(reply(1, 2))
        await house.public(OPS, 3)
        await house.settled()
        await surface.announce(reply(1))
        await house.settled()
    assert ["noted", "ana pinned", "• 2026-11-25 12:17 JST — Note by ana: note 2"] == leads(house)


@pytest.mark.parametrize("private", [True, False], ids=["private", "public"])
@pytest.mark.parametrize("mishap", ["archived", "shared", "kicked"])
async def test_edits_and_replies_of_a_channel_that_takes_none_go_nowhere_else(
    house: House, mishap: str, private: bool
) -> None:
    """No flood of direct messages, no word in another channel, and the newest state once it takes messages again."""
    workspace = house.workspace
    if private:
        workspace.convert(OPS, private=True)
    async with house.bot() as surface:
        await surface.announce(status(private=private))
        await house.public(OPS)
        await house.settled()
        house.time.move(CACHE_SECONDS)
        {"archived": workspace.archive, "shared": workspace.connect, "kicked": workspace.remove_bot}[mishap](OPS)
        for lead in ("bo", "carl"):
            await edit(house, surface, lead)
        await surface.announce(reply(1))
        await house.settled()
        assert (["ana pinned"], [], []) == (leads(house), leads(house, DEV), leads(house, "D0ADMIN"))
        assert (await surface.get_health()).healthy
        if mishap != "shared":
            {"archived": workspace.unarchive, "kicked": workspace.invite_bot}[mishap](OPS)
            await edit(house, surface, "dora")
            assert ["dora pinned"] == leads(house)


@pytest.mark.parametrize(
    ("private", "elsewhere"), [(False, ["bo"]), (True, [])], ids=["a public incident", "a private incident"]
)
async def test_the_first_message_takes_another_way_but_never_that_of_a_private_one(
    house: House, private: bool, elsewhere: list[str]
) -> None:
    house.workspace.faults.switch_on("chat.postMessage", Failing("is_archived"), times=1)
    async with house.bot() as surface:
        await surface.announce(status(private=private))
        await (house.direct(ADMIN) if private else house.public(DEV))
        await house.settled()
        await edit(house, surface, "bo")
    assert elsewhere == leads(house, DEV)
    assert ([] if not private else ["bo pinned"]) == leads(house)
