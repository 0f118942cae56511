"""`host rehearse`: hosts try their guard on scratch files, before a change relies on it."""

import asyncio
from typing import ClassVar

from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.windows.commit_confirm import ChangeStatus, ReadChange
from commands.model.operation import FleetChange, FleetView
from commands.model.plan import LeftOutHost, Part, PlannedChange
from commands.planning.host_plan import HostPlan, assemble
from commands.planning.rehearsal import RehearsedHost, build_rehearsal_steps
from commands.values.arguments import HostsArgument, Target


class HostRehearse(FleetChange):
    """Have the guard of each host swap scratch files: confirmed, left alone and aborted. Nothing is restarted."""

    words: ClassVar = ("host", "rehearse")
    affects: ClassVar = frozenset()
    summary: ClassVar = Phrase("rehearse the automatic rollback on hosts with scratch files (nothing is restarted)")
    example: ClassVar = "host rehearse host-a"
    label: ClassVar = Phrase("rehearse the rollback on {target}", target="…")

    target: HostsArgument

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        return self.target.resolve_reachable(inventory)

    def restrict_to(self, names: tuple[str, ...]) -> "HostRehearse":
        return self.model_copy(update={"target": Target(parts=names)})

    async def plan(self, view: FleetView) -> PlannedChange:
        inventory = view.fleet.inventory
        hosts = self.resolve_hosts(inventory)
        return assemble(self, await asyncio.gather(*(_plan_host(host, view) for host in hosts)), inventory)


async def _plan_host(host: Host, view: FleetView) -> HostPlan | LeftOutHost:
    """Plans one host that answers, or returns why it is left out."""
    if host.windows is None:
        return LeftOutHost(host=host.name, why=Phrase("no Windows connection configured"))
    read: ReadResult[ChangeStatus] = await view.fleet.read(host, ReadChange(operation=view.operation_id))
    if isinstance(read.outcome, HostError):
        return LeftOutHost(host=host.name, why=Phrase("could not check the host: {why}", why=read.outcome.phrase))
    steps = build_rehearsal_steps(RehearsedHost(host, view.operation_id, view.thresholds.clock_difference))
    return HostPlan(part=Part(host=host.name, steps=tuple(steps)))
