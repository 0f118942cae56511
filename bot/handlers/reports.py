"""Handlers for `report weekly` and `report monthly`: gather the input of a report; `bot.reports` composes it.

report weekly   disks, health and certificates of all hosts, at once ─▶ WeeklyInput ─▶ Report
report monthly  updates of all hosts, and the stored data of the month ─▶ MonthlyInput ─▶ Report
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.alerts.mutes import find_maintenance
from bot.handlers.context import RequestContext
from bot.handlers.ports import (
    AlertRegistryPort,
    BackupVerifierPort,
    ChangeLifecycle,
    FleetHistory,
    MuteRegistryPort,
    ScheduleRegistryPort,
    TrafficPort,
)
from bot.reports import monthly as of_month
from bot.reports import weekly as of_week
from bot.reports.month import Month
from bot.reports.monthly_traffic import add_traffic
from bot.store.observations import Observation
from commands.alerts.operations import AlertList
from commands.alerts.traffic import TrafficCount
from commands.backups.verify import BackupVerify
from commands.certificates.operations import CertList
from commands.changes.operations import OperationList
from commands.digests import MonthlyReport, WeeklyReport
from commands.health.disk_operation import DiskUsage
from commands.health.operation import Health
from commands.health.update_operation import UpdateList
from commands.model.operation import ignore_progress
from commands.model.report import Report
from commands.schedules import ScheduleList


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
