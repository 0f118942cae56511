"""What a rolling reload of all gateways costs: planned, then reloaded, proven and kept one after the other.

Run twice: the second run has a last good configuration to compare with. The lab's hosts reload at once, so that the time is
that of the exchanges with them.
"""

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bot.app.application import Application, open_application
from bot.app.warm_up import warm_up
from bot.config.settings import read_settings
from bot.model.change import Change, ChangeState
from bot.model.request import Request, Surface, SystemIdentity, make_request_key
from bot.runtime.clock import read_utc_time
from bot.runtime.logging import configure_logs
from tests.bench.fleet import RTT
from tests.bench.lab import lab
from tests.lab.serving import serve_requests

HOSTS = 30

WORDS = 'gateway reload all --break-glass --reason "measured"'


def report() -> None:
    """Print the table of docs/performance.md."""
    print("\n| run | hosts | planned | run | per host | CPU of the bot | CPU per host | peak |")
    print("| --- | --: | --: | --: | --: | --: | --: | --: |")
    asked = [sys.executable, "-m", "tests.bench.reloads"]
    for line in json.loads(subprocess.run(asked, check=True, capture_output=True, text=True).stdout):
        print(line, flush=True)


async def _measure() -> list[str]:
    """The lines of the table."""
    with tempfile.TemporaryDirectory(prefix="b") as folder, lab(Path(folder), HOSTS, rtt=RTT, workspace=True) as far:
        settings = read_settings(far.config)
        async with open_application(settings, running=True) as house, serve_requests(settings, house):
            await warm_up(house, settings)
            return [await _reload(house, run) for run in ("first", "with a last good configuration")]


async def _reload(house: Application, run: str) -> str:
    """One line of the table."""
    me = SystemIdentity(0, house.dispatcher.config.policy.people[0].system[0])
    began, worked = time.perf_counter(), time.process_time()
    answer = await house.dispatcher.handle(Request(make_request_key(), me, WORDS, Surface.DO, read_utc_time()))
    assert isinstance(answer.body, Change), answer.body
    planned = time.perf_counter() - began
    change = answer.body
    while not change.state.ended:
        await asyncio.sleep(1)
        change = await house.wings.changes.lifecycle.find_change(change.operation)
    assert ChangeState.DONE is change.state, change.why
    took, worked = time.perf_counter() - began - planned, time.process_time() - worked
    return (
        f"| {run} | {HOSTS} | {planned:.2f} s | {took:.1f} s | {took / HOSTS:.2f} s | {worked:.1f} s "
        f"| {worked / HOSTS * 1000:.0f} ms | {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB |"
    )


if __name__ == "__main__":
    configure_logs("error")
    print(json.dumps(asyncio.run(_measure())))
