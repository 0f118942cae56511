"""How long `sync` takes for 30 gateways with 200 containers on each host.

A lab in a process of its own, in which every gateway lists all containers of all hosts.
"""

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path

from bot.app.application import open_application
from bot.app.warm_up import warm_up
from bot.config.settings import read_settings
from tests.bench.fleet import WARM_RUNS, timed, worst_lag
from tests.bench.lab import lab, resident

HOSTS, CONTAINERS = 30, 200
RTT = 10
"""Milliseconds of each exchange."""


async def compare() -> str:
    """`sync` of all gateways: seconds, CPU of the bot, lag of its loop, memory."""
    with (
        tempfile.TemporaryDirectory(prefix="b") as name,
        lab(Path(name), HOSTS, "--containers", str(CONTAINERS), rtt=RTT) as far,
    ):
        settings = read_settings(far.config)
        async with open_application(settings) as house:
            await warm_up(house, settings)
            await timed(house, "health")  # opens all connections
            first, _ = await timed(house, "sync")
            wholes, cpus, lags = [], [], []
            for _ in range(WARM_RUNS):
                before = time.process_time()
                lag = asyncio.create_task(worst_lag())
                wholes.append((await timed(house, "sync"))[0])
                cpus.append(time.process_time() - before)
                lag.cancel()
                lags.append(await lag)
            return (
                f"first {first:.2f} s, warm {statistics.median(wholes):.2f} s, CPU {statistics.median(cpus):.2f} s, "
                f"loop lag {max(lags) * 1000:.0f} ms at most, {resident(os.getpid()):.0f} MB"
            )


def report() -> None:
    """Print the lines of docs/performance.md."""
    print(f"sync, {HOSTS} gateways, {CONTAINERS} containers on each host: {asyncio.run(compare())}")


if __name__ == "__main__":
    report()
