"""A night with an incident, during which the bot is killed again and again: its report is exactly what happened.

A kill comes between the audit event of an act and its row, which is where an incident could be lost, doubled or half told.
Then the bot starts anew on the same files, and Slack delivers the request once more.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.access.policy import Policy
from bot.alerts.services.registry import AlertRegistry
from bot.alerts.tables.alerts import AlertTable
from bot.answers.markdown import render_markdown
from bot.audit_log.log import AuditLog, EventKind
from bot.incidents.handlers.audience import make_shared_sight
from bot.incidents.handlers.report_sources import ReportRequest, SourceReader
from bot.incidents.reports.report import compose_document
from bot.incidents.rules import transitions as life
from bot.incidents.rules.events import IncidentAct
from bot.incidents.rules.milestones import make_report
from bot.incidents.rules.reads import LookReader
from bot.incidents.rules.requests import ActRequest, IncidentRequest
from bot.incidents.services.collector import CollectorSources, TimelineCollector
from bot.incidents.services.proof import TimelineVerifier
from bot.incidents.services.registry import IncidentRegistry
from bot.incidents.tables.incidents import IncidentMove, IncidentTable
from bot.incidents.tables.timeline import FollowPosition, TimelineTable
from bot.locale.texts import get_texts
from bot.model.alert import Alert, AlertMove, AlertState
from bot.model.incident import Incident, TimelineEntry
from bot.model.request import Answer
from bot.store.audit_chain import AuditKeys
from bot.store.database import Database
from commands.catalogue import CATALOGUE
from commands.model.finding import Severity
from commands.values.arguments import Target
from tests.bot.audit_log.files import KEY, Files
from tests.bot.incidents.house import make_alert
from tests.bot.incidents.recorded import look, plan
from tests.bot.incidents.report_example import DIGEST, SHA256
from tests.bot.world import inventory

TEXTS = get_texts("en", ZoneInfo("UTC"))
MIDNIGHT = datetime(2026, 11, 28, 0, 0, tzinfo=UTC)
EXPECTED = Path(__file__).with_name("night.expected.md")


class Killed(BaseException):
    """The bot died before a row was written."""


class Mortal(IncidentTable):
    """Rows of a bot that is killed before it writes the next one, if `doomed`."""

    doomed = False

    async def follow(self, moves: Sequence[IncidentMove], position: FollowPosition) -> tuple[TimelineEntry, ...]:
        if self.doomed and moves:
            raise Killed
        return await super().follow(moves, position)


class Life:
    """One life of the bot, on files that outlive it. The clock is the night's."""

    def __init__(self, database: Database, audit: AuditLog, now: Callable[[], datetime]) -> None:
        self.audit, self.now = audit, now
        self.rows, self.timeline, self.alerts = Mortal(database), TimelineTable(database), AlertTable(database)
        fleet = inventory()
        sources = CollectorSources(self.rows, audit, self.alerts, LookReader(CATALOGUE), lambda: fleet)
        self.collector = TimelineCollector(sources, self.timeline, now)
        self.incidents = IncidentRegistry(self.rows, self.timeline, audit, now, self.collector.refresh)
        self.verifier = TimelineVerifier(audit, self.alerts, now)
        self.fleet = fleet

    async def open(self) -> None:
        asked = IncidentRequest(
            "op-open",
            "no tunnel to host-a",
            Target(parts=("host-a",)),
            "alice",
            private=False,
            severity=Severity.HIGH,
            began_at=MIDNIGHT - timedelta(minutes=12),
        )
        await self.incidents.open(asked, "C0INCIDENT")

    async def act(
        self, act: IncidentAct, judge: Callable[[Incident, datetime], Incident], by: str = "alice", **data: object
    ) -> None:
        await self.incidents.act(1, ActRequest(act, f"op-{act}", by, judge, data))

    async def report(self) -> str:
        """The report for all in the channel, as Markdown."""
        await self.collector.collect()
        sight = make_shared_sight(Policy(), self.fleet, CATALOGUE, "C0INCIDENT")
        found = await self.incidents.find(1, "")
        alerts = AlertRegistry(self.alerts, self.audit, lambda moved: moved, self.now, lambda: ())
        reader = SourceReader(self.incidents, alerts, self.audit, self.verifier, self.now)
        sources = await reader.read(ReportRequest(found, sight, self.fleet, "flatnet-bot", "op-report"))
        body = compose_document(make_report(sources))
        return render_markdown(Answer(operation="op-report", understood="incident report 1", body=body), TEXTS)


Step = Callable[[Life], Awaitable[None]]


