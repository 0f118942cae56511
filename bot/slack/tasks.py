"""Background tasks, and database writes that must succeed."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import structlog

from bot.store.errors import DatabaseError

MAX_PAUSE = 30.0
"""Longest pause in seconds between two attempts at a write that must succeed."""

_log = structlog.get_logger(__name__)

_Written = TypeVar("_Written")


class BackgroundTasks:
    """Tasks by name, referenced until they end because the event loop holds them only weakly. Failures are logged here."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, name: str, work: Coroutine[Any, Any, Any]) -> None:
        """Start `work` in a task of its own."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._discard)

    async def drain(self, deadline: float) -> tuple[str, ...]:
        """Wait up to `deadline` seconds, then cancel the rest; returns the names of the cancelled tasks."""
        if not self._tasks:
            return ()
        _, late = await asyncio.wait(self._tasks, timeout=deadline)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        return tuple(sorted(task.get_name() for task in late))

    def _discard(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a task failed", task=task.get_name(), exc_info=error)


async def retry_write(write: Callable[[], Awaitable[_Written]], sleep: Callable[[float], Awaitable[None]]) -> _Written:
    """Retry a database write until it succeeds: giving up would lose an answer or leave a row unfinished."""
    pause = 1.0
    while True:
        try:
            return await write()
        except DatabaseError as error:
            _log.error("the database refused a write; retrying", error=str(error), pause=pause)
        await sleep(pause)
        pause = min(pause * 2, MAX_PAUSE)
