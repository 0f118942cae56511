"""`container start` and `container stop`: one container, whose id the plan holds."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.wsl.containers import ListedContainer
from commands.containers.fleet_containers import read_gateways, read_listings
from commands.containers.lookup import FoundContainer, find_container, list_candidate_hosts
from commands.containers.move_obstacles import find_gateway_obstacle, find_move_obstacle
from commands.containers.move_steps import ContainerMove
from commands.containers.premises import CONTAINER_ROLES, build_state_premise, find_kept, warn_of_unread
from commands.containers.serving_proof import find_witness
from commands.gateways.registrations import GatewayRegistry
from commands.model.check import Area
from commands.model.operation import CannotPlan, FleetChange, FleetView, Risk
from commands.model.plan import Part, PlannedChange
from commands.planning.host_plan import HostPlan, UnchangedHost, assemble
from commands.values.containers import ContainerName, make_container_argument

OneContainer = Annotated[ContainerName, make_container_argument(Phrase("host-a/web, web, or its ID"))]


class _SingleMove(FleetChange):
    """Base class of changes of one container."""

    roles: ClassVar = CONTAINER_ROLES
    affects: ClassVar[frozenset[Area]] = frozenset()

    container: OneContainer

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        return list_candidate_hosts(self.container, inventory)

    def restrict_to(self, names: tuple[str, ...]) -> "_SingleMove":
        return self

    async def find(self, view: FleetView) -> FoundContainer[ListedContainer]:
        """Finds the container. Raises `NoSuchContainer`, or `CannotPlan` if it cannot be moved now."""
        found = find_container(self.container, await read_listings(self.resolve_hosts(view.fleet.inventory), view))
        if (why := find_move_obstacle(found.container)) is not None:
            raise CannotPlan(Phrase("{host}: {why}", host=found.words, why=why))
        return found

    def settle(self, found: FoundContainer[ListedContainer]) -> "_SingleMove":
        """Returns the operation on this very container."""
        return self.model_copy(update={"container": found.settled})


class ContainerStart(_SingleMove):
    """Start one container, and prove that it serves."""

    words: ClassVar = ("container", "start")
    summary: ClassVar = Phrase("start a container, and prove that other gateways find it")
    example: ClassVar = "container start host-a/web"
    label: ClassVar = Phrase("start {container}", container="…")

    async def plan(self, view: FleetView) -> PlannedChange:
        found, gateways = await asyncio.gather(self.find(view), read_gateways(view))
        inventory = view.fleet.inventory
        if found.container.runs:
            why = Phrase("{container} runs already", container=found.words)
            return assemble(self.settle(found), (UnchangedHost(found.host.name, why),), inventory)
        if (obstacle := find_gateway_obstacle(found.host, gateways)) is not None:
            raise CannotPlan(obstacle)
        witness = find_witness(found.host, gateways)
        plan = HostPlan(
            part=Part(host=found.host.name, steps=ContainerMove(found.host, found.container, witness).build_start()),
            premises=(build_state_premise(found),),
            warnings=(
                *warn_of_unread(found),
                *_warn_of_copy(found, view),
                *warn_of_witness(found.host, gateways),
            ),
        )
        return assemble(self.settle(found), (plan,), inventory)


class ContainerStop(_SingleMove):
    """Stop one container until it is started again."""

    risk: ClassVar = Risk.DISRUPT
    words: ClassVar = ("container", "stop")
    summary: ClassVar = Phrase("stop a container until it is started again")
    example: ClassVar = "container stop host-a/web"
    label: ClassVar = Phrase("stop {container}", container="…")

    async def plan(self, view: FleetView) -> PlannedChange:
        found = await self.find(view)
        if not found.container.runs:
            why = Phrase("{container} does not run", container=found.words)
            return assemble(self.settle(found), (UnchangedHost(found.host.name, why),), view.fleet.inventory)
        plan = HostPlan(
            part=Part(host=found.host.name, steps=ContainerMove(found.host, found.container).build_stop()),
            premises=(build_state_premise(found),),
            disrupts=(describe_stop(found),),
            warnings=(*warn_of_unread(found), *_warn_of_stop(found.container)),
        )
        return assemble(self.settle(found), (plan,), view.fleet.inventory)


def describe_stop(found: FoundContainer[ListedContainer]) -> Phrase:
    """Describes what does not answer any more."""
    return Phrase(
        "{container} ({address}) does not respond until it is started again",
        container=found.words,
        address="-" if found.container.address is None else str(found.container.address),
    )


def warn_of_witness(host: Host, gateways: Sequence[GatewayRegistry]) -> Iterator[Phrase]:
    """Warns if no other gateway can prove that others find a container."""
    if find_witness(host, gateways) is None:
        yield Phrase("no other gateway responds, so it is not verified that others find it")


def _warn_of_copy(found: FoundContainer[ListedContainer], view: FleetView) -> Iterator[Phrase]:
    note = find_kept(found.host.name, found.container, view.owed)
    if note is not None:
        yield Phrase(
            "it is kept as the source of a migration (owed change {number}). Its copy may run elsewhere",
            number=str(note.number),
        )


def _warn_of_stop(container: ListedContainer) -> Iterator[Phrase]:
    if container.auto_remove:
        yield Phrase("podman removes it when it ends (--rm). That cannot be rolled back")
    elif container.restart_policy == "always":
        yield Phrase("its restart policy is always: it starts again when WSL2 restarts")
