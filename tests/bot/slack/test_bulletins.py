"""What the bot says by itself: once, in its channel or on the next road, and nobody can overlook that it went astray."""

import asyncio
from datetime import timedelta
from functools import partial

import pytest

from adapters.phrase import Phrase
from bot.bulletins import Bulletin, Fallback
from bot.request import Answer
from bot.slack.outbox import ASTRAY
from commands.report import File, Report
from tests.bot.slack.conftest import CANARY, House
from tests.lab.workspace.faults import Failing

OPS, DEV, ADMIN, OPERATOR = "C0OPS", "C0DEV", "U0ADMIN", "U0OPERATOR"


@pytest.fixture(autouse=True)
def invited(house: House) -> None:
    """The bot is in both channels."""
    house.workspace.invite_bot(DEV)


def bulletin(said: str = "all 3 hosts are well", *, channel: str = OPS, file: File | None = None) -> Bulletin:
    report = Report(title=Phrase("Digest"), summary=Phrase("{said}", said=said), brief=True, file=file)
    answer = Answer(operation="op-1", understood="digest", body=report)
    return Bulletin("op-1", channel, answer, (Phrase("by the schedule {name} of {owner}", name="digest", owner="ana"),))


def edited(house: House, times: int) -> bool:
    """Whether messages were edited so often."""
    return len(house.workspace.calls("chat.update")) == times


async def test_it_is_said_once_in_the_words_of_its_channel(house: House) -> None:
    async with house.bot() as surface:
        await surface.announce(bulletin(channel=DEV))
        await surface.announce(bulletin("something else", channel=DEV))
        [text] = await house.public(DEV)
        await house.settled()
    assert "all 3 hosts are well" in text
    assert "定期実行 digest (ana)" in text
    assert 1 == len(house.workspace.messages(DEV))


async def test_after_a_restart_it_is_not_said_again(house: House) -> None:
    async with house.bot() as surface:
        await surface.announce(bulletin())
        await house.public(OPS)
        await house.settled()
    async with house.bot() as surface:
        await surface.announce(bulletin())
        await house.settled()
    assert 1 == len(house.workspace.messages(OPS))


@pytest.mark.parametrize("code", ["is_archived", "not_in_channel", "channel_not_found", "restricted_action"])
async def test_a_channel_that_does_not_take_it_leaves_it_to_the_second_one_and_the_bot_is_not_ready(
    house: House, code: str
) -> None:
    house.desk.fallback = Fallback(DEV, (ADMIN,))
    house.workspace.faults.switch_on("chat.postMessage", Failing(code), times=1)
    async with house.bot() as surface:
        await surface.announce(bulletin())
        [text] = await house.public(DEV)
        await house.settled()
        health = await surface.health()
        assert (False, False) == (health.arriving, health.healthy)
        house.time.move(ASTRAY.total_seconds())
        assert (await surface.health()).arriving
    assert "all 3 hosts are well" in text
    assert f"meant for the channel {OPS}" in text
    assert () == house.workspace.messages(OPS)


async def test_once_the_channel_takes_it_again_the_bot_is_ready_again(house: House) -> None:
    house.desk.fallback = Fallback(DEV, ())
    house.workspace.faults.switch_on("chat.postMessage", Failing("is_archived"), times=1)
    async with house.bot() as surface:
        await surface.announce(bulletin())
        await house.public(DEV)
        await house.settled()
        await surface.announce(Bulletin("op-2", OPS, bulletin().body))
        await house.public(OPS)
        await house.settled()
        assert (await surface.health()).arriving


async def test_where_no_channel_takes_it_every_administrator_gets_it(house: House) -> None:
    house.desk.fallback = Fallback("", (ADMIN, OPERATOR))
    house.workspace.faults.switch_on("chat.postMessage", Failing("is_archived"), times=1)
    async with house.bot() as surface:
        await surface.announce(bulletin())
        texts = [*(await house.direct(ADMIN)), *(await house.direct(OPERATOR))]
        await house.settled()
        assert not (await surface.health()).arriving
    assert 2 == len([text for text in texts if "all 3 hosts are well" in text])


async def test_without_a_channel_the_administrators_are_told_and_that_is_no_trouble(house: House) -> None:
    house.desk.fallback = Fallback(DEV, (ADMIN,))
    async with house.bot() as surface:
        await surface.announce(bulletin(channel=""))
        [text] = await house.direct(ADMIN)
        await house.settled()
        assert (await surface.health()).arriving
    assert "meant for" not in text


async def test_where_nobody_takes_it_the_outbox_is_unwell(house: House) -> None:
    house.desk.fallback = Fallback("", ())
    house.workspace.faults.switch_on("chat.postMessage", Failing("is_archived"), times=1)
    async with house.bot() as surface:
        await surface.announce(bulletin())
        await house.until(lambda: house.workspace.calls("chat.postMessage"))
        await house.settled()
        assert not (await surface.health()).sending


async def test_trouble_that_passes_is_waited_for_on_the_same_road(house: House) -> None:
    house.desk.fallback = Fallback(DEV, (ADMIN,))
    house.workspace.faults.switch_on("chat.postMessage", Failing("service_unavailable"), times=2)
    async with house.bot() as surface:
        await surface.announce(bulletin())
        await house.moving(lambda: house.workspace.messages(OPS))
        await house.settled()
        assert (await surface.health()).arriving
    assert () == house.workspace.messages(DEV)


async def test_its_file_stands_in_its_thread_once(house: House) -> None:
    with_file = bulletin(file=File(name="report.md", text=f"# Report\n{CANARY}"))
    async with house.bot() as surface:
        for _ in range(2):
            saying = asyncio.create_task(surface.announce(with_file))
            await house.moving(saying.done)
        await house.settled()
    [message] = [each for each in house.workspace.messages(OPS) if not each.files]
    [reply] = [each for each in house.workspace.thread(OPS, message.ts) if each.files]
    assert "# Report\n•••".encode() == house.workspace.file(reply.files[0])


async def test_what_was_said_becomes_something_else_and_a_word_stands_in_its_thread(house: House) -> None:
    async with house.bot() as surface:
        await surface.announce(bulletin())
        await house.public(OPS)
        await house.settled()
        house.time.move(timedelta(days=3).total_seconds())
        for times in (1, 2):
            await surface.revise(bulletin("renewed"), Phrase("renewed"))
            await house.moving(partial(edited, house, times))
            await house.settled()
    first = house.workspace.messages(OPS)[0]
    assert ["renewed"] == [each.text for each in house.workspace.thread(OPS, first.ts) if each.ts != first.ts]


async def test_buttons_of_what_was_said_work_on_the_kept_answer(house: House) -> None:
    async with house.bot() as surface:
        await surface.announce(bulletin())
        await house.public(OPS)
        await house.settled()
    kept = await house.rows.answers.find("op-1", house.time.now())
    assert kept is not None
    assert ("digest", "flatnet-bot") == (kept.words, kept.actor)
