"""What a backup of all hosts and of the bot costs: planned, then packed, transferred and compared, one host after the other.

The lab packs at once, so that the time is that of the exchanges with the hosts and of the hashes on the bot.
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
WORDS = 'backup create all --bot --break-glass --reason "measured"'


def report() -> None:
    """Print the table of docs/performance.md."""
    print("\n| hosts | planned | run | per host | CPU of the bot | CPU per host | bytes at the second place | peak |")
    print("| --: | --: | --: | --: | --: | --: | --: | --: |")
    asked = [sys.executable, "-m", "tests.bench.backups"]
    print(json.loads(subprocess.run(asked, check=True, capture_output=True, text=True).stdout), flush=True)


async def _measure() -> str:
    """The line of the table."""
    with tempfile.TemporaryDirectory(prefix="b") as folder, lab(Path(folder), HOSTS, rtt=RTT, workspace=True) as far:
        settings = read_settings(far.config)
        async with open_application(settings, running=True) as house, serve_requests(settings, house):
            await warm_up(house, settings)
            line = await _back_up(house)
        kept = sum(path.stat().st_size for path in settings.backup_folder.path.rglob("*") if path.is_file())
        return line.replace("BYTES", f"{kept / 1e6:.1f} MB")


async def _back_up(house: Application) -> str:
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
        f"| {HOSTS} | {planned:.2f} s | {took:.1f} s | {took / HOSTS:.2f} s | {worked:.1f} s "
        f"| {worked / HOSTS * 1000:.0f} ms | BYTES | {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB |"
    )


if __name__ == "__main__":
    configure_logs("error")
    print(json.dumps(asyncio.run(_measure())))
