"""A town whose bot, hosts and workspace live by simulated time, and what people there get to read."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.app.application import Application, open_application
from bot.runtime.periodic import TICK_INTERVAL
from bot.slack.event_loop_thread import SlackThread
from bot.store.encoding import encode_time
from bot.telemetry.health_checks import make_slack_checks
from commands.values import cron
from tests.lab.faults import Fault
from tests.lab.fleet import Conditions, LabFleet, run_fleet, write_configuration
from tests.lab.holds import Hold
from tests.lab.serving import serve_requests
from tests.lab.windows.disks import Expiry
from tests.lab.workspace import Clock as WorkspaceClock
from tests.lab.workspace import Workspace
from tests.lab.workspace.journal import Edited, Posted
from tests.lab.workspace.message import Message
from tests.scenarios.conftest import MANIFEST, PATIENCE, Town
from tests.scenarios.simulated import Life, SimulatedTime

SOON = 3.0
"""Seconds of simulated time that pass where somebody waits for no more than that: Slack's rates, a second try."""

STEP = 0.004
"""Real seconds between two looks whether everything that the time brought is done."""

JUST = 0.001
"""Seconds by which a step is longer than a sleep: it holds microseconds, and a sleep any fraction."""

STEPS = ("watch", "alerts")
"""How the names of the tasks begin that find alerts and say them. In a minute that is lived, each wakes up at its time."""

LOOKS = ("status of incidents",)
"""Names of the tasks that look every second whether there is something to do. No work waits for their sleep."""

_BUSY = (
    "select 1 from inbox where finished_at is null"
    " union all select 1 from schedule_runs where outcome = 'running'"
    " union all select 1 from outbox where state = 'sending'"
    " union all select 1 from outbox own where state = 'waiting' and next_try_at <= :now"
    " and not exists (select 1 from outbox other where other.state = 'waiting' and other.next_try_at > :now"
    " and json_extract(other.address, '$.channel') = json_extract(own.address, '$.channel'))"
)
"""What is at work. A message is not that waits for another one of its channel, which is tried again later."""


@dataclass
class World:
    """A town, its time, and one life of a bot after the other."""

    town: Town
    time: SimulatedTime
    zone: ZoneInfo
    database: Path
    house: Application | None = None
    surface: SlackThread | None = None
    _life: Life | None = None
    _bot: AsyncExitStack = field(default_factory=AsyncExitStack)
    _read: int = 0

    @property
    def workspace(self) -> Workspace:
        return self.town.workspace

    @property
    def fleet(self) -> LabFleet:
        return self.town.fleet

    @property
    def now(self) -> datetime:
        """What clocks on the wall show."""
        return self.time.now().astimezone(self.zone)

    async def begins(self) -> None:
        """A bot starts, and finds the audit log whole."""
        settings = self.town.settings
        self._life = self.time.life()
        self.house = await self._bot.enter_async_context(open_application(settings, running=True, clock=self._life.clock))
        service = await self._bot.enter_async_context(serve_requests(settings, self.house))
        await service.connecting
        self.surface = service.surface
        assert (await self.house.audit.verify("system", "")).intact
        while not self._life.sleeps("schedules"):  # its first look at what is due is done
            await asyncio.sleep(STEP)
        await self.rest()

    async def ends(self) -> None:
        """It is stopped, and finishes what is under way."""
        await self._bot.aclose()
        self.house = self.surface = self._life = None

    async def dies(self) -> None:
        """It is gone from one instant to the next: nothing is written any more, and nobody waits for anything."""
        assert self.house is not None
        assert self._life is not None
        await self.house.database.read(lambda connection: connection.exec_driver_sql("pragma query_only = 1").close())
        self._life.end()
        await self.ends()

    async def dies_at(self, due: datetime, hold: Hold) -> None:
        """It dies while it does what the time brings then: where it asks a host for something, which never comes."""
        self.time.move(due)
        async with asyncio.timeout(PATIENCE):
            await hold.reached()
        await self.dies()
        hold.release()

    async def not_ready(self) -> str:
        """Why `/readyz` says that the bot is not ready, "" where it is."""
        assert self.surface is not None
        probes = make_slack_checks(self.surface.get_health).values()
        return " ".join([str(why) for probe in probes if (why := await probe()) is not None])

    async def until(self, end: datetime) -> None:
        """Live until clocks show that: every time that comes on the way is lived through."""
        while (due := await self._next_due()) is not None and due <= end:
            self.time.move(due)
            await self.rest()
        self.time.move(end)
        await self.rest()

    async def minute(self) -> None:
        """Live a minute step by step: the watch looks at each host once, and what it found is said."""
        left = 60.0
        while left > 0:
            assert self._life is not None
            step = min(left, self._life.find_next_wake(STEPS) + JUST)
            self.time.move(self.time.now() + timedelta(seconds=step))
            await self.rest()
            left -= step

    async def fires(self) -> None:
        """Live until an alert fires that nobody was told of yet, one waking after the other."""
        while not self._rows("select 1 from alerts where state = 'firing' and version > shown"):
            assert self._life is not None
            self.time.move(self.time.now() + timedelta(seconds=max(self._life.next_wake or 0.0, 0.001)))
            await self.rest()

    @property
    def newest_alert(self) -> int:
        """The number of the worst alert that fired last."""
        ((number, *_),) = self._rows(
            "select number from alerts where state = 'firing' and cause = '' order by number desc limit 1"
        )
        assert isinstance(number, int)
        return number

    async def _next_due(self) -> datetime | None:
        """When the clock brings something next."""
        if self.house is None:
            return None
        now = self.time.now()
        schedules = [each.schedule for each in await self.house.wings.changes.schedules.list_all()]
        coming = [cron.find_next_due(each.cron, ZoneInfo(each.zone), now) for each in schedules if not each.paused]
        return min((each for each in coming if each is not None), default=None)

    async def rest(self) -> None:
        """Until all is done that the time has brought. What waits for a moment only gets that moment."""
        if self._life is None:
            return
        async with asyncio.timeout(PATIENCE):
            while self._life.awake or self._rows(_BUSY):
                await asyncio.sleep(STEP)
                pause = self._life.find_next_wake_but(LOOKS)
                if pause is not None and pause <= SOON and not self._life.awake and self._rows(_BUSY):
                    self.time.move(self.time.now() + timedelta(seconds=max(pause, 0.0) + JUST))

    def _rows(self, query: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.database)) as database:
            return database.execute(query, {"now": encode_time(self.time.now())}).fetchall()

    async def set_clocks(self, by: timedelta) -> None:
        """All clocks are set anew, and the bot sees it."""
        self.time.jump(by)
        self.time.move(self.time.now() + timedelta(seconds=TICK_INTERVAL))
        await self.rest()

    async def asks(self, person: str, words: str, channel: str = "C0OPS") -> None:
        """A person types a command; what it does is done."""
        delivery = await self.workspace.slash(person, channel, words)
        assert delivery.in_time
        await self.rest()

    def switch_off(self, host: str) -> None:
        """A host whose network still says at once that nothing is there: its silence would take real seconds."""
        for side in self.fleet[host].ports:
            self.fleet[host].wire(side).fault = Fault.REFUSE

    def switch_on(self, host: str) -> None:
        self.fleet[host].mend()

    def news(self) -> list[str]:
        """What several people could newly read since the last time that this was asked, in its order."""
        changes = self.workspace.changes
        fresh, self._read = changes[self._read :], len(changes)
        return list(_told(self.workspace, fresh))


