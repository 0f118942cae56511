"""How fast slash commands are acknowledged while a fleet is checked, and how late the event loop gets.

The bot runs in this process; the fleet and the workspace with its typing people in two others.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bot.app.application import open_application
from bot.app.warm_up import warm_up
from bot.config.settings import read_settings
from tests.bench.fleet import POWERSHELL, RTT, timed, worst_lag
from tests.bench.lab import lab
from tests.lab.serving import serve_requests
from tests.lab.workspace import Workspace

HOSTS, RATE, SECONDS = 100, 50, 20

BACK_TO_BACK, NOW_AND_THEN = 0.0, 5.0
"""Seconds between two checks of the whole fleet: as much as one processor can do, and what people do."""

MANIFEST = Path(__file__).parents[2] / "manifest.yml"


async def people(folder: Path) -> None:
    """The workspace's process: 50 commands a second for 20 s once told to; prints the acks' times as JSON."""
    workspace = Workspace(MANIFEST)
    await workspace.start()
    (folder / "secrets" / "slack_bot_token").write_text(workspace.bot_token)
    (folder / "secrets" / "slack_app_token").write_text(workspace.app_token)
    print(json.dumps({"team": workspace.seed.team, "api_url": workspace.api_url}), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    began = time.perf_counter()
    typing = []
    for number in range(RATE * SECONDS):
        await asyncio.sleep(max(0.0, began + number / RATE - time.perf_counter()))
        typing.append(asyncio.create_task(workspace.slash("U0OPERATOR", "C0OPS", "whoami")))
    deliveries = await asyncio.gather(*typing)
    print(json.dumps([delivery.acked_after for delivery in deliveries]), flush=True)
    await asyncio.sleep(3)
    await workspace.stop()


async def measure(pause: float) -> None:
    """Start everything, check the fleet every `pause` seconds while people type, print the figures."""
    with tempfile.TemporaryDirectory(prefix="b") as name, lab(Path(name), HOSTS, rtt=RTT, powershell=POWERSHELL) as far:
        typing = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.bench.acks",
            name,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**20,
        )
        assert typing.stdin is not None
        assert typing.stdout is not None
        slack = json.loads(await typing.stdout.readline())
        with far.config.open("a") as more:
            more.write(f'[slack]\nteam = "{slack["team"]}"\napi_url = "{slack["api_url"]}"\n')
        settings = read_settings(far.config)
        async with open_application(settings, running=True) as house, serve_requests(settings, house) as service:
            await service.connecting
            await warm_up(house, settings)
            await timed(house, "health")
            typing.stdin.write(b"go\n")
            lag = asyncio.create_task(worst_lag())
            finished = asyncio.create_task(typing.stdout.readline())
            checks = 0
            while not finished.done():
                await timed(house, "health")
                checks += 1
                await asyncio.wait({finished}, timeout=pause)
            lag.cancel()
            acks = json.loads(await finished)
            print(_line(acks, await lag, checks))
            await typing.wait()


def _line(acks: list[float | None], lag: float, checks: int) -> str:
    lost = sum(ack is None for ack in acks)
    times = sorted(ack for ack in acks if ack is not None)
    percentiles = statistics.quantiles(times, n=100)
    return (
        f"{len(acks)} commands at {RATE}/s beside {checks} checks of {HOSTS} hosts: "
        f"ack p50 {percentiles[49] * 1000:.0f} ms, p99 {percentiles[98] * 1000:.0f} ms, max {times[-1] * 1000:.0f} ms, "
        f"{lost} lost; event-loop lag max {lag * 1000:.0f} ms"
    )


def report() -> None:
    """Print the lines of docs/performance.md."""
    for pause in (BACK_TO_BACK, NOW_AND_THEN):
        asyncio.run(measure(pause))


if __name__ == "__main__":
    asyncio.run(people(Path(sys.argv[1])))
