"""What it takes to open an incident while all hosts are dead, until its answer with the snapshot.

The lab has ended before the bot starts. Each host has an open alert, that it does not respond, and a day of stored looks.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from adapters.phrase import Phrase
from bot.app.application import Application, open_application
from bot.config.settings import Settings, read_settings
from bot.runtime.clock import read_utc_time
from bot.store.observations import SUM_SECONDS, Observation, ObservationTable
from commands.alerts.conditions import CONDITION_RULES, Condition, HostChecked, Signal
from commands.model.finding import Severity
from tests.bench.fleet import timed
from tests.bench.lab import lab

SIZES, TIMES = (30, 254), 5


def report() -> None:
    """Print the lines of docs/performance.md."""
    for hosts in SIZES:
        took, processor = asyncio.run(_measure(hosts))
        print(f"incident open, {hosts} hosts, all dead: {took:.2f} s, {processor:.2f} s of the processor")


async def _measure(hosts: int) -> tuple[float, float]:
    """Seconds of an opening, and those of the processor; medians."""
    with tempfile.TemporaryDirectory(prefix="b") as folder:
        with lab(Path(folder), hosts) as far:
            settings = read_settings(far.config)
        return await _open_often(settings)


async def _open_often(settings: Settings) -> tuple[float, float]:
    async with open_application(settings, running=True) as house:
        await _store_outage(house, [host.name for host in settings.hosts])
        took: list[float] = []
        processor: list[float] = []
        for number in range(TIMES):
            began = time.process_time()
            seconds, _ = await timed(house, f'incident open "outage {number}" --another')
            took.append(seconds)
            processor.append(time.process_time() - began)
        return statistics.median(took), statistics.median(processor)


async def _store_outage(house: Application, names: Sequence[str]) -> None:
    """Store what the watch found: no host responds, and before that all were well."""
    now = read_utc_time()
    for ago in range(CONDITION_RULES[Condition.SILENT].fires_after, 0, -1):
        for name in names:
            await house.wings.alerts.registry.apply(_make_silent(name, ago))
    table = ObservationTable(house.database)
    for half in range(24 * 3_600 // SUM_SECONDS):
        at = now - timedelta(seconds=half * SUM_SECONDS)
        await table.add_up(Observation(name, at, well=30 * (half > 0), unreached=30 * (half == 0)) for name in names)


def _make_silent(name: str, ago: int) -> HostChecked:
    signal = Signal(
        host=name,
        subject="host",
        condition=Condition.SILENT,
        severity=Severity.HIGH,
        short=Phrase("not responding"),
        why=Phrase("no side of the host responds"),
        next=f"health {name}",
    )
    at = read_utc_time() - timedelta(minutes=ago)
    return HostChecked(host=name, at=at, judged=frozenset({Condition.SILENT}), signals=(signal,))


if __name__ == "__main__":
    report()
