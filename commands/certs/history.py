"""Certificates of one host in the ledger, as sentences: signed when and by which operation, and last seen where. Pure."""

from collections.abc import Iterator
from datetime import datetime

from adapters.inventory import Host
from adapters.phrase import Listing, Moment, Phrase
from commands.certs.fleet_certificates import shorten_fingerprint
from commands.certs.outsiders import list_of_host
from commands.model.identity import Identity, KnownIdentities, Sighting, Way
from commands.model.phrases import relate_moment
from commands.values.arguments import shorten_argument

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
