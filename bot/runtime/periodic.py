"""The one clock: what must be looked at again and again (expiry, unfinished work, old rows), each at its own pace.

Each work is begun again a while after it began, never while it still runs; one that fails or hangs
keeps no other from its turn.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from adapters.errors import FlatnetError
from bot.runtime.clock import Clock

_log = structlog.get_logger("bot.runtime.periodic")


@dataclass(frozen=True)
class Work:
    """Something to do every so many seconds. `name` stands in the log where it fails."""

    name: str
    every: float
    run: Callable[[], Awaitable[object]]


async def tick(works: tuple[Work, ...], clock: Clock) -> None:
    """Do all works again and again, until cancelled."""
    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(_repeat(work, clock), name=work.name)


async def _repeat(work: Work, clock: Clock) -> None:
    while True:
        began = clock.monotonic()
        try:
            await work.run()
        except FlatnetError as error:
            _log.warning("a work of the clock did not succeed", work=work.name, why=str(error))
        except Exception as error:  # a bug in one work: the next turn may do better, and the others go on
            _log.error("a work of the clock failed", work=work.name, exc_info=error)
        await clock.sleep(max(0.0, work.every - (clock.monotonic() - began)))


TICK = 5.0
"""Seconds between two looks at what has expired and at what may start; decisions and ends start others at once."""


DAY = 24 * 3600.0
