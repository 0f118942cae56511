"""How long a person waits in Slack: from the command, and from a click, to the answer that they see.

A warm fleet of ten at 10 ms for each exchange, in a process of its own; bot and workspace in this one.
"""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from bot.app.application import open_application
from bot.app.server import serve_requests, warm_up
from bot.config.settings import read_settings
from tests.bench.lab import lab
from tests.lab.workspace import Workspace
from tests.lab.workspace.message import Message

HOSTS, RTT, RUNS = 10, 10, 20
MANIFEST = Path(__file__).parents[2] / "manifest.yml"
ADMIN, OPS = "U0ADMIN", "C0OPS"


async def measure() -> tuple[list[float], list[float]]:
    """Seconds of each command and of each click."""
    with tempfile.TemporaryDirectory(prefix="b") as name, lab(Path(name), HOSTS, rtt=RTT, powershell=0) as far:
        workspace = Workspace(MANIFEST)
        await workspace.start()
        secrets = Path(name) / "secrets"
        (secrets / "slack_bot_token").write_text(workspace.bot_token)
        (secrets / "slack_app_token").write_text(workspace.app_token)
        with far.config.open("a") as more:
            more.write(f'[slack]\nteam = "{workspace.seed.team}"\napi_url = "{workspace.api_url}"\n')
        settings = read_settings(far.config)
        try:
            async with open_application(settings, running=True) as house, serve_requests(settings, house) as service:
                await service.connecting
                await warm_up(house, settings)
                await _command(workspace)
                commands = [await _command(workspace) for _ in range(RUNS)]
                return commands, [await _click(workspace) for _ in range(RUNS)]
        finally:
            await workspace.stop()


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
