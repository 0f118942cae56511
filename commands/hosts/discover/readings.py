"""Reads what names hosts: the lighthouse, the gateways and the ledger. No host is contacted that is not configured.

lighthouse ─ handshakes of its log, static_host_map ─┐
gateways   ─ who they are, peers, registrations      ├─▶ Evidence: mentions, and what could not be read
ledger     ─ certificates that have not ended       ─┘
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.action import Action, Answer
from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.gateway.answers import UnusableAnswer
from adapters.gateway.api import GatewaySystem, ReadSystem
from adapters.gateway.containers import ReadRegistry, Registry
from adapters.inventory import Host
from adapters.overlay import find_host_id
from adapters.phrase import Phrase
from adapters.windows.configuration import ConfigurationFile, ReadConfiguration
from adapters.windows.handshakes import HandshakeReading, ReadHandshakes
from commands.configuration.nebula import read_static_hosts
from commands.configuration.splice import UnsuitableText
from commands.health.fleet_report import read_all_hosts
from commands.hosts.discover.mentions import Mention, Source, clean_underlay, parse_peer_id
from commands.model.certificates import KnownIdentities
from commands.model.operation import FleetView

LOG = Phrase("the log of Nebula")
LEDGER = Phrase("the ledger")
STATIC_HOSTS = Phrase("static_host_map")
PEERS = Phrase("the peers of the gateway")
REGISTRATIONS = Phrase("the registrations at the gateway")

_LOG_STATES = {
    "absent": Phrase("the file does not exist"),
    "denied": Phrase("the bot's account may not read the file"),
    "folder": Phrase("it is a folder"),
    "outside": Phrase("a link leads out of its folder"),
    "unreadable": Phrase("the file could not be read"),
}


@dataclass(frozen=True)
class UnreadSource:
    """A place that could not be read, so what it names is unknown."""

    place: str
    what: Phrase
    why: Phrase


@dataclass(frozen=True)
class Evidence:
    """Evidence of several places. `gateways`: those whose peers are known, by name and id. `strange`: peers that are no
    hosts' addresses, by gateway. `unread`: places that could not be read.
    """

    mentions: tuple[Mention, ...] = ()
    gateways: tuple[tuple[str, int], ...] = ()
    strange: tuple[tuple[str, str], ...] = ()
    unread: tuple[UnreadSource, ...] = ()


def merge_evidence(parts: Iterable[Evidence]) -> Evidence:
    """Merges what several places said."""
    known = tuple(parts)
    return Evidence(
        tuple(each for part in known for each in part.mentions),
        tuple(each for part in known for each in part.gateways),
        tuple(each for part in known for each in part.strange),
        tuple(each for part in known for each in part.unread),
    )


async def read_evidence(hosts: Sequence[Host], view: FleetView) -> Evidence:
    """Reads the lighthouse and the gateways among these hosts, concurrently."""

    async def look(host: Host) -> Evidence:
        sides = [_read_lighthouse(host, view)] if host.lighthouse and host.windows is not None else []
        sides += [_read_gateway(host, view)] if host.gateway is not None else []
        return merge_evidence(await asyncio.gather(*sides))

    asked = [host for host in hosts if host.lighthouse or host.gateway is not None]
    return merge_evidence(await read_all_hosts(asked, look, view))


def find_in_ledger(known: KnownIdentities, now: datetime) -> Evidence:
    """Finds the hosts that certificates of the ledger name, without those that were taken back."""
    return Evidence(
        tuple(
            Mention(number, Source.LEDGER, name=each.name, fingerprint=each.fingerprint)
            for number, identities in known.find_used_ids(now).items()
            for each in identities
            if not each.abandoned
        )
    )


async def _read_lighthouse(host: Host, view: FleetView) -> Evidence:
    assert host.windows is not None
    ask_log = _read(host, ReadHandshakes.of(host.windows, None), view)
    ask_text = _read(host, ReadConfiguration.of(host.windows.paths.nebula_config), view)
    log, text = await asyncio.gather(ask_log, ask_text)
    return merge_evidence([_take_log(host, log), _take_static_hosts(host, text)])


def _take_log(host: Host, read: HandshakeReading | HostError) -> Evidence:
    if isinstance(read, HostError):
        return _make_unread(host, LOG, read.phrase)
    if read.state != "present":
        return _make_unread(host, LOG, _LOG_STATES[read.state])
    return Evidence(
        tuple(
            Mention(number, Source.HANDSHAKE, host.name, each.name, each.fingerprint, clean_underlay(each.underlay))
            for each in read.certificates
            for number in _list_ids(each.address.split())
        )
    )


def _take_static_hosts(host: Host, read: ConfigurationFile | HostError) -> Evidence:
    if isinstance(read, HostError):
        return _make_unread(host, STATIC_HOSTS, read.phrase)
    try:
        listed = read_static_hosts(read.content)
    except UnsuitableText as error:
        return _make_unread(host, STATIC_HOSTS, error.why)
    return Evidence(
        tuple(
            Mention(number, Source.STATIC, host.name, underlay=clean_underlay(underlay))
            for overlay, underlays in listed.items()
            for number in _list_ids([overlay])
            for underlay in underlays
        )
    )


async def _read_gateway(host: Host, view: FleetView) -> Evidence:
    ask_system, ask_registry = _read(host, ReadSystem(), view), _read(host, ReadRegistry(), view)
    system, registry = await asyncio.gather(ask_system, ask_registry)
    return merge_evidence([_take_peers(host, system), _take_registrations(host, registry)])


def _take_peers(host: Host, read: GatewaySystem | HostError) -> Evidence:
    sync = read if isinstance(read, HostError) else read.sync
    if isinstance(sync, HostError | UnusableAnswer):
        return _make_unread(host, PEERS, sync.phrase)
    if sync.host_id is None:
        return _make_unread(host, PEERS, Phrase("Lua did not start in the gateway"))
    peers = [(address, parse_peer_id(address)) for address in sync.peers]
    named = tuple(Mention(number, Source.PEER, host.name) for _, number in peers if number is not None)
    itself = [Mention(host.id, Source.ITSELF, host.name)] if sync.host_id == host.id else []
    return Evidence(
        (*itself, *named),
        gateways=((host.name, sync.host_id),),
        strange=tuple((host.name, address) for address, number in peers if number is None),
    )


def _take_registrations(host: Host, read: Registry | HostError) -> Evidence:
    if isinstance(read, HostError):
        return _make_unread(host, REGISTRATIONS, read.phrase)
    numbers = sorted({each.host_id for each in read.registrations if each.host_id})
    return Evidence(tuple(Mention(number, Source.REGISTRATION, host.name) for number in numbers))


def _make_unread(host: Host, what: Phrase, why: Phrase) -> Evidence:
    return Evidence(unread=(UnreadSource(host.name, what, why),))


def _list_ids(addresses: Iterable[str]) -> Iterator[int]:
    """Lists the ids of the hosts with these addresses on the overlay. Those of laptops and other members have none."""
    yield from dict.fromkeys(number for number in map(find_host_id, addresses) if number is not None)


async def _read(host: Host, action: Action[Answer], view: FleetView) -> Answer | HostError:
    seen: ReadResult[Answer] = await view.fleet.read(host, action)
    return seen.outcome
