"""Handlers for `host` and `host show`. No host is contacted."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.handlers.context import RequestContext
from bot.handlers.ports import OwedRegistryPort, RehearsalPort
from bot.reports.hosts import build_host_list, build_host_report
from commands.bot_state.hosts import HostList, HostShow
from commands.model.report import Report


@dataclass(frozen=True)
class HostHandlers:
    """Handlers of the hosts as the bot knows them."""

    rehearsals: RehearsalPort
    owed: OwedRegistryPort
    now: Callable[[], datetime]

    async def list_hosts(self, operation: HostList, context: RequestContext) -> Report:
        hosts = context.inventory.hosts
        known = await self.rehearsals.find_by_host([host.name for host in hosts])
        return build_host_list(hosts, known, await self.owed.list_open(), self.now())

    async def show(self, operation: HostShow, context: RequestContext) -> Report:
        host = operation.resolve_hosts(context.inventory)[0]
        known = await self.rehearsals.find_by_host([host.name])
        owed = tuple(each for each in await self.owed.list_open() if each.host == host.name)
        return build_host_report(host, known.get(host.name), owed, self.now())
