"""Reads what the members say of ids and certificates: config.yaml, the peers and the registrations of their gateways."""

import asyncio
from dataclasses import dataclass
from functools import cached_property

from adapters.errors import HostError
from adapters.gateway.api import GatewaySystem, SyncStatus
from adapters.gateway.api import ReadSystem as ReadGateway
from adapters.gateway.containers import ReadRegistry, Registry
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.configuration import ConfigurationFile, ReadConfiguration
from commands.configuration.nebula import read_blocklist, read_static_hosts
from commands.configuration.splice import UnsuitableText
from commands.health.fleet_report import read_all_hosts, read_side
from commands.model.operation import FleetView


@dataclass(frozen=True)
class MemberReading:
    """A reading of a member. Each part is None if the member has no such side, and an error if it could not be read."""

    host: Host
    nebula: ConfigurationFile | HostError | None
    gateway: GatewaySystem | HostError | None = None
    registry: Registry | HostError | None = None

    @cached_property
    def blocklist(self) -> frozenset[str] | Phrase:
        """The blocklist of the member, or why it is not known."""
        match self.nebula:
            case None:
                return Phrase("no Windows connection configured")
            case HostError() as error:
                return error.phrase
            case file:
                try:
                    return frozenset(read_blocklist(file.content))
                except UnsuitableText as error:
                    return error.locate(file.file, file.content)

    def names_address(self, address: str) -> bool:
        """Returns whether the member's static_host_map has an address of the overlay. A file that is no YAML may have it."""
        if not isinstance(self.nebula, ConfigurationFile) or address.encode() not in self.nebula.content:
            return False
        try:
            return address in read_static_hosts(self.nebula.content)
        except UnsuitableText:
            return True

    def list_peers(self) -> tuple[str, ...]:
        """Lists the peers with which the member's gateway synchronizes, as far as they are known."""
        status = self.gateway.sync if isinstance(self.gateway, GatewaySystem) else None
        return status.peers if isinstance(status, SyncStatus) else ()

    def list_registered_ids(self) -> frozenset[int]:
        """Lists the ids of hosts whose containers are registered at the member's gateway, as far as they are known."""
        if not isinstance(self.registry, Registry):
            return frozenset()
        return frozenset(each.host_id for each in self.registry.registrations if each.host_id is not None)


async def read_members(view: FleetView) -> tuple[MemberReading, ...]:
    """Reads all members concurrently, in the order of the inventory."""

    async def read(host: Host) -> MemberReading:
        file = None if host.windows is None else ReadConfiguration.of(host.windows.paths.nebula_config)
        asking_file = read_side(host, file, view)
        asking_gateway = read_side(host, None if host.gateway is None else ReadGateway(), view)
        asking_registry = read_side(host, None if host.gateway is None else ReadRegistry(), view)
        nebula, gateway, registry = await asyncio.gather(asking_file, asking_gateway, asking_registry)
        return MemberReading(host, nebula, gateway, registry)

    return await read_all_hosts(view.fleet.inventory.hosts, read, view)
