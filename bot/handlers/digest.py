"""Handler for `digest`: gathers what the report needs and remembers it for the next one."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.handlers.context import RequestContext
from bot.handlers.ports import AuditTrail, ChangeLifecycle, FleetHistory, LockRepository
from bot.model.request import BotIdentity
from bot.reports.digest import PICTURED, Seen, baseline, composed, left
from bot.reports.digest_diff import Baseline
from commands.bot_state.changes import Approvals, Operations
from commands.bot_state.locks import Locks
from commands.bot_state.reports import Digest
from commands.certs.operations import Cert
from commands.health import Health
from commands.model.chart import Chart
from commands.model.operation import untold
from commands.model.report import Report


@dataclass(frozen=True)
class DigestHandlers:
    """Handler of the digest."""

    changes: ChangeLifecycle
    locks: LockRepository
    audit: AuditTrail
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
            await self.history.keep(context.operation, at, baseline(seen).model_dump_json())
        return composed(seen)

    async def _gather(self, context: RequestContext, health: Report, certificates: Report, at: datetime) -> Seen:
        """Adds what the bot itself knows, as far as the requester may ask for it here."""
        hosts = tuple(host.name for host in context.inventory.hosts)
        earlier = Baseline.read(await self.history.earlier(context.operation, at))
        return Seen(
            at=at,
            hosts=hosts,
            health=health,
            certificates=certificates,
            locks=await self.locks.all() if context.may(Locks()) else (),
            waiting=await self.changes.waiting() if context.may(Approvals()) else (),
            unknown=await self.changes.unknown() if context.may(Operations()) else (),
            head=await self.audit.newest(),
            trouble=self.audit.trouble,
            earlier=earlier,
            since=None if earlier is None else await self.history.sums(earlier.at + timedelta(seconds=1), at),
            chart=await self._draw_chart(hosts, certificates, at),
        )

    async def _draw_chart(self, hosts: Sequence[str], certificates: Report, at: datetime) -> Chart | None:
        if not hosts:
            return None
        shown_days, healths = await self.history.days(hosts, at, PICTURED)
        return Chart(days=shown_days, hosts=healths, certificates=left(certificates, at))


async def _read_fleet(context: RequestContext) -> tuple[Report, Report]:
    """Reads health and certificates of all hosts at once. Health takes longer, so its progress is what is shown."""
    async with asyncio.TaskGroup() as group:
        health = group.create_task(Health().read(context.view))
        certificates = group.create_task(Cert().read(replace(context.view, progress=untold)))
    return health.result(), certificates.result()
