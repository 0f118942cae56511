"""Clock as a value that is passed in, so that tests need no sleep."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime


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
