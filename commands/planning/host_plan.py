"""Assembles the plan of several hosts from one value for each host. Pure.

HostPlan | UnchangedHost | LeftOutHost, one for each host ─ assemble ─▶ PlannedChange (the lighthouse last, endpoints)
"""

from collections.abc import Iterable
from dataclasses import dataclass

from adapters.inventory import Inventory
from adapters.phrase import Phrase
from commands.model.operation import CannotPlan, FleetChange
from commands.model.plan import LeftOutHost, Part, Plan, PlannedChange, Premise, collect_endpoints


@dataclass(frozen=True)
class HostPlan:
    """One host's share of a plan: its part, and the texts for the approver.

    `leading_premises` come before the `premises` of any host.
    """

    part: Part
    premises: tuple[Premise, ...] = ()
    disrupts: tuple[Phrase, ...] = ()
    warnings: tuple[Phrase, ...] = ()
    leading_premises: tuple[Premise, ...] = ()

    @property
    def host(self) -> str:
        return self.part.host


@dataclass(frozen=True)
class UnchangedHost:
    """A host that is in the wanted state already. It is left out, and is no reason to refuse the plan."""

    host: str
    why: Phrase


def assemble(
    operation: FleetChange,
    planned: Iterable[HostPlan | UnchangedHost | LeftOutHost],
    inventory: Inventory,
    premises: tuple[Premise, ...] = (),
) -> PlannedChange:
    """Assembles a plan: hosts in the given order, the lighthouse last; `premises` are those of the whole plan.

    Raises `CannotPlan` if no host has a part and at least one could not be planned. If all are in the wanted state already,
    the plan has no steps.
    """
    lighthouses = {host.name for host in inventory.hosts if host.lighthouse}
    ordered = sorted(planned, key=lambda each: each.host in lighthouses)
    able = [each for each in ordered if isinstance(each, HostPlan)]
    left_out = tuple(LeftOutHost(host=each.host, why=each.why) for each in ordered if not isinstance(each, HostPlan))
    if not able and any(isinstance(each, LeftOutHost) for each in ordered):
        raise CannotPlan.from_left_out(left_out)
    parts = tuple(each.part for each in able)
    plan = Plan(
        parts=parts,
        premises=(
            *premises,
            *(premise for each in able for premise in each.leading_premises),
            *(premise for each in able for premise in each.premises),
        ),
        roads=tuple(collect_endpoints(parts, inventory)),
        disrupts=tuple(phrase for each in able for phrase in each.disrupts),
        warnings=tuple(phrase for each in able for phrase in each.warnings),
        left_out=left_out,
    )
    return PlannedChange(arguments=operation.restrict_to(tuple(part.host for part in parts)).resolved_arguments, plan=plan)
