"""Handlers for `host` and `host show`. No host is contacted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.inventory import Host, JoiningHost
from bot.changes.rehearsal_rules import find_objection
from bot.handlers.context import RequestContext
from bot.handlers.ports import ChangeLifecycle, OwedRegistryPort, RehearsalPort
from bot.joining.standing import MAX_CHANGES, Standing, find_newest_change, find_standing
from bot.model.change import Change
from bot.model.rehearsal import Rehearsal
from bot.reports.hosts import KnownHosts, build_host_list, build_host_report
from bot.reports.joining import PreparationSight, build_joining_section, build_preparation_report
from commands.bot_state.hosts import HostList, HostShow
from commands.model.report import Report


@dataclass(frozen=True)
class HostHandlers:
    """Handlers of the hosts as the bot knows them."""

    rehearsals: RehearsalPort
    owed: OwedRegistryPort
    changes: ChangeLifecycle
    now: Callable[[], datetime]

    async def list_hosts(self, operation: HostList, context: RequestContext) -> Report:
        hosts = context.inventory.hosts
        report = build_host_list(hosts, await self._find_known(hosts, context), self.now())
        added = build_joining_section(await self._find_standings(context.inventory.joining))
        return report if added is None else report.model_copy(update={"sections": (added, *report.sections)})

    async def show(self, operation: HostShow, context: RequestContext) -> Report:
        host = operation.resolve_hosts(context.inventory)[0]
        if (joining := context.inventory.find_joining(host.name)) is not None:
            ((_, standing),) = await self._find_standings((joining,))
            return build_preparation_report(PreparationSight(joining, context.inventory, standing))
        return build_host_report(host, await self._find_known((host,), context), self.now())

    async def _find_standings(self, hosts: Sequence[JoiningHost]) -> tuple[tuple[JoiningHost, Standing], ...]:
        """Find what each host that is being added waits for."""
        if not hosts:
            return ()
        names = [each.name for each in hosts]
        rehearsals = await self.rehearsals.find_by_host(names)
        changes = await self.changes.list_touching(names, min(each.since for each in hosts), MAX_CHANGES)
        return tuple((each, self._judge(each, rehearsals.get(each.name), changes)) for each in hosts)

    def _judge(self, joining: JoiningHost, rehearsal: Rehearsal | None, changes: Sequence[Change]) -> Standing:
        """Judge where a host stands. `changes` are the newest first."""
        host = joining.host
        objection = None if host is None else find_objection(host, rehearsal, self.now())
        return find_standing(joining, objection, find_newest_change(joining, changes))

    async def _find_known(self, hosts: Sequence[Host], context: RequestContext) -> KnownHosts:
        rehearsals = await self.rehearsals.find_by_host([host.name for host in hosts])
        return KnownHosts(rehearsals, await self.owed.list_open(), context.view.suspensions)
