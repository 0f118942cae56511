"""Reads Flatnet's containers through the helper, on many hosts concurrently."""

from collections.abc import Iterable

from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.inventory import Host
from adapters.wsl.containers import ContainerList, ListContainers, ListedContainer
from commands.checks.concurrent_reads import read_all_hosts
from commands.checks.managed import explain_unmanaged
from commands.containers.lookup import HostListing
from commands.gateways.fleet_registrations import read_registry
from commands.gateways.registrations import GatewayRegistry
from commands.model.operation import FleetView


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
