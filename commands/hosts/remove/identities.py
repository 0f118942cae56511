"""Finds all certificates by which a removed host could return, for the blocklists of the others. Pure.

    the ledger, the lighthouse's log, the files of the host ─▶ all that have not ended, with its name or its address

With the newest alone blocked, a host is accepted with its previous certificate, which lies on its disk after each renewal.
Whoever writes a log can name any certificate in it: what is known to belong to another host is never blocked. Nor do files
of the removed host say which names are its own, where another host has such a name: they may be in bad hands.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from adapters.nebula.certificates import Certificate
from adapters.windows.handshakes import SeenCertificate
from commands.certificates.reading import FleetCertificates, HostCertificates
from commands.model.certificates import Identity, KnownIdentities

MAX_CLAIMED = 30
"""Most certificates that only logs of hosts beside the lighthouse name. Such a log can name any number, and each takes time
at every host. What really takes part has met the lighthouse, whose log counts without a limit.
"""


@dataclass(frozen=True)
class IdentitySources:
    """Certificates as they were signed and seen. `others` are those of the other hosts, `own` were read on the host itself,
    `logged` are handshakes in the lighthouse's log, `revoked` are fingerprints of the tombstone.
    """

    known: KnownIdentities
    others: FleetCertificates
    own: tuple[Certificate, ...] = ()
    logged: tuple[SeenCertificate, ...] = ()
    revoked: tuple[str, ...] = ()

    @property
    def now(self) -> datetime:
        return self.others.now


def find_fingerprints(name: str, address: str, sources: IdentitySources) -> tuple[str, ...]:
    """Finds the fingerprints of all certificates of a host that have not ended, sorted. "" stands for no address.

    Of those that logs alone claim, the newest count.
    """
    found = _collect(name, address, sources)
    return tuple(sorted(found - set(_list_surplus(found, sources))))


def count_surplus(name: str, address: str, sources: IdentitySources) -> int:
    """Counts the claimed certificates that are left out."""
    return len(_list_surplus(_collect(name, address, sources), sources))


def _collect(name: str, address: str, sources: IdentitySources) -> set[str]:
    names = {name, *({each.name for each in sources.own} - _list_other_names(sources))}
    found = {*sources.revoked, *(each.fingerprint for each in sources.own if each.not_after > sources.now)}
    for each in names:
        found.update(sources.known.find_fingerprints(sources.now, name=each, address=address))
    found.update(
        each.fingerprint for each in sources.logged if each.name in names or (address and address in each.address.split())
    )
    return found - set(_list_protected(names, address, sources)) - set(_list_ended(sources))


def _list_surplus(found: set[str], sources: IdentitySources) -> tuple[str, ...]:
    """Lists the claimed certificates that are more than count, of those that were found."""
    lighthouse = sources.others.lighthouse
    place = "" if lighthouse is None else lighthouse.host.name
    certain = {*sources.revoked, *(each.fingerprint for each in sources.own), *(each.fingerprint for each in sources.logged)}

    def is_doubtful(identity: Identity) -> bool:
        seen = {each.place for each in sources.known.find_sightings(identity.fingerprint)}
        return identity.claimed and not identity.operation and identity.fingerprint not in certain and place not in seen

    doubtful = [each for each in sources.known.identities if each.fingerprint in found and is_doubtful(each)]
    doubtful.sort(key=lambda each: 0.0 if each.seen_at is None else -each.seen_at.timestamp())
    return tuple(each.fingerprint for each in doubtful[MAX_CLAIMED:])


def find_holder(name: str, address: str, sources: IdentitySources) -> HostCertificates | None:
    """Finds another host that takes part with a certificate of this one, such as a copy of its disk; None if there is none.

    A host without the private key of such a certificate cannot use it.
    """
    for held in sources.others.per_host:
        certificate = held.certificate
        if certificate is None or certificate.not_after <= sources.now or not _belongs(certificate, name, address):
            continue
        if held.files is None or held.files.key_matches is not False:
            return held
    return None


def find_ended(entries: Iterable[str], sources: IdentitySources) -> tuple[str, ...]:
    """Finds the entries of a blocklist whose certificates have ended, so that they block nothing any more."""
    ended = set(_list_ended(sources))
    return tuple(each for each in entries if each in ended)


def _list_ended(sources: IdentitySources) -> Iterator[str]:
    for each in sources.known.identities:
        if each.has_ended(sources.now):
            yield each.fingerprint


def _belongs(certificate: Certificate, name: str, address: str) -> bool:
    return certificate.name == name or address in [str(network.ip) for network in certificate.networks]


def _list_other_names(sources: IdentitySources) -> set[str]:
    """Lists the names of the other hosts, in the configuration and in their certificates."""
    others = sources.others.per_host
    return {each.host.name for each in others} | {each.certificate.name for each in others if each.certificate is not None}


def _list_protected(names: set[str], address: str, sources: IdentitySources) -> Iterator[str]:
    """Lists the certificates of others: those in their files, CAs, and those that were read and have another identity."""
    for held in sources.others.per_host:
        if held.certificate is not None and not any(_belongs(held.certificate, each, address) for each in names):
            yield held.certificate.fingerprint
        yield from (ca.fingerprint for ca in held.authorities)
    for each in sources.known.identities:
        if not each.claimed and each.name not in names and (not address or address not in each.addresses):
            yield each.fingerprint
