"""Handlers for `host` and `host show`. No host is contacted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.inventory import Host
from bot.handlers.context import RequestContext
from bot.handlers.ports import OwedRegistryPort, RehearsalPort
from bot.reports.hosts import KnownHosts, build_host_list, build_host_report
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
        return build_host_list(hosts, await self._find_known(hosts, context), self.now())

    async def show(self, operation: HostShow, context: RequestContext) -> Report:
        host = operation.resolve_hosts(context.inventory)[0]
        return build_host_report(host, await self._find_known((host,), context), self.now())

    async def _find_known(self, hosts: Sequence[Host], context: RequestContext) -> KnownHosts:
        rehearsals = await self.rehearsals.find_by_host([host.name for host in hosts])
        return KnownHosts(rehearsals, await self.owed.list_open(), context.view.suspensions)
