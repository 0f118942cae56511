"""Reads what a migration rests on: both ends, the registrations at all gateways, and their configuration files."""

import asyncio
from collections.abc import Iterable

from adapters.errors import HostError
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.wsl.container_reads import CountChangedFiles
from adapters.wsl.containers import ListedContainer
from adapters.wsl.helper import ReadHelper
from commands.checks.concurrent_reads import read_all_hosts, read_side
from commands.checks.managed import explain_unmanaged, find_helper_fault
from commands.containers.lookup import FoundContainer
from commands.containers.podman_holdings import read_holdings
from commands.gateways.configuration_files import read_configuration_files
from commands.gateways.fleet_registrations import read_registry
from commands.migration.address_uses import GatewayConfiguration
from commands.migration.ends import End, Surroundings
from commands.model.operation import FleetView


async def read_end(host: Host, view: FleetView) -> End | Phrase:
    """Reads one end; or returns why the bot may not change containers there, or why not all of it could be read."""
    if (why := explain_unmanaged(host, "containers")) is not None:
        return Phrase("{host}: {why}", host=host.name, why=why)
    said = await read_side(host, ReadHelper(), view)
    assert said is not None
    if (why := find_helper_fault(host, said)) is not None:
        return Phrase("{host}: {why}", host=host.name, why=why)
    held = await read_holdings(host, view)
    if isinstance(held, HostError):
        return _explain(host, held)
    return End(host, held.containers, held.images, held.volumes, held.storage)


async def count_changed_files(found: FoundContainer[ListedContainer], view: FleetView) -> int | Phrase:
    """Counts the files that a container changed in its own layer; or returns why they could not be counted."""
    counted = await read_side(found.host, CountChangedFiles(container=found.container.id), view)
    assert counted is not None
    return _explain(found.host, counted) if isinstance(counted, HostError) else counted.files


async def read_surroundings(hosts: Iterable[Host], view: FleetView) -> Surroundings:
    """Reads the gateways of these hosts. One that does not answer is a value."""
    gateways = [host for host in hosts if host.gateway is not None]
    readable = [host for host in gateways if host.windows is not None]
    registries, configurations = await asyncio.gather(
        read_all_hosts(gateways, lambda host: read_registry(host, view), view),
        asyncio.gather(*(_read_configuration(host, view) for host in readable)),
    )
    return Surroundings(registries, configurations)


async def _read_configuration(host: Host, view: FleetView) -> GatewayConfiguration:
    return GatewayConfiguration(host, await read_configuration_files(host, view))


def _explain(host: Host, error: HostError) -> Phrase:
    return Phrase("{host}: {why}", host=host.name, why=Phrase("could not check the host: {why}", why=error.phrase))
