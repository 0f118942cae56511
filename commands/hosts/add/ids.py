"""Ids of hosts (N of 10.100.N.1): where one can be taken, and what frees it. nebula-cert signs a taken address silently.

    inventory, host folder ─┐
    ledger ─────────────────┤
    gateways, config.yaml ──┼─▶ IdSurvey ─▶ the reason why an id or a name is taken ─▶ the next free id
    the overlay ────────────┘   (one ping for one id: `find_overlay_holder`)

An id of a removed host is free again only once every certificate with its name or its address is blocked by every member,
and nothing is owed. A blocklist that cannot be read counts as one without them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from adapters.errors import HostError
from adapters.inventory import Inventory, JoiningHost, RemovedHost
from adapters.overlay import format_gateway, format_overlay
from adapters.phrase import Phrase
from adapters.windows.nebula import ReachAddress
from commands.health.fleet_report import read_side
from commands.hosts.add.arguments import MAX_ID
from commands.hosts.add.members import MemberReading, read_members
from commands.hosts.remove.arguments import is_owed_removal
from commands.model.certificates import Identity, KnownIdentities
from commands.model.operation import FleetView
from commands.model.owed import KnownOwed
from commands.values.arguments import shorten_argument


@dataclass(frozen=True)
class IdClaim:
    """An id and the name of the host that is to have it.

    `own` are fingerprints of certificates that are its own already. `adopted`: it is a member of the overlay already, with
    all certificates of this very name and address.
    """

    number: int
    name: str
    own: frozenset[str] = frozenset()
    adopted: bool = False

    @property
    def is_known(self) -> bool:
        """True if the overlay and the gateways may know the host already."""
        return self.adopted or bool(self.own)

    def owns(self, identity: Identity) -> bool:
        """Returns whether a certificate is the host's own."""
        alike = identity.name == self.name and self.address in identity.addresses
        return identity.fingerprint in self.own or (self.adopted and alike)

    @property
    def address(self) -> str:
        return format_overlay(self.number)


@dataclass(frozen=True)
class IdSurvey:
    """All that is known of ids without asking the overlay."""

    inventory: Inventory
    identities: KnownIdentities
    owed: KnownOwed
    members: tuple[MemberReading, ...]
    now: datetime

    def find_obstacle(self, claim: IdClaim) -> Phrase | None:
        """Finds the reason why this id or this name is not free, and what frees it; None if both are."""
        return next(self._list_obstacles(claim), None)

    def find_next_free(self, name: str) -> int | None:
        """Finds the lowest id that is free and that no removed host had; None if there is none."""
        removed = {each.id for each in self.inventory.removed if each.name != name}
        free = (
            number
            for number in range(1, MAX_ID + 1)
            if number not in removed and self.find_obstacle(IdClaim(number, name)) is None
        )
        return next(free, None)

    def _list_obstacles(self, claim: IdClaim) -> Iterator[Phrase]:
        yield from _list_inventory_obstacles(claim, self.inventory)
        yield from self._list_tombstones(claim)
        yield from self._list_unblocked(claim)
        if not claim.is_known:
            yield from self._list_gateways(claim)

    def _list_tombstones(self, claim: IdClaim) -> Iterator[Phrase]:
        for removed in self.inventory.removed:
            if claim.number == removed.id or claim.name == removed.name:
                yield from _explain_tombstone(removed, claim, self.owed)

    def _list_unblocked(self, claim: IdClaim) -> Iterator[Phrase]:
        """Lists the certificates of others with this name or address which a member would still accept."""
        if not self.identities.available:
            yield Phrase("the ledger of certificates could not be read, so no ID is known to be free. See doctor")
            return
        held = self.identities.find_fingerprints(self.now, name=claim.name, address=claim.address)
        foreign = [each for each in self.identities.identities if each.fingerprint in held and not claim.owns(each)]
        for member in self.members if foreign else ():
            blocked = member.blocklist
            missing = [each for each in foreign if isinstance(blocked, Phrase) or each.fingerprint not in blocked]
            if missing:
                yield self._explain_unblocked(missing[0], member.host.name, blocked)

    def _explain_unblocked(self, identity: Identity, member: str, blocked: frozenset[str] | Phrase) -> Phrase:
        certificate = Phrase(
            "{name} ({address}, {fingerprint})",
            name=shorten_argument(identity.name),
            address=shorten_argument(identity.address),
            fingerprint=identity.fingerprint[:12],
        )
        if isinstance(blocked, Phrase):
            return Phrase(
                "a certificate of {certificate} has not ended, and whether {host} blocks it is unknown: {why}",
                certificate=certificate,
                host=member,
                why=blocked,
            )
        return Phrase(
            "a certificate of {certificate} has not ended, and {host} accepts it. Run {words}",
            certificate=certificate,
            host=member,
            words=_format_removal(identity, self.inventory),
        )

    def _list_gateways(self, claim: IdClaim) -> Iterator[Phrase]:
        for member in self.members:
            name = member.host.name
            for peer in member.list_peers():
                if _find_hostname(peer) == claim.address:
                    words = f"peer remove {peer} --on {name}"
                    yield Phrase("the gateway of {host} has the peer {peer}. Run {words}", host=name, peer=peer, words=words)
            if claim.number in member.list_registered_ids():
                yield Phrase(
                    "containers of the host ID {id} are registered at the gateway of {host}. Run {words}",
                    id=str(claim.number),
                    host=name,
                    words="sync",
                )
            if member.names_address(claim.address):
                yield Phrase(
                    "config.yaml of {host} has {address} under static_host_map. Remove it there",
                    host=name,
                    address=claim.address,
                )


