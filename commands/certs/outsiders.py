"""Certificates that belong to no host of the inventory: laptops, the bot's own machine, and strangers. Pure.

ledger ─┬─ of a host: its name and address, or it lies in a file there
        ├─ the bot's own
        └─ all others ─▶ Outsider: expected (named under `members`), or a stranger
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.inventory import Host
from commands.model.identity import (
    BOT_PLACE,
    IN_USE_SPAN,
    Identity,
    IdentityKind,
    KnownIdentities,
    Sighting,
    Way,
)


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
