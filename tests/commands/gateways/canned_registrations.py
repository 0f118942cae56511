"""Hosts whose podman and gateways say what a test wants."""

import hashlib
from collections.abc import Iterable

from adapters.errors import HostError
from adapters.gateway.containers import Registration, Registry
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.wsl.podman import Container
from commands.gateways.registrations import GatewayRegistry, HostContainers
from tests.commands.canned import host

HOSTS = tuple(host(f"host-{letter}", number) for number, letter in enumerate("abc", 1))
A, B, C = HOSTS

LATE = Phrase("could not connect")


def identify(name: str) -> str:
    """podman's id of a container."""
    return hashlib.sha256(name.encode()).hexdigest()


def made(name: str, state: str = "running") -> Container:
    """A container of that name; its id follows from it."""
    return Container(id=identify(name), name=name, state=state, exit_code=0)


def registered(name: str, address: str, host_id: int | None = None) -> Registration:
    """A registration as Flatnet's plug-in makes it: by podman's id. The host is that of the address."""
    return Registration(id=identify(name), ip=address, host_id=host_id or int(address.split(".")[2]))


def podman(of: Host, *containers: Container | Phrase) -> HostContainers:
    """What podman of a host says: its containers, or why it says nothing."""
    if containers and isinstance(containers[0], Phrase):
        return HostContainers(of, containers[0])
    return HostContainers(of, tuple(each for each in containers if isinstance(each, Container)))


def gateway(of: Host, registrations: Iterable[Registration] | HostError, **more: int) -> GatewayRegistry:
    """What the gateway of a host says."""
    if isinstance(registrations, HostError):
        return GatewayRegistry(of, registrations)
    listed = tuple(registrations)
    return GatewayRegistry(of, Registry(registrations=listed, **{"counted": len(listed), "interval": 30, "peers": 2} | more))
