"""Clock as a value that is passed in, so that tests need no sleep.

Bounded waits on an injected clock.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class Clock:
    """Wall time (aware), monotonic seconds, and sleeping."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]


def read_utc_time() -> datetime:
    """Return the current time, aware."""
    return datetime.now(UTC)


SYSTEM_CLOCK = Clock(read_utc_time, time.monotonic, asyncio.sleep)
"""The system clock."""


async def finishes_within(work: asyncio.Future[Any], seconds: float, sleep: Callable[[float], Awaitable[None]]) -> bool:
    """Return whether `work` ends within so many seconds. It continues in any case."""
    sleeping = asyncio.ensure_future(sleep(seconds))
    try:
        await asyncio.wait({work, sleeping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        sleeping.cancel()
    return work.done()
