"""Impact of stopping a service: tunnels, sites of containers, and the bot's own connection that are cut off."""

import asyncio
import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from adapters.errors import HostError
from adapters.fleet import Seen
from adapters.gateway.api import GatewaySystem
from adapters.gateway.api import ReadSystem as ReadGateway
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.wsl.podman import Unread
from adapters.wsl.system import ReadSystem as ReadWsl
from adapters.wsl.system import WslSystem
from commands.model.operation import View
from commands.model.phrases import some
from commands.model.plan import Premise
from commands.values.arguments import shown

Verb = Literal["start", "stop", "restart"]

OVERLAY = ipaddress.IPv4Network("10.100.0.0/16")


@dataclass(frozen=True)
class Served:
    """Workload of a host: its running containers, sorted (None: unknown); if its gateway answers (None: it has none)."""

    host: Host
    containers: tuple[str, ...] | None
    gateway: bool | None


async def serve(hosts: Iterable[Host], view: View) -> Mapping[str, Served]:
    """Reads the workload of these hosts by name, concurrently."""

    async def ask(host: Host) -> Served:
        containers, gateway = await asyncio.gather(_containers(host, view), _answers(host, view))
        return Served(host, containers, gateway)

    served = await asyncio.gather(*(ask(host) for host in hosts))
    return {each.host.name: each for each in served}


def over_overlay(host: Host) -> bool:
    """Returns whether the bot reaches this host's Windows by an address of the overlay. A name counts as another address."""
    if host.windows is None:
        return False
    try:
        return ipaddress.ip_address(urlsplit(host.windows.url).hostname or "") in OVERLAY
    except ValueError:
        return False


def cut_off(served: Served, verb: Verb) -> tuple[Premise, ...]:
    """Builds the premise of the containers that go down with the service. If one starts or ends, the plan is another one."""
    if verb == "start" or served.gateway is None:
        return ()
    host, containers = served.host.name, served.containers
    if containers is None:
        phrase = Phrase("the containers of {host} are not known", host=host)
    elif not containers:
        phrase = Phrase("no container runs on {host}", host=host)
    else:
        phrase = Phrase("running on {host}: {containers}", host=host, containers=some([shown(name) for name in containers]))
    value = None if containers is None else list(containers)
    return (Premise(host=host, what="containers", value=value, phrase=phrase),)


def nebula_cut(served: Served, verb: Verb) -> tuple[Phrase, ...]:
    """Describes the outage while a host's Nebula restarts, or after it is stopped."""
    host = served.host
    if verb == "start":
        return ()
    if verb == "stop":
        told = [_with_sites(Phrase("the tunnels of {host} are down until Nebula is started again", host=host.name), served)]
    else:
        told = [_with_sites(Phrase("the tunnels of {host} are down for some seconds", host=host.name), served)]
    if host.lighthouse:
        told.append(
            Phrase("meanwhile hosts without a tunnel cannot find one another: {host} is the lighthouse", host=host.name)
        )
    if over_overlay(host):
        told.append(Phrase("the bot itself reaches {host} through Nebula, and waits until it is back", host=host.name))
    return tuple(told)


def gateway_cut(served: Served, verb: Verb) -> tuple[Phrase, ...]:
    """Describes the outage while a host's OpenResty restarts, or after it is stopped."""
    host = served.host.name
    if verb == "start":
        return ()
    if verb == "stop":
        return (_with_sites(Phrase("the gateway of {host} is down until it is started again", host=host), served),)
    return (_with_sites(Phrase("the gateway of {host} is down for some seconds", host=host), served),)


def _with_sites(cut: Phrase, served: Served) -> Phrase:
    """Adds the sites that are reached through the host's gateway."""
    if served.gateway is None or served.containers == ():
        return cut
    if served.containers is None:
        return Phrase("{cut}; cut off with it: all its sites, for its containers are not known", cut=cut)
    return Phrase("{cut}; cut off with it: {sites}", cut=cut, sites=some([shown(name) for name in served.containers]))


async def _containers(host: Host, view: View) -> tuple[str, ...] | None:
    if host.wsl is None:
        return None
    seen: Seen[WslSystem] = await view.fleet.look(host, ReadWsl.of(host.wsl))
    if isinstance(seen.said, HostError) or isinstance(seen.said.containers, Unread):
        return None
    return tuple(sorted(each.name for each in seen.said.containers if each.state == "running"))


async def _answers(host: Host, view: View) -> bool | None:
    if host.gateway is None:
        return None
    seen: Seen[GatewaySystem] = await view.fleet.look(host, ReadGateway())
    return not isinstance(seen.said, HostError) and seen.said.healthy is True
