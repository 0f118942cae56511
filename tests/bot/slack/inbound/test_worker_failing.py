"""The row cannot be written, or not in time: the ack itself says which of the two, and is never late."""

import asyncio
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.phrase import Phrase
from bot.slack.client.preflight import SCOPES
from bot.slack.inbound.intake import STORE_TIMEOUT
from bot.store.errors import DatabaseBusy, DatabaseFull
from bot.store.inbox import Delivery, Inbox
from bot.store.outbox import Outbox
from bot.store.outbox_values import Post
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
    """An inbox that is written, or fails, when the test says so."""

    def __init__(self, house: House) -> None:
        super().__init__(house.database)
        self.begun, self.go = asyncio.Event(), asyncio.Event()
        self.error: Exception | None = None
        self.written = False

    async def add(self, delivery: Delivery) -> bool:
        self.begun.set()
        await self.go.wait()
        if self.error is not None:
            raise self.error
        self.written = await super().add(delivery)
        return self.written


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


BUSY = "The bot is busy. The result will follow. If none appears, try again."


async def late(house: House, slow: SlowInbox) -> None:
    """A command is typed whose row is not written in time."""
    typing = asyncio.create_task(house.workspace.slash("U0ADMIN", "C0OPS", "health"))
    await slow.begun.wait()
    await house.time.asleep()
    house.time.move(STORE_TIMEOUT)
    assert (await typing).in_time
    assert [BUSY] == await house.private("U0ADMIN")


async def test_a_row_that_comes_late_is_worked_on(house: House) -> None:
    """The ack says that the bot is busy, and nothing about what was done; the answer comes once."""
    slow = SlowInbox(house)
    async with house.bot(replace(house.rows, inbox=slow)):
        await late(house, slow)
        assert [] == house.desk.requests
        slow.go.set()
        await house.private("U0ADMIN", 2)
    async with house.bot():
        await house.settled()
    assert 1 == len(house.desk.requests)
    assert [BUSY, "3 hosts are healthy"] == [message.text for message in house.workspace.private("U0ADMIN")]


async def test_a_row_that_comes_late_and_is_not_written_after_all_is_said_to_be_undone(house: House) -> None:
    slow = SlowInbox(house)
    async with house.bot(replace(house.rows, inbox=slow)):
        await late(house, slow)
        slow.error = DatabaseBusy(Phrase("locked"))
        slow.go.set()
        [_, text] = await house.private("U0ADMIN", 2)
    assert text.startswith("Nothing was done: the bot cannot write to its database")
    assert [] == house.desk.requests


async def test_a_row_that_is_written_when_the_bot_has_ended_is_worked_on_by_the_next_one(house: House) -> None:
    slow = SlowInbox(house)
    async with house.bot(replace(house.rows, inbox=slow)):
        await late(house, slow)
    slow.go.set()
    await house.until(lambda: slow.written)
    async with house.bot():
        await house.private("U0ADMIN", 2)
        await house.settled()
    assert 1 == len(house.desk.requests)


async def test_a_standstill_of_the_database_under_load_loses_nothing_and_lies_to_no_one(house: House) -> None:
    """50 commands a second, while the database's one thread stands still for longer than an ack can wait."""
    gate, commands = threading.Event(), 8
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        await house.private("U0ADMIN")
        standstill = house.database.read(lambda connection: gate.wait(20))
        typing = [asyncio.create_task(house.workspace.slash("U0ADMIN", "C0OPS", "health")) for _ in range(commands)]
        await house.moving(lambda: all(each.done() for each in typing), step=STORE_TIMEOUT / 50)
        gate.set()
        await standstill
        await house.private("U0ADMIN", 1 + 2 * commands)
        await house.settled()
    said = Counter(message.text for message in house.workspace.private("U0ADMIN"))
    assert {BUSY: commands, "3 hosts are healthy": 1 + commands} == said
    assert 1 + commands == len(house.desk.requests)


async def test_a_command_that_is_larger_than_a_row_is_refused_in_the_ack(house: House) -> None:
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "x" * 70_000)
        assert ["Nothing was done: the command is too long."] == await house.private("U0ADMIN")


async def test_the_answer_is_kept_when_the_database_comes_back(house: House) -> None:
    class Moody(Outbox):
        """Does not take the first answer."""

        moods = 1

        async def add(self, post: Post, answers: str = "", sequels: Sequence[Post] = ()) -> int:
            if self.moods:
                self.moods -= 1
                raise DatabaseBusy(Phrase("locked"))
            return await super().add(post, answers, sequels)

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
    house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Events have no words in their ack; they have redeliveries. The log does not say that nobody handles them."""
    timing = Timing(ack=0.2, redeliveries=(0.05,), farewell=0.05)
    house.workspace = Workspace(manifest_with(tmp_path, SCOPES), timing=timing)
    await house.workspace.start()
    inbox = OnceFailingInbox(house)
    async with house.bot(replace(house.rows, inbox=inbox)):
        said = await house.workspace.say("U0ADMIN", "C0OPS", "<@U0FLATNET> health")
        await house.workspace.seen(lambda: len(house.workspace.thread("C0OPS", said.ts)) == 2)
    await house.workspace.stop()
    assert (2, 1) == (inbox.tries, len(house.desk.requests))
    assert [] == [each.getMessage() for each in caplog.records if each.name.startswith("slack_bolt")]
