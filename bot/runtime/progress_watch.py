"""Shows the progress of work that takes long: after half a second, then whenever it changes, four times a second at most."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from bot.runtime.clock import finishes_within
from commands.model.operation import Progress, ReadProgress

SHOW_DELAY = 0.5
"""Seconds of work before its progress is shown."""

SHOW_INTERVAL = 0.25
"""Seconds between two states of the progress."""

Done = TypeVar("Done")


async def watch_progress(
    work: Callable[[Progress], Coroutine[Any, Any, Done]],
    show: Callable[[ReadProgress], Awaitable[None]],
    sleep: Callable[[float], Awaitable[None]],
) -> Done:
    """Returns the result of the work. `show` gets its newest progress, as long as it runs."""
    newest: ReadProgress | None = None
    shown: ReadProgress | None = None

    def record(seen: ReadProgress) -> None:
        nonlocal newest
        newest = seen

    working = asyncio.ensure_future(work(record))
    pause = SHOW_DELAY
    try:
        while not await finishes_within(working, pause, sleep):
            if newest is not None and newest is not shown:
                shown = newest
                await show(newest)
            pause = SHOW_INTERVAL
        return await working
    finally:
        working.cancel()
