"""Certificates that belong to no host of the inventory: laptops, the bot's own machine, and strangers. Pure.

ledger ─┬─ of a host: its name and address, or it lies in a file there
        ├─ the bot's own
        └─ all others ─▶ Outsider: expected (named under `members`), or a stranger

Certificates of one host in the ledger, as sentences: signed when and by which operation, and last seen where. Pure.

Peers whose certificates hosts refused, as a survey of their logs found them. Pure.

A refusal proves that the host is safe from that certificate, and tells where its holder is. Anyone can write a log line or
send from any address, so it is a claim.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from adapters.inventory import Host
from adapters.phrase import Listing, Moment, Phrase
from adapters.windows.handshakes import RefusedPeer
from commands.certificates.reading import shorten_fingerprint
from commands.model.certificates import BOT_PLACE, IN_USE_SPAN, Identity, IdentityKind, KnownIdentities, Sighting, Way
from commands.model.finding import relate_moment
from commands.values.arguments import shorten_argument


@dataclass(frozen=True)
class Outsider:
    """A certificate of a member outside the inventory. `sightings` are the latest, newest first.

    `expected`: the configuration names it. `trusted`: a CA that hosts hold signed it, as far as is known. Without that only
    a log claims it, and with another CA no host would take it.
    """

    identity: Identity
    sightings: tuple[Sighting, ...]
    expected: bool
    trusted: bool

    def is_recent(self, now: datetime) -> bool:
        """Returns whether it was seen lately. One that was not is no news."""
        seen = self.identity.seen_at
        return seen is not None and now - seen <= IN_USE_SPAN

    @property
    def is_stranger(self) -> bool:
        return not self.expected


def list_outsiders(
    known: KnownIdentities, hosts: Sequence[Host], members: Collection[str], now: datetime
) -> tuple[Outsider, ...]:
    """Lists the certificates that were seen, have not ended and belong to no host, the latest first."""
    places = {host.name for host in hosts} | {BOT_PLACE}
    names = {host.name: str(host.overlay.ip) for host in hosts}
    authorities = known.authorities
    found = [
        Outsider(
            identity=each,
            sightings=known.find_sightings(each.fingerprint),
            expected=each.name in members,
            trusted=not authorities or not each.issuer or each.issuer in authorities,
        )
        for each in known.list_members(now)
        if each.seen_at is not None and not _is_of_host(each, names) and not _lies_in(known, each, places)
    ]
    return tuple(sorted(found, key=_get_seen_key, reverse=True))


def list_abandoned(known: KnownIdentities, now: datetime) -> tuple[Identity, ...]:
    """Lists the certificates that were signed, taken back and have not ended, the newest first."""
    found = [each for each in known.list_members(now) if each.abandoned]
    return tuple(sorted(found, key=lambda each: str(each.signed_at), reverse=True))


def list_of_host(known: KnownIdentities, host: Host) -> tuple[Identity, ...]:
    """Lists the certificates with a host's name or address, and those in its files, the newest first."""
    address = str(host.overlay.ip)
    found = [
        each
        for each in known.identities
        if each.kind is IdentityKind.NEBULA
        and (each.name == host.name or address in each.addresses or _lies_in(known, each, {host.name}))
    ]
    return tuple(sorted(found, key=_get_seen_key, reverse=True))


def merge_reading(known: KnownIdentities, seen: Iterator[tuple[Identity, Sighting]]) -> KnownIdentities:
    """Adds what was read for this answer and is not in the ledger yet."""
    identities = {each.fingerprint: each for each in known.identities}
    sightings = dict(known.sightings)
    for identity, sighting in seen:
        before = identities.get(identity.fingerprint)
        if before is not None and before.seen_at is not None and before.seen_at >= sighting.at:
            continue
        base = before or identity
        identities[identity.fingerprint] = base.model_copy(update={"seen_at": sighting.at})
        rest = [each for each in sightings.get(identity.fingerprint, ()) if each.place != sighting.place]
        sightings[identity.fingerprint] = (sighting, *rest)
    return KnownIdentities(tuple(identities.values()), sightings, known.damaged, known.available)


def _is_of_host(identity: Identity, names: dict[str, str]) -> bool:
    """Returns whether a host has its name, and its address as far as that is known."""
    address = names.get(identity.name)
    return address is not None and (not identity.addresses or address in identity.addresses)


