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
from bot.access.policy import Refusal
from bot.handlers.archive_queue import ArchiveQueue
from bot.handlers.context import RequestContext
from bot.handlers.incident_places import make_reader
from bot.handlers.ports import ChangeLifecycle, IncidentRegistryPort
from bot.model.change import Change
from bot.model.incident import Incident
from bot.model.request import Surface
from bot.reports.evidence import MAX_CHANGES, MAX_LOG_BYTES, Evidence, compose_evidence
from commands.changes.operations import OperationList
from commands.health.operation import Health
from commands.incidents.operations import IncidentList
from commands.log_lines.redaction import map_host_names
from commands.logs.collection import LOG_SOURCES, LogQuery, read_logs
from commands.logs.operations import LOG_HISTORY_LIMIT, LogCollect
from commands.model.operation import ignore_progress
from commands.model.report import Report
from commands.model.times import render_time, resolve_instant

MAX_LINES = 60_000
"""Limit of lines of all logs together; each log gets its share."""

MIN_LINES_PER_LOG, MAX_LINES_PER_LOG = 50, 1_000
"""Bounds of that share, however many logs there are."""


@dataclass(frozen=True)
class LogHandlers:
    """Handler of collected logs. `archives` lets one archive be made at a time."""

    changes: ChangeLifecycle
    incidents: IncidentRegistryPort
    archives: ArchiveQueue
    now: Callable[[], datetime]

    async def collect(self, operation: LogCollect, context: RequestContext) -> Report:
        """Gathers all evidence and packs it, when it is the turn of this request."""
        return await self.archives.make(_name_requester(context), lambda: self._gather(operation, context), compose_evidence)

    async def _gather(self, operation: LogCollect, context: RequestContext) -> Evidence:
        """Reads health and logs at once. Progress counts hosts whose logs are awaited: they take longer than health."""
        view, now = context.view, self.now()
        hosts = operation.resolve_hosts(view.fleet.inventory)
        tail, since = _share_lines(hosts), resolve_instant(operation.since, now, LOG_HISTORY_LIMIT)
        wanted = LogQuery(tail=tail, since=since, max_bytes=MAX_LOG_BYTES // max(1, len(hosts) * len(LOG_SOURCES)))
        quietly = replace(view, progress=ignore_progress)
        async with asyncio.TaskGroup() as group:
            health = group.create_task(Health(target=operation.target, details=True).read(quietly))
            logs = group.create_task(read_logs(hosts, LOG_SOURCES, wanted, view))
        return Evidence(
            target=str(operation.target),
            health=health.result(),
            logs=logs.result(),
            changes=await self._find_changes(hosts, since, context),
            incident=await self._find_incident(operation, context),
            since=since,
            typed=render_time(operation.since),
            tail=tail,
            at=now,
            names=map_host_names(view.fleet.inventory),
        )

    async def _find_changes(
        self, hosts: Sequence[Host], since: datetime, context: RequestContext
    ) -> Sequence[Change] | Refusal:
        """Changes of that time; the refusal where the requester may not ask for changes here."""
        verdict = context.judge(OperationList())
        if isinstance(verdict, Refusal):
            return verdict
        return await self.changes.list_touching([host.name for host in hosts], since, MAX_CHANGES + 1)

    async def _find_incident(self, operation: LogCollect, context: RequestContext) -> Incident | None:
        """The channel's incident, if the requester may ask for it here, and the answer stays here if it is private."""
        found = await self.incidents.find_open_in(context.channel) if context.may_request(IncidentList()) else None
        return found if found is not None and make_reader(operation, context).may_see(found) else None


def _name_requester(context: RequestContext) -> str:
    """Names the requester in the queue of archives. Each run of a schedule counts by itself: it cannot try again later."""
    return context.operation if context.requester.surface is Surface.SCHEDULE else context.actor


def _share_lines(hosts: Sequence[Host]) -> int:
    return max(MIN_LINES_PER_LOG, min(MAX_LINES_PER_LOG, MAX_LINES // max(1, len(hosts) * len(LOG_SOURCES))))
