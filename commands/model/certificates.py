"""Identities: the certificates that were signed or seen, as the ledger has them, and what follows from them. Pure.

    signed by an operation ─┐
    seen in a file, a log   ├─▶ Identity, one for each fingerprint ─▶ KnownIdentities: the answers
    or over TLS            ─┘

What a log claims is weaker than a certificate that was read: an identity known from handshakes alone has no times.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_interface
from typing import Annotated

from pydantic import AwareDatetime, Field

from adapters.nebula.certificates import Certificate
from adapters.overlay import find_host_id
from adapters.value import Value

BOT_PLACE = ""
"""Place of a certificate that lies on the machine of the bot."""

MAX_TEXT = 300
"""Characters of a name, an address or an issuer. nebula-cert takes longer ones, but no fleet has them."""

MAX_GROUPS = 50
MAX_ADDRESSES = 7

IN_USE_SPAN = timedelta(days=30)
"""Time since it was last seen within which a member counts as one that still takes part."""


Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, Field(max_length=MAX_TEXT)]


class IdentityKind(StrEnum):
    """Kinds of certificates. The values are stored."""

    NEBULA = "nebula"
    AUTHORITY = "authority"
    WINRM = "winrm"


class Way(StrEnum):
    """Ways in which a certificate is seen. The values are stored."""

    FILE = "file"
    HANDSHAKE = "handshake"
    TLS = "tls"


class Sighting(Value):
    """The latest sighting of a certificate at one place: a host's name, or `BOT_PLACE`."""

    place: str
    way: Way
    at: AwareDatetime


class Identity(Value):
    """One certificate. `address` has its addresses with spaces between, `issuer` the fingerprint of its CA (for WinRM: the
    name of the CA). `operation` signed it, "" where that is not known. `abandoned`: that operation took it back, so no host
    was left with it. `begins_at` and `ends_at` are None while only handshakes named it.
    """

    fingerprint: Fingerprint
    kind: IdentityKind
    name: Text
    address: Text = ""
    groups: Annotated[tuple[str, ...], Field(max_length=MAX_GROUPS)] = ()
    issuer: Text = ""
    begins_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    operation: str = ""
    signed_at: AwareDatetime | None = None
    abandoned: bool = False
    first_seen_at: AwareDatetime | None = None
    seen_at: AwareDatetime | None = None

    @property
    def claimed(self) -> bool:
        """True if only lines of logs name it, which a host could have made up."""
        return self.ends_at is None

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(self.address.split())

    def has_ended(self, now: datetime) -> bool:
        """Returns whether it has expired. Without a known end it counts as valid."""
        return self.ends_at is not None and self.ends_at <= now


def make_identity(certificate: Certificate) -> Identity:
    """Makes the identity of a Nebula certificate that was read. What is too long to keep is cut: none is left out."""
    addresses = [str(network.ip) for network in certificate.networks]
    return Identity(
        fingerprint=certificate.fingerprint,
        kind=IdentityKind.AUTHORITY if certificate.is_ca else IdentityKind.NEBULA,
        name=certificate.name[:MAX_TEXT],
        address="" if certificate.is_ca else " ".join(addresses[:MAX_ADDRESSES]),
        groups=tuple(group[:MAX_TEXT] for group in certificate.groups[:MAX_GROUPS]),
        issuer=certificate.issuer,
        begins_at=certificate.not_before,
        ends_at=certificate.not_after,
    )


@dataclass(frozen=True)
class KnownIdentities:
    """Content of the ledger. `sightings` are the latest of each fingerprint, newest first.

    `available` is False if the ledger could not be read; `damaged` rows are left out.
    """

    identities: tuple[Identity, ...] = ()
    sightings: Mapping[str, tuple[Sighting, ...]] = field(default_factory=dict)
    damaged: int = 0
    available: bool = True

    @property
    def authorities(self) -> Mapping[str, Identity]:
        """CAs of Nebula whose certificates were read, by fingerprint."""
        return {each.fingerprint: each for each in self.identities if each.kind is IdentityKind.AUTHORITY}

    def find_sightings(self, fingerprint: str) -> tuple[Sighting, ...]:
        """Finds the latest sightings of a certificate, newest first."""
        return self.sightings.get(fingerprint, ())

    def list_members(self, now: datetime) -> tuple[Identity, ...]:
        """Lists the certificates of members of the overlay that have not ended."""
        return tuple(each for each in self.identities if each.kind is IdentityKind.NEBULA and not each.has_ended(now))

    def find_fingerprints(self, now: datetime, *, name: str = "", address: str = "") -> tuple[str, ...]:
        """Finds all fingerprints with a name or an address that have not ended, for a blocklist.

        All of them count: with the newest alone blocked, a host is accepted with its previous certificate.
        """
        wanted = _parse_address(address)
        return tuple(
            sorted(
                each.fingerprint
                for each in self.list_members(now)
                if (name and each.name == name) or (wanted and wanted in map(_parse_address, each.addresses))
            )
        )

    def find_used_ids(self, now: datetime) -> Mapping[int, tuple[Identity, ...]]:
        """Finds the ids of hosts (N of 10.100.N.1) that certificates hold which have not ended.

        nebula-cert signs an address twice without a word.
        """
        used: dict[int, list[Identity]] = {}
        for each in self.list_members(now):
            for number in {find_host_id(address) for address in each.addresses} - {None}:
                used.setdefault(number, []).append(each)  # type: ignore[arg-type]
        return {number: tuple(found) for number, found in sorted(used.items(), key=lambda pair: pair[0])}

    def find_dependents(self, authority: str, now: datetime) -> tuple[Identity, ...]:
        """Finds the members that would drop out if a CA were removed: seen in 30 days with a certificate of that CA.

        A member that was seen later with a certificate of another CA has changed already. An abandoned certificate was seen
        for the moment of its trial alone.
        """
        recent = [each for each in self.list_members(now) if _is_recent(each, now) and not each.abandoned]
        newest = _find_newest(recent)
        return tuple(
            sorted(
                (each for each in newest.values() if each.issuer == authority), key=lambda each: (each.name, each.address)
            )
        )


NO_IDENTITIES = KnownIdentities()
"""For an operation that does not need the ledger."""


def _find_newest(members: Iterable[Identity]) -> Mapping[tuple[str, str], Identity]:
    """Finds the certificate that each member was seen with last, by name and address."""
    return {(each.name, each.address): each for each in sorted(members, key=_get_age_key)}


def _get_age_key(identity: Identity) -> tuple[float, float]:
    times = (identity.seen_at or identity.signed_at, identity.begins_at)
    seen, begins = (0.0 if at is None else at.timestamp() for at in times)
    return seen, begins


def _is_recent(identity: Identity, now: datetime) -> bool:
    return identity.seen_at is not None and now - identity.seen_at <= IN_USE_SPAN


def _parse_address(text: str) -> str:
    """Parses an address with or without a prefix to its normal form; "" if it is none."""
    try:
        return str(ip_interface(text).ip)
    except ValueError:
        return ""
