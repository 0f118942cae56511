"""The row cannot be written: the ack itself says that nothing was done, and is never late."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.phrase import Phrase
from bot.slack.api import SCOPES
from bot.slack.inbound.worker import STORE_TIMEOUT
from bot.store.errors import DatabaseBusy, DatabaseFull
from bot.store.inbox import Delivery, Inbox
from bot.store.outbox import Outbox, Post
from tests.bot.slack.conftest import House, manifest_with
from tests.lab.workspace import Timing, Workspace


class FailingInbox(Inbox):
    """An inbox that cannot be written."""

    def __init__(self, house: House, error: Exception) -> None:
        super().__init__(house.database)
        self.error = error

    async def add(self, delivery: Delivery) -> bool:
        raise self.error


class SlowInbox(Inbox):
    """An inbox that is written when the test says so."""

    def __init__(self, house: House) -> None:
        super().__init__(house.database)
        self.begun, self.go = asyncio.Event(), asyncio.Event()

    async def add(self, delivery: Delivery) -> bool:
        self.begun.set()
        await self.go.wait()
        return await super().add(delivery)


@pytest.mark.parametrize(
    "error",
    [DatabaseFull(Phrase("full")), DatabaseBusy(Phrase("locked")), RuntimeError("a bug"), OSError("anything")],
    ids=["disk full", "locked", "a bug", "anything else"],
)
async def test_the_ack_says_that_nothing_was_done(house: House, error: Exception) -> None:
    async with house.bot(replace(house.rows, inbox=FailingInbox(house, error))):
        delivery = await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        [text] = await house.private("U0ADMIN")
    assert delivery.in_time
    assert text.startswith("Nothing was done")
    assert [] == house.desk.requests


async def test_a_row_that_comes_too_late_is_withdrawn(house: House) -> None:
    """The person was told that nothing was done, so nothing is, not even after a restart."""
    slow = SlowInbox(house)
    async with house.bot(replace(house.rows, inbox=slow)):
        typing = asyncio.create_task(house.workspace.slash("U0ADMIN", "C0OPS", "health"))
        await slow.begun.wait()
        await house.time.asleep()
        house.time.move(STORE_TIMEOUT)
        delivery = await typing
        assert delivery.in_time
        [text] = await house.private("U0ADMIN")
        assert text.startswith("Nothing was done")
        slow.go.set()
    async with house.bot():
        await house.settled()
    assert [] == house.desk.requests
    assert 1 == len(house.workspace.private("U0ADMIN"))


async def test_a_command_that_is_larger_than_a_row_is_refused_in_the_ack(house: House) -> None:
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "x" * 70_000)
        assert ["Nothing was done: the command is too long."] == await house.private("U0ADMIN")


async def test_the_answer_is_kept_when_the_database_comes_back(house: House) -> None:
    class Moody(Outbox):
        """Does not take the first answer."""

        moods = 1

        async def add(self, post: Post, answers: str = "") -> int:
            if self.moods:
                self.moods -= 1
                raise DatabaseBusy(Phrase("locked"))
            return await super().add(post, answers)

    async with house.bot(replace(house.rows, outbox=Moody(house.database, house.time.now))):
        await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        await house.moving(lambda: house.workspace.private("U0ADMIN"))
    assert 1 == len(house.desk.requests)


class OnceFailingInbox(Inbox):
    """An inbox that cannot be written the first time."""

    def __init__(self, house: House) -> None:
        super().__init__(house.database)
        self.tries = 0

    async def add(self, delivery: Delivery) -> bool:
        self.tries += 1
        if self.tries == 1:
            raise DatabaseBusy(Phrase("locked"))
        return await super().add(delivery)


async def test_an_event_that_cannot_be_kept_is_not_acknowledged_so_slack_delivers_it_again(
    house: House, tmp_path: Path
) -> None:
    """Events have no words in their ack; they have redeliveries."""
    timing = Timing(ack=0.2, redeliveries=(0.05,), farewell=0.05)
    house.workspace = Workspace(manifest_with(tmp_path, SCOPES), timing=timing)
    await house.workspace.start()
    inbox = OnceFailingInbox(house)
    async with house.bot(replace(house.rows, inbox=inbox)):
        said = await house.workspace.say("U0ADMIN", "C0OPS", "<@U0FLATNET> health")
        await house.workspace.seen(lambda: len(house.workspace.thread("C0OPS", said.ts)) == 2)
    await house.workspace.stop()
    assert (2, 1) == (inbox.tries, len(house.desk.requests))
