"""Requests for a round of a rotation: the hosts that it is asked for, and those that it goes on without."""

from typing import Annotated, ClassVar

from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from commands.model.check import Area
from commands.model.finding import list_some
from commands.model.operation import CannotPlan, FleetChange, FleetView, Risk
from commands.model.rotation import Rotation
from commands.values.arguments import NO_TARGET, Option, Target


def _parse_hosts(text: str) -> Target:
    return Target.parse((text,))


OnlyOption = Annotated[Target, Option("hosts", Phrase("only these hosts, such as one that is owed this"), _parse_hosts, str)]

LeaveOption = Annotated[
    Target, Option("hosts", Phrase("go on without these hosts: they are cut off until they return"), _parse_hosts, str)
]


class RotationRound(FleetChange):
    """A round of the change of the CA, of all hosts that are due, or `only` of some. It goes on without those of `leave`."""

    affects: ClassVar = frozenset({Area.SERVICES, Area.CERTIFICATES})

    only: OnlyOption = NO_TARGET
    leave: LeaveOption = NO_TARGET

    @property
    def assessed_risk(self) -> Risk:
        """Risk of this request. A host that is left behind is cut off."""
        return self.risk if self.leave == NO_TARGET else Risk.CRITICAL

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        return inventory.hosts if self.only == NO_TARGET else self.only.resolve(inventory)

    def restrict_to(self, names: tuple[str, ...]) -> "RotationRound":
        """Returns the same round for these hosts. What is owed to a host that was left behind leaves none behind."""
        leave = self.leave if set(names) - set(self.leave.parts) else NO_TARGET
        return self.model_copy(update={"only": Target(parts=names), "leave": leave})

    def find_left(self, inventory: Inventory) -> frozenset[str]:
        """Finds the hosts to leave behind. Raises `NoSuchHost`, or `CannotPlan` for the lighthouse."""
        left = () if self.leave == NO_TARGET else self.leave.resolve(inventory)
        for host in left:
            if host.lighthouse:
                raise CannotPlan(Phrase("{host} signs, so it cannot be left behind", host=host.name))
        return frozenset(host.name for host in left)


def require_rotation(view: FleetView, only: Target) -> Rotation:
    """Returns the change of the CA that is under way. Raises `CannotPlan` if there is none.

    What is owed to a host that was left behind outlives the rotation. It must not lead to another one.
    """
    if view.rotation is not None and not view.rotation.stage.ended:
        return view.rotation
    if only == NO_TARGET:
        raise CannotPlan(Phrase("the CA is not being changed. Begin with {words}", words="ca rotation start"))
    inventory = view.fleet.inventory
    names = [host.name for host in only.resolve(inventory)]
    raise CannotPlan(
        Phrase(
            "the CA is not being changed. If {hosts} has had no tunnel since the last change, copy the file of CAs of "
            "{lighthouse} there, restart Nebula, then run {words}",
            hosts=list_some(names),
            lighthouse=next((host.name for host in inventory.hosts if host.lighthouse), "?"),
            words=f"cert renew {','.join(names)}",
        )
    )
