"""Compares the hosts that the fleet names with the inventory: which are missing there, and what contradicts what. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import reduce

from adapters.inventory import LIGHTHOUSE_ID, Host, Inventory
from adapters.phrase import Listing, Phrase
from commands.health.assessment import Remark
from commands.hosts.discover.mentions import (
    FoundHost,
    Source,
    choose_names,
    choose_underlays,
    find_unlisted_at,
    group_mentions,
    list_configured_names,
)
from commands.hosts.discover.readings import Evidence
from commands.model.certificates import BOT_PLACE, KnownIdentities, Way
from commands.model.finding import Severity, list_some
from commands.model.operation import CertificateRules
from commands.values.arguments import shorten_argument


class InventoryStatus(StrEnum):
    """Statuses of found hosts in the inventory."""

    MEMBER = "member"
    JOINING = "joining"
    REMOVED = "removed"
    EXPECTED = "expected"
    """A member of the overlay that is no host: named under `members`, or the bot's own machine."""
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ComparedHost:
    """A found host, its status, its name in the inventory or in a proposal, and what is wrong about it."""

    found: FoundHost
    status: InventoryStatus
    name: str
    remarks: tuple[Remark, ...] = ()
    underlay: str = ""
    """Its address in the site's network for a proposal; "" if none is known for sure."""

    @property
    def words(self) -> str | None:
        """The beginning of the command that adds it; None if it is known, or is the lighthouse."""
        if self.status is not InventoryStatus.UNKNOWN or self.found.id == LIGHTHOUSE_ID:
            return None
        windows = f" --windows {self.underlay}" if self.underlay else ""
        return f"host add {self.name} --id {self.found.id} --adopt{windows}"


@dataclass(frozen=True)
class Known:
    """Everything that is known of members beside the evidence: the configuration and the ledger."""

    inventory: Inventory
    rules: CertificateRules
    identities: KnownIdentities

    @property
    def own_fingerprints(self) -> frozenset[str]:
        """Certificates that lie on the machine of the bot."""
        return frozenset(
            fingerprint
            for fingerprint, sightings in self.identities.sightings.items()
            if any(each.place == BOT_PLACE and each.way is Way.FILE for each in sightings)
        )


def compare(evidence: Evidence, known: Known) -> tuple[ComparedHost, ...]:
    """Compares everything that was found, in the order of the ids."""
    found = group_mentions(evidence.mentions)
    own, configured = known.own_fingerprints, list_configured_names(known.inventory)
    statuses = {each.id: _find_status(each, known, own) for each in found}
    chosen = choose_names([each for each in found if statuses[each.id] is InventoryStatus.UNKNOWN], known.inventory)
    underlays = choose_underlays(found)
    compared = [
        ComparedHost(
            each,
            statuses[each.id],
            configured.get(each.id) or chosen.get(each.id) or f"host-{each.id}",
            underlay=underlays[each.id],
        )
        for each in found
    ]
    return tuple(replace(each, remarks=tuple(_list_remarks(each, evidence, known.inventory))) for each in compared)


def list_gateway_remarks(evidence: Evidence, inventory: Inventory) -> Iterator[tuple[str, Remark]]:
    """Lists what is wrong about gateways themselves, with the name of their host."""
    hosts: Mapping[str, Host] = {host.name: host for host in inventory.hosts}
    for name, number in evidence.gateways:
        if name in hosts and hosts[name].id != number:
            why = Phrase(
                "the gateway of {host} reports host ID {number}, but its ID is {id}. Fix host_id in its nginx.conf",
                host=name,
                number=str(number),
                id=str(hosts[name].id),
            )
            yield name, Remark("itself", Severity.HIGH, Phrase("wrong host ID"), why, next=f"gateway {name} --details")
    for name in dict.fromkeys(name for name, _ in evidence.strange):
        addresses = [shorten_argument(address) for place, address in evidence.strange if place == name]
        why = Phrase(
            "its peers {addresses} are not addresses of hosts. Check its nginx.conf", addresses=list_some(addresses)
        )
        yield name, Remark("stranger", Severity.MEDIUM, Phrase("unusual peers"), why, next=f"peer {name}")


def describe_sources(found: FoundHost) -> Phrase:
    """Describes the places that name a host."""
    texts = [
        describe(list_some(list(places))) for source, describe in _SOURCES.items() if (places := found.find_places(source))
    ]
    if any(mention.source is Source.LEDGER for mention in found.mentions):
        texts.append(Phrase("the ledger"))
    return Phrase("{items}", items=Listing(tuple(texts)))


def describe_missing(case: ComparedHost) -> Phrase:
    """Describes what must be known before the bot logs in to a host, by side."""
    return reduce(lambda before, item: Phrase("{before} / {item}", before=before, item=item), _list_missing(case))


