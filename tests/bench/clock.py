"""What the clock costs: an hour of turns with nothing to do, and a digest of the morning, posted with its picture.

The fleet runs in a process of its own, the workspace in the bot's; the picture is drawn in a process that ends with it.
"""

import asyncio
import os
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.app.application import Application, open_application
from bot.app.warm_up import warm_up
from bot.config.schedules import DIGEST, NoticeSettings, build_schedule_config
from bot.config.settings import read_settings
from bot.model.announcement import Announcement
from bot.model.request import BotIdentity, Request, Surface, make_request_key
from bot.runtime.clock import read_utc_time
from bot.runtime.periodic import TICK_INTERVAL
from bot.store.database import Database
from bot.store.observations import Observation, ObservationTable
from tests.bench.fleet import POWERSHELL, RTT
from tests.bench.lab import lab, resident
from tests.bot.clockwork import Bot, Time, daily
from tests.lab.serving import serve_requests
from tests.lab.workspace import Workspace
from tests.lab.workspace.journal import Called

MANIFEST = Path(__file__).parents[2] / "manifest.yml"
OPS = "C0OPS"

BEGIN = datetime(2026, 2, 2, 1, 1, tzinfo=UTC)
"""Nothing but the half-hourly look is due within the hour."""

TURNS = round(3600 / TICK_INTERVAL)
ADDED = 20
"""Schedules that people added, beside the built-in ones."""

HOSTS = 100
LOOKS = 14 * 48
"""Looks of a fortnight, which the picture shows."""


@dataclass(frozen=True)
class Morning:
    """One digest: seconds until it was made, and from then until it was in its channel with its picture; Slack's methods."""

    made: float
    posted: float
    calls: Counter[str]


def report() -> None:
    """Print the lines of docs/performance.md."""
    cpu, took = asyncio.run(_idle())
    print(f"the clock, {TURNS} turns (an hour): {cpu:.2f} s of CPU, {took / TURNS * 1000:.1f} ms each")
    mornings, before, after, drawing = asyncio.run(_mornings())
    for name, each in zip(("first", "second"), mornings, strict=True):
        calls = ", ".join(f"{method} {count}" for method, count in sorted(each.calls.items()))
        print(f"{name} digest of {HOSTS} hosts: made {each.made:.2f} s, posted {each.posted:.2f} s later; {calls}")
    print(f"memory before {before:.0f} MB, after {after:.0f} MB; the picture's process {drawing:.0f} MB")


async def _idle() -> tuple[float, float]:
    """Seconds of CPU and of time that an hour of turns takes, with a real database; one look is due in it, twice."""
    with tempfile.TemporaryDirectory(prefix="b") as folder:
        database = Database.open(Path(folder) / "flatnet.sqlite3")
        standing = Time(BEGIN)
        bot = Bot(database, standing, *build_schedule_config((), NoticeSettings(channel=OPS), "Asia/Tokyo", BEGIN).schedules)
        await bot.add(*(daily(f"own-{number}", cron=f"{number} 9 * * *", since=BEGIN) for number in range(ADDED)))
        await bot.timetable.tick()
        used, began = time.process_time(), time.perf_counter()
        for turn in range(TURNS):
            standing.move(BEGIN + timedelta(seconds=TICK_INTERVAL * (turn + 1)))
            await bot.timetable.tick()
        cpu, took = time.process_time() - used, time.perf_counter() - began
        await bot.timetable.drain()
        await database.aclose()
        return cpu, took


async def _mornings() -> tuple[list[Morning], float, float, float]:
    """Two digests, the second over open connections; MB of the bot before and after, and of the drawing."""
    with tempfile.TemporaryDirectory(prefix="b") as name, lab(Path(name), HOSTS, rtt=RTT, powershell=POWERSHELL) as far:
        workspace = Workspace(MANIFEST)
        await workspace.start()
        secrets = Path(name) / "secrets"
        (secrets / "slack_bot_token").write_text(workspace.bot_token)
        (secrets / "slack_app_token").write_text(workspace.app_token)
        with far.config.open("a") as more:
            more.write(f'[slack]\nteam = "{workspace.seed.team}"\napi_url = "{workspace.api_url}"\n')
            more.write(f'[notices]\nchannel = "{OPS}"\n')
        settings = read_settings(far.config)
        try:
            async with open_application(settings, running=True) as house, serve_requests(settings, house) as service:
                await service.connecting
                await warm_up(house, settings)
                await _fortnight(ObservationTable(house.database), settings.inventory.names)
                before = resident(os.getpid())
                mornings = [await _morning(house, workspace) for _ in range(2)]
                drawing = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
                return mornings, before, resident(os.getpid()), drawing
        finally:
            await workspace.stop()


async def _fortnight(observations: ObservationTable, names: Iterable[str]) -> None:
    """All that was seen for two weeks: well, but for every twentieth look."""
    hosts, at = tuple(names), read_utc_time()
    for look in range(LOOKS):
        when = at - timedelta(minutes=30 * (look + 1))
        ill = look % 20 == 0
        await observations.add(Observation(host, when, well=int(not ill), troubled=int(ill)) for host in hosts)


async def _morning(house: Application, workspace: Workspace) -> Morning:
    """What the timetable does when the time of a digest has come."""
    called, said = _calls(workspace), len(workspace.messages(OPS))
    began = time.perf_counter()
    request = Request(make_request_key(), BotIdentity(DIGEST), DIGEST, Surface.SCHEDULE, read_utc_time(), OPS)
    answer = await house.dispatcher.handle(request)
    made = time.perf_counter()
    await house.wings.changes.links.announce(Announcement(answer.operation, OPS, answer))
    await workspace.seen(lambda: workspace.messages(OPS)[said:], timeout=60)
    posted = time.perf_counter()
    return Morning(made - began, posted - made, _calls(workspace) - called)


def _calls(workspace: Workspace) -> Counter[str]:
    return Counter(change.method for change in workspace.changes if isinstance(change, Called))
