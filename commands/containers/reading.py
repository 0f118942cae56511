"""Reads what is known of a host's containers: podman, and where the bot may use it the helper and the plug-in's addresses.

podman ps ───────────────── on every host ──┐
helper: containers list ─── if it manages ──┼─▶ HostSight
helper: ipam list ───────── if it manages ──┘

Reads Flatnet's containers through the helper, on many hosts concurrently.

Reads what podman holds on a host: containers, images and volumes, and its room for more.

Texts and premises about one container, for the plans of several operations. Pure.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.wsl.containers import ContainerList, ListContainers, ListedContainer
from adapters.wsl.images import ImageList, ListedImage, ListImages, ReadStorage, Storage
from adapters.wsl.ipam import Allocations, ReadAllocations
from adapters.wsl.podman import Container, UnreadPart
from adapters.wsl.system import ReadSystem, WslSystem
from adapters.wsl.volumes import ListedVolume, ListVolumes, VolumeList
from commands.containers.lookup import FoundContainer, HostListing
from commands.gateways.registrations import GatewayRegistry, read_registry
from commands.health.fleet_report import read_all_hosts, read_side
from commands.health.wsl_checks import REMOVE_WORDS, explain_unmanaged, is_kept
from commands.model.finding import list_some
from commands.model.operation import FleetView, Role
from commands.model.owed import KnownOwed, OwedNote
from commands.model.plan import Premise
from commands.model.suspension import Suspension
from commands.values.containers import ContainerName


@dataclass(frozen=True)
class HostSight:
    """Containers of one host, as far as they are known.

    `containers` are those of podman, running or not; a phrase says why they are unknown. `listed` are the same by id, as far
    as the helper tells more. `allocated` are the plug-in's addresses by id; None if they are unknown. `faults` are the
    reasons for which the helper did not tell what it may.
    """

    host: Host
    containers: tuple[Container, ...] | Phrase
    listed: Mapping[str, ListedContainer] = field(default_factory=dict)
    allocated: Mapping[str, str] | None = None
    faults: tuple[Phrase, ...] = ()
    suspension: Suspension | None = None
    kept: frozenset[str] = frozenset()
    """Ids of containers that were moved away, and are kept for some days."""

    @property
    def known(self) -> tuple[Container, ...]:
        """The containers; none if they are unknown."""
        return () if isinstance(self.containers, Phrase) else self.containers

    @cached_property
    def addresses(self) -> Mapping[str, str]:
        """Addresses by podman, by container id."""
        return {key: str(each.address) for key, each in self.listed.items() if each.address is not None}

    @cached_property
    def shared_addresses(self) -> frozenset[str]:
        """Addresses that several containers have by podman."""
        return frozenset(address for address, count in Counter(self.addresses.values()).items() if count > 1)

    def find_address(self, container: Container) -> str:
        """Finds the address of a container by podman, else by the plug-in; "" if it is unknown."""
        return self.addresses.get(container.id) or (self.allocated or {}).get(container.id, "")


async def read_sight(host: Host, view: FleetView) -> HostSight:
    """Reads one host with WSL2."""
    side, suspension = host.wsl, view.suspensions.get(host.name)
    assert side is not None
    reading = read_side(host, ReadSystem.of(side), view)
    listing = read_side(host, ListContainers() if "containers" in side.manage else None, view)
    handing = read_side(host, ReadAllocations() if "ipam" in side.manage else None, view)
    system, listed, handed = await asyncio.gather(reading, listing, handing)
    containers = get_containers(system)
    if isinstance(containers, Phrase):
        return HostSight(host, containers, suspension=suspension)
    return HostSight(
        host,
        containers,
        listed={each.id: each for each in listed.containers} if isinstance(listed, ContainerList) else {},
        allocated=(
            {key: str(address) for key, address in handed.allocations.items()} if isinstance(handed, Allocations) else None
        ),
        faults=tuple(dict.fromkeys(each.phrase for each in (listed, handed) if isinstance(each, HostError))),
        suspension=suspension,
        kept=frozenset(each.id for each in containers if is_kept(host, each, view.owed)),
    )


def get_containers(said: WslSystem | HostError | None) -> tuple[Container, ...] | Phrase:
    """Returns podman's containers, or why they are unknown."""
    if isinstance(said, WslSystem):
        return said.containers.phrase if isinstance(said.containers, UnreadPart) else said.containers
    assert said is not None
    return said.phrase


