"""How long a person waits in Slack: from the command, and from a click, to the answer that they see.

A warm fleet of ten at 10 ms for each exchange, in a process of its own; bot and workspace in this one.
"""

import asyncio
import statistics
import time

from tests.bench.bot_in_slack import bot_in_slack
from tests.lab.workspace import Workspace
from tests.lab.workspace.message import Message

HOSTS, RTT, RUNS = 10, 10, 20
ADMIN, OPS = "U0ADMIN", "C0OPS"


async def measure() -> tuple[list[float], list[float]]:
    """Seconds of each command and of each click."""
    async with bot_in_slack(HOSTS, RTT) as (workspace, _):
        await _command(workspace)
        commands = [await _command(workspace) for _ in range(RUNS)]
        return commands, [await _click(workspace) for _ in range(RUNS)]


async def _command(workspace: Workspace) -> float:
    """A fresh look at the fleet."""
    before, began = len(_answers(workspace)), time.perf_counter()
    await workspace.slash(ADMIN, OPS, "health")
    await workspace.seen(lambda: _answers(workspace)[before:], timeout=20)
    return time.perf_counter() - began


async def _click(workspace: Workspace) -> float:
    """Details, or less of them, of the newest answer."""
    message = _answers(workspace)[-1]
    action = next(element["action_id"] for element in _elements(message) if element["action_id"].startswith("show"))
    began = time.perf_counter()
    await workspace.click(ADMIN, message, action)
    await workspace.seen(lambda: _answers(workspace)[-1].blocks != message.blocks, timeout=20)
    return time.perf_counter() - began


def _answers(workspace: Workspace) -> list[Message]:
    return [message for message in workspace.private(ADMIN) if message.blocks]


def _elements(message: Message) -> list[dict[str, str]]:
    return [element for block in message.blocks for element in block.get("elements", ()) if "action_id" in element]


def report() -> None:
    """Print the lines of docs/performance.md."""
    commands, clicks = asyncio.run(measure())
    for what, times in (("/flatnet health to its answer", commands), ("a click to the changed answer", clicks)):
        middle, longest = statistics.median(times) * 1000, max(times) * 1000
        print(f"{HOSTS} warm hosts at {RTT} ms, {what}: p50 {middle:.0f} ms, max {longest:.0f} ms")
