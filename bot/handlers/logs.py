"""Handler for `log collect`: gathers all evidence of some hosts; `bot.reports.evidence` packs it.

hosts ─┬─ health with its details ──────┐
       ├─ every log, all at once ───────┼─▶ Evidence ─ packed in a thread ─▶ Report with one ZIP
       └─ changes, the channel's incident ┘
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from adapters.inventory import Host
from bot.access.policy import Refuse
from bot.handlers.archive_queue import ArchiveQueue
from bot.handlers.context import RequestContext
from bot.handlers.ports import ChangeLifecycle, IncidentRepository
from bot.incidents.service import Incident
from bot.model.change import Change
from bot.model.request import Surface
from bot.reports.evidence import BYTES, CHANGES, Evidence, compose_evidence
from commands.bot_state.changes import Operations
from commands.bot_state.incidents import IncidentList
from commands.health import Health
from commands.logs.collection import SOURCES, Wanted, read_all
from commands.logs.operations import FARTHEST, LogCollect
from commands.model.operation import untold
from commands.model.report import Report
from commands.model.times import instant, render_when

LINES = 60_000
"""Limit of lines of all logs together; each log gets its share."""

LEAST, MOST = 50, 1_000
"""Bounds of that share, however many logs there are."""


@dataclass(frozen=True)
class LogHandlers:
    """Handler of collected logs. `archives` lets one archive be made at a time."""

    changes: ChangeLifecycle
    incidents: IncidentRepository
    archives: ArchiveQueue
    now: Callable[[], datetime]

    async def collect(self, operation: LogCollect, context: RequestContext) -> Report:
        """Reads everything at once and packs it, when it is this request's turn."""
        return await self.archives.make(_name_asker(context), lambda: self._gather(operation, context), compose_evidence)

    async def _gather(self, operation: LogCollect, context: RequestContext) -> Evidence:
        """Reads health and logs at once. Progress counts hosts whose logs are awaited: they take longer than health."""
        view, now = context.view, self.now()
        hosts = operation.hosts(view.fleet.inventory)
        tail, since = _share_lines(hosts), instant(operation.since, now, FARTHEST)
        wanted = Wanted(tail=tail, since=since, room=BYTES // max(1, len(hosts) * len(SOURCES)))
        quietly = replace(view, progress=untold)
        async with asyncio.TaskGroup() as group:
            health = group.create_task(Health(target=operation.target, details=True).read(quietly))
            logs = group.create_task(read_all(hosts, SOURCES, wanted, view))
        return Evidence(
            target=str(operation.target),
            health=health.result(),
            got=logs.result(),
            changes=await self._find_changes(hosts, since, context),
            incident=await self._find_incident(context),
            since=since,
            typed=render_when(operation.since),
            tail=tail,
            at=now,
        )

    async def _find_changes(
        self, hosts: Sequence[Host], since: datetime, context: RequestContext
    ) -> Sequence[Change] | Refuse:
        """Changes of that time; the refusal where the requester may not ask for changes here."""
        verdict = context.judge(Operations())
        if isinstance(verdict, Refuse):
            return verdict
        return await self.changes.touching([host.name for host in hosts], since, CHANGES + 1)

    async def _find_incident(self, context: RequestContext) -> Incident | None:
        """The channel's incident, if the requester may ask for it here."""
        return await self.incidents.open_in(context.channel) if context.may(IncidentList()) else None


def _name_asker(context: RequestContext) -> str:
    """Names the requester in the queue of archives. Each run of a schedule counts by itself: it cannot try again later."""
    return context.operation if context.requester.surface is Surface.SCHEDULE else context.actor


def _share_lines(hosts: Sequence[Host]) -> int:
    return max(LEAST, min(MOST, LINES // max(1, len(hosts) * len(SOURCES))))
