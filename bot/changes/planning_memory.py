"""Planning memory: what the bot itself knows that a plan may rely on, read anew for each plan."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from bot.model.change import ChangeState
from bot.store.good_configurations import GoodConfigurationTable
from bot.store.operations import OperationTable
from bot.store.owed import OwedTable
from commands.model.operation import FleetView, Risk, UnknownChange


@dataclass(frozen=True)
class PlanningMemory:
    """Tables of what plans may know beside the hosts. `redact` removes secrets from the lines that approvers see."""

    owed: OwedTable
    good_configurations: GoodConfigurationTable
    operations: OperationTable
    redact: Callable[[str], str]

    async def complete(self, view: FleetView) -> FleetView:
        """Complete the view of a plan. Raises `DatabaseError`."""
        return replace(
            view,
            owed=await self.owed.find_known(),
            good_configurations=await self.good_configurations.list_gateways(),
            critical_unknown=await self._find_critical_unknown(),
            redact=self.redact,
        )

    async def _find_critical_unknown(self) -> Mapping[str, UnknownChange]:
        unknown = await self.operations.list_in_states(ChangeState.UNKNOWN)
        return {
            record.operation: UnknownChange(record.words, record.plan.concerned_hosts)
            for record in unknown
            if record.risk is Risk.CRITICAL
        }