def _told(workspace: Workspace, changes: Iterable[object]) -> Iterator[str]:
    """A message of one person's own asking is none of them."""
    for change in changes:
        match change:
            case Posted(message) if message.private_to is None:
                yield f"{_place(workspace, message)}: {plain(message)}"
            case Edited(message) if message.private_to is None:
                yield f"{_place(workspace, message)}, edited: {plain(message)}"
            case _:
                pass


def _place(workspace: Workspace, message: Message) -> str:
    names = {channel.id: f"#{channel.name}" for channel in workspace.seed.channels}
    people = {f"D{person.id[1:]}": person.name for person in workspace.people()}
    picture = ", with a picture" if any(block["type"] == "image" for block in message.blocks) else ""
    return f"{(names | people)[message.channel]}{', below' if message.thread_ts else ''}{picture}"


def plain(message: Message) -> str:
    """What it says, without what is another one each time: the audit log's head."""
    return re.sub(r"(Audit log: (?:latest )?event:?) \d+ \([0-9a-f]{12}\)", r"\1 …", message.text)


@asynccontextmanager
async def world(
    folder: Path, begin: datetime, routine: str, *, hosts: int = 3, expiry: Expiry | None = None
) -> AsyncIterator[World]:
    """Hosts and a lighthouse since `begin`, whose zone is the configuration's; no bot yet. `routine` as in the lab."""
    assert isinstance(begin.tzinfo, ZoneInfo)
    time = SimulatedTime(begin)
    workspace = Workspace(MANIFEST, clock=WorkspaceClock(time.now, time.monotonic))
    await workspace.start()
    try:
        conditions = Conditions(expiry=expiry or Expiry(), now=time.now)
        async with run_fleet(folder / "lab", hosts, lighthouse=True, conditions=conditions) as fleet:
            town = Town(fleet, workspace, write_configuration(folder, fleet, workspace, "en", routine))
            town.edit("Asia/Tokyo", begin.tzinfo.key)
            made = World(town, time, begin.tzinfo, town.settings.database_file)
            try:
                yield made
            finally:
                await made.ends()
    finally:
        await workspace.stop()
