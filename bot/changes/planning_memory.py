"""Planning memory: what the bot itself knows that a plan may rely on, read anew for each plan."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.store.good_configurations import GoodConfigurationTable
from bot.store.owed import OwedTable
from commands.model.operation import FleetView


@dataclass(frozen=True)
class PlanningMemory:
    """Tables of what plans may know beside the hosts. `redact` removes secrets from the lines that approvers see."""

    owed: OwedTable
    good_configurations: GoodConfigurationTable
    redact: Callable[[str], str]

    async def complete(self, view: FleetView) -> FleetView:
        """Complete the view of a plan. Raises `DatabaseError`."""
        return replace(
            view,
            owed=await self.owed.find_known(),
            good_configurations=await self.good_configurations.list_gateways(),
            redact=self.redact,
        )