def _lies_in(known: KnownIdentities, identity: Identity, places: Collection[str]) -> bool:
    """Returns whether it was seen in a file at one of these places."""
    return any(
        sighting.way is Way.FILE and sighting.place in places for sighting in known.find_sightings(identity.fingerprint)
    )


def _get_seen_key(identity: Identity | Outsider) -> tuple[float, str]:
    each = identity.identity if isinstance(identity, Outsider) else identity
    at = each.seen_at or each.signed_at or each.begins_at
    return (0.0 if at is None else at.timestamp()), each.fingerprint


MAX_LISTED_CERTIFICATES = 10
"""Certificates that are listed. A host that is renewed each month has one more each month."""


def describe_history(host: Host, known: KnownIdentities, now: datetime) -> Iterator[Phrase]:
    """Describes the certificates with this host's name or address, the newest first."""
    found = list_of_host(known, host)
    for identity in found[:MAX_LISTED_CERTIFICATES]:
        yield _describe(identity, host, known.find_sightings(identity.fingerprint), now)
    if len(found) > MAX_LISTED_CERTIFICATES:
        yield Phrase("and {n} older", n=len(found) - MAX_LISTED_CERTIFICATES)


def _describe(identity: Identity, host: Host, sightings: tuple[Sighting, ...], now: datetime) -> Phrase:
    facts = [_describe_end(identity, now), _describe_origin(identity, now)]
    if identity.name != host.name:
        facts.append(Phrase("its name is {name}", name=shorten_argument(identity.name)))
    if identity.abandoned:
        facts.append(Phrase("rolled back, so it is not in use"))
    facts.append(_describe_sighting(sightings, now))
    return Phrase(
        "{fingerprint}: {facts}", fingerprint=shorten_fingerprint(identity.fingerprint), facts=Listing(tuple(facts))
    )


def _describe_end(identity: Identity, now: datetime) -> Phrase:
    if identity.ends_at is None:
        return Phrase("expiry unknown")
    if identity.has_ended(now):
        return Phrase("expired {at}", at=Moment(identity.ends_at))
    return Phrase("valid until {at}", at=Moment(identity.ends_at))


def _describe_origin(identity: Identity, now: datetime) -> Phrase:
    if identity.signed_at is None:
        return Phrase("not signed by this bot")
    return Phrase("signed by {operation} {at}", operation=identity.operation, at=relate_moment(identity.signed_at, now))


def _describe_sighting(sightings: tuple[Sighting, ...], now: datetime) -> Phrase:
    if not sightings:
        return Phrase("never seen")
    latest = sightings[0]
    place, at = latest.place or "flatnet-bot", relate_moment(latest.at, now)
    match latest.way:
        case Way.HANDSHAKE:
            return Phrase("last seen by {place} {at}", place=place, at=at)
        case _:
            return Phrase("last seen in a file of {place} {at}", place=place, at=at)


RECENT_PERIOD = timedelta(days=1)
"""Age beyond which a refusal is no news."""


class RefusalReason(StrEnum):
    """Reasons for which Nebula refuses a certificate, as far as they differ in what people should do."""

    BLOCKED = "blocked"
    UNKNOWN_CA = "unknown CA"
    EXPIRED = "expired"
    OTHER = "other"


_ENDINGS: Mapping[str, RefusalReason] = {
    "certificate is in the block list": RefusalReason.BLOCKED,
    "could not find ca for the certificate": RefusalReason.UNKNOWN_CA,
    "certificate is expired": RefusalReason.EXPIRED,
    "root certificate is expired": RefusalReason.EXPIRED,
}


@dataclass(frozen=True)
class RefusedPeers:
    """The recent refusals by host. `whole`: the log of every host was read."""

    by_host: Mapping[str, tuple[RefusedPeer, ...]] = field(default_factory=dict)
    whole: bool = True


NO_REFUSALS = RefusedPeers()


def find_reason(peer: RefusedPeer) -> RefusalReason:
    """Finds the reason. Nebula 1.10 logs none where it names the certificate, and the text before it differs by version."""
    return next((reason for text, reason in _ENDINGS.items() if peer.why.endswith(text)), RefusalReason.OTHER)
