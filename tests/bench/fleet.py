"""How long `health` and `cert` take on fleets of several sizes, cold and warm, against single hosts of the same run."""

import asyncio
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bot.app.application import Application, open_application
from bot.app.server import warm_up
from bot.config.settings import read_settings
from bot.model.request import Answer, ExitCode, Request, Surface, SystemIdentity, make_request_key
from bot.runtime.clock import read_utc_time
from commands.model.report import Report
from tests.bench.lab import lab, resident

RTT, POWERSHELL = 50, 400
"""Milliseconds of each exchange, and that powershell.exe takes to start."""

WARM_RUNS = 5
SINGLES = 10
"""Hosts that are asked alone, one after the other, warm: the slowest of them is what the whole fleet is held against."""


@dataclass(frozen=True)
class Measured:
    """Seconds, and MB of resident memory after all runs."""

    hosts: int
    cold: float
    warm: float
    slowest_single: float
    cpu: float
    lag: float
    memory: float

    @property
    def ratio(self) -> float:
        return self.warm / self.slowest_single


async def measure(words: str, hosts: int) -> Measured:
    """One read of one fleet: cold, then single hosts and the whole fleet in turn, warm."""
    with tempfile.TemporaryDirectory(prefix="b") as folder, lab(Path(folder), hosts, rtt=RTT, powershell=POWERSHELL) as far:
        settings = read_settings(far.config)
        async with open_application(settings) as house:
            await warm_up(house, settings)
            cold, _ = await timed(house, words)
            singles, wholes, cpus, lags = [], [], [], []
            names = settings.inventory.names
            for name in [names[len(names) * n // SINGLES] for n in range(SINGLES)]:
                singles.append((await timed(house, f"{words} {name}"))[0])
            for _ in range(WARM_RUNS):
                before = time.process_time()
                lag = asyncio.create_task(worst_lag())
                wholes.append((await timed(house, words))[0])
                cpus.append(time.process_time() - before)
                lag.cancel()
                lags.append(await lag)
            memory = resident(os.getpid())
        return Measured(hosts, cold, statistics.median(wholes), max(singles), statistics.median(cpus), max(lags), memory)


async def timed(house: Application, words: str) -> tuple[float, Answer]:
    """Seconds that an answer takes; it must be the answer of a fleet that is well."""
    me = SystemIdentity(0, house.dispatcher.config.policy.people[0].system[0])
    began = time.perf_counter()
    answer = await house.dispatcher.handle(Request(make_request_key(), me, words, Surface.DO, read_utc_time()))
    took = time.perf_counter() - began
    assert answer.exit_code is ExitCode.WELL, str(answer.body.summary if isinstance(answer.body, Report) else answer.body)
    return took, answer


async def worst_lag() -> float:
    """The longest that the event loop was late by, until cancelled; seconds."""
    worst, step = 0.0, 0.005
    try:
        while True:
            due = time.perf_counter() + step
            await asyncio.sleep(step)
            worst = max(worst, time.perf_counter() - due)
    except asyncio.CancelledError:
        return worst


def report(words: str, sizes: tuple[int, ...]) -> None:
    """Print the table of docs/performance.md for one read."""
    print(f"\n`{words}`\n")
    print("| hosts | cold | warm | slowest single host, warm | ratio | CPU of the bot | loop lag, max | memory |")
    print("| --: | --: | --: | --: | --: | --: | --: | --: |")
    for hosts in sizes:
        m = asyncio.run(measure(words, hosts))
        print(
            f"| {m.hosts} | {m.cold:.2f} s | {m.warm:.2f} s | {m.slowest_single:.2f} s | {m.ratio:.2f} "
            f"| {m.cpu:.2f} s | {m.lag * 1000:.0f} ms | {m.memory:.0f} MB |",
            flush=True,
        )
