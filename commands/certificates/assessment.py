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
| stray-key, old-key, stray-ca-key | no private key beside those in use (`commands.certificates.reading`) |
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from adapters.errors import HostError
from adapters.nebula.certificates import Certificate, is_signed_by
from adapters.phrase import Moment, Phrase
from commands.certificates.reading import (
    CLOCK_OFFSET_LIMIT,
    FleetCertificates,
    HostCertificates,
    judge_stray_keys,
    shorten_fingerprint,
)
from commands.certificates.rotation.states import (
    is_being_replaced,
    is_bound_to_old,
    is_expected_issuer,
    is_expected_trust,
    judge_progress,
)
from commands.certificates.table import (
    CELL_KEYS,
    build_authority_cells,
    build_certificate_cells,
    find_running_mismatch,
    format_days_left,
)
from commands.health.assessment import Judgment, Remark, make_absent_checks, make_unanswered_checks
from commands.health.host_checks import judge_clock
from commands.model.finding import Severity, list_some, relate_moment
from commands.model.report import Mark
from commands.model.thresholds import Thresholds
from commands.values.arguments import shorten_argument

HOST_EXPIRY_LIMITS = (
    (timedelta(days=1), Severity.CRITICAL),
    (timedelta(days=3), Severity.HIGH),
    (timedelta(days=7), Severity.HIGH),
    (timedelta(days=14), Severity.MEDIUM),
    (timedelta(days=30), Severity.LOW),
)
"""Time left of a host certificate, with its severity. The guide renews at 30 days."""

CA_EXPIRY_LIMITS = (
    (timedelta(days=14), Severity.CRITICAL),
    (timedelta(days=60), Severity.HIGH),
    (timedelta(days=90), Severity.MEDIUM),
    (timedelta(days=180), Severity.LOW),
)
"""Time left of a CA, with its severity. A new CA takes three rounds over all hosts, and certificates end with their CA."""

HOST_WARNING_TIMES = tuple(limit for limit, _ in HOST_EXPIRY_LIMITS)
CA_WARNING_TIMES = tuple(sorted({limit for limit, _ in (*HOST_EXPIRY_LIMITS, *CA_EXPIRY_LIMITS)}))
"""Time left at which a warning is sent, the shortest first."""

ExpiryLimits = Sequence[tuple[timedelta, Severity]]


def judge_time_left(left: timedelta, limits: ExpiryLimits) -> Severity | None:
    """Judges the time left of a certificate; None if it is sufficient."""
    if left <= timedelta(0):
        return Severity.CRITICAL
    return next((severity for limit, severity in limits if left <= limit), None)


def judge_host_certificates(held: HostCertificates, mesh: FleetCertificates) -> Judgment:
    """Judges the certificates of one host."""
    if held.answer is None:
        return make_absent_checks(*CELL_KEYS)
    if isinstance(held.answer, HostError):
        return make_unanswered_checks("windows", Phrase("Windows"), CELL_KEYS, held.answer)
    remarks = (
        *_judge_certificate(held, mesh),
        *_judge_authorities(held, mesh),
        *judge_progress(held, mesh),
        *_judge_key(held, mesh),
        *_judge_config(held),
        *judge_clock(held.ahead, Thresholds(clock_difference=CLOCK_OFFSET_LIMIT)).remarks,
        *_judge_ca_key(held),
        *judge_stray_keys(held),
    )
    return _mark_expiring(Judgment(build_certificate_cells(held, mesh), remarks))


def judge_authority(ca: Certificate, holders: Sequence[HostCertificates], mesh: FleetCertificates) -> Judgment:
    """Judges a CA."""
    remarks = () if is_being_replaced(ca, mesh.rotation) else tuple(_judge_expiry(ca, mesh, CA_EXPIRY_LIMITS, "ca show"))
    return _mark_expiring(Judgment(build_authority_cells(ca, holders, mesh), remarks))


def _mark_expiring(judged: Judgment) -> Judgment:
    """Marks the days left as bad if there is a remark on the expiry."""
    if not any(remark.subject == "expiry" for remark in judged.remarks):
        return judged
    bad = judged.cells["days"].model_copy(update={"mark": Mark.BAD})
    return replace(judged, cells={**judged.cells, "days": bad})


def _judge_certificate(held: HostCertificates, mesh: FleetCertificates) -> Iterator[Remark]:
    """Judges the dates and identity of a host's certificate, and that Nebula runs with it."""
    certificate = held.certificate
    if certificate is None:
        yield _build_unread_remark(held)
        return
    words = "ca rotation next" if is_bound_to_old(certificate, mesh.rotation) else f"cert renew {held.host.name}"
    yield from _judge_expiry(certificate, mesh, HOST_EXPIRY_LIMITS, words)
    yield from _judge_identity(held, certificate, mesh)
    yield from _judge_running(held, mesh)
    if not held.parsers_agree:
        yield _build_parser_remark(Phrase("certificate"))


