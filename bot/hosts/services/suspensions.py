"""Registry of suspended hosts: moved by the ends of runs, read by plans, answers, alerts and the digest.

    end of a run ─ signed outcomes ─▶ moves (pure) ─▶ an audit event          (again after a crash: the same)
    a plan, an answer ─▶ the events, folded ─▶ FleetView.suspensions

There are no rows: signed events alone suspend a host and resume it.

Reminders of suspensions whose time is over. They say so once, and resume nothing.

remind_at has passed ─ announce ─▶ reminded      Its row comes last: a crash in between repeats the same message.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from adapters.phrase import Moment, Phrase
from bot.access.rules import is_channel
from bot.audit_log.log import EventKind
from bot.audit_log.ports import SignedLog
from bot.hosts.rules.suspension import FoldedSuspensions, derive_suspension, find_host, fold_events, make_event
from bot.hosts.tables import SuspensionReminderTable
from bot.model.announcement import Announcement, AnnouncementSender
from bot.model.change import RunTrail
from bot.model.request import Answer, SlackIdentity
from bot.store.errors import DatabaseError
from bot.store.records import OperationRecord
from commands.model.operation import FleetView
from commands.model.report import Report
from commands.model.suspension import Suspension

_log = structlog.get_logger("bot.hosts.services.suspensions")

SETTLING_PERIOD = timedelta(minutes=5)
"""Period after a resume for which the host's alerts stay muted: until checks have seen that it is up again."""


class SuspensionRegistry:
    """The suspended hosts. Methods may raise a `DatabaseError` or an error of the audit log."""

    def __init__(self, audit: SignedLog, now: Callable[[], datetime]) -> None:
        self._audit = audit
        self._now = now
        self._writing = asyncio.Lock()
        self._folded: FoldedSuspensions | None = None
        """State of the events. This process alone writes them, so it is read once."""
        self._resumed: dict[str, tuple[Suspension, datetime]] = {}
        """The newest suspension that each host was resumed from, and when; not known after a restart."""

    async def follow_run(self, record: OperationRecord, trail: RunTrail) -> None:
        """Record what a run did (`bot.changes.services.repository.RunFollower`)."""
        host = find_host(record)
        if host is None:
            return
        async with self._writing:
            folded = await self._load()
            before = folded.open.get(host)
            after = derive_suspension(record, trail, before, folded.newest + 1)
            moved = after or before
            if after != before and moved is not None:
                ended = after is None
                await self._audit.record(
                    EventKind.SUSPENSION, record.requester, record.operation, make_event(moved, ended=ended)
                )
                self._folded = folded = folded.apply(moved, ended=ended)
                if ended:
                    self._resumed[host] = (moved, self._now())

    async def complete(self, view: FleetView) -> FleetView:
        """Complete the view of a plan."""
        return replace(view, suspensions=await self.find_open())

    async def find_open(self) -> Mapping[str, Suspension]:
        """Find the suspended hosts by name, the oldest first."""
        async with self._writing:
            found = (await self._load()).open
        return {each.host: each for each in sorted(found.values(), key=lambda each: each.number)}

    async def read_known(self) -> Mapping[str, Suspension]:
        """Read the suspended hosts for an answer, which goes on without them. It never raises."""
        try:
            return await self.find_open()
        except DatabaseError as error:
            _log.warning("the suspended hosts could not be read", why=str(error))
            return {}

    async def read_muting(self) -> tuple[Suspension, ...]:
        """Read the suspensions that mute alerts: the open ones, and those whose hosts were just resumed. It never raises.

        An alert that began meanwhile is open until checks find the host well again. It would be shown as new until then.
        """
        now = self._now()
        recent = {host: each for host, (each, at) in self._resumed.items() if timedelta() <= now - at < SETTLING_PERIOD}
        return tuple({**recent, **await self.read_known()}.values())

    async def _load(self) -> FoldedSuspensions:
        if self._folded is None:
            self._folded = fold_events(await self._audit.find_all_signed(EventKind.SUSPENSION))
        return self._folded


class RecordReader(Protocol):
    """Stored operations (`bot.changes.tables.operations`)."""

    async def get(self, operation: str) -> OperationRecord | None: ...


@dataclass(frozen=True)
class ReminderServices:
    """Services that reminders need. `find_channel` returns the channel of notices ("" without one)."""

    reminders: SuspensionReminderTable
    operations: RecordReader
    announcer: AnnouncementSender
    find_channel: Callable[[], str]


class SuspensionReminder:
    """Reminds the owners of suspensions."""

    def __init__(self, registry: SuspensionRegistry, services: ReminderServices) -> None:
        self._registry = registry
        self._services = services

    async def remind(self, now: datetime) -> None:
        """Remind of each suspension whose time is over, once; again if it was suspended for another time since."""
        found = await self._registry.find_open()
        over = [(each, each.remind_at) for each in found.values() if each.remind_at is not None and each.remind_at <= now]
        reminded = await self._services.reminders.find_reminded([each.number for each, _ in over]) if over else {}
        for each, remind_at in over:
            if (last := reminded.get(each.number)) is None or last < remind_at:
                await self._announce(each, remind_at)
                await self._services.reminders.mark_reminded(each.number, now)

    async def _announce(self, suspension: Suspension, remind_at: datetime) -> None:
        words = f"host resume {suspension.host}"
        report = Report(
            title=Phrase("Suspended hosts"),
            summary=Phrase(
                "the time for which {owner} suspended {host} was over at {at} ({reason}). It is not resumed by itself",
                owner=suspension.owner,
                host=suspension.host,
                at=Moment(remind_at),
                reason=suspension.reason,
            ),
            brief=True,
            next=(words, f"health {suspension.host} --details"),
        )
        name = f"suspension-{suspension.number}-over-{int(remind_at.timestamp())}"
        answer = Answer(operation=name, understood="host", body=report)
        channel = await self._find_channel(suspension)
        await self._services.announcer.announce(Announcement(answer.operation, channel, answer))

    async def _find_channel(self, suspension: Suspension) -> str:
        """Find where its owner reads: the channel of the request, else the owner's direct messages, else the notices."""
        record = await self._services.operations.get(suspension.operation)
        if record is not None and is_channel(record.channel):
            return record.channel
        if record is not None and isinstance(record.identity, SlackIdentity):
            return record.identity.user
        return self._services.find_channel()
