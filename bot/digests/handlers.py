"""Handler for `digest`: gathers the input of the digest, and stores its findings for the next digest.

Handlers for `report weekly` and `report monthly`: gather the input of a report; `bot.digests.reports` composes it.

report weekly   disks, health and certificates of all hosts, at once ─▶ WeeklyInput ─▶ Report
report monthly  updates of all hosts, and the stored data of the month ─▶ MonthlyInput ─▶ Report
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from adapters.errors import NotAsked
from adapters.phrase import Phrase
from bot.alerts.ports import AlertReader, AlertRegistryPort, MuteRegistryPort, TrafficPort
from bot.alerts.reports.mutes import AlertSight, build_mute_section
from bot.alerts.rules.mutes import find_maintenance
from bot.audit.ports import AuditLogPort
from bot.backups.ports import BackupVerifierPort
from bot.changes.ports import ChangeLifecycle, LockRegistryPort, OwedRegistryPort
from bot.digests.ports import CheckRegistryPort, FleetHistory
from bot.digests.reports import monthly as of_month
from bot.digests.reports import weekly as of_week
from bot.digests.reports.daily import CHART_DAYS, DigestInput, compose_digest, make_baseline
from bot.digests.reports.monthly_sections import add_traffic
from bot.digests.reports.replicas import find_unable_copies
from bot.digests.rules import Baseline, list_time_left
from bot.model.month import Month
from bot.model.request import BotIdentity
from bot.ports.context import RequestContext
from bot.schedules.ports import ScheduleRegistryPort
from bot.store.observations import Observation
from commands.alerts.operations import AlertList
from commands.alerts.traffic import TrafficCount
from commands.backups.verify import BackupVerify
from commands.certificates.operations import CertList
from commands.certificates.rotation.next import describe_members
from commands.certificates.rotation.overview import CaRotation
from commands.changes.locks import LockList
from commands.changes.operations import ApprovalList, OperationList
from commands.changes.owed import OwedList
from commands.digests import Digest, MonthlyReport, WeeklyReport
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
from commands.schedules import ScheduleList


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


@dataclass(frozen=True)
class ReportHandlers:
    """Handlers of regular reports."""

    changes: ChangeLifecycle
    schedules: ScheduleRegistryPort
    history: FleetHistory
    mutes: MuteRegistryPort
    alerts: AlertRegistryPort
    traffic: TrafficPort
    backups: BackupVerifierPort
    now: Callable[[], datetime]

    async def make_weekly(self, operation: WeeklyReport, context: RequestContext) -> Report:
        """Reads all hosts. The progress of health is shown, because it takes longest."""
        quietly = replace(context.view, progress=ignore_progress)
        async with asyncio.TaskGroup() as group:
            health = group.create_task(Health().read(context.view))
            disks = group.create_task(DiskUsage().read(quietly))
            certificates = group.create_task(CertList().read(quietly))
        at, inventory = self.now(), context.inventory
        maintenance = find_maintenance(await self.mutes.list_active(), inventory, at)
        return of_week.compose_weekly_report(
            of_week.WeeklyInput(at, health.result(), disks.result(), certificates.result(), maintenance)
        )

    async def make_monthly(self, operation: MonthlyReport, context: RequestContext) -> Report:
        """Reads the pending updates, and the stored data of the month that the requester may see here."""
        month = Month.from_name(operation.month, ZoneInfo(context.config.schedule_config.zone), self.now())
        async with asyncio.TaskGroup() as group:
            updates = group.create_task(UpdateList().read(context.view))
            looks = group.create_task(self._sum_checks(month))
            traffic = group.create_task(self._sum_traffic(month))
        seen, days = looks.result()
        may_changes, may_schedules = context.may_request(OperationList()), context.may_request(ScheduleList())
        may_alerts = context.may_request(AlertList())
        return of_month.compose_monthly_report(
            of_month.MonthlyInput(
                month=month,
                gateways={host.name: host.gateway is not None for host in context.inventory.hosts},
                updates=updates.result(),
                observations=seen,
                days=days,
                changes=await self.changes.list_ended(month.begin, month.end) if may_changes else None,
                runs=await self.schedules.count_outcomes(month.begin, month.end) if may_schedules else None,
                traffic=traffic.result(),
                alerts=await self.alerts.list_durations(month.begin, month.end) if may_alerts else None,
                backups=await self.backups.read_known() if context.may_request(BackupVerify()) else None,
            )
        )

    async def _sum_traffic(self, month: Month) -> Mapping[str, TrafficCount]:
        """Sums the requests of each gateway in that month, day by day as `_sum_checks`."""
        return add_traffic([await self.traffic.sum_by_host(begin, end) for begin, end in month.days])

    async def _sum_checks(self, month: Month) -> tuple[Mapping[str, Observation], int]:
        """Sums the checks of each host in that month, and counts the days that had any.

        It reads day by day, so that other requests get their turn.
        """
        total: dict[str, Observation] = {}
        days = 0
        for begin, end in month.days:
            seen = await self.history.sum_by_host(begin, end)
            days += bool(seen)
            for host, looks in seen.items():
                total[host] = total[host] + looks if host in total else looks
        return total, days
