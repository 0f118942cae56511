"""Finds obstacles to a renewal, of all hosts or of one. Pure.

The CA that signs is the first valid one in the lighthouse's file. While the CA is being changed it is the one that the
rotation names, and the order in a file decides nothing.
"""

from adapters.errors import HostError
from adapters.inventory import Host
from adapters.nebula.certificates import Certificate, is_signed_by, parse_pem
from adapters.phrase import Moment, Phrase, Span
from adapters.windows.nebula import NebulaFiles
from commands.certificates.reading import FleetCertificates, HostCertificates
from commands.model.finding import list_some
from commands.model.operation import CannotPlan
from commands.model.rotation import Rotation, RotationAuthority
from commands.values.arguments import shorten_argument

MAX_WITNESSES = 2
"""Maximum hosts that must see the lighthouse with its new certificate."""


def find_signer(seen: FleetCertificates) -> tuple[HostCertificates, Certificate]:
    """Finds the lighthouse and the CA that it signs with. Raises `CannotPlan` if it cannot sign."""
    lighthouse = seen.lighthouse
    if lighthouse is None:
        raise CannotPlan(Phrase("no lighthouse configured (needed for signing). Add it with ID 0"))
    name = lighthouse.host.name
    if lighthouse.answer is None:
        raise CannotPlan(Phrase("no Windows connection configured for {host}, so it cannot sign", host=name))
    if isinstance(lighthouse.answer, HostError):
        why = lighthouse.answer.phrase
        raise CannotPlan(
            Phrase("signing requires the lighthouse {host}, but it could not be checked: {why}", host=name, why=why)
        )
    if not lighthouse.authorities:
        path = lighthouse.paths.ca_certificate
        raise CannotPlan(
            Phrase("no readable CA certificate at {path} on {host}. Run cert for details", path=path, host=name)
        )
    ca = _choose_authority(lighthouse, seen)
    if (reason := _find_signing_obstacle(lighthouse, ca, seen)) is not None:
        raise CannotPlan(reason)
    return lighthouse, ca


def find_renewal_obstacle(held: HostCertificates, seen: FleetCertificates, ca: Certificate) -> Phrase | None:
    """Finds the reason why this host, which answered or has no such side, cannot be renewed; None if there is none."""
    if held.answer is None:
        return Phrase("no Windows connection configured")
    acceptance = find_host_obstacle(held) or _check_acceptance(held, seen, ca)
    return acceptance or _check_content(held, seen)


def find_return_obstacle(held: HostCertificates, seen: FleetCertificates) -> Phrase | None:
    """Finds the reason why a host that answered cannot get the new CA and a certificate of it in one restart."""
    return find_host_obstacle(held) or _check_content(held, seen)


def find_witnesses(held: HostCertificates, seen: FleetCertificates) -> tuple[Host, ...]:
    """Finds the witnesses: hosts that must log a handshake with the new certificate.

    That is the lighthouse. For the lighthouse itself, it is other hosts that answer.
    """
    able = [each.host for each in seen.per_host if each is not held and each.files and each.files.running_since is not None]
    if held.host.lighthouse:
        return tuple(able[:MAX_WITNESSES])
    return tuple(host for host in able if host.lighthouse)


def _choose_authority(lighthouse: HostCertificates, seen: FleetCertificates) -> Certificate:
    """Chooses the CA that signs. Raises `CannotPlan` if it is not the one that the change of the CA names."""
    if seen.rotation is None:
        return next((ca for ca in lighthouse.authorities if ca.not_after > seen.now), lighthouse.authorities[0])
    signer = seen.rotation.signer
    found = find_rotation_authority(signer) if seen.rotation.lost else find_by_fingerprint(lighthouse, signer.fingerprint)
    if found is None:
        phrase = Phrase(
            "the CA is being changed and {ca} must sign now, but {host} does not trust it. Run {words}",
            ca=shorten_argument(signer.name),
            host=lighthouse.host.name,
            words="ca rotation",
        )
        raise CannotPlan(phrase)
    return found


def find_by_fingerprint(held: HostCertificates, fingerprint: str) -> Certificate | None:
    """Finds a CA in the file of a host; None if the host does not trust it."""
    return next((ca for ca in held.authorities if ca.fingerprint == fingerprint), None)


def find_rotation_authority(authority: RotationAuthority) -> Certificate | None:
    """Finds the certificate of a CA of a rotation; None if its text is damaged, or that of another one."""
    try:
        (certificate,) = parse_pem(authority.certificate)
    except ValueError:
        return None
    return certificate if certificate.fingerprint == authority.fingerprint else None


def find_untrusting_hosts(authority: str, seen: FleetCertificates) -> tuple[str, ...]:
    """Finds the hosts that do not have a CA in their file, or are not known to have it. Those left behind do not count."""
    rotation = seen.rotation
    return tuple(
        held.host.name
        for held in seen.per_host
        if held.answer is not None and not _trusts(held, authority, rotation) and not _is_left(held, rotation)
    )


def _trusts(held: HostCertificates, authority: str, rotation: Rotation | None) -> bool:
    """Returns whether a host trusts a CA. The row of a host answers if that does not."""
    if held.files is not None:
        return find_by_fingerprint(held, authority) is not None
    return rotation is not None and rotation.find_member(held.host.name).trusts_at is not None


def _is_left(held: HostCertificates, rotation: Rotation | None) -> bool:
    return rotation is not None and rotation.find_member(held.host.name).left_at is not None