async def survey_ids(view: FleetView) -> IdSurvey:
    """Reads all places in which an id can be taken, but for the overlay."""
    return IdSurvey(view.fleet.inventory, view.identities, view.owed, await read_members(view), view.now())


async def find_overlay_holder(claim: IdClaim, view: FleetView) -> Phrase | None:
    """Finds out whether the address of an id answers a ping of the lighthouse; None if it does not."""
    lighthouse = next((host for host in view.fleet.inventory.hosts if host.lighthouse), None)
    if lighthouse is None or lighthouse.windows is None:
        return Phrase(
            "no lighthouse with a Windows connection is configured, so {address} cannot be tried", address=claim.address
        )
    reached = await read_side(lighthouse, ReachAddress(address=claim.address), view)
    if isinstance(reached, HostError):
        return Phrase(
            "{host} could not try {address}: {why}", host=lighthouse.name, address=claim.address, why=reached.phrase
        )
    if reached is not None and reached.reachable:
        return Phrase("{address} responds on the overlay. Find that machine, or choose another ID", address=claim.address)
    return None


def _list_inventory_obstacles(claim: IdClaim, inventory: Inventory) -> Iterator[Phrase]:
    for host in inventory.hosts:
        if host.name == claim.name:
            yield Phrase("{host} is a member already. Run {words}", host=host.name, words=f"host show {host.name}")
        if host.id == claim.number:
            yield Phrase("ID {id} is taken by {host}. Choose another one", id=str(host.id), host=host.name)
    for joining in inventory.joining:
        if joining.id == claim.number and joining.name != claim.name:
            yield _explain_reservation(joining)
        if joining.name == claim.name and joining.id != claim.number:
            yield Phrase("{host} is being added with ID {id}", host=joining.name, id=str(joining.id))
    if claim.name in inventory.labels:
        yield Phrase("{name} is a label of hosts. Choose another name", name=claim.name)


def _explain_reservation(joining: JoiningHost) -> Phrase:
    return Phrase(
        "ID {id} is reserved for {host}, which is being added. Choose another one, or run {words}",
        id=str(joining.id),
        host=joining.name,
        words=f"host remove {joining.name}",
    )


def _explain_tombstone(removed: RemovedHost, claim: IdClaim, owed: KnownOwed) -> Iterator[Phrase]:
    peer = format_gateway(removed.id)
    for note in owed.notes:
        if is_owed_removal(note.words, removed.name) or note.words.split()[:3] == ["peer", "remove", peer]:
            yield Phrase(
                "the removal of {name} is still owed on {host}: {words}", name=removed.name, host=note.host, words=note.words
            )
    if removed.password_due and claim.name == removed.name:
        yield Phrase(
            "the password that {name} knew was not changed yet. Run {words} once it is",
            name=removed.name,
            words=f"host remove {removed.name} --password-changed",
        )


def _format_removal(identity: Identity, inventory: Inventory) -> str:
    """Formats the command that blocks a certificate: of the host that had it, else the list of certificates."""
    if inventory.find_removed(identity.name) is not None:
        return f"host remove {identity.name} --on all"
    known = inventory.find_host(identity.name) or inventory.find_joining(identity.name)
    return "cert --all" if known is None else f"host remove {identity.name}"


def _find_hostname(url: str) -> str:
    """Finds the host of an address that a gateway has; "" if it is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