def _list_missing(case: ComparedHost) -> Iterator[Phrase]:
    found = case.found
    if case.underlay:
        yield Phrase("Windows ({address}): SHA-256 of its certificate", address=case.underlay)
    elif found.underlays:
        yield Phrase("Windows ({addresses}?): SHA-256 of its certificate", addresses=list_some(list(found.underlays)))
    else:
        yield Phrase("Windows: address and SHA-256 of its certificate")
    if found.id != LIGHTHOUSE_ID:
        yield Phrase("WSL2: address and fingerprint of its host key")
        if not found.has_gateway:
            yield Phrase("gateway: not a peer of any gateway")


_SOURCES: Mapping[Source, Callable[[Phrase], Phrase]] = {
    Source.HANDSHAKE: lambda places: Phrase("log ({places})", places=places),
    Source.STATIC: lambda places: Phrase("static_host_map ({places})", places=places),
    Source.ITSELF: lambda places: Phrase("gateway ({places})", places=places),
    Source.PEER: lambda places: Phrase("peers ({places})", places=places),
    Source.REGISTRATION: lambda places: Phrase("registrations ({places})", places=places),
}


def _find_status(found: FoundHost, known: Known, own: frozenset[str]) -> InventoryStatus:
    inventory = known.inventory
    if found.find_member(inventory) is not None:
        return InventoryStatus.MEMBER
    if any(each.id == found.id for each in inventory.joining):
        return InventoryStatus.JOINING
    if any(each.id == found.id for each in inventory.removed):
        return InventoryStatus.REMOVED
    expected = found.names and all(name in known.rules.members for name in found.names)
    if not found.has_gateway and (expected or not own.isdisjoint(found.fingerprints)):
        return InventoryStatus.EXPECTED
    return InventoryStatus.UNKNOWN


def _list_remarks(case: ComparedHost, evidence: Evidence, inventory: Inventory) -> Iterator[Remark]:
    match case.status:
        case InventoryStatus.UNKNOWN:
            yield _build_unknown(case)
        case InventoryStatus.REMOVED:
            why = Phrase(
                "{host} was removed, but is still named by {sources}. Check that no one uses its certificates",
                host=case.name,
                sources=describe_sources(case.found),
            )
            yield Remark("removed", Severity.MEDIUM, Phrase("removed, but still named"), why, next="cert --all")
    yield from _list_name_remarks(case, inventory)
    yield from _list_peer_remarks(case, evidence.gateways)


def _build_unknown(case: ComparedHost) -> Remark:
    found = case.found
    if found.id == LIGHTHOUSE_ID:
        why = Phrase("the lighthouse {address} is not in the configuration. Add it to flatnet.toml", address=found.address)
    else:
        why = Phrase(
            "{address} is not in the configuration. Named by: {sources}. Missing: {missing}",
            address=found.address,
            sources=describe_sources(found),
            missing=describe_missing(case),
        )
    return Remark("unknown", Severity.MEDIUM, Phrase("not in the configuration"), why, next=case.words)


def _list_name_remarks(case: ComparedHost, inventory: Inventory) -> Iterator[Remark]:
    """Lists contradictions between the names of certificates, and between those and the inventory."""
    names = case.found.names
    shown = list_some([shorten_argument(name) for name in names])
    own = {case.name} if case.status is not InventoryStatus.UNKNOWN else set[str]()
    if case.status is not InventoryStatus.EXPECTED and len(own | set(names)) > 1:
        why = Phrase(
            "certificates of {names} claim the address {address}. Check which one is right",
            names=shown,
            address=case.found.address,
        )
        yield Remark("names", Severity.MEDIUM, Phrase("other names in certificates"), why, next="cert --all")
    for name in names:
        other = inventory.find_host(name)
        if other is not None and other.id != case.found.id:
            why = Phrase(
                "a certificate of {name} claims {address}, but {name} has {right}",
                name=name,
                address=case.found.address,
                right=str(other.overlay.ip),
            )
            yield Remark("address", Severity.MEDIUM, Phrase("name of another host"), why, next="cert --all")


def _list_peer_remarks(case: ComparedHost, gateways: Sequence[tuple[str, int]]) -> Iterator[Remark]:
    unlisted = [name for name in find_unlisted_at(case.found, gateways) if name != case.name]
    if unlisted and case.status in (InventoryStatus.MEMBER, InventoryStatus.UNKNOWN):
        why = Phrase(
            "gateways disagree: {listed} synchronizes with {host}, {unlisted} does not",
            listed=list_some(list(case.found.find_places(Source.PEER))),
            host=case.name,
            unlisted=list_some(unlisted),
        )
        yield Remark("peers", Severity.MEDIUM, Phrase("gateways disagree"), why, next="peer")
