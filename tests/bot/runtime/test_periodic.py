"""The one clock: every work at its pace, whatever becomes of the others."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.runtime.clock import Clock
from bot.runtime.periodic import PeriodicTask, run_periodically
from tests.bot.world import Time

Something = Callable[[], Awaitable[None]]


class Until:
    """Time that ends after so many seconds, and lets everybody else run while somebody waits."""

    def __init__(self, ends: float) -> None:
        self.time = Time()
        self.ends = ends
        self.waiting: list[tuple[float, asyncio.Future[None]]] = []

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append((self.time.seconds + seconds, woken))
        await woken

    async def run(self, *works: PeriodicTask) -> None:
        """Let the works run until the time is over."""
        ticking = asyncio.create_task(run_periodically(works, Clock(self.time.now, self.time.monotonic, self.sleep)))
        while self.time.seconds < self.ends:
            for _ in range(10):
                await asyncio.sleep(0)
            self.waiting.sort(key=lambda waiting: waiting[0])
            at, woken = self.waiting.pop(0)
            self.time.seconds = max(at, self.time.seconds)
            woken.set_result(None)
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)


def noting(
    times: list[float], until: Until, after: Callable[[], Awaitable[object]] | None = None
) -> Callable[[], Awaitable[None]]:
    async def work() -> None:
        times.append(until.time.seconds)
        if after is not None:
            await after()

    return work


async def test_each_work_is_done_at_once_and_then_at_its_own_pace() -> None:
    until, quick, slow = Until(10.0), list[float](), list[float]()
    await until.run(PeriodicTask("quick", 2.0, noting(quick, until)), PeriodicTask("slow", 5.0, noting(slow, until)))
    assert [0.0, 2.0, 4.0, 6.0, 8.0] == quick[:5]
    assert [0.0, 5.0] == slow[:2]


@pytest.mark.parametrize("error", [KeyError("a bug"), FlatnetError(Phrase("the disk is full"))])
async def test_a_work_that_fails_is_tried_again_and_the_others_go_on(error: Exception) -> None:
    async def fail() -> None:
        raise error

    until, failing, well = Until(6.0), list[float](), list[float]()
    await until.run(
        PeriodicTask("failing", 2.0, noting(failing, until, fail)), PeriodicTask("well", 2.0, noting(well, until))
    )
    assert [0.0, 2.0, 4.0] == failing[:3]
    assert [0.0, 2.0, 4.0] == well[:3]


async def test_a_work_that_takes_long_is_not_begun_again_meanwhile_and_never_caught_up() -> None:
    until, times = Until(20.0), list[float]()
    await until.run(PeriodicTask("long", 2.0, noting(times, until, lambda: until.sleep(7.0))))
    assert [0.0, 7.0, 14.0] == times[:3]


async def test_a_work_that_hangs_keeps_no_other_from_its_turn() -> None:
    until, well = Until(6.0), list[float]()
    never = asyncio.Event()
    await until.run(
        PeriodicTask("hanging", 1.0, noting([], until, never.wait)),
        PeriodicTask("well", 2.0, noting(well, until)),
    )
    assert [0.0, 2.0, 4.0] == well[:3]
