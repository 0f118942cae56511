"""Costs of changing the CA of a fleet, round by round: made, trusted, signed, and the old one dropped.

Bot and lab live in one process, because the hosts' time must pass in the waits of the bot; so the CPU is that of both.
Each exchange with a host takes as long as in the other measures.
"""

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from bot.app.application import Application
from bot.runtime.logging import configure_logs
from tests.bench.fleet import RTT
from tests.lab.fleet import Conditions
from tests.scenarios.changing import hurried
from tests.scenarios.conftest import ask, built
from tests.scenarios.rotating import HURRY, add_recipients, describe, find_cuts, must_run, pass_drill

HOSTS = 30
"""Hosts, the lighthouse among them."""

PATIENCE = 3_600.0
"""Seconds in which a round must end."""

ROUNDS = (
    ("all guards rehearsed", "host rehearse all"),
    ("new CA made, its key backed up", "ca rotation start"),
    ("new CA trusted", "ca rotation next"),
    ("new certificates signed", "ca rotation next"),
    ("old CA dropped", "ca rotation finish"),
)


def report() -> None:
    """Print the table of docs/performance.md."""
    print("\n| round | hosts | wall | per host | CPU of bot and lab | peak |")
    print("| --- | --: | --: | --: | --: | --: |")
    asked = [sys.executable, "-m", "tests.bench.rotations"]
    for line in json.loads(subprocess.run(asked, check=True, capture_output=True, text=True).stdout):
        print(line, flush=True)


async def _measure() -> list[str]:
    """The lines of the table."""
    conditions = Conditions(latency=RTT / 1000)
    with tempfile.TemporaryDirectory(prefix="b") as folder:
        async with built(Path(folder), HOSTS - 1, lighthouse=True, conditions=conditions) as town:
            add_recipients(town.config)
            async with town.bot(hurried(town.fleet, HURRY)) as house:
                lines = []
                for what, words in ROUNDS:
                    if words.endswith("finish"):
                        await pass_drill(partial(ask, house), town)
                    lines.append(await _run(house, what, words))
                assert [] == find_cuts(town.fleet)
                assert 1 == len({each.signed_by for each in describe(town.fleet).values()})
                return lines


async def _run(house: Application, what: str, words: str) -> str:
    """One line of the table."""
    began, worked = time.perf_counter(), time.process_time()
    await must_run(house, words, patience=PATIENCE)
    took, worked = time.perf_counter() - began, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return f"| {what} | {HOSTS} | {took:.1f} s | {took / HOSTS:.2f} s | {worked:.1f} s | {peak:.0f} MB |"


if __name__ == "__main__":
    configure_logs("error")
    print(json.dumps(asyncio.run(_measure())))