async def read_listings(hosts: Iterable[Host], view: FleetView) -> tuple[HostListing[ListedContainer], ...]:
    """Reads the containers of these hosts, for a change. A host where the bot may change none is not asked."""
    return await read_all_hosts(hosts, lambda host: read_listing(host, view), view)


async def read_listing(host: Host, view: FleetView) -> HostListing[ListedContainer]:
    """Reads the containers of one host, or why they are unknown."""
    if (why := explain_unmanaged(host, "containers")) is not None:
        return HostListing(host, why)
    seen: ReadResult[ContainerList] = await view.fleet.read(host, ListContainers())
    return HostListing(host, seen.outcome.phrase if isinstance(seen.outcome, HostError) else seen.outcome.containers)


async def read_gateways(view: FleetView) -> tuple[GatewayRegistry, ...]:
    """Reads the registrations at all gateways but those of suspended hosts, to choose those that can prove something."""
    asked = [host for host in view.fleet.inventory.hosts if host.gateway is not None and host.name not in view.suspensions]
    return await read_all_hosts(asked, lambda host: read_registry(host, view), view)


@dataclass(frozen=True)
class PodmanHoldings:
    """Everything that podman holds on one host."""

    containers: tuple[ListedContainer, ...]
    images: tuple[ListedImage, ...]
    volumes: tuple[ListedVolume, ...]
    storage: Storage


async def read_holdings(host: Host, view: FleetView) -> PodmanHoldings | HostError:
    """Reads all of it at once on a host with WSL2; the first error if a part could not be read."""
    containing, imaging = read_side(host, ListContainers(), view), read_side(host, ListImages(), view)
    keeping, storing = read_side(host, ListVolumes(), view), read_side(host, ReadStorage(), view)
    answers = await asyncio.gather(containing, imaging, keeping, storing)
    match answers:
        case [ContainerList() as containers, ImageList() as images, VolumeList() as volumes, Storage() as storage]:
            return PodmanHoldings(containers.containers, images.images, volumes.volumes, storage)
    return next(each for each in answers if isinstance(each, HostError))


CONTAINER_ROLES = frozenset({Role.DEVELOPER, Role.OPERATOR, Role.ADMINISTRATOR})
"""Roles that may request changes of containers. A person who may move one may also remove what the move leaves."""


def build_state_premise(found: FoundContainer[ListedContainer]) -> Premise:
    """Builds the premise that the container is the one that was found, and runs or not as it did then."""
    container = found.container
    phrase = (
        Phrase("{container} runs ({image})", container=found.words, image=container.image)
        if container.runs
        else Phrase("{container} does not run ({image})", container=found.words, image=container.image)
    )
    value = {"id": container.id, "image": container.image_id, "running": container.runs}
    return Premise(host=found.host.name, what=f"container {container.name}", value=value, phrase=phrase)


def warn_of_unread(found: FoundContainer[ListedContainer]) -> Iterator[Phrase]:
    """Warns of hosts that did not list their containers, and so may have another one of the same name."""
    if found.unread:
        yield Phrase(
            "{hosts} could not be read, and may have a container of the same name", hosts=list_some(list(found.unread))
        )


def find_kept(host: str, container: ListedContainer, owed: KnownOwed) -> OwedNote | None:
    """Finds the owed removal of a container that a migration left behind; None if there is none."""
    return next((note for note in owed.notes if note.host == host and _removes(note.words, host, container)), None)


def _removes(words: str, host: str, container: ListedContainer) -> bool:
    removed = _read_removed(words.split())
    return removed is not None and removed.host == host and removed.may_mean(container.id, container.name)


def _read_removed(words: Sequence[str]) -> ContainerName | None:
    """Reads which container a command removes; None for any other command."""
    return ContainerName.parse(words[2]) if tuple(words[:2]) == REMOVE_WORDS and len(words) > 2 else None
