"""Judges certificates: those of each host become cells and remarks. Pure.

| subject | good |
| --- | --- |
| expiry | more than 30 days left, for a CA more than 180: renewing it takes three rounds over all hosts |
| ca | signed by a CA that the host and the lighthouse trust; both trust the same |
| name, address, groups | as the inventory and the rules have them |
| key | matches, and only SYSTEM and Administrators can read it |
| running | Nebula runs with the certificate on disk |
| parsers | `nebula-cert` on the host and the bot's parser agree |
| config | config.yaml names the inventory's files |
| clock | right to the minute |
| ca-key | on the lighthouse only, and nebula-cert can use it without a passphrase |
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from adapters.errors import HostError
from adapters.nebula.certificates import Certificate, signed_by
from adapters.phrase import Moment, Phrase
from commands.certs.inventory import CLOCK_LIMIT, Held, Mesh, short
from commands.certs.table import CELLS, authority_cells, certificate_cells, days, runs_another
from commands.checks.assessment import Judged, Remark, absent, unanswered
from commands.checks.host_checks import judge_clock
from commands.model.finding import Severity
from commands.model.operation import Thresholds
from commands.model.phrases import some
from commands.model.report import Mark
from commands.values.arguments import shown

HOST_LIMITS = (
    (timedelta(days=1), Severity.CRITICAL),
    (timedelta(days=3), Severity.HIGH),
    (timedelta(days=7), Severity.HIGH),
    (timedelta(days=14), Severity.MEDIUM),
    (timedelta(days=30), Severity.LOW),
)
"""Time left of a host certificate, with its severity. The guide renews at 30 days."""

CA_LIMITS = (
    (timedelta(days=14), Severity.CRITICAL),
    (timedelta(days=60), Severity.HIGH),
    (timedelta(days=90), Severity.MEDIUM),
    (timedelta(days=180), Severity.LOW),
)
"""Time left of a CA, with its severity. A new CA takes three rounds over all hosts, and certificates end with their CA."""

HOST_WARNINGS = tuple(limit for limit, _ in HOST_LIMITS)
CA_WARNINGS = tuple(sorted({limit for limit, _ in (*HOST_LIMITS, *CA_LIMITS)}))
"""Time left at which a warning is sent, the shortest first."""

Limits = Sequence[tuple[timedelta, Severity]]


def severity_of(left: timedelta, limits: Limits) -> Severity | None:
    """Judges the time left of a certificate; None if it is sufficient."""
    if left <= timedelta(0):
        return Severity.CRITICAL
    return next((severity for limit, severity in limits if left <= limit), None)


def judge(held: Held, mesh: Mesh) -> Judged:
    """Judges the certificates of one host."""
    if held.said is None:
        return absent(*CELLS)
    if isinstance(held.said, HostError):
        return unanswered("windows", Phrase("Windows"), CELLS, held.said)
    remarks = (
        *_certificate(held, mesh),
        *_authorities(held, mesh),
        *_key(held, mesh),
        *_files(held),
        *judge_clock(held.ahead, Thresholds(clock_difference=CLOCK_LIMIT)).remarks,
        *_ca_key(held),
    )
    return _alarmed(Judged(certificate_cells(held, mesh), remarks))


def judge_authority(ca: Certificate, holders: Sequence[Held], mesh: Mesh) -> Judged:
    """Judges a CA."""
    return _alarmed(Judged(authority_cells(ca, holders, mesh), tuple(_expiry(ca, mesh, CA_LIMITS, "ca show"))))


def _alarmed(judged: Judged) -> Judged:
    """Marks the days left as bad if there is a remark on the expiry."""
    if not any(remark.subject == "expiry" for remark in judged.remarks):
        return judged
    bad = judged.cells["days"].model_copy(update={"mark": Mark.BAD})
    return replace(judged, cells={**judged.cells, "days": bad})


def _certificate(held: Held, mesh: Mesh) -> Iterator[Remark]:
    """Judges the dates and identity of a host's certificate, and that Nebula runs with it."""
    certificate = held.certificate
    if certificate is None:
        yield _unread(held)
        return
    yield from _expiry(certificate, mesh, HOST_LIMITS, f"cert renew {held.host.name}")
    yield from _identity(held, certificate, mesh)
    yield from _running(held, mesh)
    if not held.told:
        yield _doubted(Phrase("certificate"))


