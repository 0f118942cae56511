"""What it costs to read the logs of a whole fleet: one log of many hosts, and all evidence of some as an archive.

Each measure runs in a process of its own. Every log has some hundred lines; the archive is written as Slack gets it.
"""

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.answers.data import pack_bundle, write_files
from bot.app.application import Application, open_application
from bot.app.warm_up import warm_up
from bot.config.settings import read_settings
from bot.locale.texts import get_texts
from bot.model.request import Request, Surface, SystemIdentity, make_request_key
from bot.runtime.clock import read_utc_time
from commands.model.report import Bundle, Report
from tests.bench.fleet import POWERSHELL, RTT, worst_lag
from tests.bench.lab import lab

LINES = 300
"""Of each log: Nebula's, access, podman's journal; error.log has as many of them as failed."""

RUNS = 3

MEASURES = (("log nebula --tail 300", 100), ("log nebula --grep timed", 100), ("log collect --since 1h", 30))


def report() -> None:
    """Print the table of docs/performance.md."""
    print("\n| words | hosts | cold | warm | loop lag, max | lines | archive | memory before | peak |")
    print("| --- | --: | --: | --: | --: | --: | --: | --: | --: |")
    for words, hosts in MEASURES:
        asked = [sys.executable, "-m", "tests.bench.collect", words, str(hosts)]
        print(json.loads(subprocess.run(asked, check=True, capture_output=True, text=True).stdout), flush=True)


async def _measure(words: str, hosts: int) -> str:
    """One line of the table."""
    with (
        tempfile.TemporaryDirectory(prefix="b") as folder,
        lab(Path(folder), hosts, "--lines", str(LINES), rtt=RTT, powershell=POWERSHELL) as far,
    ):
        settings = read_settings(far.config)
        async with open_application(settings) as house:
            await warm_up(house, settings)
            before = _peak()
            cold, lines, size = await _asked(house, words)
            lag = asyncio.create_task(worst_lag())
            warm = [(await _asked(house, words))[0] for _ in range(RUNS)]
            lag.cancel()
            return (
                f"| `{words}` | {hosts} | {cold:.2f} s | {sorted(warm)[RUNS // 2]:.2f} s | {await lag * 1000:.0f} ms "
                f"| {lines:,} | {size / 1e3:,.0f} kB | {before:.0f} MB | {_peak():.0f} MB |"
            )


async def _asked(house: Application, words: str) -> tuple[float, int, int]:
    """Seconds until the answer is there, with its archive packed; its lines, and the archive's bytes."""
    me = SystemIdentity(0, house.dispatcher.config.policy.people[0].system[0])
    began = time.perf_counter()
    answer = await house.dispatcher.handle(Request(make_request_key(), me, words, Surface.DO, read_utc_time()))
    spoken = get_texts("ja", ZoneInfo("Asia/Tokyo"))
    bundles = [each for each in await asyncio.to_thread(write_files, answer, spoken) if isinstance(each, Bundle)]
    size = sum([len(await asyncio.to_thread(pack_bundle, each, lambda text: text)) for each in bundles])
    took = time.perf_counter() - began
    assert isinstance(answer.body, Report), answer.body
    assert answer.body.excerpt is not None, str(answer.body.summary)
    return took, len(answer.body.excerpt.lines), size


def _peak() -> float:
    """MB of memory that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_measure(sys.argv[1], int(sys.argv[2])))))
