"""How long `health` and `cert` take on fleets of several sizes, cold and warm, against single hosts of the same run."""

import asyncio
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bot.app.application import Application, open_application
from bot.app.warm_up import warm_up
from bot.config.settings import read_settings
from bot.model.request import Answer, ExitCode, Request, Surface, SystemIdentity, make_request_key
from bot.runtime.clock import read_utc_time
from commands.model.report import Report
from tests.bench.lab import lab, resident

RTT, POWERSHELL = 50, 400
"""Milliseconds of each exchange, and that powershell.exe takes to start."""

QUICK, SLOW = 0, 400
"""Milliseconds that each script works on its host: as nothing, which leaves what the bot adds, and as on a real host."""

WARM_RUNS = 5
SINGLES = 10
"""Hosts that are asked alone, one after the other, warm: the slowest of them is what the whole fleet is held against."""


@dataclass(frozen=True)
class Measured:
    """Seconds, and MB of resident memory after all runs."""

    hosts: int
    cold: float
    warm: float
    median_single: float
    slowest_single: float
    cpu: float
    lag: float
    memory: float

    @property
    def ratio(self) -> float:
        return self.warm / self.slowest_single

    @property
    def cpu_per_host(self) -> float:
        return self.cpu / self.hosts


async def measure(words: str, hosts: int, script: int) -> Measured:
    """One read of one fleet: cold, then single hosts and the whole fleet in turn, warm."""
    with (
        tempfile.TemporaryDirectory(prefix="b") as folder,
        lab(Path(folder), hosts, "--script", str(script), rtt=RTT, powershell=POWERSHELL) as far,
    ):
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
        return Measured(
            hosts=hosts,
            cold=cold,
            warm=statistics.median(wholes),
            median_single=statistics.median(singles),
            slowest_single=max(singles),
            cpu=statistics.median(cpus),
            lag=max(lags),
            memory=memory,
        )


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


def report(words: str, sizes: tuple[int, ...], *, script: int = SLOW) -> None:
    """Print the table of docs/performance.md for one read whose scripts work `script` milliseconds."""
    print(f"\n`{words}`, each script works {script} ms on its host\n")
    print(
        "| hosts | cold | warm | single host, warm: median | slowest | ratio to the slowest "
        "| CPU of the bot | CPU per host | loop lag, max | memory |"
    )
    print("| --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |")
    for hosts in sizes:
        m = asyncio.run(measure(words, hosts, script))
        print(
            f"| {m.hosts} | {m.cold:.2f} s | {m.warm:.2f} s | {m.median_single:.2f} s | {m.slowest_single:.2f} s "
            f"| {m.ratio:.2f} | {m.cpu:.2f} s | {m.cpu_per_host * 1000:.1f} ms "
            f"| {m.lag * 1000:.0f} ms | {m.memory:.0f} MB |",
            flush=True,
        )
