"""Reads what is still open on the hosts of an incident, from stored rows alone: no host is asked."""

from dataclasses import dataclass

from adapters.inventory import Inventory
from bot.access.policy import Permit
from bot.alerts.ports import AlertRegistryPort
from bot.changes.ports import ChangeLifecycle, OwedRegistryPort
from bot.digests.ports import CheckRegistryPort
from bot.incidents.handlers.audience import find_named_hosts
from bot.incidents.reports.obstacles import Concerns, Obstacle, list_obstacles
from bot.model.incident import Incident
from bot.ports.context import RequestContext
from commands.alerts.operations import AlertShow
from commands.changes.operations import OperationShow
from commands.changes.owed import OwedList
from commands.health.operation import Health
from commands.model.check import Area
from commands.model.operation import Operation
from commands.values.arguments import find_meant_names

_OPERATIONS: dict[str, type[Operation]] = {
    "alert": AlertShow,
    "check": Health,
    "change": OperationShow,
    "owed": OwedList,
}
"""Operation whose right shows an obstacle, by the first word of its key."""


@dataclass(frozen=True)
class ConcernReader:
    """Reads the obstacles of incidents."""

    alerts: AlertRegistryPort
    checks: CheckRegistryPort
    changes: ChangeLifecycle
    owed: OwedRegistryPort

    async def read(self, incident: Incident, inventory: Inventory) -> tuple[Obstacle, ...]:
        """Reads what is still open on the hosts of an incident, and its own alerts."""
        names = find_meant_names(incident.target, inventory)
        known = await self.checks.find_known(names, (Area.SERVICES,))
        changes = (*await self.changes.list_running(), *await self.changes.list_unknown())
        concerns = Concerns(
            alerts=[each for each in await self.alerts.list_open() if each.host in names or each.number in incident.alerts],
            checks=[
                check for (host, area), check in sorted(known.newest.items()) if area is Area.SERVICES and host in names
            ],
            changes=[each for each in changes if names & set(each.plan.concerned_hosts)],
            owed=[each for each in await self.owed.list_open() if each.host in names],
        )
        return tuple(list_obstacles(concerns))


def may_see_obstacle(obstacle: Obstacle, context: RequestContext) -> bool:
    """Returns whether the requester may see an obstacle: all hosts count for one that has left the configuration."""
    operation = _OPERATIONS[obstacle.key.partition(":")[0]]
    return isinstance(context.judge_on(operation, find_named_hosts(obstacle.hosts, context.inventory)), Permit)
