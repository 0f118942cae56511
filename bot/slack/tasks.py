"""Work under way: tasks that are held until they end, a clock that is handed in, and writes that must succeed."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import structlog

from bot.store.errors import DatabaseError

LONGEST_PAUSE = 30.0
"""Seconds between two attempts at a write that must succeed, at most."""

_log = structlog.get_logger(__name__)

_Written = TypeVar("_Written")


class Running:
    """Tasks by name. The event loop holds tasks only weakly; one that fails is logged, for nobody awaits it."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, name: str, work: Coroutine[Any, Any, Any]) -> None:
        """Begin `work` in a task of its own."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def drain(self, deadline: float) -> tuple[str, ...]:
        """Wait `deadline` seconds for what is under way, then cancel the rest; the names of what was cancelled."""
        if not self._tasks:
            return ()
        _, late = await asyncio.wait(self._tasks, timeout=deadline)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        return tuple(sorted(task.get_name() for task in late))

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a task failed", task=task.get_name(), exc_info=error)


async def done_within(work: asyncio.Future[Any], seconds: float, sleep: Callable[[float], Awaitable[None]]) -> bool:
    """Whether `work` ends within so many seconds. It goes on in any case."""
    sleeping = asyncio.ensure_future(sleep(seconds))
    try:
        await asyncio.wait({work, sleeping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        sleeping.cancel()
    return work.done()


async def insist(write: Callable[[], Awaitable[_Written]], sleep: Callable[[float], Awaitable[None]]) -> _Written:
    """Write to the database however often it takes: giving up would lose an answer or leave a row half-way."""
    pause = 1.0
    while True:
        try:
            return await write()
        except DatabaseError as error:
            _log.error("the database does not take a write; trying again", error=str(error), pause=pause)
        await sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
