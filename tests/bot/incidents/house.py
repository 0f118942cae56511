"""A bot whose timelines are collected from a real audit log and real alerts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from adapters.phrase import Phrase
from bot.alerts.tables.alerts import AlertTable
from bot.audit_log.log import AuditLog, EventKind
from bot.incidents.rules.reads import LookReader
from bot.incidents.services.collector import CollectorSources, TimelineCollector
from bot.incidents.tables.timeline import TimelineTable
from bot.model.alert import Alert, AlertMove, AlertState
from bot.model.incident import Incident, TimelineEntry
from bot.store.database import Database
from commands.alerts.conditions import Condition
from commands.catalogue import CATALOGUE
from commands.model.finding import Severity
from tests.bot.audit_log.files import Files
from tests.bot.incidents.recorded import NOW, incident, look
from tests.bot.world import inventory


@dataclass
class House:
    """A bot with a database of its own, whose clock the test moves. `incidents` are those in which people work."""

    files: Files
    database: Database
    audit: AuditLog
    incidents: list[Incident] = field(default_factory=lambda: [incident()])
    at: datetime = NOW

    def __post_init__(self) -> None:
        self.timeline, self.alerts = TimelineTable(self.database), AlertTable(self.database)
        self.fleet = inventory()
        self.restart()

    def restart(self) -> None:
        """Starts the bot anew: what it had in memory is lost."""
        sources = CollectorSources(self, self.audit, self.alerts, LookReader(CATALOGUE), lambda: self.fleet)
        self.collector = TimelineCollector(sources, self, lambda: self.at)

    async def list_since(self, at: datetime) -> tuple[Incident, ...]:
        return tuple(self.incidents)

    async def add(self, entries: Sequence[TimelineEntry]) -> tuple[TimelineEntry, ...]:
        return await self.timeline.add(entries)

    async def look(self, words: str, *, minutes: float = 0, operation: str = "op-1", **more: Any) -> None:
        await self.record(EventKind.REQUEST, look(words, **more), minutes=minutes, operation=operation)

    async def record(
        self, kind: EventKind, data: dict[str, Any], *, minutes: float = 0, operation: str = "op-1", actor: str = "ana"
    ) -> None:
        self.at = NOW + timedelta(minutes=minutes)
        await self.audit.record(kind, actor, operation, data)

    async def fire(self, *hosts: str, minutes: float = 0) -> list[Alert]:
        self.at = NOW + timedelta(minutes=minutes)
        stored = await self.alerts.apply([AlertMove(None, make_alert(host, self.at)) for host in hosts], self.at)
        return [move.after for move in stored if move.after is not None]

    async def resolve(self, alert: Alert, *, minutes: float) -> None:
        self.at = NOW + timedelta(minutes=minutes)
        after = alert.model_copy(update={"state": AlertState.RESOLVED, "version": 2, "resolved_at": self.at})
        await self.alerts.apply([AlertMove(alert, after)], self.at)

    async def show(self, number: int = 1) -> list[str]:
        """The timeline of an incident: the minute, the author, the text."""
        return [
            f"{(each.happened_at - NOW).total_seconds() / 60:+.0f} {each.author}: {each.text}"
            for each in await self.timeline.read(number)
        ]

    async def collect(self) -> list[str]:
        await self.collector.collect()
        return await self.show()


def make_alert(host: str, at: datetime) -> Alert:
    short = Phrase("Nebula stopped")
    times = {"began_at": at, "checked_at": at, "first_fired_at": at, "fired_at": at}
    return Alert(
        host=host,
        subject="nebula",
        condition=Condition.NEBULA,
        severity=Severity.HIGH,
        state=AlertState.FIRING,
        short=short,
        why=short,
        **times,
    )
