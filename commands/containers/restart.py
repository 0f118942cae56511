"""`container restart`: one container, or all that run on some hosts, one after the other.

container restart C             one part
container restart --all --on T  a part for each container, so that the first one that does not come back ends the run
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.wsl.containers import ListedContainer
from commands.changes.host_plan import HostPlan, UnchangedHost, assemble
from commands.containers.lookup import FoundContainer, HostListing, find_container, list_candidate_hosts
from commands.containers.reading import CONTAINER_ROLES, build_state_premise, read_gateways, read_listings, warn_of_unread
from commands.containers.serving_proof import SETTLING, find_witness
from commands.containers.start_stop import ContainerMove, find_gateway_obstacle, find_move_obstacle, warn_of_witness
from commands.gateways.registrations import GatewayRegistry
from commands.model.check import Area
from commands.model.finding import list_some
from commands.model.operation import CannotPlan, FleetChange, FleetView, Risk
from commands.model.plan import LeftOutHost, Part, PlannedChange, Step
from commands.values.arguments import NO_TARGET, Flag, Option, Target
from commands.values.containers import ContainerName, make_container_argument
from commands.values.errors import GrammarError

ROLLING_SETTLING = 0
"""Seconds that a restart of many waits for each. All of them are looked at again at the end of their host."""


_NO_ROLLBACK = Phrase("a restart cannot be rolled back. The first container that does not come back ends the run")


class ContainerRestart(FleetChange):
    """Restart one container, or all that run on hosts, one after the other."""

    risk: ClassVar = Risk.DISRUPT
    roles: ClassVar = CONTAINER_ROLES
    affects: ClassVar[frozenset[Area]] = frozenset()
    words: ClassVar = ("container", "restart")
    summary: ClassVar = Phrase("restart a container, or all that run on hosts one after the other, each verified")
    example: ClassVar = "container restart host-a/web"
    label: ClassVar = Phrase("restart {container}", container="…")

    container: Annotated[
        ContainerName | None, make_container_argument(Phrase("container that runs: host-a/web, web, or its ID"))
    ] = None
    all: Annotated[bool, Flag(Phrase("all containers that run on the hosts of --on, one after the other"))] = False
    on: Annotated[
        Target,
        Option(
            "target",
            Phrase("with --all: comma-separated hosts, labels or patterns, or all"),
            lambda text: Target.parse((text,)),
            str,
        ),
    ] = NO_TARGET

    @property
    def incomplete(self) -> bool:
        return self.container is None and not self.all

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        self._require_one_selection()
        if self.container is not None:
            return list_candidate_hosts(self.container, inventory)
        return tuple(host for host in self.on.resolve(inventory) if host.wsl is not None)

    def restrict_to(self, names: tuple[str, ...]) -> "ContainerRestart":
        hosts = Target(parts=tuple(dict.fromkeys(names)))  # a host has a part for each container
        return self if self.container is not None else self.model_copy(update={"on": hosts})

    async def plan(self, view: FleetView) -> PlannedChange:
        inventory = view.fleet.inventory
        listings, gateways = await asyncio.gather(read_listings(self.resolve_hosts(inventory), view), read_gateways(view))
        if self.container is not None:
            found = find_container(self.container, listings)
            settled = self.model_copy(update={"container": found.settled})
            return assemble(settled, (_plan_one(found, gateways),), inventory)
        made = assemble(self, (plan for listing in listings for plan in _plan_all(listing, gateways)), inventory)
        warned = made.plan.model_copy(update={"warnings": (*made.plan.warnings, _NO_ROLLBACK)})
        return made.model_copy(update={"plan": warned})

    def _require_one_selection(self) -> None:
        whole = self.all and self.on != NO_TARGET
        if (self.container is not None and (self.all or self.on != NO_TARGET)) or (self.container is None and not whole):
            raise GrammarError(
                Phrase(
                    "{words} needs one container, or the hosts: {option}",
                    words="container restart",
                    option="--all --on host-a,host-b",
                )
            )


def _plan_one(found: FoundContainer[ListedContainer], gateways: Sequence[GatewayRegistry]) -> HostPlan:
    """Plans the restart of one container. Raises `CannotPlan` if it does not run, or could not be proven."""
    container = found.container
    if not container.runs:
        phrase = Phrase(
            "{container} does not run. Start it: {words}", container=found.words, words=f"container start {found.words}"
        )
        raise CannotPlan(phrase)
    if (why := find_move_obstacle(container)) is not None:
        raise CannotPlan(Phrase("{host}: {why}", host=found.words, why=why))
    if (obstacle := find_gateway_obstacle(found.host, gateways)) is not None:
        raise CannotPlan(obstacle)
    move = ContainerMove(found.host, container, find_witness(found.host, gateways), SETTLING)
    return HostPlan(
        part=Part(host=found.host.name, steps=move.build_restart()),
        premises=(build_state_premise(found),),
        disrupts=(_describe_restart(found),),
        warnings=(
            *warn_of_unread(found),
            *warn_of_witness(found.host, gateways),
            *_warn_of_removal(container),
            _NO_ROLLBACK,
        ),
    )


def _plan_all(
    listing: HostListing[ListedContainer], gateways: Sequence[GatewayRegistry]
) -> Iterator[HostPlan | UnchangedHost | LeftOutHost]:
    """Plans the restart of all containers that run on a host, a part for each, in the order of their starts."""
    host = listing.host.name
    if isinstance(listing.containers, Phrase):
        yield LeftOutHost(host=host, why=listing.containers)
        return
    running = sorted((each for each in listing.containers if each.runs), key=_rate_start)
    able = [each for each in running if find_move_obstacle(each) is None]
    if not able:
        yield UnchangedHost(host, Phrase("no container runs there"))
        return
    if (obstacle := find_gateway_obstacle(listing.host, gateways)) is not None:
        yield LeftOutHost(host=host, why=obstacle)
        return
    witness = find_witness(listing.host, gateways)
    moves = [ContainerMove(listing.host, each, witness, ROLLING_SETTLING) for each in able]
    for move in moves:
        found = FoundContainer(listing.host, move.container)
        last = move is moves[-1]
        yield HostPlan(
            part=Part(host=host, steps=(*move.build_restart(), *(_build_last_looks(moves) if last else ()))),
            premises=(build_state_premise(found),),
            disrupts=(_describe_rolling_restart(host, able),) if last else (),
            warnings=(*_warn_of_removal(move.container), *(_warn_of_host(listing, able, gateways) if last else ())),
        )


def _build_last_looks(moves: Sequence[ContainerMove]) -> Iterator[Step]:
    """Builds the last looks at all that were restarted before: one that ends again and again may have passed its own."""
    for move in moves[:-1]:
        yield move.build_last_look()


def _rate_start(container: ListedContainer) -> tuple[bool, float, str]:
    """Rates a container by its start, the oldest first: what others need was started before them, as a rule."""
    at = container.started_at
    return at is None, 0.0 if at is None else at.timestamp(), container.name


def _describe_restart(found: FoundContainer[ListedContainer]) -> Phrase:
    return Phrase(
        "{container} ({address}) does not respond while it restarts",
        container=found.words,
        address="-" if found.container.address is None else str(found.container.address),
    )


def _describe_rolling_restart(host: str, able: Sequence[ListedContainer]) -> Phrase:
    return Phrase(
        "{host}: each does not respond while it restarts: {containers}",
        host=host,
        containers=list_some([each.name for each in able], most=len(able)),
    )


def _warn_of_host(
    listing: HostListing[ListedContainer], able: Sequence[ListedContainer], gateways: Sequence[GatewayRegistry]
) -> Iterator[Phrase]:
    """Warns of what is not restarted on a host, and of what is not proven."""
    assert not isinstance(listing.containers, Phrase)
    others = [each.name for each in listing.containers if each not in able]
    if others:
        yield Phrase("{host}: not restarted: {containers}", host=listing.host.name, containers=list_some(others))
    yield from warn_of_witness(listing.host, gateways)


def _warn_of_removal(container: ListedContainer) -> Iterator[Phrase]:
    if container.auto_remove:
        yield Phrase("{name} was made with --rm: if it does not start again, podman removes it", name=container.name)
