"""Registrations of containers at the gateways, compared with what podman runs. Pure.

podman of each host ─┐
registry of each ────┴─ compare ─▶ Comparison: right, and Problem*: wrong address, missing, ghost, unknown owner

What could not be read makes a registration unknown, never a ghost, and a container unknown, never missing.

Reads the registrations at gateways, and the containers that podman runs, concurrently.
"""

import asyncio
import ipaddress
from collections.abc import Awaitable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.gateway.containers import ReadRegistry, Registration, Registry
from adapters.inventory import Host, WslSide
from adapters.phrase import Phrase
from adapters.wsl.containers import ContainerList, ListContainers
from adapters.wsl.podman import Container, UnreadPart
from adapters.wsl.system import ReadSystem, WslSystem
from commands.health.fleet_report import read_all_hosts
from commands.model.operation import FleetView


@dataclass(frozen=True)
class HostContainers:
    """Containers of one host by podman, running or not; a phrase says why they are unknown.

    `addresses` are those that podman knows, by container id. It is empty where only the registrations have them.
    """

    host: Host
    containers: tuple[Container, ...] | Phrase
    addresses: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class GatewayRegistry:
    """Registrations at one gateway, or why they are unknown."""

    host: Host
    registry: Registry | HostError


class Kind(StrEnum):
    """Kinds of problems, the worst first."""

    ADDRESS = "wrong address"
    NOWHERE = "not registered"
    MISSING = "missing"
    GHOST = "ghost"
    STRANGER = "unknown host"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Problem:
    """A container or a registration that is not right, and the gateways where that is so.

    `host` is where the container runs, or would run; "" if no host of the inventory has it. `name` is podman's name, or the
    start of the id. `addresses` are the registered ones by gateway. `address` is podman's, or "".
    """

    kind: Kind
    host: str
    name: str
    id: str
    gateways: tuple[str, ...]
    addresses: Mapping[str, str] = field(default_factory=dict)
    address: str = ""


@dataclass(frozen=True)
class RightContainer:
    """A container that every gateway that answered lists, with its registered addresses by gateway."""

    host: str
    container: Container
    addresses: Mapping[str, str]


@dataclass(frozen=True)
class Comparison:
    """Containers and registrations of a fleet: the number of containers that are right at every gateway, and problems.

    `right` were found at every gateway that answered. `unread_gateways` and `unread_hosts` did not answer.
    """

    total: int
    right: tuple[RightContainer, ...]
    problems: tuple[Problem, ...]
    unread_gateways: tuple[GatewayRegistry, ...] = ()
    unread_hosts: tuple[HostContainers, ...] = ()
    expired: Mapping[str, int] = field(default_factory=dict)


def compare_registrations(hosts: Iterable[HostContainers], gateways: Iterable[GatewayRegistry]) -> Comparison:
    """Compares the registrations at these gateways with what podman runs on all hosts."""
    hosts, gateways = tuple(hosts), tuple(gateways)
    read = {each.host.name: each.registry for each in gateways if isinstance(each.registry, Registry)}
    collection = _Collection(ContainerIndex(hosts))
    for gateway, registry in read.items():
        for registration in registry.registrations:
            collection.add(gateway, registration)
    problems = list(collection.list_strays())
    right = []
    for owner in hosts:
        for container in list_running(owner):
            addresses = collection.get_addresses(owner.host.name, container)
            found = tuple(_judge_container(owner, container, addresses, read))
            problems += found
            right += [] if found or not read else [RightContainer(owner.host.name, container, addresses)]
    return Comparison(
        total=sum(len(list_running(each)) for each in hosts),
        right=tuple(right),
        problems=tuple(sorted(problems, key=lambda each: (list(Kind).index(each.kind), each.host, each.name, each.id))),
        unread_gateways=tuple(each for each in gateways if isinstance(each.registry, HostError)),
        unread_hosts=tuple(each for each in hosts if isinstance(each.containers, Phrase)),
        expired={gateway: registry.expired for gateway, registry in read.items() if registry.expired},
    )


