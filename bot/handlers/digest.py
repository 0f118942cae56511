"""Handler for `digest`: gathers the input of the digest, and stores its findings for the next digest."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from adapters.errors import NotAsked
from adapters.phrase import Phrase
from bot.alerts.mutes import find_maintenance
from bot.alerts.ports import AlertReader
from bot.handlers.context import RequestContext
from bot.handlers.ports import (
    AuditLogPort,
    ChangeLifecycle,
    CheckRegistryPort,
    FleetHistory,
    LockRegistryPort,
    MuteRegistryPort,
    OwedRegistryPort,
)
from bot.model.request import BotIdentity
from bot.reports.copies import find_unable_copies
from bot.reports.digest import CHART_DAYS, DigestInput, compose_digest, make_baseline
from bot.reports.digest_diff import Baseline
from bot.reports.expiry import list_time_left
from bot.reports.mutes import AlertSight, build_mute_section
from commands.certificates.operations import CertList
from commands.certificates.rotation.next import describe_members
from commands.certificates.rotation.overview import CaRotation
from commands.changes.locks import LockList
from commands.changes.operations import ApprovalList, OperationList
from commands.changes.owed import OwedList
from commands.digests import Digest
from commands.health.disk_operation import DiskUsage
from commands.health.operation import Health
from commands.health.update_operation import UpdateList
from commands.hosts.operations import HostList
from commands.model.chart import Chart
from commands.model.check import Area, KnownChecks
from commands.model.finding import Finding
from commands.model.operation import FleetRead, ignore_progress
from commands.model.report import Report
from commands.replicas import CopyList


@dataclass(frozen=True)
class DigestHandlers:
    """Handler of the digest."""

    changes: ChangeLifecycle
    locks: LockRegistryPort
    audit: AuditLogPort
    history: FleetHistory
    checks: CheckRegistryPort
    mutes: MuteRegistryPort
    owed: OwedRegistryPort
    alerts: AlertReader
    now: Callable[[], datetime]

    async def make_digest(self, operation: Digest, context: RequestContext) -> Report:
        """Reads all hosts and reports. Disks and updates come from the newest checks.

        The scheduled digest is stored; its check of the hosts is stored first. It also checks disks and updates.
        """
        health, certificates = await self._read_both((Health(), CertList()), context)
        scheduled = isinstance(context.requester.identity, BotIdentity)
        if scheduled:
            await self._read_both((DiskUsage(), UpdateList()), context)
        at = self.now()
        if scheduled:
            await self.history.record(health, at)
        seen = await self._gather(context, health, certificates, at)
        if scheduled:
            await self.history.store_digest(context.operation, at, make_baseline(seen).model_dump_json())
        return compose_digest(seen)

    async def _gather(self, context: RequestContext, health: Report, certificates: Report, at: datetime) -> DigestInput:
        """Adds mutes, locks, pending changes, audit state and earlier observations, as far as the requester may see them."""
        hosts = tuple(host.name for host in context.inventory.hosts)
        mutes, inventory = await self.mutes.list_active(), context.inventory
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
            checks=await self._find_known(hosts, context),
            maintenance=find_maintenance(mutes, inventory, at),
            owed=await self.owed.list_open() if context.may_request(OwedList()) else (),
            muted=build_mute_section(mutes, AlertSight(await self.alerts.list_open(), inventory, at)),
            rotation=_describe_rotation(context),
            suspended=context.view.suspensions,
            removed=context.inventory.removed if context.may_request(HostList()) else (),
            copies=await _find_copies(context),
        )

    async def _find_known(self, hosts: Sequence[str], context: RequestContext) -> KnownChecks:
        areas = {Area.DISKS: DiskUsage(), Area.UPDATES: UpdateList()}
        return await self.checks.find_known(hosts, [area for area, read in areas.items() if context.may_request(read)])

    async def _read_both(self, reads: tuple[FleetRead, FleetRead], context: RequestContext) -> tuple[Report, Report]:
        """Reads all hosts twice at once, and stores the checks. The progress of the first, which takes longer, is shown."""
        began, (first, second) = self.now(), reads
        async with asyncio.TaskGroup() as group:
            shown = group.create_task(first.read(context.view))
            quiet = group.create_task(second.read(replace(context.view, progress=ignore_progress)))
        await self.checks.record(first, shown.result(), began, context.inventory)
        await self.checks.record(second, quiet.result(), began, context.inventory)
        return shown.result(), quiet.result()

    async def _draw_chart(self, hosts: Sequence[str], certificates: Report, at: datetime) -> Chart | None:
        if not hosts:
            return None
        shown_days, healths = await self.history.read_days(hosts, at, CHART_DAYS)
        return Chart(days=shown_days, hosts=healths, certificates=list_time_left(certificates, at))


async def _find_copies(context: RequestContext) -> tuple[Finding, ...]:
    """Finds the copies of the bot that could not take over, for a reader who may see them."""
    if not context.may_request(CopyList()):
        return ()
    try:
        return tuple(find_unable_copies(await context.config.read_copies()))
    except NotAsked:  # nothing runs here that has copies
        return ()


def _describe_rotation(context: RequestContext) -> Phrase | None:
    """Describes the change of the CA that is under way, for a reader who may see it."""
    rotation = context.view.rotation
    if rotation is None or not context.may_request(CaRotation()):
        return None
    return describe_members(rotation, context.inventory.hosts)