def _find_signing_obstacle(lighthouse: HostCertificates, ca: Certificate, seen: FleetCertificates) -> Phrase | None:
    files, host = lighthouse.files, lighthouse.host.name
    if ca.not_after <= seen.now:
        return Phrase(
            "the CA {ca} expired at {at}. Create a new CA first", ca=shorten_argument(ca.name), at=Moment(ca.not_after)
        )
    if (files is None or not files.ca_key) and seen.rotation is not None:
        return Phrase(
            "no CA key at {path} on {host}. Put it back from its backup: {words}",
            path=lighthouse.ca_key_file,
            host=host,
            words="ca backup",
        )
    if files is None or not files.ca_key:
        path = lighthouse.ca_key_file
        return Phrase("no CA key at {path} on {host}. Fix ca_key in the configuration", path=path, host=host)
    if files.ca_key_encrypted:
        return Phrase("the CA key on {host} has a passphrase, so the bot cannot use it. Sign manually", host=host)
    if (clock := _check_clock(lighthouse)) is not None:
        return Phrase("{host}: {why}", host=host, why=clock)
    return _check_trust_of_all(ca, seen)


def _check_trust_of_all(ca: Certificate, seen: FleetCertificates) -> Phrase | None:
    """Checks that all hosts trust the new CA while it signs: a host that does not would lose each tunnel that is renewed."""
    rotation = seen.rotation
    if rotation is None or rotation.lost or not rotation.stage.signs_with_new:
        return None
    untrusting = find_untrusting_hosts(ca.fingerprint, seen)
    if not untrusting:
        return None
    return Phrase(
        "{hosts} would lose the tunnel to each renewed host, because they do not trust {ca}. Run {words}",
        hosts=list_some(untrusting),
        ca=shorten_argument(ca.name),
        words="ca rotation next",
    )


def find_host_obstacle(held: HostCertificates) -> Phrase | None:
    """Finds the reason why no certificate is changed on a host that answered: what it has, its clock, its paths."""
    assert isinstance(held.answer, NebulaFiles)
    if held.certificate is None:
        return Phrase("no readable certificate at {path}. Put one there first", path=held.paths.host_certificate)
    return _check_clock(held) or _check_paths(held)


def _check_content(held: HostCertificates, seen: FleetCertificates) -> Phrase | None:
    """Checks the content of the present certificate, which the new one copies."""
    assert held.certificate is not None
    return _check_signature(held.certificate, seen) or _check_identity(held, held.certificate, seen)


def _check_clock(held: HostCertificates) -> Phrase | None:
    if held.clock_is_right:
        return None
    return Phrase("clock is off by {time}. Run first: w32tm /resync", time=Span(round(abs(held.ahead))))


def _check_paths(held: HostCertificates) -> Phrase | None:
    for named, known in held.misconfigured_paths:
        if named == "inline":
            return Phrase("config.yaml contains certificates inline. Move them to files such as {known}", known=known)
        if not named:
            return Phrase("config.yaml does not set the path of {known}. Add it under pki", known=known)
        return Phrase(
            "config.yaml has {named}, but the configuration has {known}. Fix one of them",
            named=shorten_argument(named),
            known=known,
        )
    return None


def _check_signature(certificate: Certificate, seen: FleetCertificates) -> Phrase | None:
    """Checks the signature of the present certificate.

    The new certificate copies its content. Without this check a host could give itself groups.
    """
    lighthouse = seen.lighthouse
    if lighthouse is None or certificate.is_ca or any(is_signed_by(certificate, ca) for ca in lighthouse.authorities):
        return None
    old = None if seen.rotation is None else find_rotation_authority(seen.rotation.old)
    if old is not None and is_signed_by(certificate, old):
        return None
    return Phrase(
        "the current certificate is not signed by any CA that {lighthouse} trusts, so its contents cannot be carried over",
        lighthouse=lighthouse.host.name,
    )


def _check_identity(held: HostCertificates, certificate: Certificate, seen: FleetCertificates) -> Phrase | None:
    """Checks the present certificate against the inventory.

    If they differ, the certificate was made by hand, and either of them may be right.
    """
    if certificate.is_ca:
        return Phrase("{path} is a CA certificate, not a host certificate", path=held.paths.host_certificate)
    addresses = tuple(map(str, certificate.networks))
    lacking = [group for group in seen.get_groups(held.host) if group not in certificate.groups]
    if certificate.name != held.host.name:
        said, known = [certificate.name], [held.host.name]
    elif addresses != (str(held.host.overlay),):
        said, known = list(addresses), [str(held.host.overlay)]
    elif lacking:
        said, known = list(certificate.groups), list(seen.get_groups(held.host))
    else:
        return None
    return Phrase(
        "manually changed: the certificate has {said}, the configuration {known}. Fix one of them first",
        said=list_some([shorten_argument(each) for each in said]) if said else Phrase("none"),
        known=list_some(known),
    )


def _check_acceptance(held: HostCertificates, seen: FleetCertificates, ca: Certificate) -> Phrase | None:
    """Checks that the host trusts the signing CA, and that a witness can prove the new certificate."""
    if find_by_fingerprint(held, ca.fingerprint) is None:
        if seen.rotation is not None and ca.fingerprint == seen.rotation.new.fingerprint:
            words = f"ca rotation next --only {held.host.name}"
            return Phrase("does not trust the new CA {ca} yet. Run {words}", ca=shorten_argument(ca.name), words=words)
        return Phrase(
            "does not trust the CA {ca} used for signing. Install that CA's certificate", ca=shorten_argument(ca.name)
        )
    if find_witnesses(held, seen):
        return None
    if held.host.lighthouse:
        return Phrase("no other host is reachable with Nebula running, so the new certificate cannot be verified")
    lighthouse = next(each.host.name for each in seen.per_host if each.host.lighthouse)
    return Phrase(
        "Nebula is not running on {host}, so the new certificate cannot be verified. Start Nebula", host=lighthouse
    )
