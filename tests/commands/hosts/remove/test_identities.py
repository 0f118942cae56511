"""Which certificates of a removed host are blocked: all that have not ended, and none of another host."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from adapters.nebula.certificates import parse_pem
from adapters.windows.handshakes import SeenCertificate
from commands.certificates.reading import FleetCertificates, HostCertificates
from commands.configuration.nebula import read_blocklist
from commands.configuration.splice import apply_splices
from commands.hosts.remove.blocklists import edit_blocklist
from commands.hosts.remove.identities import MAX_CLAIMED, IdentitySources, count_surplus, find_fingerprints, find_holder
from commands.model.certificates import Identity, IdentityKind, KnownIdentities, Sighting, Way, make_identity
from commands.model.operation import DEFAULT_CERTIFICATE_RULES
from tests.commands.canned import NOW
from tests.commands.canned_certs import authority, files, host

CA = authority()


def certificate(name: str, number: int, days: float = 200) -> str:
    return CA.sign(name, f"10.100.{number}.1/16", days)[0]


OWN, PREVIOUS, ENDED = (parse_pem(certificate("host-c", 3, days))[0] for days in (200, 100, -1))
RENAMED = parse_pem(certificate("web-server", 3))[0]
OTHERS_PREVIOUS, OTHERS_NEWEST = (parse_pem(certificate("host-b", 2, days))[0] for days in (90, 250))
OTHER = parse_pem(certificate("host-b", 2))[0]
AUTHORITY = parse_pem(CA.certificate)[0]


def fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def claimed(name: str, text: str, address: str = "") -> Identity:
    """An identity that only a log has named."""
    return Identity(fingerprint=fingerprint(text), kind=IdentityKind.NEBULA, name=name, address=address)


def logged(name: str, text: str, address: str = "10.100.3.1") -> SeenCertificate:
    return SeenCertificate(name=name, fingerprint=text, issuer="", address=address, at=NOW)


def ledger(*known: Identity) -> KnownIdentities:
    return KnownIdentities(known)


HELD = HostCertificates(host("host-b", 2), None, certificate=OTHER, authorities=(AUTHORITY,))
OTHERS = FleetCertificates((HELD,), DEFAULT_CERTIFICATE_RULES, NOW, {})


@dataclass(frozen=True)
class Case:
    """Sources, and the certificates that are blocked because of them."""

    story: str
    known: tuple[Identity, ...] = ()
    own: tuple[object, ...] = ()
    seen: tuple[SeenCertificate, ...] = ()
    blocked: tuple[str, ...] = ()
    address: str = "10.100.3.1"


CASES = (
    Case("nothing is known"),
    Case("the certificate on the host", own=(OWN,), blocked=(OWN.fingerprint,)),
    Case("one that has ended", own=(ENDED,)),
    Case(
        "the ledger's, the previous one too",
        known=(make_identity(OWN), make_identity(PREVIOUS)),
        blocked=(OWN.fingerprint, PREVIOUS.fingerprint),
    ),
    Case(
        "one that has ended by the ledger, though a log has it",
        known=(make_identity(ENDED),),
        seen=(logged("host-c", ENDED.fingerprint),),
    ),
    Case("another name with its address", known=(make_identity(RENAMED),), blocked=(RENAMED.fingerprint,)),
    Case("its name with another address", known=(claimed("host-c", "x", "10.100.9.1"),), blocked=(fingerprint("x"),)),
    Case(
        "the name in its own certificate",
        known=(claimed("web-server", "x"),),
        own=(RENAMED,),
        blocked=(RENAMED.fingerprint, fingerprint("x")),
    ),
    Case(
        "a handshake that the ledger has not seen yet",
        seen=(logged("host-c", fingerprint("y")),),
        blocked=(fingerprint("y"),),
    ),
    Case(
        "a handshake with its address alone",
        seen=(logged("z", fingerprint("y"), "10.100.3.1 fd00::1"),),
        blocked=(fingerprint("y"),),
    ),
    Case("a forged line that names the certificate of another host", seen=(logged("host-c", OTHER.fingerprint),)),
    Case(
        "a forged line that names one of a host that is away",
        known=(make_identity(OTHER),),
        seen=(logged("host-c", OTHER.fingerprint),),
    ),
    Case("a forged line that names a CA", seen=(logged("host-c", AUTHORITY.fingerprint),)),
    Case(
        "a certificate of another host among its files",
        known=(make_identity(OTHERS_NEWEST), make_identity(OTHERS_PREVIOUS), make_identity(OWN)),
        own=(OTHERS_PREVIOUS,),
        blocked=(OWN.fingerprint,),
    ),
    Case(
        "an address that another host has by now",
        known=(make_identity(RENAMED), make_identity(OWN)),
        address="",
        blocked=(OWN.fingerprint,),
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.story)
def test_these_certificates_are_blocked(case: Case) -> None:
    sources = IdentitySources(ledger(*case.known), OTHERS, case.own, case.seen)  # type: ignore[arg-type]

    assert tuple(sorted(case.blocked)) == find_fingerprints("host-c", case.address, sources)


def test_a_forged_log_cannot_fill_the_blocklists_nor_hide_what_the_lighthouse_has_seen() -> None:
    """A host that is removed can write any number of certificates into its own log."""
    forged = [claimed("host-c", str(number)).model_copy(update={"seen_at": NOW}) for number in range(MAX_CLAIMED + 5)]
    met = claimed("host-c", "met").model_copy(update={"seen_at": NOW - timedelta(days=9)})
    sighting = Sighting(place="lighthouse", way=Way.HANDSHAKE, at=NOW)
    known = KnownIdentities((*forged, met, make_identity(OWN)), {met.fingerprint: (sighting,)})
    signer = HostCertificates(host("lighthouse", 0), None)
    sources = IdentitySources(known, replace(OTHERS, per_host=(signer, HELD)))

    found = find_fingerprints("host-c", "10.100.3.1", sources)
    assert {met.fingerprint, OWN.fingerprint} <= {*found}
    assert (MAX_CLAIMED + 2, 5) == (len(found), count_surplus("host-c", "10.100.3.1", sources))


def test_a_certificate_is_blocked_although_another_host_without_its_key_presents_it() -> None:
    held = replace(HELD, certificate=OWN, answer=files(host("host-b", 2), key_matches=False))
    sources = IdentitySources(ledger(make_identity(OWN)), replace(OTHERS, per_host=(held,)))

    assert (OWN.fingerprint,) == find_fingerprints("host-c", "10.100.3.1", sources)
    assert find_holder("host-c", "10.100.3.1", sources) is None


@pytest.mark.parametrize(("name", "address"), [("host-c", "10.100.3.1"), ("host-c", ""), ("host-x", "10.100.3.1")])
def test_another_host_that_takes_part_with_a_certificate_of_this_one_is_found(name: str, address: str) -> None:
    held = replace(HELD, certificate=OWN)
    sources = IdentitySources(ledger(), replace(OTHERS, per_host=(held,)))

    assert held == find_holder(name, address, sources)
    assert find_holder("host-b", "10.100.2.1", sources) is None


A, B, GONE = fingerprint("a"), fingerprint("b"), fingerprint("gone")


def sources_at(now: datetime) -> IdentitySources:
    ended = replace_end(claimed("host-x", "gone"), NOW)
    return IdentitySources(ledger(ended), replace(OTHERS, now=now))


def replace_end(identity: Identity, at: datetime) -> Identity:
    return identity.model_copy(update={"begins_at": at - timedelta(days=9), "ends_at": at})


@pytest.mark.parametrize(
    ("listed", "wanted", "after"),
    [
        ((), (A, B), (A, B)),
        ((A,), (A, B), (A, B)),
        ((B, A), (A, B), (B, A)),
        ((GONE,), (A,), (A,)),
        ((GONE, B), (B,), (GONE, B)),
        (("SHA256:zzz", GONE), (A,), ("SHA256:zzz", A)),
    ],
    ids=[
        "none was there",
        "one was there",
        "all were there, in another order",
        "an entry that has ended goes with the edit",
        "an entry that has ended is no edit of its own",
        "an entry that blocks nothing is left to people",
    ],
)
def test_a_blocklist_gets_what_it_lacks(listed: tuple[str, ...], wanted: tuple[str, ...], after: tuple[str, ...]) -> None:
    rows = "".join(f'    - "{each}"\n' for each in listed)
    text = ("pki:\n  ca: a\n" + (f"  blocklist:\n{rows}" if rows else "") + "tun: {}\n").encode()
    edited = apply_splices(text, edit_blocklist(text, wanted, sources_at(NOW + timedelta(days=1))))

    assert after == read_blocklist(edited)
