"""Remarks on hosts and CAs while the CA is being changed. Pure.

| it is normal that | during |
| --- | --- |
| hosts trust different CAs, and have certificates of different ones | the whole change |
| the old CA ends soon | the change, until the alert on the change itself says that it is late |

| it is a problem that | during |
| --- | --- |
| a host does not trust the new CA: others would not accept each other | signing, removing |
| a host still has a certificate of the old CA: the others do not trust it any more | removing |
| a host was left behind: it has no tunnels | until it returns |
"""

from collections.abc import Iterator
from datetime import timedelta

from adapters.nebula.certificates import Certificate, is_signed_by
from adapters.phrase import Phrase
from commands.certs.fleet_certificates import FleetCertificates, HostCertificates
from commands.certs.renewal_obstacles import find_rotation_authority
from commands.certs.rotation_states import MemberState, find_states
from commands.checks.assessment import Remark
from commands.model.finding import Severity
from commands.model.rotation import Rotation, RotationStage
from commands.values.arguments import shorten_argument

NEXT_WORDS = "ca rotation next"

_END_MARGIN = timedelta(seconds=1)
"""Time before the end of its CA at which a certificate with the longest lifetime ends (`nebula-cert sign`)."""


def judge_progress(held: HostCertificates, mesh: FleetCertificates) -> Iterator[Remark]:
    """Judges if a host can follow the change of the CA that is under way."""
    rotation = mesh.rotation
    if rotation is None or not (rotation.lost or rotation.stage.signs_with_new):
        return
    state = next((each for each in find_states(rotation, mesh) if each.read is held), None)
    if state is not None and (found := _find_lag(state, rotation)) is not None:
        yield found


def is_expected_trust(held: HostCertificates, other: HostCertificates, rotation: Rotation | None) -> bool:
    """Returns whether two hosts differ in the CAs of the change alone."""
    differing = {ca.fingerprint for ca in held.authorities} ^ {ca.fingerprint for ca in other.authorities}
    return rotation is not None and differing <= {rotation.old.fingerprint, rotation.new.fingerprint}


def is_expected_issuer(certificate: Certificate | None, rotation: Rotation | None) -> bool:
    """Returns whether one of the two CAs of the change signed a certificate."""
    if rotation is None or certificate is None:
        return False
    authorities = (find_rotation_authority(each) for each in (rotation.old, rotation.new))
    return any(ca is not None and is_signed_by(certificate, ca) for ca in authorities)


def is_being_replaced(ca: Certificate, rotation: Rotation | None) -> bool:
    """Returns whether a CA is about to be removed. Its end is a matter of the change, which has an alert of its own."""
    if rotation is None:
        return False
    goes = rotation.new if rotation.stage is RotationStage.ABORTING else rotation.old
    return ca.fingerprint == goes.fingerprint


def is_bound_to_old(certificate: Certificate, rotation: Rotation | None) -> bool:
    """Returns whether only the change gives a host more time: the old CA still signs, and ends with the certificate."""
    if rotation is None or rotation.signer != rotation.old:
        return False
    return certificate.not_after >= rotation.old.ends_at - _END_MARGIN


def _find_lag(state: MemberState, rotation: Rotation) -> Remark | None:
    """Finds what a host lacks that others have already; None if it can follow."""
    ca, words = shorten_argument(rotation.new.name), f"{NEXT_WORDS} --only {state.host}"
    if state.left and not state.has_new:
        why = Phrase("the CA was changed without this host, so it has no tunnels until it has {ca}", ca=ca)
        return Remark("rotation", Severity.MEDIUM, Phrase("left behind by the CA rotation"), why, next=words)
    if rotation.lost and not state.has_new:
        why = Phrase("the old CA is not used any more, so this host has no tunnels until it has {ca}", ca=ca)
        return Remark("rotation", Severity.HIGH, Phrase("waits for the new CA"), why, next=words)
    if state.trusts_new is False:
        why = Phrase("this host does not trust {ca}, so it rejects hosts with a new certificate", ca=ca)
        return Remark("rotation", Severity.HIGH, Phrase("does not trust the new CA"), why, next=words)
    if rotation.stage is RotationStage.DROPPING and state.signed_by_new is False:
        why = Phrase("this host still has a certificate of the old CA, which other hosts do not trust any more")
        return Remark("rotation", Severity.HIGH, Phrase("certificate of the old CA"), why, next=words)
    return None
