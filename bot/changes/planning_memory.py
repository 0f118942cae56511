"""Planning memory: what the bot itself knows that a plan may rely on, read anew for each plan."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from bot.model.change import ChangeState
from bot.store.backups import BackupTable
from bot.store.good_configurations import GoodConfigurationTable
from bot.store.operations import OperationTable
from bot.store.owed import OwedTable
from commands.model.certificates import KnownIdentities
from commands.model.operation import (
    Attest,
    FleetView,
    ReadOwn,
    Risk,
    UnknownChange,
    attest_nothing,
    refuse_own_read,
)
from commands.model.suspension import Suspension


async def find_none() -> Mapping[str, Suspension]:
    """Find no suspended hosts."""
    return {}


@dataclass(frozen=True)
class PlanningMemory:
    """Sources of what plans may know beside the hosts. `redact` removes secrets from the lines that approvers see.

    `read_identities` reads the ledger; it never raises. `add_rotation` adds the change of the CA that is under way
    (`bot.rotation.registry`), and raises a `DatabaseError` where its state is not known for sure. `read_own` performs a
    read on the bot itself; `attest` compares a row of `backups` with the audit log. `find_suspended` finds the
    suspended hosts by name.
    """

    owed: OwedTable
    good_configurations: GoodConfigurationTable
    operations: OperationTable
    backups: BackupTable
    redact: Callable[[str], str]
    read_identities: Callable[[], Awaitable[KnownIdentities]]
    add_rotation: Callable[[FleetView], Awaitable[FleetView]]
    read_own: ReadOwn = refuse_own_read
    attest: Attest = attest_nothing
    find_suspended: Callable[[], Awaitable[Mapping[str, Suspension]]] = find_none

    async def complete(self, view: FleetView) -> FleetView:
        """Complete the view of a plan. Raises `DatabaseError`."""
        return replace(
            await self.add_rotation(view),
            identities=await self.read_identities(),
            suspensions=await self.find_suspended(),
            owed=await self.owed.find_known(),
            good_configurations=await self.good_configurations.list_gateways(),
            backups=await self.backups.read_known(),
            read_backup=self.backups.find,
            critical_unknown=await self._find_critical_unknown(),
            redact=self.redact,
            read_own=self.read_own,
            attest=self.attest,
        )

    async def _find_critical_unknown(self) -> Mapping[str, UnknownChange]:
        unknown = await self.operations.list_in_states(ChangeState.UNKNOWN)
        return {
            record.operation: UnknownChange(record.words, record.plan.concerned_hosts)
            for record in unknown
            if record.risk is Risk.CRITICAL
        }
