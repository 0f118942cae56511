"""Handlers for `host` and `host show`. No host is contacted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from adapters.inventory import Host, JoiningHost
from bot.access.policy import Permit
from bot.changes.ports import ChangeLifecycle, LockRegistryPort, OwedRegistryPort, RehearsalPort
from bot.changes.rules.locks import find_forbidding_lock
from bot.changes.rules.rehearsals import find_objection
from bot.hosts.handlers.joining import JoiningServices
from bot.hosts.reports.host import HostRights, KnownHosts, build_host_list, build_host_report
from bot.hosts.reports.stages import PreparationSight, build_joining_section, build_preparation_report, build_removed_section
from bot.hosts.rules.joining import MAX_CHANGES, Standing, find_newest_change, find_standing
from bot.model.change import Change
from bot.model.lock import Lock
from bot.model.rehearsal import Rehearsal
from bot.ports.context import RequestContext
from commands.certificates.outsiders import list_of_host
from commands.hosts.operations import HostList, HostShow
from commands.model.operation import FleetChange, Risk
from commands.model.report import Report


@dataclass(frozen=True)
class HostHandlers:
    """Handlers of the hosts as the bot knows them."""

    rehearsals: RehearsalPort
    owed: OwedRegistryPort
    changes: ChangeLifecycle
    locks: LockRegistryPort
    joining: JoiningServices
    now: Callable[[], datetime]

    async def list_hosts(self, operation: HostList, context: RequestContext) -> Report:
        hosts = context.inventory.hosts
        known = await self._find_known(hosts, context)
        report = build_host_list(hosts, known, self.now())
        added = build_joining_section(await self._find_standings(context.inventory.joining))
        removed = build_removed_section(context.inventory.removed, known.owed, self.now())
        sections = (*filter(None, (added,)), *report.sections, *filter(None, (removed,)))
        return report.model_copy(update={"sections": sections})

    async def show(self, operation: HostShow, context: RequestContext) -> Report:
        host = operation.resolve_hosts(context.inventory)[0]
        if (joining := context.inventory.find_joining(host.name)) is not None:
            ((_, standing),) = await self._find_standings((joining,))
            bot = self.joining.find_own_address(joining.windows_address)
            key = await self.joining.find_public_key(context.inventory, joining.labels)
            return build_preparation_report(PreparationSight(joining, context.inventory, standing, bot=bot, key=key))
        known = replace(
            await self._find_known((host,), context),
            locks=await self._find_locks(host, context),
            identities=list_of_host(context.view.identities, host),
            rights=find_rights(host, context),
        )
        return build_host_report(host, known, self.now())

    async def _find_locks(self, host: Host, context: RequestContext) -> tuple[Lock, ...]:
        """Find the locks that forbid changes on a host now."""
        found = await self.locks.list_locks()
        return tuple(each for each in found if find_forbidding_lock((each,), (host.name,), context.inventory, self.now()))

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


def find_rights(host: Host, context: RequestContext) -> HostRights:
    """Find the changes that the reader may request on a host, and how many approvals each risk needs there."""
    changes = tuple(
        " ".join(operation.words)
        for operation in context.permitted
        if issubclass(operation, FleetChange)
        and operation.is_about_hosts()
        and isinstance(context.judge_on(operation, (host,)), Permit)
    )
    rules = context.config.policy.approvals
    risks = (Risk.CHANGE, Risk.DISRUPT, Risk.CRITICAL)
    return HostRights(changes, {risk: rules.combine_rules(risk, (host,))[1].approvers for risk in risks})