def _build_unread_remark(held: HostCertificates) -> Remark:
    path = held.paths.host_certificate
    if held.read_error:
        why = Phrase("{path} is not a readable certificate: {why}", path=path, why=held.read_error)
        return Remark("certificate", Severity.HIGH, Phrase("certificate unreadable"), why)
    why = Phrase("no certificate at {path}. Fix the path in the configuration, or put the certificate there", path=path)
    return Remark("certificate", Severity.HIGH, Phrase("no certificate"), why)


def _judge_expiry(certificate: Certificate, mesh: FleetCertificates, limits: ExpiryLimits, words: str) -> Iterator[Remark]:
    left, ends = mesh.compute_time_left(certificate), certificate.not_after
    if certificate.not_before > mesh.now:
        why = Phrase(
            "the certificate is not valid until {at}. Check the clocks of the host and the bot",
            at=Moment(certificate.not_before),
        )
        yield Remark("expiry", Severity.HIGH, Phrase("not valid yet"), why)
    severity = judge_time_left(left, limits)
    if severity is None:
        return
    why = Phrase("the certificate expires at {at} ({left})", at=Moment(ends), left=format_days_left(left))
    if left <= timedelta(0):
        why = Phrase("the certificate expired at {at}, so other hosts reject it", at=relate_moment(ends, mesh.now))
    yield Remark("expiry", severity, format_days_left(left), why, next=words)


def _judge_identity(held: HostCertificates, certificate: Certificate, mesh: FleetCertificates) -> Iterator[Remark]:
    if certificate.is_ca:
        why = Phrase("{path} is a CA certificate, not a host certificate", path=held.paths.host_certificate)
        yield Remark("certificate", Severity.HIGH, Phrase("a CA certificate"), why)
        return
    if certificate.name != held.host.name:
        why = Phrase(
            "the certificate is for {said}, but the host is {known}",
            said=shorten_argument(certificate.name),
            known=held.host.name,
        )
        yield Remark("name", Severity.MEDIUM, Phrase("wrong name"), why)
    if certificate.networks != (held.host.overlay,):
        said = list_some([str(network) for network in certificate.networks])
        why = Phrase(
            "the certificate has the address {said}, but the configuration has {known}",
            said=said,
            known=str(held.host.overlay),
        )
        yield Remark("address", Severity.HIGH, Phrase("wrong address"), why)
    lacking = [group for group in mesh.get_groups(held.host) if group not in certificate.groups]
    if lacking:
        why = Phrase(
            "the certificate is missing the groups {groups}, which firewall rules require", groups=list_some(lacking)
        )
        yield Remark("groups", Severity.MEDIUM, Phrase("groups missing"), why)


def _judge_running(held: HostCertificates, mesh: FleetCertificates) -> Iterator[Remark]:
    restart = f"service restart nebula {held.host.name}"
    match find_running_mismatch(held, mesh), mesh.find_logged_handshake(held):
        case "seen", (host, sighting):
            why = Phrase(
                "{witness} sees a different certificate ({fingerprint}) than the file on the host. Restart Nebula",
                witness=host.name,
                fingerprint=shorten_fingerprint(sighting.fingerprint),
            )
            yield Remark("running", Severity.HIGH, Phrase("using a different certificate"), why, next=restart)
        case "older", _:
            why = Phrase("the certificate file is newer than the running Nebula. Restart Nebula to use it")
            yield Remark("running", Severity.MEDIUM, Phrase("using an older certificate"), why, next=restart)


def _judge_authorities(held: HostCertificates, mesh: FleetCertificates) -> Iterator[Remark]:
    """Judges the CAs in the host's file, and the signature of its certificate."""
    path = held.paths.ca_certificate
    if not held.authorities:
        why = (
            Phrase("{path} is not a readable certificate: {why}", path=path, why=held.ca_read_error)
            if held.ca_read_error
            else Phrase(
                "no CA certificate at {path}. Fix the path in the configuration, or put the certificate there", path=path
            )
        )
        yield Remark("ca", Severity.HIGH, Phrase("no CA certificate"), why)
        return
    if not held.ca_parsers_agree:
        yield _build_parser_remark(Phrase("CA certificate"))
    if held.certificate is not None and not held.trusts_own_certificate:
        why = Phrase(
            "none of the CAs in {path} signed this host's certificate. The certificate and the CA do not match", path=path
        )
        yield Remark("ca", Severity.HIGH, Phrase("wrong CA"), why)
    yield from _compare_with_lighthouse(held, mesh)