def _unread(held: Held) -> Remark:
    path = held.paths.host_certificate
    if held.broken:
        why = Phrase("{path} is no certificate that can be read: {why}", path=path, why=held.broken)
        return Remark("certificate", Severity.HIGH, Phrase("certificate not readable"), why)
    why = Phrase("there is no certificate at {path}; mend the path in the inventory, or lay it there", path=path)
    return Remark("certificate", Severity.HIGH, Phrase("no certificate"), why)


def _expiry(certificate: Certificate, mesh: Mesh, limits: Limits, words: str) -> Iterator[Remark]:
    left, ends = mesh.left(certificate), Moment(certificate.not_after)
    if certificate.not_before > mesh.now:
        why = Phrase("the certificate is valid only from {at}; look at the clocks", at=Moment(certificate.not_before))
        yield Remark("expiry", Severity.HIGH, Phrase("not valid yet"), why)
    severity = severity_of(left, limits)
    if severity is None:
        return
    why = Phrase("the certificate ends at {at}: {left}", at=ends, left=days(left))
    if left <= timedelta(0):
        why = Phrase("the certificate expired at {at}; nobody accepts it any more", at=ends)
    yield Remark("expiry", severity, days(left), why, next=words)


def _identity(held: Held, certificate: Certificate, mesh: Mesh) -> Iterator[Remark]:
    if certificate.is_ca:
        why = Phrase("{path} is a CA's certificate, not a host's", path=held.paths.host_certificate)
        yield Remark("certificate", Severity.HIGH, Phrase("a CA's certificate"), why)
        return
    if certificate.name != held.host.name:
        why = Phrase(
            "the certificate is for {said}, the host is {known}", said=shown(certificate.name), known=held.host.name
        )
        yield Remark("name", Severity.MEDIUM, Phrase("wrong name"), why)
    if certificate.networks != (held.host.overlay,):
        said = some([str(network) for network in certificate.networks])
        why = Phrase(
            "the certificate has the address {said}, the inventory {known}", said=said, known=str(held.host.overlay)
        )
        yield Remark("address", Severity.HIGH, Phrase("wrong address"), why)
    lacking = [group for group in mesh.groups(held.host) if group not in certificate.groups]
    if lacking:
        why = Phrase("the certificate lacks the groups {groups}, which firewall rules ask for", groups=some(lacking))
        yield Remark("groups", Severity.MEDIUM, Phrase("groups missing"), why)


def _running(held: Held, mesh: Mesh) -> Iterator[Remark]:
    restart = f"service restart nebula {held.host.name}"
    match runs_another(held, mesh), mesh.sighted(held):
        case "seen", (host, sighting):
            why = Phrase(
                "{witness} sees another certificate ({fingerprint}) than the one that lies there; restart Nebula",
                witness=host.name,
                fingerprint=short(sighting.fingerprint),
            )
            yield Remark("running", Severity.HIGH, Phrase("runs another certificate"), why, next=restart)
        case "older", _:
            why = Phrase("the certificate was written after Nebula started, so the running one is older; restart Nebula")
            yield Remark("running", Severity.MEDIUM, Phrase("runs an older certificate"), why, next=restart)


def _authorities(held: Held, mesh: Mesh) -> Iterator[Remark]:
    """Judges the CAs in the host's file, and the signature of its certificate."""
    path = held.paths.ca_certificate
    if not held.authorities:
        why = (
            Phrase("{path} is no certificate that can be read: {why}", path=path, why=held.ca_broken)
            if held.ca_broken
            else Phrase("there is no CA certificate at {path}; mend the path in the inventory, or lay it there", path=path)
        )
        yield Remark("ca", Severity.HIGH, Phrase("no CA certificate"), why)
        return
    if not held.ca_told:
        yield _doubted(Phrase("CA certificate"))
    if held.certificate is not None and not held.trusts_itself:
        why = Phrase("no CA in {path} signed this host's certificate; it and its CA do not belong together", path=path)
        yield Remark("ca", Severity.HIGH, Phrase("wrong CA"), why)
    yield from _beside_lighthouse(held, mesh.lighthouse)


