"""`host remove`: removes a host for good, with identities that no one can use afterwards.

    peers off at the other gateways ─▶ OpenResty stopped ─▶ all its certificates blocked, the lighthouse first, one at a time
      ─▶ Nebula stopped and disabled ─▶ keys wiped ─▶ registrations forgotten ─▶ tombstone

What is done stays, and the same command goes on. Of a host that is away, its share is owed: `host remove H --on T`.
"""

from typing import Annotated, ClassVar

from adapters.action import BOT_NAME
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from commands.hosts.remove.arguments import ContainersOption, HostArgument, OnOption, Removal, find_removal, list_others
from commands.hosts.remove.facts import OwnSight, read_own
from commands.hosts.remove.obstacles import find_container_obstacle, find_doubt, find_fleet_obstacle, find_road_obstacle
from commands.hosts.remove.plan import RemovalRequest, is_reserved_only, plan_release, plan_removal, plan_share
from commands.hosts.suspend.own_host import require_other_machine
from commands.hosts.suspend.records import REMOVE_WORDS
from commands.model.operation import CannotPlan, FleetChange, FleetView, Risk, Role
from commands.model.owed import Matter
from commands.model.plan import PlannedChange
from commands.values.arguments import NO_TARGET, Flag, Target


class HostRemove(FleetChange):
    """Remove one host for good: a member, one that is being added, or what is owed of one that was removed."""

    words: ClassVar = tuple(REMOVE_WORDS.split())
    risk: ClassVar = Risk.CRITICAL
    roles: ClassVar = frozenset({Role.ADMINISTRATOR})
    matter: ClassVar = Matter.REVOCATION
    acts_on_suspended: ClassVar = True
    summary: ClassVar = Phrase(
        "remove a host for good: every other host refuses all its certificates, and its keys are wiped"
    )
    example: ClassVar = 'host remove host-c --lost --reason "disk failure"'
    label: ClassVar = Phrase("remove {host} for good", host="…")

    host: HostArgument
    lost: Annotated[bool, Flag(Phrase("the host is gone or stolen: it is not touched, and the others refuse it"))] = False
    lose: ContainersOption = ()
    on: OnOption = NO_TARGET
    password_changed: Annotated[
        bool, Flag(Phrase("only confirm that the WinRM password which this removed host knew was changed"))
    ] = False

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        removal = find_removal(self.host, inventory)
        if self.password_changed:
            return (removal.known,)
        if self.on != NO_TARGET:
            return tuple(host for host in self.on.resolve(inventory) if host.name != removal.name)
        return (*(() if removal.host is None else (removal.host,)), *list_others(removal, inventory))

    def restrict_to(self, names: tuple[str, ...]) -> "HostRemove":
        """Returns the share of other hosts. What includes the host itself, or its tombstone, is the whole removal."""
        if {str(self.host), BOT_NAME} & set(names):
            return self
        return self.model_copy(update={"on": Target(parts=names), "lost": False, "lose": ()})

    async def plan(self, view: FleetView) -> PlannedChange:
        inventory = view.fleet.inventory
        removal = find_removal(self.host, inventory)
        if self.password_changed:
            raise CannotPlan(Phrase("{host} shares no password that must be changed", host=removal.name))
        if (obstacle := find_fleet_obstacle(removal, inventory)) is not None:
            if self.on != NO_TARGET or not is_reserved_only(removal, view):
                raise CannotPlan(obstacle)
            return await plan_release(self, removal, view)
        if (doubt := find_doubt(removal.name, view.critical_unknown)) is not None:
            raise CannotPlan(doubt)
        if self.on != NO_TARGET:
            return await plan_share(RemovalRequest(self, removal, None, lost=True), self.resolve_hosts(inventory), view)
        if removal.removed is not None:
            raise CannotPlan(
                Phrase(
                    "{host} was removed already. For a host that does not refuse it yet, run {words}",
                    host=removal.name,
                    words=f"host remove {removal.name} --on …",
                )
            )
        own = await self._look_at_host(removal, view)
        return await plan_removal(RemovalRequest(self, removal, own, lost=self.lost), view)

    async def _look_at_host(self, removal: Removal, view: FleetView) -> OwnSight | None:
        """Looks at the host; None if it is not touched. Raises `CannotPlan` if it must not be removed."""
        host = removal.host
        if host is None or (removal.joining is not None and host.windows is None):
            return None
        await require_other_machine(host, view)
        if self.lost:
            return None
        if (why := find_road_obstacle(host)) is not None:
            raise CannotPlan(why)
        own = await read_own(host, view)
        if (why := find_container_obstacle(host.name, own.running, self.lose)) is not None:
            raise CannotPlan(why)
        return own
