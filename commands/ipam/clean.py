"""`ipam clean`: removes the addresses of containers that podman does not have, after two checks a minute apart.

check ─▶ check again, 60 s later by WSL2's own clock ─▶ remove under the plug-in's lock, if podman still has none of them

The addresses are fixed when the plan is made. The helper keeps a copy of the plug-in's file, and compares with podman once
more itself.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from adapters.errors import HostError
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.wsl.ipam import Allocation, CheckOrphans, LookForOrphans, OrphanLook, RemoveOrphans
from commands.checks.concurrent_reads import read_all_hosts, read_side
from commands.checks.managed import explain_unmanaged
from commands.ipam.addresses import MAX_ADDRESSES, name_addresses
from commands.model.check import Area
from commands.model.operation import FleetChange, FleetView
from commands.model.plan import Check, LeftOutHost, Part, PlannedAction, PlannedChange, Premise, Product, Step
from commands.planning.host_plan import HostPlan, UnchangedHost, assemble, leave_unchecked
from commands.values.arguments import HostsArgument, Target

SETTLING = 60
"""Seconds between both checks: more than the plug-in and podman take for a container that is made or removed."""

PATIENCE = 30.0
"""Seconds beyond that in which the helper must answer."""


class AddressClean(FleetChange):
    """Remove the addresses of containers that podman does not have, if two checks a minute apart agree."""

    affects: ClassVar[frozenset[Area]] = frozenset()
    independent: ClassVar[bool] = True
    words: ClassVar = ("ipam", "clean")
    summary: ClassVar = Phrase("remove addresses of containers that no longer exist (orphans)")
    example: ClassVar = "ipam clean host-a"
    label: ClassVar = Phrase("remove orphan addresses on {target}", target="…")

    target: HostsArgument

    def restrict_to(self, names: tuple[str, ...]) -> "AddressClean":
        return self.model_copy(update={"target": Target(parts=names)})

    async def plan(self, view: FleetView) -> PlannedChange:
        hosts = self.resolve_hosts(view.fleet.inventory)
        planned = await read_all_hosts(hosts, lambda host: _plan_host(host, view), view)
        return assemble(self, planned, view.fleet.inventory)


async def _plan_host(host: Host, view: FleetView) -> HostPlan | UnchangedHost | LeftOutHost:
    """Plans one host. The addresses of one that is silent wait: nothing is owed to it."""
    if (why := explain_unmanaged(host, "ipam")) is not None:
        return LeftOutHost(host=host.name, why=why)
    said: OrphanLook | HostError | None = await read_side(host, LookForOrphans(), view)
    if not isinstance(said, OrphanLook):
        assert said is not None
        return leave_unchecked(host.name, said).model_copy(update={"owed": False})
    if not said.orphans:
        return UnchangedHost(host.name, Phrase("no orphan addresses"))
    orphans = tuple(sorted(said.orphans, key=lambda each: (each.address, each.container)))
    premise = _build_premise(host.name, orphans)
    return HostPlan(
        part=Part(host=host.name, steps=tuple(_build_steps(host.name, orphans))),
        premises=(premise,),
        warnings=(
            premise.phrase,
            Phrase(
                "takes about a minute on {host}. It cannot be rolled back, but the helper keeps a copy of the file",
                host=host.name,
            ),
        ),
    )


def _build_premise(host: str, orphans: Sequence[Allocation]) -> Premise:
    phrase = Phrase(
        "{host}: podman has no container for {n} address: {addresses}",
        plural="{host}: podman has no container for {n} addresses: {addresses}",
        host=host,
        n=len(orphans),
        addresses=name_addresses(orphans, MAX_ADDRESSES),
    )
    value = [each.model_dump(mode="json") for each in orphans]
    return Premise(host=host, what="orphans", value=value, phrase=phrase)


def _build_steps(host: str, orphans: tuple[Allocation, ...]) -> Iterator[Step]:
    """Builds both checks and the removal. The second check takes the time of the first one from its answer."""
    yield Step(
        key=f"{host}/check",
        host=host,
        deed=PlannedAction.of(LookForOrphans(expected=orphans)),
        phrase=Phrase("check that podman has none of these containers"),
        expect={"missing": 0},
        patience=PATIENCE,
    )
    yield Step(
        key=f"{host}/again",
        host=host,
        deed=PlannedAction.of(
            LookForOrphans(expected=orphans, settling=SETTLING), since=Product(step=f"{host}/check", field="uptime")
        ),
        phrase=Phrase("check it again {n} s later", n=SETTLING),
        expect={"missing": 0, "settled": True},
        patience=SETTLING + PATIENCE,
    )
    yield Step(
        key=f"{host}/remove",
        host=host,
        deed=PlannedAction.of(RemoveOrphans(orphans=orphans)),
        phrase=Phrase("remove {n} address", plural="remove {n} addresses", n=len(orphans)),
        verify=Check(host=host, deed=PlannedAction.of(CheckOrphans(orphans=orphans)), expect={"left": 0}, patience=PATIENCE),
    )
