"""What a digest costs, of whole fleets, and what a year of observations does: its size, its questions, and thinning.

Each measure of the year runs in a process of its own. 254 hosts are looked at every half hour. The last 90 days are
there look by look, which are more than a million rows.
"""

import asyncio
import json
import os
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.app.application import open_application
from bot.app.warm_up import warm_up
from bot.config.settings import read_settings
from bot.digests.services import HealthHistory
from bot.digests.tables import DigestTable
from bot.store.database import Database
from bot.store.observations import ObservationTable
from tests.bench.fleet import POWERSHELL, RTT, WARM_RUNS, timed
from tests.bench.lab import lab, resident

HOSTS, LOOKS = 254, 48
NAMES = [f"host-{number:03}" for number in range(HOSTS)]
NOW = datetime(2026, 11, 25, tzinfo=UTC)
DAY = timedelta(days=1)
WHOLE, YEAR = 90, 365
"""Days that are there look by look, and all of them."""

Row = tuple[int, str, int, int, int, str, int, int]

FLEETS = (3, 30, 100)

WHAT = ("since the last digest (a day)", "the picture (14 days)", "a month", "thinning a day")


def report() -> None:
    """Print the lines of docs/performance.md."""
    for hosts in FLEETS:
        cold, warm, memory = asyncio.run(_digest(hosts))
        print(f"digest of {hosts} hosts: cold {cold:.2f} s, warm {warm:.2f} s, {memory:.0f} MB")
    with tempfile.TemporaryDirectory(prefix="b") as folder:
        file = Path(folder) / "flatnet.sqlite3"
        rows = asyncio.run(_write(file))
        print(f"observations, {HOSTS} hosts, a year: {rows:,} rows, {file.stat().st_size / 1e6:.0f} MB")
        for what in WHAT:
            child = subprocess.run(
                [sys.executable, "-m", "tests.bench.digests", what, str(file)], check=True, capture_output=True, text=True
            )
            seconds, longest, grown = json.loads(child.stdout)
            print(f"{what}: {seconds:.2f} s, the thread held {longest * 1000:.0f} ms at most, {grown:.0f} MB more")


async def _digest(hosts: int) -> tuple[float, float, float]:
    """Seconds of the first one and of later ones, and MB of resident memory after them."""
    with tempfile.TemporaryDirectory(prefix="b") as folder, lab(Path(folder), hosts, rtt=RTT, powershell=POWERSHELL) as far:
        settings = read_settings(far.config)
        async with open_application(settings) as house:
            await warm_up(house, settings)
            cold, _ = await timed(house, "digest")
            warm = [(await timed(house, "digest"))[0] for _ in range(WARM_RUNS)]
            return cold, statistics.median(warm), resident(os.getpid())


async def _write(file: Path) -> int:
    """A year of rows, of which the old ones are thin already."""
    await Database.open(file).aclose()
    with closing(sqlite3.connect(file)) as line:
        for ago in range(YEAR, 0, -1):
            rows = _looks(NOW - ago * DAY) if ago <= WHOLE + 1 else _day(NOW - ago * DAY)
            line.executemany("INSERT INTO observations VALUES (?,?,?,?,?,?,?,?)", rows)
            line.commit()
        [count] = line.execute("SELECT count(*) FROM observations").fetchone()
        line.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return int(count)


def _looks(day: datetime) -> Iterator[Row]:
    """Every twentieth look finds the API ill."""
    for number in range(LOOKS):
        at = int(day.timestamp()) + 1800 * number + 5
        for place, name in enumerate(NAMES):
            ill = (number + place) % 20 == 0
            yield at, name, int(not ill), int(ill), 0, '{"api":1}' if ill else "{}", 1, 12


def _day(day: datetime) -> Iterator[Row]:
    for name in NAMES:
        yield int(day.timestamp()), name, 45, 3, 0, '{"api":3}', LOOKS, 12 * LOOKS


async def _measure(what: str, file: Path) -> tuple[float, float, float]:
    """Seconds, the longest that somebody else waited for the database meanwhile, and megabytes that it took at its peak."""
    database = Database.open(file)
    observations = ObservationTable(database)
    history = HealthHistory(observations, DigestTable(database), ZoneInfo("Asia/Tokyo"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    waiting = asyncio.create_task(_longest_wait(database))
    await asyncio.sleep(0)
    began = time.perf_counter()
    match WHAT.index(what):
        case 0:
            assert len(await history.sum_by_host(NOW - DAY, NOW)) == HOSTS
        case 1:
            await history.read_days(NAMES, NOW, 14)
        case 2:
            await history.sum_by_host(NOW - 31 * DAY, NOW)
        case _:
            while await observations.aggregate_old(NOW):
                pass
    took = time.perf_counter() - began
    waiting.cancel()
    longest = await waiting
    await database.aclose()
    return took, longest, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


async def _longest_wait(database: Database) -> float:
    """The longest that a read which finds nothing took, until cancelled; seconds."""
    longest = 0.0
    try:
        while True:
            began = time.perf_counter()
            await database.read(lambda connection: None)
            longest = max(longest, time.perf_counter() - began)
            await asyncio.sleep(0.001)
    except asyncio.CancelledError:
        return longest


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_measure(sys.argv[1], Path(sys.argv[2])))))
