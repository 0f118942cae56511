"""Impact of stopping a service: tunnels, sites of containers, and the bot's own connection that are cut off."""

import asyncio
import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.gateway.api import GatewaySystem
from adapters.gateway.api import ReadSystem as ReadGateway
from adapters.inventory import Host
from adapters.overlay import OVERLAY_NETWORK
from adapters.phrase import Phrase
from adapters.wsl.podman import UnreadPart
from adapters.wsl.system import ReadSystem as ReadWsl
from adapters.wsl.system import WslSystem
from commands.model.finding import list_some
from commands.model.operation import FleetView
from commands.model.plan import Premise
from commands.values.arguments import shorten_argument

ServiceVerb = Literal["start", "stop", "restart"]


@dataclass(frozen=True)
class HostWorkload:
    """Workload of a host: running containers, sorted (None: unknown), and whether its gateway answers (None: no gateway)."""

    host: Host
    containers: tuple[str, ...] | None
    gateway: bool | None


async def read_workloads(hosts: Iterable[Host], view: FleetView) -> Mapping[str, HostWorkload]:
    """Reads the workload of these hosts by name, concurrently."""

    async def ask(host: Host) -> HostWorkload:
        containers, gateway = await asyncio.gather(_read_containers(host, view), _read_gateway_health(host, view))
        return HostWorkload(host, containers, gateway)

    served = await asyncio.gather(*(ask(host) for host in hosts))
    return {each.host.name: each for each in served}


def is_reached_over_overlay(host: Host) -> bool:
    """Returns whether the bot reaches this host's Windows by an address of the overlay. A name counts as another address."""
    if host.windows is None:
        return False
    try:
        return ipaddress.ip_address(urlsplit(host.windows.url).hostname or "") in OVERLAY_NETWORK
    except ValueError:
        return False


def build_workload_premises(served: HostWorkload, verb: ServiceVerb) -> tuple[Premise, ...]:
    """Builds the premise of the containers that go down with the service.

    The plan is invalid if one of them starts or ends.
    """
    if verb == "start" or served.gateway is None:
        return ()
    host, containers = served.host.name, served.containers
    if containers is None:
        phrase = Phrase("the containers of {host} are unknown", host=host)
    elif not containers:
        phrase = Phrase("no containers are running on {host}", host=host)
    else:
        phrase = Phrase(
            "running on {host}: {containers}",
            host=host,
            containers=list_some([shorten_argument(name) for name in containers]),
        )
    value = None if containers is None else list(containers)
    return (Premise(host=host, what="containers", value=value, phrase=phrase),)


def describe_nebula_outage(served: HostWorkload, verb: ServiceVerb) -> tuple[Phrase, ...]:
    """Describes the outage while a host's Nebula restarts, or after it is stopped."""
    host = served.host
    if verb == "start":
        return ()
    if verb == "stop":
        told = [_add_sites(Phrase("the tunnels of {host} stay down until Nebula is started again", host=host.name), served)]
    else:
        told = [_add_sites(Phrase("the tunnels of {host} will be down for a few seconds", host=host.name), served)]
    if host.lighthouse:
        told.append(
            Phrase(
                "meanwhile, hosts without an established tunnel cannot find each other ({host} is the lighthouse)",
                host=host.name,
            )
        )
    if is_reached_over_overlay(host):
        told.append(Phrase("the bot itself connects to {host} over Nebula and waits for it to return", host=host.name))
    return tuple(told)


def describe_gateway_outage(served: HostWorkload, verb: ServiceVerb) -> tuple[Phrase, ...]:
    """Describes the outage while a host's OpenResty restarts, or after it is stopped."""
    host = served.host.name
    if verb == "start":
        return ()
    if verb == "stop":
        return (_add_sites(Phrase("the gateway of {host} is down until it is started again", host=host), served),)
    return (_add_sites(Phrase("the gateway of {host} will be down for a few seconds", host=host), served),)


def _add_sites(cut: Phrase, served: HostWorkload) -> Phrase:
    """Adds the sites that are reached through the host's gateway."""
    if served.gateway is None or served.containers == ():
        return cut
    if served.containers is None:
        return Phrase("{cut} (also unreachable: all its sites, because its containers are unknown)", cut=cut)
    return Phrase(
        "{cut} (also unreachable: {sites})", cut=cut, sites=list_some([shorten_argument(name) for name in served.containers])
    )


async def _read_containers(host: Host, view: FleetView) -> tuple[str, ...] | None:
    if host.wsl is None:
        return None
    seen: ReadResult[WslSystem] = await view.fleet.read(host, ReadWsl.of(host.wsl))
    if isinstance(seen.outcome, HostError) or isinstance(seen.outcome.containers, UnreadPart):
        return None
    return tuple(sorted(each.name for each in seen.outcome.containers if each.state == "running"))


async def _read_gateway_health(host: Host, view: FleetView) -> bool | None:
    if host.gateway is None:
        return None
    seen: ReadResult[GatewaySystem] = await view.fleet.read(host, ReadGateway())
    return not isinstance(seen.outcome, HostError) and seen.outcome.healthy is True
