"""What the watch costs on fleets of two sizes, how long a problem takes to reach Slack, and what a storm of alerts costs.

The bot runs in this process, its fleet and its workspace in another (`tests.bench.alert_world`). Times are real: the watch
looks every 60 s.

settling ─▶ a quiet time, which is measured ─▶ Nebula stops on one host after the other, while people type
settling ─▶ the gateways of all hosts stop at once
"""

import asyncio
import math
import os
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.app.application import open_application
from bot.app.warm_up import warm_up
from bot.config.settings import read_settings
from tests.bench.alert_world import Far, far_world
from tests.bench.fleet import worst_lag
from tests.bench.lab import resident
from tests.lab.fleet import host_name
from tests.lab.serving import serve_requests

RTT = 0.05
"""Seconds of each exchange."""

SIZES = (100, 254)

SETTLING = 90.0
"""Seconds until every host has been checked once, and connections are open."""

QUIET_TIME = 120.0
"""Seconds that are measured without any problem: two checks of each host."""

OUTAGES, EVERY = 12, 13.0
"""Hosts whose Nebula stops, and the seconds between two of them: at every phase of the watch, never many in one round."""


@dataclass(frozen=True)
class Quiet:
    """A time without any problem. `cpu` is the bot's seconds a minute; the counts are of one host a minute."""

    cpu: float
    lag: float
    memory: float
    calls: float
    starts: float
    gateway: float


@dataclass(frozen=True)
class Outages:
    """Seconds from outages to their messages, and to the acks of what people typed meanwhile, sorted."""

    lag: float
    detected: Sequence[float]
    acks: Sequence[float]
    lost: int


@asynccontextmanager
async def _watching(hosts: int) -> AsyncIterator[Far]:
    """A bot that has watched a fleet for a while."""
    with tempfile.TemporaryDirectory(prefix="b") as folder:
        async with far_world(Path(folder), hosts, RTT) as far:
            settings = read_settings(far.config)
            async with open_application(settings, running=True) as house, serve_requests(settings, house) as service:
                await service.connecting
                await warm_up(house, settings)
                await asyncio.sleep(SETTLING)
                yield far


async def measure(hosts: int) -> tuple[Quiet, Outages]:
    """Watch one fleet."""
    async with _watching(hosts) as far:
        return await _stay_quiet(far, hosts), await _break(far, hosts)


async def _stay_quiet(far: Far, hosts: int) -> Quiet:
    before, lag, cpu = await far.ask(do="count"), asyncio.create_task(worst_lag()), time.process_time()
    await asyncio.sleep(QUIET_TIME)
    used, after = time.process_time() - cpu, await far.ask(do="count")
    lag.cancel()
    minutes = QUIET_TIME / 60
    rates = {name: (after[name] - before[name]) / hosts / minutes for name in ("calls", "starts", "gateway")}
    return Quiet(cpu=used / minutes, lag=await lag, memory=resident(os.getpid()), **rates)


async def _break(far: Far, hosts: int) -> Outages:
    lag = asyncio.create_task(worst_lag())
    stopped = [host_name(hosts * number // OUTAGES + 1) for number in range(OUTAGES)]
    found: Mapping[str, Any] = await far.ask(do="outages", hosts=stopped, every=EVERY)
    lag.cancel()
    acks = [ack for ack in found["acks"] if ack is not None]
    return Outages(await lag, sorted(found["detected"]), sorted(acks), len(found["acks"]) - len(acks))


async def measure_storm(hosts: int) -> tuple[float, int]:
    """Seconds from the moment in which all gateways stop until one message counts them, and the calls to Slack by then."""
    async with _watching(hosts) as far:
        before = await far.ask(do="count")
        took: float = await far.ask(do="storm", says=f"{hosts} hosts")
        after = await far.ask(do="count")
        return took, after["slack"] - before["slack"]


def report() -> None:
    """Print the lines of docs/performance.md."""
    for hosts in SIZES:
        _print(hosts, *asyncio.run(measure(hosts)))
    took, calls = asyncio.run(measure_storm(SIZES[-1]))
    print(f"{SIZES[-1]} alerts at once: {took:.0f} s until one message counts them, {calls} calls to Slack", flush=True)


def _print(hosts: int, quiet: Quiet, outages: Outages) -> None:
    print(
        f"watch of {hosts} hosts: {quiet.cpu:.2f} s of CPU a minute ({quiet.cpu / hosts * 1000:.1f} ms a host), lag max "
        f"{quiet.lag * 1000:.0f} ms, {quiet.memory:.0f} MB; a host a minute: {quiet.calls:.1f} requests of WinRM, "
        f"{quiet.starts:.2f} starts of PowerShell, {quiet.gateway:.1f} requests to its gateway"
    )
    print(
        f"  from outage to message: p50 {_pick(outages.detected, 0.5):.0f} s, max {outages.detected[-1]:.0f} s "
        f"({len(outages.detected)} outages); meanwhile acks p50 {_pick(outages.acks, 0.5) * 1000:.0f} ms, "
        f"p99 {_pick(outages.acks, 0.99) * 1000:.0f} ms, {outages.lost} lost of {len(outages.acks) + outages.lost}, "
        f"lag max {outages.lag * 1000:.0f} ms",
        flush=True,
    )


def _pick(times: Sequence[float], share: float) -> float:
    """The nearest-rank percentile."""
    return times[max(0, math.ceil(share * len(times)) - 1)]


if __name__ == "__main__":
    report()
