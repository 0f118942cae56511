"""The inbox: a delivery is kept once, and nothing is forgotten before it is finished."""

import asyncio
from pathlib import Path

import pytest

from bot.store import batches
from bot.store.database import Database
from bot.store.errors import TooLarge
from bot.store.inbox import Delivery, Inbox
from bot.store.outbox import Outbox
from bot.store.outbox_values import Post, Route
from bot.store.reading import open_for_reading
from tests.bot.store.conftest import Clock


@pytest.fixture
def inbox(database: Database) -> Inbox:
    return Inbox(database)


def command(key: str, clock: Clock, text: str = "health") -> Delivery:
    return Delivery(key, "command", {"text": text, "user": "U1"}, clock())


async def test_the_same_delivery_five_times_at_once_is_one(inbox: Inbox, clock: Clock) -> None:
    news = await asyncio.gather(*(inbox.add(command("trigger-1", clock)) for _ in range(5)))
    assert sorted(news) == [False] * 4 + [True]
    assert await inbox.list_unfinished() == (command("trigger-1", clock),)


async def test_a_delivery_that_was_finished_is_still_known(inbox: Inbox, clock: Clock) -> None:
    await inbox.add(command("trigger-1", clock))
    await inbox.finish("trigger-1", clock())
    assert not await inbox.add(command("trigger-1", clock))
    assert await inbox.list_unfinished() == ()


async def test_what_is_unfinished_comes_oldest_first_and_outlives_a_restart(path: Path, clock: Clock) -> None:
    database = Database.open(path)
    for key in ("b", "a", "c"):
        await Inbox(database).add(command(key, clock))
        clock.pass_by(seconds=1)
    await database.aclose()
    database = Database.open(path)
    assert [delivery.key for delivery in await Inbox(database).list_unfinished()] == ["b", "a", "c"]
    await database.aclose()


async def test_each_beginning_of_work_is_counted(inbox: Inbox, clock: Clock) -> None:
    await inbox.add(command("a", clock))
    assert [await inbox.record_attempt("a") for _ in range(2)] == [2, 3]
    (left,) = await inbox.list_unfinished()
    assert left.attempts == 3
    assert await inbox.begin("a") == 4
    assert await inbox.record_attempt("a") == 5


async def test_what_is_finished_is_not_begun_again(inbox: Inbox, clock: Clock) -> None:
    """Its row may have been listed just before its end."""
    await inbox.add(command("a", clock))
    await inbox.finish("a", clock())
    assert await inbox.begin("a") is None


async def test_finishing_twice_keeps_the_first_end(inbox: Inbox, clock: Clock) -> None:
    await inbox.add(command("a", clock))
    await inbox.finish("a", clock())
    clock.pass_by(days=5)
    await inbox.finish("a", clock())
    clock.pass_by(days=3)
    assert await inbox.prune(clock()) == 1


async def test_finished_deliveries_are_forgotten_after_seven_days_and_unfinished_ones_never(
    inbox: Inbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH", 1)
    for key in ("done", "too", "open"):
        await inbox.add(command(key, clock))
    for key in ("done", "too"):
        await inbox.finish(key, clock())
    clock.pass_by(days=7)
    assert await inbox.prune(clock()) == 0
    clock.pass_by(seconds=1)
    assert await inbox.prune(clock()) == 2
    clock.pass_by(days=365)
    assert await inbox.prune(clock()) == 0
    assert [delivery.key for delivery in await inbox.list_unfinished()] == ["open"]


@pytest.mark.parametrize("text", ["", "a\0b", "\ud83d", "'; DROP TABLE inbox; --", "‮منقلب", "🚦" * 100])
async def test_any_text_is_kept_as_it_came(inbox: Inbox, clock: Clock, text: str) -> None:
    await inbox.add(command(f"key {text}", clock, text))
    (kept,) = await inbox.list_unfinished()
    assert kept.payload["text"] == text
    await inbox.finish(f"key {text}", clock())
    assert await inbox.list_unfinished() == ()


async def test_a_delivery_that_is_too_large_is_refused(inbox: Inbox, clock: Clock) -> None:
    with pytest.raises(TooLarge):
        await inbox.add(command("a", clock, "x" * 65_536))
    assert await inbox.list_unfinished() == ()


def files(path: Path) -> bytes:
    """All bytes of the database: its file, its WAL and whatever else is beside it."""
    return b"".join(file.read_bytes() for file in sorted(path.parent.glob(f"{path.name}*")))


@pytest.mark.parametrize("length", [10, 5_000, 60_000])
async def test_what_a_person_typed_is_in_no_file_once_its_delivery_is_finished(
    database: Database, path: Path, clock: Clock, length: int
) -> None:
    """Its key stays, so that the same delivery is still known."""
    inbox, typed = Inbox(database), "Zq7-typed-text" + "x" * length
    await inbox.add(command("trigger-1", clock, typed))
    assert b"Zq7-typed-text" in files(path)
    await inbox.finish("trigger-1", clock())
    assert await inbox.erase_finished()
    assert b"Zq7-typed-text" not in files(path)
    assert b"trigger-1" in files(path)
    assert not await inbox.add(command("trigger-1", clock, typed))


async def test_the_answer_that_finishes_a_delivery_deletes_its_text_as_well(
    database: Database, path: Path, clock: Clock
) -> None:
    inbox, outbox = Inbox(database), Outbox(database, clock)
    await inbox.add(command("trigger-1", clock, "Zq7-typed-text"))
    await outbox.add(Post("op-1", "C1", Route.POST, {"channel": "C1"}, {"text": "done"}, clock()), answers="trigger-1")
    assert await inbox.erase_finished()
    assert b"Zq7-typed-text" not in files(path)


async def test_a_reader_of_the_database_delays_the_erasing_and_is_not_waited_for(
    database: Database, path: Path, clock: Clock
) -> None:
    inbox = Inbox(database)
    await inbox.add(command("trigger-1", clock, "Zq7-typed-text"))
    with open_for_reading(path) as connection:
        connection.exec_driver_sql("SELECT count(*) FROM inbox").scalar_one()
        await inbox.finish("trigger-1", clock())
        assert not await inbox.erase_finished()
    assert await inbox.erase_finished()
    assert b"Zq7-typed-text" not in files(path)
