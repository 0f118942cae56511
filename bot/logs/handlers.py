"""Handler for `log collect`: gathers all evidence of some hosts; `bot.logs.reports` packs it.

hosts ─┬─ health with its details ──────┐
       ├─ every log, all at once ───────┼─▶ Evidence ─ packed in a thread ─▶ Report with one ZIP
       └─ changes, the channel's incident ┘

Archive queue: makes one archive at a time, because memory is limited, and accepts at most one per requester.

asker ─┬─ one of theirs is being made, or waits ─▶ AlreadyQueued
       └─ turn ─ gather ─▶ evidence ─ pack, in a thread ─▶ Report, and the turn ends with the thread
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from adapters.errors import Refused
from adapters.inventory import Host
from adapters.phrase import Phrase
from bot.access.policy import Refusal
from bot.changes.ports import ChangeLifecycle
from bot.incidents.handlers.audience import make_reader
from bot.incidents.ports import IncidentRegistryPort
from bot.logs.reports import MAX_CHANGES, MAX_LOG_BYTES, Evidence, compose_evidence
from bot.model.change import Change
from bot.model.incident import Incident
from bot.model.request import Surface
from bot.ports.context import RequestContext
from commands.changes.operations import OperationList
from commands.health.operation import Health
from commands.incidents.operations import IncidentList
from commands.log_lines.redaction import map_host_names
from commands.logs.collection import LOG_SOURCES, LogQuery, read_logs
from commands.logs.operations import LOG_HISTORY_LIMIT, LogCollect
from commands.model.operation import ignore_progress
from commands.model.report import Report
from commands.model.times import render_time, resolve_instant

Made = TypeVar("Made")


class AlreadyQueued(Refused):
    """An archive of the same asker is being made, or waits for its turn."""


class ArchiveQueue:
    """Queue of archives that are being made or wait for their turn."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._askers: set[str] = set()

    async def make(self, asker: str, gather: Callable[[], Awaitable[Made]], pack: Callable[[Made], Report]) -> Report:
        """Gathers data and packs it in a thread. Raises `AlreadyQueued` if the requester has an archive in the queue.

        The gathered data is most of the memory of an archive, so it is gathered only when its turn comes. A thread cannot
        be stopped: a cancelled requester leaves at once, and the next turn begins when the thread has ended.
        """
        with ExitStack() as turn:
            turn.enter_context(self._take_turn(asker))
            await self._turn.acquire()
            turn.callback(self._turn.release)
            packing = asyncio.ensure_future(asyncio.to_thread(pack, await gather()))
            rest = turn.pop_all()
            packing.add_done_callback(lambda _: rest.close())
            return await asyncio.shield(packing)

    @contextmanager
    def _take_turn(self, asker: str) -> Iterator[None]:
        if asker in self._askers:
            raise AlreadyQueued(Phrase("your archive is still being created. Wait for it, then try again"))
        self._askers.add(asker)
        try:
            yield
        finally:
            self._askers.remove(asker)


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
