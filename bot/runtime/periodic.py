"""Periodic tasks (expiry, unfinished work, old rows), each with its own interval.

The interval counts from the start of a run, and runs of one task never overlap. A task that fails or hangs does
not delay the others.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from adapters.errors import FlatnetError
from bot.runtime.clock import Clock

_log = structlog.get_logger("bot.runtime.periodic")


@dataclass(frozen=True)
class PeriodicTask:
    """A task that runs every so many seconds. `name` is logged if it fails."""

    name: str
    every: float
    run: Callable[[], Awaitable[object]]


async def run_periodically(works: tuple[PeriodicTask, ...], clock: Clock) -> None:
    """Run all tasks periodically, until cancelled."""
    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(_repeat(work, clock), name=work.name)


async def _repeat(work: PeriodicTask, clock: Clock) -> None:
    while True:
        began = clock.monotonic()
        try:
            await work.run()
        except FlatnetError as error:
            _log.warning("a periodic task did not succeed", work=work.name, why=str(error))
        except Exception as error:  # a bug in one task: the next run may succeed, and the others go on
            _log.error("a periodic task failed", work=work.name, exc_info=error)
        await clock.sleep(max(0.0, work.every - (clock.monotonic() - began)))


TICK_INTERVAL = 5.0
"""Seconds between two checks for expired and startable changes; decisions and ends start other changes at once."""


DAY = 24 * 3600.0
