"""Reminders of suspensions whose time is over. They say so once, and resume nothing.

remind_at has passed ─ announce ─▶ reminded      The row comes last: a crash in between repeats the same message.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from adapters.phrase import Moment, Phrase
from bot.access.rules import is_channel
from bot.model.announcement import Announcement, AnnouncementSender
from bot.model.request import Answer, SlackIdentity
from bot.store.records import OperationRecord
from bot.suspensions.registry import SuspensionRegistry
from commands.model.report import Report
from commands.model.suspension import Suspension


class RecordReader(Protocol):
    """Stored operations (`bot.store.operations`)."""

    async def get(self, operation: str) -> OperationRecord | None: ...


@dataclass(frozen=True)
class ReminderServices:
    """Services that reminders need. `find_channel` returns the channel of notices ("" without one)."""

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
        reminded = await self._registry.table.find_reminded() if over else {}
        for each, remind_at in over:
            if (last := reminded.get(each.number)) is None or last < remind_at:
                await self._announce(each, remind_at)
                await self._registry.table.mark_reminded(each.number, now)

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
