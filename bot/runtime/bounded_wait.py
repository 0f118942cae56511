"""Bounded waits on an injected clock."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any


async def finishes_within(work: asyncio.Future[Any], seconds: float, sleep: Callable[[float], Awaitable[None]]) -> bool:
    """Return whether `work` ends within so many seconds. It continues in any case."""
    sleeping = asyncio.ensure_future(sleep(seconds))
    try:
        await asyncio.wait({work, sleeping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        sleeping.cancel()
    return work.done()
