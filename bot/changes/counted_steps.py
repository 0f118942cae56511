"""Counts the starts of steps of interrupted runs, so that a step that brings the bot down is not tried for ever.

A run is interrupted whenever its process ends, and most of these ends are no fault of a step: a machine dies, a copy loses
the lead. So the engine resumes a run as often as needed, and the starts of each step are counted here instead, one for each
process. Runs that were never interrupted are not counted, which spares them a commit for each step.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from bot.changes.engine import ApplySteps, StepReply

MAX_STARTS = 5
"""Most starts of one step without an outcome, the first one included, which was not counted."""


class StartedTooOften(Exception):
    """A step was started too often without an outcome. The engine ends its run as one with a bug, with a reference."""


class StartCounter(Protocol):
    """Counts starts (`bot.store.step_starts`)."""

    async def count_start(self, operation: str, step: str) -> int: ...


@dataclass(frozen=True)
class CountedSteps:
    """Steps of `apply.v1`, with a limit for those of `interrupted` operations."""

    steps: ApplySteps
    starts: StartCounter
    interrupted: frozenset[str]
    _counted: set[tuple[str, str]] = field(default_factory=set, init=False)
    """Steps that this process has counted: the engine may start one several times, until it is recorded."""

    async def begin(self, operation: str) -> StepReply:
        """As `ApplySteps.begin`."""
        return await self._run(operation, "begin", lambda: self.steps.begin(operation))

    async def run_step(self, operation: str, key: str) -> StepReply:
        """As `ApplySteps.run_step`."""
        return await self._run(operation, f"step {key}", lambda: self.steps.run_step(operation, key))

    async def undo_step(self, operation: str, key: str) -> StepReply:
        """As `ApplySteps.undo_step`."""
        return await self._run(operation, f"undo {key}", lambda: self.steps.undo_step(operation, key))

    async def end(self, operation: str) -> StepReply:
        """As `ApplySteps.end`."""
        return await self._run(operation, "end", lambda: self.steps.end(operation))

    async def _run(self, operation: str, step: str, work: Callable[[], Awaitable[StepReply]]) -> StepReply:
        if operation in self.interrupted and (operation, step) not in self._counted:
            if await self.starts.count_start(operation, step) >= MAX_STARTS:
                raise StartedTooOften(f"{operation}: {step} was started {MAX_STARTS} times without an outcome")
            self._counted.add((operation, step))
        return await work()
