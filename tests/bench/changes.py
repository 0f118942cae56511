"""What durability costs: a step of a change, from its approval to claimed hosts and to its first step, DBOS at rest.

A real database, audit log and DBOS on this disk; hosts in memory that answer at once, so that only the bot's part counts.
"""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from bot.changes.services.engine import Engine
from bot.model.change import Change, ChangeState
from tests.bot.whole import Whole, whole
from tests.bot.world import World

RUNS, STEPS, REST = 20, 50, 5.0


class Nothing:
    """An operation of many steps that do nothing: what is left is DBOS. Notes when each was called."""

    def __init__(self) -> None:
        self.times: list[float] = []

    async def begin(self, operation: str) -> dict[str, Any]:
        return {"go": True, "steps": [f"step {number}" for number in range(STEPS)]}

    async def run_step(self, operation: str, key: str) -> dict[str, Any]:
        self.times.append(time.perf_counter())
        return {"go": True}

    async def undo_step(self, operation: str, key: str) -> dict[str, Any]:
        return {}

    async def end(self, operation: str) -> dict[str, Any]:
        return {}


async def engine(folder: Path) -> tuple[list[float], float]:
    """Seconds between steps that do nothing, and the share of one processor that DBOS takes at rest."""
    nothing = Nothing()
    durable = await Engine.launch(folder / "durable.sqlite3", nothing, lambda: "")
    await durable.enqueue("op-1")
    while not (known := await durable.find_statuses(["op-1"])) or not known["op-1"].ended:
        await asyncio.sleep(0.01)
    began = time.process_time()
    await asyncio.sleep(REST)
    rest = (time.process_time() - began) / REST
    await durable.aclose()
    return [after - before for before, after in zip(nothing.times, nothing.times[1:], strict=False)], rest


async def changes(folder: Path) -> tuple[list[float], list[float], list[float]]:
    """Seconds from an approval to claimed hosts, to the first step, and of each step of the change."""
    claimed, first, steps = [], [], []
    async with whole(folder, World()) as bot:
        await asyncio.sleep(1.5)  # a queue that was made just now is found a second later
        for number in range(RUNS):
            operation = f"op-{number}"
            await bot.ask(operation, "host-a,host-b")
            told = asyncio.Event()
            times = _watched(bot, operation, told)
            began = time.perf_counter()
            approved = await bot.approve(operation)
            claimed.append(time.perf_counter() - began)
            assert approved.state is ChangeState.RUNNING
            await told.wait()
            assert ChangeState.DONE is (await bot.workflow.find_change(operation)).state
            first.append(times[0] - began)
            steps.append((times[-1] - times[0]) / 12)
    return claimed, first, steps


def _watched(bot: Whole, operation: str, told: asyncio.Event) -> list[float]:
    """When each step of an operation began, and its end."""
    times: list[float] = []

    def watch(change: Change) -> None:
        if change.operation != operation or not (change.running or change.state.ended):
            return
        times.append(time.perf_counter())
        if change.state.ended:
            told.set()

    bot.watch = watch
    return times


def report() -> None:
    """Print the lines of docs/performance.md."""
    with tempfile.TemporaryDirectory(prefix="b") as name:
        empty, rest = asyncio.run(engine(Path(name)))
    with tempfile.TemporaryDirectory(prefix="b") as name:
        claimed, first, steps = asyncio.run(changes(Path(name)))
    for what, times in (
        ("DBOS, a step that does nothing", empty),
        ("a step with its row, intent and outcome in the audit log, and DBOS", steps),
        ("approval to hosts claimed", claimed),
        ("approval to the first step", first),
    ):
        print(f"{what}: p50 {statistics.median(times) * 1000:.1f} ms, max {max(times) * 1000:.1f} ms")
    print(f"DBOS at rest: {rest * 100:.1f} % of one processor")


if __name__ == "__main__":
    report()
