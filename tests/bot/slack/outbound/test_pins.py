"""Messages that are pinned when they are posted: people remove pins and delete messages, and scopes may be missing."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.rendering.slack.blocks import SlackMessage
from bot.slack.client.preflight import OPTIONAL_SCOPES, PIN_SCOPE, SCOPES
from bot.slack.outbound.message import Address, build_post
from bot.store.database import Database
from tests.bot.slack.conftest import House, ScriptedDesk, Time, manifest_with
from tests.lab.workspace import Clock, Workspace
from tests.lab.workspace.faults import Failing, RateLimited

OPS = "C0OPS"
PINNED = Address(channel=OPS, pinned=True)


@pytest.fixture
async def plain(time: Time, tmp_path: Path, database: Database, desk: ScriptedDesk) -> AsyncIterator[House]:
    """A house whose administrator left the optional scope out."""
    path = manifest_with(tmp_path, SCOPES | OPTIONAL_SCOPES.keys() - {PIN_SCOPE})
    workspace = Workspace(path, clock=Clock(now=time.now, monotonic=time.monotonic))
    await workspace.start()
    yield House(workspace, database, desk, time)
    await workspace.stop()


def show(house: House) -> tuple[tuple[str, bool], ...]:
    """Each message of the channel, and whether it is pinned."""
    return tuple((message.text, bool(message.pinned_by)) for message in house.workspace.messages(OPS))


async def post(house: House) -> int:
    """Have the bot send a pinned message. Returns its row."""
    row = await house.rows.outbox.add(build_post("incident-3", PINNED, SlackMessage("open", ()), house.time.now()))
    async with house.bot():
        await house.workspace.seen(lambda: house.workspace.messages(OPS))
        await house.settled()
    return row


async def edit(house: House, row: int) -> None:
    """Have the bot edit the message."""
    address = PINNED.model_copy(update={"replaces": row})
    await house.rows.outbox.add(build_post("incident-3", address, SlackMessage("mitigated", ()), house.time.now()))
    async with house.bot():
        await house.moving(lambda: any(text == "mitigated" for text, _ in show(house)))
        await house.settled()


async def test_a_message_is_pinned_when_it_is_posted(house: House) -> None:
    await post(house)
    assert (("open", True),) == show(house)


async def test_a_pin_that_a_person_removed_stays_removed(house: House) -> None:
    row = await post(house)
    house.workspace.unpin(house.workspace.pins(OPS)[0])
    await edit(house, row)
    assert (("mitigated", False),) == show(house)


async def test_a_message_that_a_person_deleted_is_posted_and_pinned_anew(house: House) -> None:
    row = await post(house)
    house.workspace.delete(house.workspace.messages(OPS)[0])
    await edit(house, row)
    assert (("mitigated", True),) == show(house)


@pytest.mark.parametrize("code", ["restricted_action", "too_many_pins", "missing_scope"])
async def test_a_refused_pin_costs_no_message(house: House, code: str) -> None:
    house.workspace.faults.switch_on("pins.add", Failing(code))
    await post(house)
    assert (("open", False),) == show(house)


async def test_a_pin_that_slack_limits_is_tried_again(house: House) -> None:
    house.workspace.faults.switch_on("pins.add", RateLimited(1), times=1)
    await house.rows.outbox.add(build_post("incident-3", PINNED, SlackMessage("open", ()), house.time.now()))
    async with house.bot():
        await house.moving(lambda: show(house) == (("open", True),))
        await house.settled()


async def test_without_the_scope_slack_is_not_asked(plain: House) -> None:
    await post(plain)
    assert (("open", False),) == show(plain)
    assert () == plain.workspace.calls("pins.add")
