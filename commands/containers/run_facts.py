"""Facts about a host on which a container will be made, and the reasons for which it cannot be made there."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from adapters.errors import HostError
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.wsl.containers import ListedContainer
from adapters.wsl.description import Description
from adapters.wsl.images import ListedImage, Storage
from adapters.wsl.ipam import Allocations, ReadAllocations
from commands.checks.concurrent_reads import read_side
from commands.containers.fleet_containers import read_gateways
from commands.containers.podman_holdings import read_holdings
from commands.gateways.registrations import GatewayRegistry
from commands.model.operation import FleetView
from commands.model.phrases import list_some


@dataclass(frozen=True)
class RunFacts:
    """Facts about the host, and the registrations at all gateways. `handed` are addresses with the ids that have them."""

    containers: tuple[ListedContainer, ...]
    images: tuple[ListedImage, ...]
    storage: Storage
    volumes: frozenset[str]
    handed: frozenset[IPv4Address]
    gateways: tuple[GatewayRegistry, ...]


async def read_run_facts(host: Host, view: FleetView) -> RunFacts | HostError:
    """Reads the facts, all at once; the first error of the host's WSL2 if there is any."""
    held, handed, gateways = await asyncio.gather(read_holdings(host, view), _read_handed(host, view), read_gateways(view))
    if isinstance(held, HostError):
        return held
    names = frozenset(volume.name for volume in held.volumes)
    return RunFacts(held.containers, held.images, held.storage, names, handed, gateways)


async def _read_handed(host: Host, view: FleetView) -> frozenset[IPv4Address]:
    """Reads the addresses that the plug-in has handed out; none where the bot may not read them."""
    if host.wsl is None or "ipam" not in host.wsl.manage:
        return frozenset()
    said: Allocations | HostError | None = await read_side(host, ReadAllocations(), view)
    return frozenset(said.allocations.values()) if isinstance(said, Allocations) else frozenset()


def find_run_obstacle(host: Host, wanted: Description, facts: RunFacts) -> Phrase | None:
    """Finds the reason for which the container cannot be made on the host; None if there is none."""
    taken = next((each for each in facts.containers if each.name == wanted.name), None)
    if taken is not None:
        return Phrase(
            "{host} has a container {name} already. Use another name with {option}, or see {words}",
            host=host.name,
            name=wanted.name,
            option="--name",
            words="container",
        )
    for port in wanted.ports:
        user = next((each for each in facts.containers if each.runs and any(map(port.collides, each.ports))), None)
        if user is not None:
            return Phrase("port {port} of {host} is used by {name}", port=port.host_port, host=host.name, name=user.name)
    return None if wanted.address is None else _find_address_obstacle(host, wanted.address, facts)


def _find_address_obstacle(host: Host, address: IPv4Address, facts: RunFacts) -> Phrase | None:
    network, gateway = host.bridge.network, host.bridge.ip
    if address not in network or address in (network.network_address, network.broadcast_address, gateway):
        return Phrase(
            "{address} is not an address of {host} ({network})", address=str(address), host=host.name, network=str(network)
        )
    user = next((each for each in facts.containers if each.address == address), None)
    if user is not None:
        return Phrase("{address} is used by {name}", address=str(address), name=user.name)
    if address in facts.handed:
        return Phrase("{address} is handed out already. See {words}", address=str(address), words=f"ipam {host.name}")
    return None


def warn_of_run(host: Host, wanted: Description, facts: RunFacts) -> Iterator[Phrase]:
    """Warns of volumes that exist already, and of what a rollback leaves."""
    names = [volume.name for volume in wanted.volumes]
    existing, new = [name for name in names if name in facts.volumes], [name for name in names if name not in facts.volumes]
    if existing:
        yield Phrase(
            "{host} has the volumes {volumes} already. Their files are used", host=host.name, volumes=list_some(existing)
        )
    if new:
        yield Phrase("new volumes: {volumes}. They stay after a rollback", volumes=list_some(new))