def list_running(host: HostContainers) -> tuple[Container, ...]:
    """Lists the containers that podman runs; none if they are unknown."""
    if isinstance(host.containers, Phrase):
        return ()
    return tuple(container for container in host.containers if container.runs)


class ContainerIndex:
    """Containers of all hosts, found by a registration."""

    def __init__(self, hosts: Iterable[HostContainers]) -> None:
        self._hosts = {each.host.id: each for each in hosts}
        self._by_id = {
            container.id: (each, container)
            for each in self._hosts.values()
            if not isinstance(each.containers, Phrase)
            for container in each.containers
            if container.id
        }

    def find_owners(self, registration: Registration) -> tuple[HostContainers, ...]:
        """Finds the hosts that may run the container: the one that is registered, and the one with its subnet.

        Flatnet registers host 1 if it is given none, so both count.
        """
        numbers = {registration.host_id, parse_host_number(registration.ip)}
        return tuple(self._hosts[number] for number in sorted(numbers - {None}, key=str) if number in self._hosts)

    def find_container(self, registration: Registration) -> tuple[HostContainers, Container] | None:
        """Finds the container with this id on any host, or with this name on a host that may run it."""
        if (found := self._by_id.get(registration.id)) is not None:
            return found
        for owner in self.find_owners(registration):
            for container in () if isinstance(owner.containers, Phrase) else owner.containers:
                if container.name == registration.id:
                    return owner, container
        return None


def parse_host_number(address: str) -> int | None:
    """Parses the number of the host that has a container address (10.87.N.x); None for any other text."""
    try:
        octets = ipaddress.IPv4Address(address).packed
    except ValueError:
        return None
    return octets[2] if octets[:2] == bytes((10, 87)) and octets[2] else None


class _Collection:
    """Registrations at all gateways, collected by the container or the stray registration that they are about."""

    def __init__(self, index: ContainerIndex) -> None:
        self._index = index
        self._running: dict[tuple[str, str], dict[str, str]] = {}
        """Registered addresses by gateway, of each container that runs: its host and its name."""
        self._strays: dict[tuple[Kind, str, str, str], dict[str, str]] = {}
        """The same of each registration without such a container: its kind, host, name, id."""
        self._by_id: dict[str, dict[str, str]] = {}
        """The same of the containers that run, by their ids: a fleet has hundreds of thousands of registrations."""

    def add(self, gateway: str, registration: Registration) -> None:
        """Adds one registration."""
        addresses = self._by_id.get(registration.id)
        if addresses is None:
            addresses = self._find_addresses(registration)
        addresses[gateway] = registration.ip

    def get_addresses(self, host: str, container: Container) -> Mapping[str, str]:
        """Returns the registered addresses of a container that runs, by gateway."""
        return self._running.get((host, container.name), {})

    def list_strays(self) -> Iterator[Problem]:
        """Lists the registrations of which no running container is known."""
        for (kind, host, name, key), addresses in self._strays.items():
            yield Problem(kind, host, name, key, tuple(addresses), addresses)

    def _find_addresses(self, registration: Registration) -> dict[str, str]:
        """Finds the collected addresses of what a registration is about."""
        found = self._index.find_container(registration)
        if found is None or not found[1].runs:
            return self._strays.setdefault(self._identify_stray(registration, found), {})
        addresses = self._running.setdefault((found[0].host.name, found[1].name), {})
        if found[1].id == registration.id:
            self._by_id[registration.id] = addresses
        return addresses

    def _identify_stray(
        self, registration: Registration, found: tuple[HostContainers, Container] | None
    ) -> tuple[Kind, str, str, str]:
        owners = self._index.find_owners(registration)
        if found is not None:  # podman has it, and does not run it
            certain = found[1].id == registration.id
            return Kind.GHOST if certain else _judge_stray(owners), found[0].host.name, found[1].name, registration.id
        host = owners[0].host.name if owners else ""
        return _judge_stray(owners), host, shorten_id(registration.id), registration.id


