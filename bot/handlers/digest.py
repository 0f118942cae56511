"""Handler for `digest`: gathers what the report needs and remembers it for the next one."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.handlers.context import Asked
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


async def digest(operation: Digest, asked: Asked) -> Report:
    """Look at everything and tell; the bot's own is kept, its look at the hosts before anything is made of it."""
    health, certificates = await _look(asked)
    at = asked.now()
    own = isinstance(asked.by.identity, BotIdentity)
    if own:
        await asked.history.record(health, at)
    seen = await _gather(asked, health, certificates, at)
    if own:
        await asked.history.keep(asked.operation, at, baseline(seen).model_dump_json())
    return composed(seen)


async def _look(asked: Asked) -> tuple[Report, Report]:
    """Health and certificates of all hosts at once; health has the longer way, so its progress is what is told."""
    async with asyncio.TaskGroup() as group:
        health = group.create_task(Health().read(asked.view))
        certificates = group.create_task(Cert().read(replace(asked.view, progress=untold)))
    return health.result(), certificates.result()


async def _gather(asked: Asked, health: Report, certificates: Report, at: datetime) -> Seen:
    """What the bot itself knows beside it, as far as it may be asked for there by itself."""
    hosts = tuple(host.name for host in asked.inventory.hosts)
    earlier = Baseline.read(await asked.history.earlier(asked.operation, at))
    return Seen(
        at=at,
        hosts=hosts,
        health=health,
        certificates=certificates,
        locks=await asked.locks.all() if asked.may(Locks()) else (),
        waiting=await asked.changes.waiting() if asked.may(Approvals()) else (),
        unknown=await asked.changes.unknown() if asked.may(Operations()) else (),
        head=await asked.audit.newest(),
        trouble=asked.audit.trouble,
        earlier=earlier,
        since=None if earlier is None else await asked.history.sums(earlier.at + timedelta(seconds=1), at),
        chart=await _chart(asked, hosts, certificates, at),
    )


async def _chart(asked: Asked, hosts: Sequence[str], certificates: Report, at: datetime) -> Chart | None:
    if not hosts:
        return None
    shown_days, healths = await asked.history.days(hosts, at, PICTURED)
    return Chart(days=shown_days, hosts=healths, certificates=left(certificates, at))
