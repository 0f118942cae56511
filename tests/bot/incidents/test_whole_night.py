"""A whole night: 254 alerts, Slack away for two hours, the clock set back, another lead, an end that was none, and kills.

The process is killed at one write to the database, before it or behind it. The next one starts on the same files, and Slack
delivers the request again. In the morning the rows, the report and what people have read are those of a night without kills.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from bot.alerts.services.registry import AlertRegistry
from bot.audit_log.log import AuditLog, EventKind
from bot.incidents.rules import transitions as life
from bot.incidents.rules.events import IncidentAct
from bot.incidents.rules.requests import ActRequest
from bot.incidents.services.announcements import MitigationProposer, ProposalServices, UpdateAnnouncer, UpdateServices
from bot.incidents.services.status import IncidentStatus, StatusSources
from bot.incidents.tables.deliveries import IncidentDeliveryTable
from bot.model.alert import AlertMove, AlertState
from bot.model.incident import Incident
from bot.store.audit_chain import AuditKeys
from bot.store.database import Database
from tests.bot.audit_log.files import KEY, Files
from tests.bot.incidents.house import make_alert
from tests.bot.incidents.recorded import look, plan
from tests.bot.incidents.services.test_announcer import Posted
from tests.bot.incidents.services.test_status import Channel
from tests.bot.incidents.test_night import MIDNIGHT, Life

T = TypeVar("T")
P = ParamSpec("P")
STORM = 254
RENEWAL = "op-aaaaaaaaaaaa"


class Killed(BaseException):
    """The end of the process: nothing catches it."""


class Mortal(Database):
    """A database whose process is killed at one of its writes, counted from 1: before it, or behind it."""

    writes = 0
    last = 0
    behind = False

    def run(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **named: P.kwargs) -> asyncio.Future[T]:
        self.writes += 1
        if not self.last or self.writes < self.last:
            return super().run(work, *args, **named)
        written = super().run(work, *args, **named) if self.writes == self.last and self.behind else None
        return asyncio.ensure_future(self._die(written))

    async def _die(self, written: "asyncio.Future[T] | None") -> T:
        if written is not None:
            await written
        raise Killed


class Process(Life):
    """One life of the bot, with all that shows incidents to people."""

    def __init__(self, database: Database, audit: AuditLog, night: "Night") -> None:
        super().__init__(database, audit, lambda: night.at)
        deliveries, registry = IncidentDeliveryTable(database), self.incidents
        alerts = AlertRegistry(self.alerts, audit, lambda moved: moved, self.now, lambda: ())
        sources = StatusSources(registry, self.timeline, alerts, deliveries, night)
        self.status = IncidentStatus(sources, night.channel, lambda: "", self.now)
        self.announcer = UpdateAnnouncer(
            UpdateServices(registry.list_incidents, self.timeline, deliveries, night.posted, lambda: "C0WAITING")
        )
        proposing = ProposalServices(
            registry.list_working, self.timeline, self.alerts, deliveries, night.channel, lambda: ""
        )
        self.proposer = MitigationProposer(proposing, self.now)

    async def work(self) -> None:
        """One round of each task."""
        await self.incidents.follow()
        await self.collector.collect()
        await self.proposer.propose()
        await self.status.show()
        await self.announcer.announce()

    async def do(
        self, name: str, act: IncidentAct, judge: Callable[[Incident, datetime], Incident], by: str = "alice", **data: Any
    ) -> None:
        await self.incidents.act(1, ActRequest(act, f"op-{name}", by, judge, data))


Step = Callable[[Process], Awaitable[None]]


@dataclass
class Night:
    """The files of a night, Slack, and the clock. Of `deaths`, each is the number of writes after the last one."""

    folder: Path
    deaths: Iterator[tuple[int, bool]] = field(default_factory=lambda: iter(()))
    at: datetime = MIDNIGHT
    kills: int = 0
    writes: int = 0

    def __post_init__(self) -> None:
        self.files, self.channel, self.posted = Files(self.folder), Channel(), Posted()
        self.death = next(self.deaths, None)

    async def is_private(self, channel: str) -> bool | None:
        return False

    @asynccontextmanager
    async def living(self, *, mortal: bool) -> AsyncIterator[Process]:
        database = Mortal.open(self.files.database)
        assert isinstance(database, Mortal)
        audit = await AuditLog.open(database, AuditKeys(KEY), self.files.heads, lambda: self.at)
        if mortal and self.death is not None:
            database.last, database.behind = database.writes + self.death[0], self.death[1]
        begun = database.writes
        try:
            yield Process(database, audit, self)
        finally:
            done = database.writes - begun
            self.writes += done
            if database.last and database.writes < database.last and self.death is not None:
                self.death = self.death[0] - done, self.death[1]
            database.last = 0
            await audit.aclose()
            await database.aclose()

    async def pass_by(self) -> str:
        """Takes each step, and returns the report of the morning."""
        for minutes, events, act in STEPS:
            self.at = MIDNIGHT + timedelta(minutes=minutes)
            async with self.living(mortal=False) as world:
                for event in events:
                    await event(world)
            self.channel.away = -5 <= minutes < 115
            if not self.channel.away:
                self.channel.come_back()
            await self._survive(act)
        async with self.living(mortal=False) as last:
            for _ in range(3):
                self.at += timedelta(seconds=11)
                await last.work()
            assert () == await last.verifier.verify(await last.timeline.read(1)), "each row is what its source says"
            assert (await last.audit.verify("alice", "op-verify")).intact
            return await last.report()

    async def _survive(self, act: Step) -> None:
        for _ in range(50):
            try:
                async with self.living(mortal=True) as process:
                    await process.incidents.follow()
                    await act(process)
                    for _ in range(2):
                        await process.work()
                return
            except Killed:
                self.kills += 1
                self.death = next(self.deaths, None)
        raise AssertionError("the bot is killed again and again")

    @property
    def read(self) -> tuple[object, ...]:
        """What people have read: the last status, each line of the thread, and what those who wait see."""
        status = self.channel.known["incident-1-status-1"].body
        others = sorted(name for name in self.channel.known if "status" not in name)
        return status, sorted(self.channel.lines), others, self.told, self.posted.said

    @property
    def told(self) -> list[tuple[str, str]]:
        """What was posted for those who wait."""
        return [(act, text) for act, _, _, text in self.posted.acts if act != "edit"]


async def nothing(of: Process) -> None:
    """No person does anything."""


def record(kind: EventKind, data: dict[str, object], operation: str) -> Step:
    async def step(of: Process) -> None:
        await of.audit.record(kind, "alice", operation, data)

    return step


async def storm(of: Process) -> None:
    """All containers of a host fail at once."""
    new = [make_alert("host-a", of.now()).model_copy(update={"subject": f"container {n}"}) for n in range(STORM)]
    await of.alerts.apply([AlertMove(None, alert) for alert in new], of.now())


async def calm(of: Process) -> None:
    """All alerts are resolved."""
    ended = {"state": AlertState.RESOLVED, "version": 2, "resolved_at": of.now()}
    still = await of.alerts.list_open()
    await of.alerts.apply([AlertMove(alert, alert.model_copy(update=ended)) for alert in still], of.now())


def note(name: str, text: str) -> Step:
    return lambda of: of.do(name, IncidentAct.NOTED, lambda found, now: life.judge_note(found, now), text=text)


def update(name: str, text: str) -> Step:
    return lambda of: of.do(
        name, IncidentAct.UPDATED, lambda found, now: life.judge_update(found, now, text), text=text, about=0
    )


def resolve(name: str, cause: str) -> Step:
    return lambda of: of.do(
        name,
        IncidentAct.RESOLVED,
        lambda found, now: life.judge_resolution(found, now, cause, "bob", f"op-{name}"),
        by="bob",
    )


async def end_and_reopen(of: Process) -> None:
    """Two people in one instant."""
    ends = resolve("end-1", "dns")(of)
    opens = of.do("again", IncidentAct.REOPENED, lambda found, now: life.judge_reopening(found), text="still broken")
    for result in await asyncio.gather(ends, opens, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


STEPS: tuple[tuple[float, tuple[Step, ...], Step], ...] = (
    (-10, (storm,), nothing),
    (-6, (), Life.open),
    (1, (record(EventKind.REQUEST, look("disk host-a"), "op-look-1"),), note("note-1", "the fan is loud")),
    (2, (), lambda of: of.do("lead", IncidentAct.LEAD, lambda found, now: life.judge_lead(found, "bob"))),
    (30, (), update("update-1", "We are on it.")),
    (60, (record(EventKind.PLAN, plan("host-a", words="cert renew host-a"), RENEWAL),), note("note-2", "renewing")),
    (5, (record(EventKind.RUN, {}, RENEWAL),), note("note-3", "the clock was set back")),
    (
        6,
        (record(EventKind.REQUEST, look("disk host-b"), "op-look-2"),),
        lambda of: of.do(
            "add", IncidentAct.ADDED, lambda found, now: life.judge_addition(found, ("host-b",)), text="host-b"
        ),
    ),
    (90, (record(EventKind.END, {"state": "done", "approval": None, "why": ""}, RENEWAL), calm), nothing),
    (94, (), nothing),
    (100, (), end_and_reopen),
    (120, (), update("update-2", "Logins work.")),
    (125, (), lambda of: of.do("mitigated", IncidentAct.MITIGATED, life.judge_mitigation)),
    (130, (), resolve("end-2", "an expired certificate")),
)


READ = (
    f"{STORM} changes of alerts (host-a)",
    "lead: bob",
    "the fan is loud",
    "We are on it.",
    "requested, plan 01234567",
    "renewing",
    "started",
    "the clock was set back",
    "added: host-b",
    "done",
    f"{STORM} changes of alerts (host-a)",
    "resolved: dns",
    "reopened: still broken",
    "Logins work.",
    "mitigated",
    "resolved: an expired certificate",
)
"""Lines below the status of the incident."""


async def test_a_night_with_kills_tells_everything_once_and_the_same(tmp_path: Path) -> None:
    quiet, wild = Night(tmp_path / "quiet"), Night(tmp_path / "wild", cycle([(5, True), (3, False), (7, True)]))
    for night in (quiet, wild):
        night.folder.mkdir()
    report = await quiet.pass_by()
    assert STORM == report.count("fired, high")
    assert sorted(READ) == sorted(quiet.channel.lines)
    line = "incident 1 (open, high): "
    told = [("post", "We are on it."), ("reply", "We are on it."), ("reply", "Logins work.")]
    assert [(act, f"{line}{text}") for act, text in told] == quiet.told
    assert report == await wild.pass_by()
    assert quiet.read == wild.read
    assert (0, True) == (quiet.kills, wild.kills > 10)
