"""Reads what is known of a host's containers: podman, and where the bot may use it the helper and the plug-in's addresses.

podman ps ───────────────── on every host ──┐
helper: containers list ─── if it manages ──┼─▶ HostSight
helper: ipam list ───────── if it manages ──┘
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from adapters.errors import HostError
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.wsl.containers import ContainerList, ListContainers, ListedContainer
from adapters.wsl.ipam import Allocations, ReadAllocations
from adapters.wsl.podman import Container, UnreadPart
from adapters.wsl.system import ReadSystem, WslSystem
from commands.checks.concurrent_reads import read_side
from commands.checks.kept_containers import is_kept
from commands.model.operation import FleetView
from commands.model.suspension import Suspension


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
