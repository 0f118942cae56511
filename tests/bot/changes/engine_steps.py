"""Steps of `apply.v1` that note each call, and ways to wait for the engine."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from bot.changes.services.engine import Engine, WorkflowStatus

ALL = ["begin op-1", "step a", "step b", "step c", "end"]


@dataclass
class Steps:
    """What `apply.v1` is made of, noting each call; `at` is called before a step does anything."""

    calls: list[str] = field(default_factory=list)
    bad: str = ""
    at: Callable[[str], Awaitable[None]] | None = None

    async def begin(self, operation: str) -> dict[str, Any]:
        await self._called(f"begin {operation}")
        return {"go": operation != "refused", "steps": ["a", "b", "c"]}

    async def run_step(self, operation: str, key: str) -> dict[str, Any]:
        await self._called(f"step {key}")
        return {"go": False, "undo": ["b", "a"]} if key == self.bad else {"go": True}

    async def undo_step(self, operation: str, key: str) -> dict[str, Any]:
        await self._called(f"undo {key}")
        return {}

    async def end(self, operation: str) -> dict[str, Any]:
        await self._called("end")
        return {"state": "done"}

    async def _called(self, call: str) -> None:
        self.calls.append(call)
        if self.at is not None:
            await self.at(call)


async def no_wait(seconds: float) -> None:
    """Pauses without waiting."""


async def ended(durable: Engine, *operations: str) -> dict[str, WorkflowStatus]:
    """Wait until operations have ended in the engine; their statuses."""
    async with asyncio.timeout(10):
        while True:
            known = await durable.find_statuses(operations)
            if len(known) == len(operations) and all(one.ended for one in known.values()):
                return dict(known)
            await asyncio.sleep(0.02)