class Night:
    """The files of the night, and its clock. `kills` are the steps during which the bot is killed."""

    def __init__(self, folder: Path, kills: frozenset[int]) -> None:
        self.files, self.kills, self.at = Files(folder), kills, MIDNIGHT - timedelta(minutes=30)

    @asynccontextmanager
    async def living(self) -> AsyncIterator[Life]:
        database = Database.open(self.files.database)
        audit = await AuditLog.open(database, AuditKeys(KEY), self.files.heads, lambda: self.at)
        try:
            yield Life(database, audit, lambda: self.at)
        finally:
            await audit.aclose()
            await database.aclose()

    async def pass_by(self, steps: Sequence[tuple[float, Step]]) -> str:
        """Takes each step in a life of its own. One that is killed in it is followed by another one, which repeats it."""
        for number, (minutes, step) in enumerate(steps):
            self.at = MIDNIGHT + timedelta(minutes=minutes)
            if number in self.kills:
                async with self.living() as doomed:
                    doomed.rows.doomed = True
                    with pytest.raises(Killed):
                        await step(doomed)
            async with self.living() as life_after:
                await life_after.incidents.follow()
                await step(life_after)
                await life_after.collector.collect()
        self.at = MIDNIGHT + timedelta(minutes=61)
        async with self.living() as last:
            return await last.report()


def move(state: AlertState, version: int, minutes: float, actor: str = "") -> Step:
    """A move of the alert of the night."""

    async def step(of: Life) -> None:
        at = MIDNIGHT + timedelta(minutes=minutes)
        before: Alert | None = await of.alerts.find(1)
        if before is None:
            await of.alerts.apply([AlertMove(None, make_alert("host-a", at))], at)
            return
        ended = {"resolved_at": at} if state is AlertState.RESOLVED else {"acknowledged_by": actor, "acknowledged_at": at}
        after = before.model_copy(update={"state": state, "version": version, **ended})
        await of.alerts.apply([AlertMove(before, after)], at)

    return step


def record(kind: EventKind, data: dict[str, object], operation: str, actor: str = "alice") -> Step:
    """An event that another part of the bot records."""

    async def step(of: Life) -> None:
        await of.audit.record(kind, actor, operation, data)

    return step


RENEWAL, COLLECTION, STRANGE = "op-aaaaaaaaaaaa", "op-bbbbbbbbbbbb", "op-cccccccccccc"

STEPS: tuple[tuple[float, Step], ...] = (
    (-10, move(AlertState.FIRING, 1, -10)),
    (0, Life.open),
    (2, move(AlertState.ACKNOWLEDGED, 2, 2, "alice")),
    (4, record(EventKind.REQUEST, look("log collect host-a"), COLLECTION)),
    (5, record(EventKind.EXPORT, {"file": "evidence.zip", "bytes": 48_213, "sha256": SHA256}, COLLECTION, "flatnet-bot")),
    (6, record(EventKind.REQUEST, look("disk host-c"), STRANGE)),
    (7, record(EventKind.REFUSAL, look("service stop nebula host-a", outcome="no"), STRANGE)),
    (
        9,
        lambda of: of.act(
            IncidentAct.NOTED, lambda found, now: life.judge_note(found, now), text="the certificate has expired"
        ),
    ),
    (20, record(EventKind.PLAN, plan("host-a", words="cert renew host-a", digest=DIGEST), RENEWAL)),
    (25, record(EventKind.RUN, {}, RENEWAL)),
    (28, record(EventKind.END, {"state": "done", "approval": None, "why": ""}, RENEWAL)),
    (30, move(AlertState.RESOLVED, 3, 30)),
    (35, lambda of: of.act(IncidentAct.MITIGATED, life.judge_mitigation)),
    (
        40,
        lambda of: of.act(
            IncidentAct.CORRECTED, lambda found, now: life.judge_correction(found, 5, 99), text="since yesterday", about=5
        ),
    ),
    (
        50,
        lambda of: of.act(
            IncidentAct.FOLLOWUP,
            lambda found, now: life.judge_followup(found, "renew a month earlier", "bob", date(2026, 12, 4)),
            text="renew a month earlier",
        ),
    ),
    (
        60,
        lambda of: of.act(
            IncidentAct.RESOLVED,
            lambda found, now: life.judge_resolution(found, now, "an expired certificate", "bob", "op-resolved"),
            by="bob",
        ),
    ),
)

ACTS = tuple(number for number, (minutes, _) in enumerate(STEPS) if minutes in (0, 9, 35, 40, 50, 60))


async def test_the_report_of_the_night_is_the_same_although_the_bot_is_killed_at_each_act(tmp_path: Path) -> None:
    assert EXPECTED.read_text(encoding="utf-8") == await Night(tmp_path, frozenset(ACTS)).pass_by(STEPS)


async def test_what_somebody_changed_in_a_row_or_in_the_log_is_named_in_the_report(tmp_path: Path) -> None:
    night = Night(tmp_path, frozenset())
    assert EXPECTED.read_text(encoding="utf-8") == await night.pass_by(STEPS)
    night.files.tamper("UPDATE incident_timeline SET author = 'mallory' WHERE kind = 'note'")
    async with night.living() as last:
        assert "Entries that their sources do not prove: " in await last.report()
    night.files.tamper("UPDATE audit SET actor = 'mallory' WHERE kind = 'end'")
    async with night.living() as last:
        said = await last.report()
    assert "NOT proven. Audit event" in said
    assert "no end recorded" in said
