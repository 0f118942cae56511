"""A timetable with a real database, a desk that answers as the test says, and time that stands until it is moved."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.audit_log.log import EventKind
from bot.model.announcement import Announcement
from bot.model.request import Answer, BotIdentity, Failure, FailureKind, Identity, Membership, Request, SlackIdentity
from bot.model.schedule import Schedule, ScheduleOrigin
from bot.runtime.clock import Clock
from bot.schedules.services.registry import ScheduleRegistry
from bot.schedules.services.scheduler import AnswerOutlet, Scheduler, SchedulerServices
from bot.schedules.tables.schedules import ScheduleTable
from bot.store.audit_chain import StoredEvent
from bot.store.database import Database
from bot.store.encoding import encode_identity, encode_json, encode_time
from commands.model.report import Report
from tests.bot.signed_log import EventsInMemory

ANA = SlackIdentity("T1", "U1ANA", Membership.MEMBER)


def at(text: str) -> datetime:
    """A point in time; in UTC where the text names no zone."""
    read = datetime.fromisoformat(text)
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read


def daily(name: str = "health", **changes: Any) -> Schedule:
    """`health` every day at nine in Tokyo, by ana, for C0OPS; since 30 January."""
    usual = Schedule(
        name=name,
        origin=ScheduleOrigin.ADDED,
        cron="0 9 * * *",
        zone="Asia/Tokyo",
        words="health",
        channel="C0OPS",
        missed="run",
        owner="ana",
        identity=encode_identity(ANA),
        since=at("2026-01-30T03:00"),
        operation=f"op-{name}",
    )
    return replace(usual, **changes)


class Time:
    """Stands still; who sleeps is woken when it is moved past the end of the sleep."""

    def __init__(self, now: datetime) -> None:
        self.began = self.at = now
        self._sleepers: list[tuple[datetime, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.at + timedelta(seconds=seconds), woken))
        await woken

    def move(self, to: datetime) -> None:
        self.at = to
        for until, woken in self._sleepers:
            if until <= to and not woken.done():
                woken.set_result(None)

    @property
    def clock(self) -> Clock:
        return Clock(self.now, lambda: (self.at - self.began).total_seconds(), self.sleep)


class Log:
    """The audit log, as far as it is looked at; `failing` makes it refuse."""

    def __init__(self) -> None:
        self.events: list[tuple[EventKind, str, Mapping[str, Any]]] = []
        self.failing: FlatnetError | None = None

    async def record(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None:
        if self.failing is not None:
            raise self.failing
        self.events.append((kind, actor, data))

    @property
    def told(self) -> list[str]:
        """What happened to schedules, in a word each."""
        return [str(data["schedule"]) for kind, _, data in self.events if kind is EventKind.SCHEDULE]


class SignedLog(Log, EventsInMemory):
    """An audit log whose events can be read again; `trouble` puts it in doubt."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self.stored: list[StoredEvent] = []
        self._now = now

    async def record(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None:
        await super().record(kind, actor, operation, data)
        at, number = encode_time(self._now()), len(self.stored) + 1
        self.stored.append(StoredEvent(number, at, kind, actor, operation, encode_json(data), "key", "", "mac"))

    def list_stored(self) -> Sequence[StoredEvent]:
        return self.stored


@dataclass
class ScriptedDesk:
    """Answers that all is well, or as the test says."""

    requests: list[Request] = field(default_factory=list)
    answer: Callable[[Request], Awaitable[Answer]] | None = None
    refused: Phrase | None = None

    async def handle(self, request: Request) -> Answer:
        self.requests.append(request)
        return well(request) if self.answer is None else await self.answer(request)

    async def check_refusal(self, request: Request) -> Failure | None:
        return None if self.refused is None else Failure(kind=FailureKind.REFUSED, phrase=self.refused)


def well(request: Request) -> Answer:
    report = Report(title=Phrase("Health"), summary=Phrase("all is well"), brief=True)
    return Answer(operation=f"op for {request.key}", understood=request.text, body=report)


class Announced:
    """What was said, each name once, as the outbox does it; `failing` makes the next ones fail."""

    def __init__(self) -> None:
        self.said: dict[str, Announcement] = {}
        self.failing = 0

    async def announce(self, bulletin: Announcement) -> None:
        if self.failing:
            self.failing -= 1
            raise FlatnetError(Phrase("Slack is not there"))
        self.said.setdefault(bulletin.name, bulletin)

    async def revise(self, bulletin: Announcement, word: Phrase | None) -> None:
        self.said[bulletin.name] = bulletin


class Bot:
    """One life of a bot on a database; make another one for the next life."""

    def __init__(self, database: Database, time: Time, *schedules: Schedule) -> None:
        self.time, self.log, self.desk, self.announced = time, Log(), ScriptedDesk(), Announced()
        self.definitions: tuple[Schedule, ...] = schedules
        self.standing = Membership.MEMBER
        self.outlets: dict[str, AnswerOutlet] = {}
        self.table = ScheduleTable(database)
        self.book = ScheduleRegistry(self.table, self.log, time.now)
        self.timetable = self._timetable()

    def again(self) -> None:
        """The next life: nothing is remembered but what the database has. What ran is cut off."""
        self.timetable = self._timetable()

    async def add(self, *schedules: Schedule) -> None:
        """Schedules that people added."""
        for schedule in schedules:
            await self.table.add(schedule)

    async def tick(self, to: str = "") -> None:
        """A turn of the clock at that time, and all that it begins."""
        if to:
            self.time.move(at(to))
        await self.timetable.tick()
        await self.rest()

    async def rest(self) -> None:
        """Let what can go on without time go on."""
        for _ in range(200):
            await asyncio.sleep(0.0005)
            if not self.timetable.busy:
                return

    async def outcomes(self, name: str = "health") -> list[str]:
        """What became of the newest due time."""
        latest = await self.table.find_latest_runs()
        return [latest[name].outcome.value] if name in latest else []

    @property
    def ran(self) -> list[str]:
        """The due times that were asked at the desk, as their keys say them."""
        return [request.key.split(":", 2)[2].removesuffix(":00.000000Z") for request in self.desk.requests]

    def _timetable(self) -> Scheduler:
        ways = SchedulerServices(lambda: self.definitions, self._owner, self.desk, self.announced, self.outlets)
        return Scheduler(self.table, self.book, ways, self.log, self.time.clock)

    async def _owner(self, schedule: Schedule) -> Identity:
        if schedule.origin is ScheduleOrigin.BUILT_IN:
            return BotIdentity(schedule.name)
        return replace(ANA, standing=self.standing)
