"""Planning memory: what the bot itself knows that a plan may rely on, read anew for each plan."""

from dataclasses import dataclass, replace

from bot.store.owed import OwedTable
from commands.model.operation import FleetView


@dataclass(frozen=True)
class PlanningMemory:
    """Tables of what plans may know beside the hosts."""

    owed: OwedTable

    async def complete(self, view: FleetView) -> FleetView:
        """Complete the view of a plan. Raises `DatabaseError`."""
        return replace(view, owed=await self.owed.find_known())
