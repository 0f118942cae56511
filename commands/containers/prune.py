"""`container prune`: removes the containers that do not run, but for those that may be wanted again.

Spared are: the sources of migrations while they are kept, containers with volumes unless one of these is named, and all
containers of suspended hosts. Volumes stay in any case.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, ClassVar

from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.wsl.containers import ListedContainer
from commands.changes.host_plan import HostPlan, UnchangedHost, assemble
from commands.containers.lookup import FoundContainer, HostListing
from commands.containers.reading import CONTAINER_ROLES, build_state_premise, find_kept, read_listings
from commands.containers.remove import build_removal_step
from commands.model.check import Area
from commands.model.finding import list_some
from commands.model.operation import FleetChange, FleetView, Risk
from commands.model.owed import KnownOwed
from commands.model.plan import LeftOutHost, Part, PlannedChange
from commands.model.suspension import Suspension
from commands.values.arguments import NO_TARGET, BadArgument, Option, Target, shorten_argument
from commands.values.containers import VOLUME_NAME
from commands.values.errors import GrammarError

REMOVABLE = ("exited", "created", "configured", "dead")
"""States of containers that do not run."""


def _parse_volumes(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(part.strip() for part in text.replace("、", ",").split(",")))
    for name in names:
        if not VOLUME_NAME.fullmatch(name):
            phrase = Phrase(
                "{part} is not the name of a volume. Example: {example}", part=shorten_argument(name), example="data"
            )
            raise BadArgument(phrase, part=name)
    return names


class ContainerPrune(FleetChange):
    """Remove the containers that do not run. Their volumes stay."""

    risk: ClassVar = Risk.DISRUPT
    roles: ClassVar = CONTAINER_ROLES
    affects: ClassVar[frozenset[Area]] = frozenset()
    independent: ClassVar = True
    words: ClassVar = ("container", "prune")
    summary: ClassVar = Phrase("remove the containers that do not run (their volumes stay)")
    example: ClassVar = "container prune --on host-a"
    label: ClassVar = Phrase("remove the stopped containers of {on}", on="…")

    on: Annotated[
        Target,
        Option(
            "target",
            Phrase("comma-separated hosts, labels or patterns, or all"),
            lambda text: Target.parse((text,)),
            str,
        ),
    ] = NO_TARGET
    volumes: Annotated[
        tuple[str, ...],
        Option(
            "names",
            Phrase("volumes, separated by commas: containers that use them are removed as well. The volumes stay"),
            _parse_volumes,
            ",".join,
        ),
    ] = ()

    @property
    def incomplete(self) -> bool:
        return self.on == NO_TARGET

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        if self.on == NO_TARGET:
            raise GrammarError(
                Phrase("{words} needs the hosts: {option}", words="container prune", option="--on host-a,host-b")
            )
        return tuple(host for host in self.on.resolve(inventory) if host.wsl is not None)

    def restrict_to(self, names: tuple[str, ...]) -> "ContainerPrune":
        return self.model_copy(update={"on": Target(parts=names)})

    async def plan(self, view: FleetView) -> PlannedChange:
        inventory = view.fleet.inventory
        hosts = self.resolve_hosts(inventory)
        listings = await read_listings((host for host in hosts if host.name not in view.suspensions), view)
        suspended = (_spare_host(host, view.suspensions) for host in hosts if host.name in view.suspensions)
        planned = (self._plan_host(listing, view.owed) for listing in listings)
        return assemble(self, (*planned, *suspended), inventory)

    def _plan_host(self, listing: HostListing[ListedContainer], owed: KnownOwed) -> HostPlan | UnchangedHost | LeftOutHost:
        host = listing.host
        if isinstance(listing.containers, Phrase):
            return LeftOutHost(host=host.name, why=listing.containers)
        ended = sorted((each for each in listing.containers if each.state in REMOVABLE), key=lambda each: each.name)
        spared = {each.id: why for each in ended if (why := _find_reason(host.name, each, self.volumes, owed)) is not None}
        removed = [each for each in ended if each.id not in spared]
        reasons = [spared[each.id] for each in ended if each.id in spared]
        if not removed:
            left = Phrase("these stay: {containers}", containers=list_some(reasons))
            return UnchangedHost(host.name, left if reasons else Phrase("every container runs"))
        names = list_some([each.name for each in removed], most=len(removed))
        gone = Phrase("{host}: removed for good: {containers}", host=host.name, containers=names)
        return HostPlan(
            part=Part(host=host.name, steps=tuple(build_removal_step(host, each) for each in removed)),
            premises=tuple(build_state_premise(FoundContainer(host, each)) for each in removed),
            disrupts=(gone,),
            warnings=(*_warn_of_spared(host.name, reasons), *_describe_volumes(removed)),
        )


def _spare_host(host: Host, suspensions: Mapping[str, Suspension]) -> UnchangedHost:
    reason = suspensions[host.name].reason
    return UnchangedHost(host.name, Phrase("it is suspended, and its containers stay ({reason})", reason=reason))


def _find_reason(host: str, container: ListedContainer, named: Collection[str], owed: KnownOwed) -> Phrase | None:
    """Finds the reason for which a container is spared; None if it is removed."""
    if (note := find_kept(host, container, owed)) is not None:
        return Phrase("{name} (kept after a migration, owed change {number})", name=container.name, number=str(note.number))
    unnamed = [volume.name for volume in container.volumes if volume.name not in named]
    if unnamed:
        return Phrase("{name} (has the volumes {volumes})", name=container.name, volumes=list_some(unnamed))
    return None


def _warn_of_spared(host: str, reasons: Sequence[Phrase]) -> Iterator[Phrase]:
    """Names what stays, with its reason."""
    if reasons:
        yield Phrase("{host}: these stay: {containers}", host=host, containers=list_some(reasons))


def _describe_volumes(removed: Sequence[ListedContainer]) -> Iterator[Phrase]:
    yield Phrase("it cannot be rolled back: what these containers wrote outside volumes is lost")
    if volumes := [volume.name for each in removed for volume in each.volumes]:
        yield Phrase("their volumes stay: {volumes}", volumes=list_some(list(dict.fromkeys(volumes))))
