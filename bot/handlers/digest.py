"""Handler for `digest`: gathers the input of the digest, and stores its findings for the next digest."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.handlers.context import RequestContext
from bot.handlers.ports import AuditLogPort, ChangeLifecycle, FleetHistory, LockRegistryPort
from bot.model.request import BotIdentity
from bot.reports.digest import CHART_DAYS, DigestInput, compose_digest, list_time_left, make_baseline
from bot.reports.digest_diff import Baseline
from commands.bot_state.changes import ApprovalList, OperationList
from commands.bot_state.locks import LockList
from commands.bot_state.reports import Digest
from commands.certs.operations import CertList
from commands.health import Health
from commands.model.chart import Chart
from commands.model.operation import ignore_progress
from commands.model.report import Report


@dataclass(frozen=True)
class DigestHandlers:
    """Handler of the digest."""

    changes: ChangeLifecycle
    locks: LockRegistryPort
    audit: AuditLogPort
    history: FleetHistory
    now: Callable[[], datetime]

    async def make_digest(self, operation: Digest, context: RequestContext) -> Report:
        """Reads all hosts and reports. The scheduled digest is stored; its check of the hosts is stored first."""
        health, certificates = await _read_fleet(context)
        at = self.now()
        scheduled = isinstance(context.requester.identity, BotIdentity)
        if scheduled:
            await self.history.record(health, at)
        seen = await self._gather(context, health, certificates, at)
        if scheduled:
            await self.history.store_digest(context.operation, at, make_baseline(seen).model_dump_json())
        return compose_digest(seen)

    async def _gather(self, context: RequestContext, health: Report, certificates: Report, at: datetime) -> DigestInput:
        """Adds locks, pending changes, audit state and earlier observations, as far as the requester may see them here."""
        hosts = tuple(host.name for host in context.inventory.hosts)
        earlier = Baseline.from_json(await self.history.find_previous_digest(context.operation, at))
        return DigestInput(
            at=at,
            hosts=hosts,
            health=health,
            certificates=certificates,
            locks=await self.locks.list_locks() if context.may_request(LockList()) else (),
            waiting=await self.changes.list_waiting() if context.may_request(ApprovalList()) else (),
            unknown=await self.changes.list_unknown() if context.may_request(OperationList()) else (),
            head=await self.audit.read_newest(),
            trouble=self.audit.trouble,
            earlier=earlier,
            since=None if earlier is None else await self.history.sum_by_host(earlier.at + timedelta(seconds=1), at),
            chart=await self._draw_chart(hosts, certificates, at),
        )

    async def _draw_chart(self, hosts: Sequence[str], certificates: Report, at: datetime) -> Chart | None:
        if not hosts:
            return None
        shown_days, healths = await self.history.read_days(hosts, at, CHART_DAYS)
        return Chart(days=shown_days, hosts=healths, certificates=list_time_left(certificates, at))


async def _read_fleet(context: RequestContext) -> tuple[Report, Report]:
    """Reads health and certificates of all hosts at once. The progress of health is shown, because it takes longer."""
    async with asyncio.TaskGroup() as group:
        health = group.create_task(Health().read(context.view))
        certificates = group.create_task(CertList().read(replace(context.view, progress=ignore_progress)))
    return health.result(), certificates.result()
