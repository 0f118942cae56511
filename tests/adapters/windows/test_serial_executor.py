"""One thread at a time on a session, and nobody waits for a stuck one."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.errors import NotAsked
from adapters.windows import serial_executor as turns_module
from adapters.windows.serial_executor import SerialExecutor


class FakeSession:
    """Notes what is done with it; `busy` counts the threads in it."""

    def __init__(self, number: int, notes: list[str]) -> None:
        self.number = number
        self.notes = notes
        self.was_cut = threading.Event()
        self.tidying = threading.Event()
        self.tidying.set()
        self.busy = 0
        self.is_clean = False

    def clean_up(self) -> None:
        self._enter("tidy")
        self.tidying.wait(5)
        self.busy -= 1

    def close(self) -> None:
        self._enter("close")
        self.busy -= 1

    def abort(self) -> None:
        self.notes.append(f"cut {self.number}")
        self.was_cut.set()

    def work(self) -> int:
        self._enter("work")
        time.sleep(0.01)
        self.busy -= 1
        return self.number

    def hang(self) -> None:
        self._enter("hang")
        self.was_cut.wait(5)
        self.busy -= 1

    def _enter(self, note: str) -> None:
        assert self.busy == 0
        self.busy += 1
        self.notes.append(f"{note} {self.number}")


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def make(notes: list[str]) -> Callable[[], FakeSession]:
    made: list[FakeSession] = []

    def make() -> FakeSession:
        made.append(FakeSession(len(made) + 1, notes))
        return made[-1]

    return make


async def noted(note: str, notes: list[str]) -> None:
    """Until a thread has done that."""
    async with asyncio.timeout(10):
        while note not in notes:
            await asyncio.sleep(0.01)


async def test_work_of_many_takes_turns_on_one_session(
    make: Callable[[], FakeSession], pool: ThreadPoolExecutor, notes: list[str]
) -> None:
    turns = SerialExecutor(make, pool)
    assert [1] * 8 == await asyncio.gather(*(turns.run(FakeSession.work, 5) for _ in range(8)))
    await turns.aclose()
    assert ["work 1", "tidy 1"] * 8 + ["close 1"] == notes


async def test_the_answer_comes_before_the_tidying_and_the_next_turn_after(
    make: Callable[[], FakeSession], pool: ThreadPoolExecutor, notes: list[str]
) -> None:
    session = make()
    session.tidying.clear()
    turns = SerialExecutor(lambda: session, pool)
    await turns.run(FakeSession.work, 5)
    following = asyncio.create_task(turns.run(FakeSession.work, 5))
    await noted("tidy 1", notes)
    await asyncio.sleep(0.05)
    assert ["work 1", "tidy 1"] == notes
    session.tidying.set()
    await following
    await turns.aclose()


async def test_where_nothing_is_left_there_is_no_tidying_and_the_next_turn_comes_at_once(
    make: Callable[[], FakeSession], pool: ThreadPoolExecutor, notes: list[str]
) -> None:
    session = make()
    session.is_clean = True
    turns = SerialExecutor(lambda: session, pool)
    assert [1] * 3 == await asyncio.gather(*(turns.run(FakeSession.work, 5) for _ in range(3)))
    await turns.aclose()
    assert ["work 1"] * 3 + ["close 1"] == notes


async def test_an_exception_of_the_work_reaches_the_caller_and_the_session_is_kept(
    make: Callable[[], FakeSession], pool: ThreadPoolExecutor, notes: list[str]
) -> None:
    def fail(session: FakeSession) -> None:
        raise LookupError("no")

    turns = SerialExecutor(make, pool)
    with pytest.raises(LookupError):
        await turns.run(fail, 5)
    assert 1 == await turns.run(FakeSession.work, 5)
    await turns.aclose()


async def test_a_stuck_session_is_cut_and_the_next_turn_has_a_new_one(
    make: Callable[[], FakeSession], pool: ThreadPoolExecutor, notes: list[str]
) -> None:
    turns = SerialExecutor(make, pool)
    with pytest.raises(TimeoutError):
        await turns.run(FakeSession.hang, 0.5)
    assert 2 == await turns.run(FakeSession.work, 5)
    await turns.aclose()
    assert {"hang 1", "cut 1", "close 1", "work 2", "tidy 2", "close 2"} == set(notes)


async def test_work_given_up_by_its_caller_is_dropped_as_well(
    make: Callable[[], FakeSession], pool: ThreadPoolExecutor, notes: list[str]
) -> None:
    turns = SerialExecutor(make, pool)
    task = asyncio.create_task(turns.run(FakeSession.hang, 5))
    await noted("hang 1", notes)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert 2 == await turns.run(FakeSession.work, 5)
    await turns.aclose()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns_module, "QUEUE_TIMEOUT", 0.05)


@pytest.mark.usefixtures("impatient")
async def test_a_turn_that_does_not_come_is_the_bots_trouble_and_not_the_hosts(
    make: Callable[[], FakeSession], pool: ThreadPoolExecutor
) -> None:
    session = make()
    session.tidying.clear()
    turns = SerialExecutor(lambda: session, pool)
    await turns.run(FakeSession.work, 5)
    with pytest.raises(NotAsked, match="the bot is still working on this host"):
        await turns.run(FakeSession.work, 5)
    session.tidying.set()
    assert 1 == await turns.run(FakeSession.work, 5)
    await turns.aclose()


async def test_the_deadline_begins_with_the_thread(make: Callable[[], FakeSession]) -> None:
    """A host is not late because others keep the threads."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(time.sleep, 0.5)
        turns = SerialExecutor(make, pool)
        assert 1 == await turns.run(FakeSession.work, 0.3)
        await turns.aclose()


@pytest.mark.usefixtures("impatient")
async def test_work_that_no_thread_has_begun_leaves_the_session_as_it_is(
    make: Callable[[], FakeSession], notes: list[str]
) -> None:
    release = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(release.wait, 5)
        turns = SerialExecutor(make, pool)
        with pytest.raises(NotAsked, match="the bot is busy with other hosts"):
            await turns.run(FakeSession.work, 5)
        release.set()
        assert 1 == await turns.run(FakeSession.work, 5)
        await turns.aclose()
    assert ["work 1", "tidy 1", "close 1"] == notes


async def test_closing_without_a_session_does_nothing(
    make: Callable[[], FakeSession], pool: ThreadPoolExecutor, notes: list[str]
) -> None:
    await SerialExecutor(make, pool).aclose()
    assert [] == notes
