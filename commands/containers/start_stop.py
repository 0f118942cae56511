"""`container start` and `container stop`: one container, whose id the plan holds.

Steps that start, stop and restart one container, and prove it. Pure.

Reasons for which a container cannot be started, stopped or restarted now. Pure.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from adapters.errors import HostError
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.wsl.container_reads import ReadRestart
from adapters.wsl.containers import ListedContainer, MoveContainer, ReadContainerState
from commands.changes.host_plan import HostPlan, UnchangedHost, assemble
from commands.containers.lookup import FoundContainer, find_container, list_candidate_hosts
from commands.containers.reading import (
    CONTAINER_ROLES,
    build_state_premise,
    find_kept,
    read_gateways,
    read_listings,
    warn_of_unread,
)
from commands.containers.serving_proof import SETTLING, ServingProof, Witness, find_witness
from commands.gateways.registrations import GatewayRegistry
from commands.model.check import Area
from commands.model.operation import CannotPlan, FleetChange, FleetView, Risk
from commands.model.plan import Check, Part, PlannedAction, PlannedChange, Product, Step
from commands.values.containers import ContainerName, make_container_argument

START_TIMEOUT = 15.0
"""Seconds in which podman must show a started container as running."""

STOP_TIMEOUT = 15.0
"""Seconds in which podman must show a stopped container as ended, beyond the time that it has to end by itself."""


@dataclass(frozen=True)
class ContainerMove:
    """Moves of one container. `witness` is a gateway that proves that others find it. `settling` as in `ServingProof`."""

    host: Host
    container: ListedContainer
    witness: Witness | None = None
    settling: int = SETTLING

    @property
    def prefix(self) -> str:
        """Beginning of the keys of its steps. Two containers of one host have different names."""
        return f"{self.host.name}/{self.container.name}"

    def build_start(self) -> tuple[Step, ...]:
        """Builds the steps that start it and prove that it serves. A rollback stops it again."""
        start = Step(
            key=f"{self.prefix}/start",
            host=self.host.name,
            deed=self._move("start"),
            phrase=Phrase("start {name}", name=self.container.name),
            verify=self._check(START_TIMEOUT, running=True),
            undo=self._move("stop"),
            undo_phrase=Phrase("stop {name} again", name=self.container.name),
            undone=(self._check(STOP_TIMEOUT, running=False),),
        )
        return start, *self._proof.build_steps()

    def build_stop(self) -> tuple[Step, ...]:
        """Builds the step that stops it. A rollback starts it again."""
        start = self._move("start")
        return (
            Step(
                key=f"{self.prefix}/stop",
                host=self.host.name,
                deed=self._move("stop"),
                phrase=Phrase("stop {name}", name=self.container.name),
                verify=self._check(STOP_TIMEOUT, running=False),
                undo=None if self.container.auto_remove else start,
                undo_phrase=Phrase("start {name} again", name=self.container.name),
                undone=(self._check(START_TIMEOUT, running=True),),
                unbegun={"running": True},
            ),
        )

    def build_restart(self) -> tuple[Step, ...]:
        """Builds the steps that restart it and prove that it serves. It cannot be rolled back: no start is undone."""
        note = Step(
            key=f"{self.prefix}/note",
            host=self.host.name,
            deed=PlannedAction.of(ReadRestart(container=self.container.id)),
            phrase=Phrase("record when {name} was started", name=self.container.name),
            expect={"present": True},
        )
        restart = Step(
            key=f"{self.prefix}/restart",
            host=self.host.name,
            deed=self._move("restart"),
            phrase=Phrase("restart {name}", name=self.container.name),
            verify=Check(
                host=self.host.name,
                deed=PlannedAction.of(
                    ReadRestart(container=self.container.id), before=Product(step=note.key, field="started")
                ),
                expect={"running": True, "restarted": True},
                patience=START_TIMEOUT,
            ),
        )
        return note, restart, *self._proof.build_steps()

    def build_last_look(self) -> Step:
        """Builds another look at whether it keeps running, for the end of a run that restarts many."""
        step = self._proof.build_steady_step()
        return step.model_copy(update={"key": f"{self.prefix}/last"})

    @property
    def _proof(self) -> ServingProof:
        return ServingProof(
            self.host, self.container.name, self.container.id, self.witness, self.prefix, settling=self.settling
        )

    def _move(self, verb: Literal["start", "stop", "restart"]) -> PlannedAction:
        return PlannedAction.of(MoveContainer(verb=verb, container=self.container.id))

    def _check(self, patience: float, *, running: bool) -> Check:
        read = PlannedAction.of(ReadContainerState(container=self.container.id))
        return Check(host=self.host.name, deed=read, expect={"running": running}, patience=patience)


def find_move_obstacle(container: ListedContainer) -> Phrase | None:
    """Finds the reason for which podman cannot move the container; None if there is none."""
    match container.state:
        case "paused":
            return Phrase("it is paused. Run in WSL2: {command}", command=f"sudo podman unpause {container.name}")
        case "removing" | "stopping":
            return Phrase("podman is about to change it ({state}). Try again in a minute", state=container.state)
        case _:
            return None


def find_gateway_obstacle(host: Host, gateways: Sequence[GatewayRegistry]) -> Phrase | None:
    """Finds the reason for which a start on the host could not be proven; None if there is none."""
    own = next((each for each in gateways if each.host.name == host.name), None)
    if own is None or not isinstance(own.registry, HostError):
        return None
    return Phrase(
        "the gateway of {host} could not be read, so a start could not be verified: {why}. Then run {words}",
        host=host.name,
        why=own.registry.phrase,
        words=f"health {host.name}",
    )


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
