"""Who makes reports of a week and of a month: what they need is gathered here, and told in `bot.reports.weekly` and
`bot.reports.monthly`.

report weekly   disks, health and certificates of all hosts, at once ─▶ Week ─▶ Report
report monthly  updates of all hosts, beside them what the bot keeps of the month ─▶ Seen ─▶ Report
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.reports import monthly as of_month
from bot.reports import weekly as of_week
from bot.reports.month import Month
from bot.store.observations import Observation
from commands.bot_state.changes import Operations
from commands.bot_state.reports import MonthlyReport, WeeklyReport
from commands.bot_state.schedules import Schedules
from commands.certs.operations import Cert
from commands.disks.operations import Disk
from commands.health import Health
from commands.model.operation import untold
from commands.model.report import Report
from commands.updates.operations import Updates

if TYPE_CHECKING:
    from bot.handlers.context import Asked


async def weekly(operation: WeeklyReport, asked: "Asked") -> Report:
    """Look at all hosts and tell; health has the longest way, so its progress is what is told."""
    quietly = replace(asked.view, progress=untold)
    async with asyncio.TaskGroup() as group:
        health = group.create_task(Health().read(asked.view))
        disks = group.create_task(Disk().read(quietly))
        certificates = group.create_task(Cert().read(quietly))
    return of_week.composed(of_week.Week(asked.now(), health.result(), disks.result(), certificates.result()))


async def monthly(operation: MonthlyReport, asked: "Asked") -> Report:
    """Tell of a month what the bot keeps, as far as it may be asked for there by itself, and look for updates now."""
    month = Month.of(operation.month, ZoneInfo(asked.usual[0]), asked.now())
    async with asyncio.TaskGroup() as group:
        updates = group.create_task(Updates().read(asked.view))
        looks = group.create_task(_looks(month, asked))
    seen, days = looks.result()
    return of_month.composed(
        of_month.Seen(
            month=month,
            gateways={host.name: host.gateway is not None for host in asked.inventory.hosts},
            updates=updates.result(),
            looks=seen,
            days=days,
            changes=await asked.changes.ended(month.begin, month.end) if asked.may(Operations()) else None,
            runs=await asked.schedules.tallies(month.begin, month.end) if asked.may(Schedules()) else None,
        )
    )


async def _looks(month: Month, asked: "Asked") -> tuple[Mapping[str, Observation], int]:
    """The looks at each host in that month, and on how many of its days there was any. Day by day: others get their turn."""
    total: dict[str, Observation] = {}
    days = 0
    for begin, end in month.days:
        seen = await asked.history.sums(begin, end)
        days += bool(seen)
        for host, looks in seen.items():
            total[host] = total[host] + looks if host in total else looks
    return total, days
