"""Hosts that the fleet itself names: what each place says of them, brought together by their ids. Pure.

    Nebula's log of the lighthouse ─┐
    its static_host_map             │
    ledger                          ├─▶ Mention* ─▶ FoundHost, one for each id ─▶ names, addresses, disagreements
    peers of each gateway           │
    registrations at each gateway  ─┘

All of it is a claim of a host, a log or a file: it proposes, and proves no identity.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, ip_address
from urllib.parse import urlsplit

from adapters.action import BOT_NAME
from adapters.inventory import HOST_NAME, Host, Inventory
from adapters.overlay import API_PORT, OVERLAY_NETWORK, find_host_id, format_overlay
from commands.values.arguments import EVERY_HOST

OWN_NETWORKS = (OVERLAY_NETWORK, IPv4Network("10.87.0.0/16"))
"""Flatnet's own networks. An address in them is no way to a host that is not reached yet."""


class Source(StrEnum):
    """Kinds of places that name a host."""

    HANDSHAKE = "handshake"
    STATIC = "static"
    LEDGER = "ledger"
    PEER = "peer"
    REGISTRATION = "registration"
    ITSELF = "itself"
    """A gateway's own answer, where it is the host that it is configured as."""


@dataclass(frozen=True)
class Mention:
    """One place names the host with an id. `place` is the host that says so, "" for the ledger.

    `name` is that of a certificate, `fingerprint` the certificate's, `underlay` an address outside Flatnet's networks; ""
    where that place has none.
    """

    id: int
    source: Source
    place: str = ""
    name: str = ""
    fingerprint: str = ""
    underlay: str = ""


@dataclass(frozen=True)
class FoundHost:
    """One id and everything that was said of it."""

    id: int
    mentions: tuple[Mention, ...]

    @property
    def address(self) -> str:
        """Its address on the overlay."""
        return format_overlay(self.id)

    @property
    def names(self) -> tuple[str, ...]:
        """The different names of its certificates, in the order of the mentions."""
        return _list_each(mention.name for mention in self.mentions)

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """The certificates that claim its address."""
        return _list_each(mention.fingerprint for mention in self.mentions)

    @property
    def underlays(self) -> tuple[str, ...]:
        """The addresses from which it was seen, or under which it is configured, without Flatnet's own."""
        return _list_each(mention.underlay for mention in self.mentions)

    @property
    def has_gateway(self) -> bool:
        """True if a gateway names its gateway or a container of it."""
        sources = {mention.source for mention in self.mentions}
        return not sources.isdisjoint({Source.PEER, Source.REGISTRATION, Source.ITSELF})

    def find_places(self, source: Source) -> tuple[str, ...]:
        """Finds the places of one kind that name it."""
        return _list_each(mention.place for mention in self.mentions if mention.source is source)

    def find_member(self, inventory: Inventory) -> Host | None:
        """Finds the member with its id."""
        return next((host for host in inventory.hosts if host.id == self.id), None)


def group_mentions(mentions: Iterable[Mention]) -> tuple[FoundHost, ...]:
    """Groups mentions by id, in the order of the ids."""
    groups: dict[int, list[Mention]] = {}
    for mention in mentions:
        groups.setdefault(mention.id, []).append(mention)
    return tuple(FoundHost(number, tuple(said)) for number, said in sorted(groups.items()))


def list_configured_names(inventory: Inventory) -> Mapping[int, str]:
    """Lists the names that the configuration has, by id: of members, of hosts that are being added, and of removed ones."""
    removed = {each.id: each.name for each in inventory.removed}
    return removed | {each.id: each.name for each in inventory.joining} | {each.id: each.name for each in inventory.hosts}


def choose_names(found: Sequence[FoundHost], inventory: Inventory) -> Mapping[int, str]:
    """Chooses the names of hosts for a proposal, by id: that of the certificate, if it is the only one and free.

    Where a name does not suit a host, or is claimed for several ids, it is `host-N`, which no log could have made up.
    """
    taken = {EVERY_HOST, BOT_NAME, *inventory.labels, *list_configured_names(inventory).values()}
    claims = Counter(name for each in found for name in each.names)
    chosen: dict[int, str] = {}
    for each in found:
        fitting = [name for name in each.names if re.fullmatch(HOST_NAME, name) and name not in taken and claims[name] == 1]
        chosen[each.id] = fitting[0] if len(each.names) == 1 and fitting else _make_name(each.id, taken | claims.keys())
    return chosen


def _make_name(number: int, taken: Set[str]) -> str:
    usual = f"host-{number}"
    further = (f"{usual}-{count}" for count in itertools.count(2))
    return next(name for name in itertools.chain([usual], further) if name not in taken)


def choose_underlays(found: Sequence[FoundHost]) -> Mapping[int, str]:
    """Chooses the addresses of hosts for a proposal, by id: "" where there is none, or not one alone.

    Hosts behind the same router have its address, which leads to none of them.
    """
    claims = Counter(underlay for each in found for underlay in each.underlays)
    return {
        each.id: each.underlays[0] if len(each.underlays) == 1 and claims[each.underlays[0]] == 1 else "" for each in found
    }


def parse_peer_id(address: str) -> int | None:
    """Parses the id of the host whose gateway a peer's address is; None for every other address."""
    try:
        parts = urlsplit(address)
        if parts.scheme.lower() != "http" or parts.port != API_PORT or parts.path not in ("", "/"):
            return None
    except ValueError:
        return None
    return None if parts.query or parts.fragment or parts.username else find_host_id(parts.hostname or "")


def clean_underlay(text: str) -> str:
    """Returns an address, with or without a port, as that of a host in the site's network; "" for what cannot be one."""
    address, colon, _ = text.rpartition(":")
    try:
        parsed = ip_address((address if colon else text).strip("[]"))
    except ValueError:
        return ""
    if not isinstance(parsed, IPv4Address) or any(parsed in network for network in OWN_NETWORKS):
        return ""
    usable = not (parsed.is_loopback or parsed.is_unspecified or parsed.is_multicast or parsed.is_link_local)
    return str(parsed) if usable and parsed != IPv4Address("255.255.255.255") else ""


def find_unlisted_at(found: FoundHost, gateways: Sequence[tuple[str, int]]) -> tuple[str, ...]:
    """Finds the gateways that do not list a host which others do; none if no gateway lists it.

    `gateways` are those whose peers are known, by name and id. A gateway does not list itself.
    """
    listed = found.find_places(Source.PEER)
    if not listed:
        return ()
    return tuple(name for name, number in gateways if name not in listed and number != found.id)


def _list_each(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))
