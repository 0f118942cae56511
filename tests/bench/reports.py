"""What the report of an incident costs with 10,000 entries: read from the database, as Markdown and JSON, and as a picture.

Drawing is a process of its own, as in the bot; its time includes the start of matplotlib.
"""

import asyncio
import resource
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from adapters.phrase import Phrase
from bot.answers.data import write_files
from bot.app.application import open_application
from bot.config.settings import read_settings
from bot.incidents.build import build_report_sources
from bot.incidents.handlers.audience import make_shared_sight
from bot.incidents.handlers.report_sources import ReportRequest, SourceReader
from bot.incidents.reports.report import compose_message
from bot.incidents.rules.milestones import make_report
from bot.locale.texts import get_texts
from bot.model.incident import EntryKind, Incident, TimelineEntry
from bot.model.request import Answer
from bot.rendering.chart_process import draw_in_process
from commands.catalogue import CATALOGUE
from commands.model.report import TextFile
from tests.bench.lab import lab

ENTRIES, HOSTS = 10_000, 30
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
KINDS = (EntryKind.NOTE, EntryKind.ALERT, EntryKind.CHANGE, EntryKind.LOOK)
TEXTS = get_texts("en", ZoneInfo("Asia/Tokyo"))


def report() -> None:
    """Print the lines of docs/performance.md."""
    asyncio.run(_measure())


async def _measure() -> None:
    with tempfile.TemporaryDirectory(prefix="b") as folder, lab(Path(folder), HOSTS) as far:
        settings = read_settings(far.config)
        async with open_application(settings) as house:
            services = house.wings.incidents
            sources = build_report_sources(services, house.wings.alerts.registry, house.audit, lambda: NOW)
            names = [host.name for host in house.dispatcher.hosts.hosts]
            await services.timeline.add(_make_entries(names))
            config = house.dispatcher.config
            sight = make_shared_sight(config.policy, config.inventory, CATALOGUE, "C0INC")
            incident = Incident("op-1", "C0INC", "502", "all", "ana", NOW - timedelta(hours=9), number=1)
            await _report(sources, ReportRequest(incident, sight, config.inventory, "ana", "op-2"))


async def _report(reader: SourceReader, request: ReportRequest) -> None:
    began = time.perf_counter()
    found = await reader.read(request)
    read = time.perf_counter()
    made = make_report(found)
    files = write_files(Answer(operation="op-2", understood="incident report 1", body=compose_message(made)), TEXTS)
    written = time.perf_counter()
    picture = await draw_in_process(made.chart, TEXTS)
    drawn = time.perf_counter()
    picture_size = f"{len(picture) / 1e3:.0f} kB"
    sizes = " and ".join(f"{len(file.text) / 1e6:.1f} MB" for file in files if isinstance(file, TextFile))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"report of an incident, {len(found.entries):,} entries, {HOSTS} hosts: read and judged {read - began:.2f} s, "
        f"Markdown and JSON ({sizes}) {written - read:.2f} s, picture ({picture_size}) {drawn - written:.2f} s, "
        f"peak {memory:.0f} MB"
    )


def _make_entries(names: Sequence[str]) -> list[TimelineEntry]:
    """As many entries of each kind. Those about hosts have one host each."""
    return [_make_entry(number, names) for number in range(1, ENTRIES + 1)]


def _make_entry(number: int, names: Sequence[str]) -> TimelineEntry:
    kind, name, at = KINDS[number % len(KINDS)], names[number % len(names)], NOW - timedelta(seconds=3 * number)
    words = {EntryKind.CHANGE: f"service restart nebula {name}", EntryKind.LOOK: f"disk {name}"}.get(kind, "")
    return TimelineEntry(
        incident=1,
        source=f"audit:{number}",
        kind=kind,
        happened_at=at,
        recorded_at=at,
        author="ana",
        text=Phrase("{text}", text="the gateway answers 502 again, and nobody knows why"),
        hosts=() if kind is EntryKind.NOTE else (name,),
        words=words,
        operation=f"op-{number % 200:012x}",
        about=number % 50 if kind is EntryKind.ALERT else 0,
    )


if __name__ == "__main__":
    report()