def _compare_with_lighthouse(held: HostCertificates, mesh: FleetCertificates) -> Iterator[Remark]:
    """Compares the CAs with those of the lighthouse. While the CA is being changed, hosts differ in its two CAs."""
    lighthouse = mesh.lighthouse
    if lighthouse is None or held is lighthouse or not lighthouse.authorities:
        return
    certificate = held.certificate
    trusted = certificate is None or any(is_signed_by(certificate, ca) for ca in lighthouse.authorities)
    if not trusted and not is_expected_issuer(certificate, mesh.rotation):
        why = Phrase("this certificate is not signed by any CA that {lighthouse} trusts", lighthouse=lighthouse.host.name)
        yield Remark("ca", Severity.HIGH, Phrase("CA differs from lighthouse"), why)
    elif not _trust_the_same(held, lighthouse) and not is_expected_trust(held, lighthouse, mesh.rotation):
        why = Phrase("this host and {lighthouse} trust different CAs", lighthouse=lighthouse.host.name)
        yield Remark("ca", Severity.MEDIUM, Phrase("trusted CAs differ"), why)


def _trust_the_same(held: HostCertificates, other: HostCertificates) -> bool:
    return {ca.fingerprint for ca in held.authorities} == {ca.fingerprint for ca in other.authorities}


def _build_parser_remark(what: Phrase) -> Remark:
    why = Phrase(
        "nebula-cert on the host and the bot read the {what} differently. Check the version of nebula-cert", what=what
    )
    return Remark("parsers", Severity.MEDIUM, Phrase("read results differ"), why)


def _judge_key(held: HostCertificates, mesh: FleetCertificates) -> Iterator[Remark]:
    """Judges the private key. Nebula also rejects the pair if the certificate has expired. That is no fault of the key."""
    files, path = held.files, held.paths.host_key
    expired = held.certificate is not None and mesh.compute_time_left(held.certificate) <= timedelta(0)
    if files is None:
        return
    if not files.key_present:
        why = Phrase("no private key at {path}. Nebula will not start next time", path=path)
        yield Remark("key", Severity.HIGH, Phrase("no private key"), why, next=f"cert renew {held.host.name}")
    elif files.key_matches is False and not expired:
        why = Phrase("Nebula rejects this certificate and key pair: {why}", why=shorten_argument(files.test_says) or "-")
        yield Remark("key", Severity.HIGH, Phrase("key mismatch"), why, next=f"cert renew {held.host.name}")
    if files.readers:
        why = Phrase(
            "{accounts} can read the private key. Run on the host: icacls {path} /remove {first}",
            accounts=list_some([shorten_argument(reader) for reader in files.readers]),
            path=path,
            first=f'"{shorten_argument(files.readers[0])}"',
        )
        yield Remark("readers", Severity.HIGH, Phrase("key readable by other accounts"), why)


def _judge_config(held: HostCertificates) -> Iterator[Remark]:
    for named, known in held.misconfigured_paths[:1]:
        if named == "inline":
            why = Phrase("config.yaml contains the certificates inline. Move them to {known}", known=known)
        elif not named:
            why = Phrase("config.yaml does not set the path of {known}. Add it under pki", known=known)
        else:
            why = Phrase(
                "config.yaml has {named}, but the configuration has {known}. Fix one of them",
                named=shorten_argument(named),
                known=known,
            )
        yield Remark("config", Severity.MEDIUM, Phrase("paths differ from config.yaml"), why)


def _judge_ca_key(held: HostCertificates) -> Iterator[Remark]:
    """Judges the CA's key. It is needed on the lighthouse to sign, and nowhere else."""
    files, path = held.files, held.ca_key_file
    if files is None:
        return
    if not held.host.lighthouse:
        if files.ca_key:
            why = Phrase("the CA's private key is on this host. Move {path} to the lighthouse or to a safe place", path=path)
            yield Remark("ca-key", Severity.HIGH, Phrase("CA key not on lighthouse"), why)
    elif not files.ca_key:
        why = Phrase(
            "no CA private key at {path}, so certificates cannot be renewed. Fix ca_key in the configuration", path=path
        )
        yield Remark("ca-key", Severity.MEDIUM, Phrase("CA key missing"), why)
    elif files.ca_key_encrypted:
        why = Phrase(
            "the CA's private key has a passphrase, so the bot cannot renew. Sign manually, or use a key without a "
            "passphrase"
        )
        yield Remark("ca-key", Severity.MEDIUM, Phrase("CA key encrypted"), why)
