"""`container remove`: removes one container that does not run. Its volumes stay."""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.wsl.containers import ListedContainer, ReadContainerState, RemoveContainer
from commands.changes.host_plan import HostPlan, UnchangedHost, assemble
from commands.containers.lookup import FoundContainer, HostListing, find_container, list_candidate_hosts
from commands.containers.reading import CONTAINER_ROLES, build_state_premise, find_kept, read_listings, warn_of_unread
from commands.health.wsl_checks import REMOVE_WORDS
from commands.model.check import Area
from commands.model.finding import list_some
from commands.model.operation import CannotPlan, FleetChange, FleetView, Risk
from commands.model.plan import Check, Part, PlannedAction, PlannedChange, Step
from commands.values.containers import ContainerName, make_container_argument

REMOVAL_TIMEOUT = 10.0
"""Seconds in which a removal must be seen."""


class ContainerRemove(FleetChange):
    """Remove one container that does not run. Its volumes stay."""

    risk: ClassVar = Risk.DISRUPT
    roles: ClassVar = CONTAINER_ROLES
    affects: ClassVar[frozenset[Area]] = frozenset()
    words: ClassVar = REMOVE_WORDS
    summary: ClassVar = Phrase("remove a container that does not run (its volumes stay)")
    example: ClassVar = "container remove host-a/old-web"
    label: ClassVar = Phrase("remove {container}", container="…")

    container: Annotated[
        ContainerName, make_container_argument(Phrase("container that does not run: host-a/web, or its ID"))
    ]

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        return list_candidate_hosts(self.container, inventory)

    def restrict_to(self, names: tuple[str, ...]) -> "ContainerRemove":
        return self

    async def plan(self, view: FleetView) -> PlannedChange:
        inventory = view.fleet.inventory
        listings = await read_listings(self.resolve_hosts(inventory), view)
        if self._is_gone(listings):
            gone = UnchangedHost(
                self.container.host, Phrase("{container} is gone already", container=self.container.name[:12])
            )
            return assemble(self, (gone,), inventory)
        found = find_container(self.container, listings)
        if found.container.runs:
            raise CannotPlan(
                Phrase(
                    "{container} runs. Stop it first: {words}",
                    container=found.words,
                    words=f"container stop {found.words}",
                )
            )
        settled = self.model_copy(update={"container": found.settled})
        plan = HostPlan(
            part=Part(host=found.host.name, steps=(build_removal_step(found.host, found.container),)),
            premises=(build_state_premise(found),),
            warnings=(*warn_of_unread(found), *_list_warnings(found, view)),
        )
        return assemble(settled, (plan,), inventory)

    def _is_gone(self, listings: Sequence[HostListing[ListedContainer]]) -> bool:
        """Returns whether the host answered and has no container of this whole id: it was removed meanwhile."""
        whole = self.container.host and re.fullmatch(r"[0-9a-f]{64}", self.container.name)
        listed = [each.containers for each in listings if not isinstance(each.containers, Phrase)]
        return bool(whole and listed) and all(each.id != self.container.name for one in listed for each in one)


def build_removal_step(host: Host, container: ListedContainer) -> Step:
    """Builds the step that removes a container. It cannot be rolled back."""
    read = PlannedAction.of(ReadContainerState(container=container.id))
    return Step(
        key=f"{host.name}/{container.name}/remove",
        host=host.name,
        deed=PlannedAction.of(RemoveContainer(container=container.id)),
        phrase=Phrase("remove {name} ({id})", name=container.name, id=container.id[:12]),
        verify=Check(host=host.name, deed=read, expect={"present": False}, patience=REMOVAL_TIMEOUT),
        unbegun={"present": True},
    )


def _list_warnings(found: FoundContainer[ListedContainer], view: FleetView) -> Iterator[Phrase]:
    container = found.container
    yield Phrase("it cannot be rolled back: what {name} wrote outside its volumes is lost", name=container.name)
    if container.volumes:
        yield Phrase("its volumes stay: {volumes}", volumes=list_some([volume.name for volume in container.volumes]))
    if (note := find_kept(found.host.name, container, view.owed)) is not None:
        yield Phrase("it is kept as the source of a migration (owed change {number})", number=str(note.number))
