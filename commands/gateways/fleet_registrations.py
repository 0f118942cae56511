"""Reads the registrations at gateways, and the containers that podman runs, concurrently."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping

from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.gateway.containers import ReadRegistry, Registry
from adapters.inventory import Host, WslSide
from adapters.phrase import Phrase
from adapters.wsl.containers import ContainerList, ListContainers
from adapters.wsl.podman import UnreadPart
from adapters.wsl.system import ReadSystem, WslSystem
from commands.checks.concurrent_reads import read_all_hosts
from commands.gateways.registrations import GatewayRegistry, HostContainers
from commands.model.operation import FleetView

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