def _beside_lighthouse(held: Held, lighthouse: Held | None) -> Iterator[Remark]:
    if lighthouse is None or held is lighthouse or not lighthouse.authorities:
        return
    if held.certificate and not any(signed_by(held.certificate, ca) for ca in lighthouse.authorities):
        why = Phrase("no CA that {lighthouse} trusts signed this certificate", lighthouse=lighthouse.host.name)
        yield Remark("ca", Severity.HIGH, Phrase("CA not the lighthouse's"), why)
    elif {ca.fingerprint for ca in held.authorities} != {ca.fingerprint for ca in lighthouse.authorities}:
        why = Phrase("this host trusts other CAs than {lighthouse} does", lighthouse=lighthouse.host.name)
        yield Remark("ca", Severity.MEDIUM, Phrase("other CAs trusted"), why)


def _doubted(what: Phrase) -> Remark:
    why = Phrase("nebula-cert on the host does not read the same {what} as the bot; compare its version", what=what)
    return Remark("parsers", Severity.MEDIUM, Phrase("read differently"), why)


def _key(held: Held, mesh: Mesh) -> Iterator[Remark]:
    """Judges the private key. Nebula rejects a pair with an expired certificate, which does not make the key a wrong one."""
    files, path = held.files, held.paths.host_key
    expired = held.certificate is not None and mesh.left(held.certificate) <= timedelta(0)
    if files is None:
        return
    if not files.key_present:
        why = Phrase("there is no private key at {path}; Nebula will not start again", path=path)
        yield Remark("key", Severity.HIGH, Phrase("no private key"), why, next=f"cert renew {held.host.name}")
    elif files.key_matches is False and not expired:
        why = Phrase("Nebula does not take certificate and key together: {why}", why=shown(files.test_says) or "-")
        yield Remark("key", Severity.HIGH, Phrase("key not matching"), why, next=f"cert renew {held.host.name}")
    if files.readers:
        why = Phrase(
            "{accounts} can read the private key; take that right away on the host: icacls {path} /remove {first}",
            accounts=some([shown(reader) for reader in files.readers]),
            path=path,
            first=f'"{shown(files.readers[0])}"',
        )
        yield Remark("readers", Severity.HIGH, Phrase("key readable by others"), why)


def _files(held: Held) -> Iterator[Remark]:
    for named, known in held.elsewhere[:1]:
        if named == "inline":
            why = Phrase("config.yaml holds certificates itself instead of naming {known}; move them there", known=known)
        elif not named:
            why = Phrase("config.yaml does not say where {known} lies; name it under pki", known=known)
        else:
            why = Phrase(
                "config.yaml names {named}, the inventory {known}; mend one of them", named=shown(named), known=known
            )
        yield Remark("config", Severity.MEDIUM, Phrase("other files configured"), why)


def _ca_key(held: Held) -> Iterator[Remark]:
    """Judges the CA's key. It is needed on the lighthouse to sign, and nowhere else."""
    files, path = held.files, held.paths.ca_key
    if files is None:
        return
    if not held.host.lighthouse:
        if files.ca_key:
            why = Phrase("the CA's private key lies here; move {path} to the lighthouse or to a safe place", path=path)
            yield Remark("ca-key", Severity.HIGH, Phrase("CA key outside the lighthouse"), why)
    elif not files.ca_key:
        why = Phrase(
            "the CA's private key is not at {path}, so nothing can be renewed; mend ca_key in the inventory", path=path
        )
        yield Remark("ca-key", Severity.MEDIUM, Phrase("CA key missing"), why)
    elif files.ca_key_encrypted:
        why = Phrase("the CA's private key has a passphrase, so the bot cannot renew; sign by hand, or lay one without it")
        yield Remark("ca-key", Severity.MEDIUM, Phrase("CA key encrypted"), why)