def shorten_id(key: str) -> str:
    """Shortens an id as podman does, to twelve digits. Any other text stays."""
    return key[:12] if len(key) == 64 else key


def _judge_stray(owners: tuple[HostContainers, ...]) -> Kind:
    """Judges a registration of which podman has no container: unknown unless every host that may run it was read."""
    if not owners:
        return Kind.STRANGER
    return Kind.UNKNOWN if any(isinstance(owner.containers, Phrase) for owner in owners) else Kind.GHOST


def _judge_container(
    owner: HostContainers, container: Container, addresses: Mapping[str, str], gateways: Iterable[str]
) -> Iterator[Problem]:
    """Judges a container that runs by its registrations at the gateways that answered."""
    host, known = owner.host.name, owner.addresses.get(container.id, "")
    if wrong := _list_wrong(addresses, known, owner.host):
        yield Problem(Kind.ADDRESS, host, container.name, container.id, wrong, addresses, known)
    if missing := tuple(gateway for gateway in gateways if gateway not in addresses):
        kind = Kind.MISSING if addresses else Kind.NOWHERE
        yield Problem(kind, host, container.name, container.id, missing)


def _list_wrong(addresses: Mapping[str, str], known: str, host: Host) -> tuple[str, ...]:
    """Lists the gateways with a wrong address: another than podman's, or, where that is unknown, one outside the host's
    subnet. All gateways if they differ from one another.
    """
    different = set(addresses.values())
    wrong = different - {known} if known else {address for address in different if parse_host_number(address) != host.id}
    if wrong:
        return tuple(gateway for gateway, address in addresses.items() if address in wrong)
    return tuple(addresses) if len(different) > 1 else ()


FleetRegistrations = tuple[tuple[HostContainers, ...], tuple[GatewayRegistry, ...]]


async def read_registrations(gateways: Iterable[Host], view: FleetView) -> FleetRegistrations:
    """Reads these gateways, and podman of all hosts, because a registration may belong to any of them."""
    asked = {host.name for host in gateways if host.gateway is not None}

    async def read(host: Host) -> tuple[HostContainers, GatewayRegistry | None]:
        if host.name not in asked:
            return await _read_containers(host, view), None
        return await asyncio.gather(_read_containers(host, view), read_registry(host, view))

    answers = await read_all_hosts((host for host in view.fleet.inventory.hosts if not host.lighthouse), read, view)
    return tuple(containers for containers, _ in answers), tuple(said for _, said in answers if said is not None)


async def read_registry(host: Host, view: FleetView) -> GatewayRegistry:
    """Reads the registrations at one gateway."""
    seen: ReadResult[Registry] = await view.fleet.read(host, ReadRegistry())
    return GatewayRegistry(host, seen.outcome)


async def _read_containers(host: Host, view: FleetView) -> HostContainers:
    """Reads podman, and the addresses that it knows where the helper may list them. Without it they are unknown."""
    if host.wsl is None:
        return HostContainers(host, Phrase("no WSL2 connection configured"))
    reading: Awaitable[ReadResult[WslSystem]] = view.fleet.read(host, ReadSystem.of(host.wsl))
    seen, addresses = await asyncio.gather(reading, _read_addresses(host, host.wsl, view))
    if isinstance(seen.outcome, HostError):
        return HostContainers(host, seen.outcome.phrase)
    containers = seen.outcome.containers
    return HostContainers(host, containers.phrase if isinstance(containers, UnreadPart) else containers, addresses)


async def _read_addresses(host: Host, side: WslSide, view: FleetView) -> Mapping[str, str]:
    if "containers" not in side.manage:
        return {}
    seen: ReadResult[ContainerList] = await view.fleet.read(host, ListContainers())
    if isinstance(seen.outcome, HostError):
        return {}
    return {each.id: str(each.address) for each in seen.outcome.containers if each.address is not None}
