"""Progress of each host in a rotation: what it trusts, and which CA signed its certificate. Pure.

Nebula logs which CAs it trusts at debug only. So a CA is trusted if it is in the file and Nebula has started since.

Remarks on hosts and CAs while the CA is being changed. Pure.

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
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from adapters.nebula.certificates import Certificate, is_signed_by
from adapters.phrase import Phrase
from commands.certificates.reading import FleetCertificates, HostCertificates
from commands.certificates.renewal_obstacles import find_by_fingerprint, find_rotation_authority
from commands.health.assessment import Remark
from commands.model.finding import Severity
from commands.model.rotation import Rotation, RotationStage
from commands.values.arguments import shorten_argument

PROGRESS_KEY = "rotation"
"""Key of the column that has the progress of each host."""


class Progress(StrEnum):
    """Progress of a host in one word. The values are exported, and kept as rows of the host."""

    WAITS = "waits"
    """It has nothing of the new CA."""
    TRUSTS = "trusts"
    SIGNED = "signed"
    DROPPED = "dropped"
    UNTRUSTING = "untrusting"
    """It has a certificate of the new CA, but does not trust that CA."""
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class MemberState:
    """Progress of one host, as it was read now; of a host that did not answer, as its row has it. None is unknown.

    `trusts_new`, `trusts_old`: Nebula trusts that CA: it is in its file, and Nebula has started since. `lists_new`,
    `lists_old`: it is in the file. `signed_by_new`: Nebula runs with a certificate of the new CA. Where Nebula does not run,
    its files count. `left`: the rotation goes on without it.
    """

    read: HostCertificates
    trusts_new: bool | None
    trusts_old: bool | None
    signed_by_new: bool | None
    lists_new: bool | None = None
    lists_old: bool | None = None
    left: bool = False

    @property
    def host(self) -> str:
        return self.read.host.name

    @property
    def answered(self) -> bool:
        return self.read.files is not None

    @property
    def has_new(self) -> bool:
        """True if it both trusts the new CA and has a certificate of it."""
        return self.trusts_new is True and self.signed_by_new is True

    @property
    def will_have_new(self) -> bool:
        """True if it has both from the next start of Nebula on: its file was changed without a restart."""
        return self.lists_new is True and self.signed_by_new is True

    @property
    def progress(self) -> Progress:
        """Progress that is known of it."""
        match self.trusts_new, self.signed_by_new, self.trusts_old:
            case True, True, False:
                return Progress.DROPPED
            case True, True, _:
                return Progress.SIGNED
            case True, False, _:
                return Progress.TRUSTS
            case False, True, _:
                return Progress.UNTRUSTING
            case False, False, _:
                return Progress.WAITS
            case _:
                return Progress.UNKNOWN


def find_states(rotation: Rotation, seen: FleetCertificates) -> tuple[MemberState, ...]:
    """Finds how far each host has come. A host without a Windows side takes no part."""
    new = find_rotation_authority(rotation.new)
    return tuple(_find_state(rotation, held, new) for held in seen.per_host if held.answer is not None)


def _find_state(rotation: Rotation, held: HostCertificates, new: Certificate | None) -> MemberState:
    member = rotation.find_member(held.host.name)
    left = member.left_at is not None
    if held.files is None:
        return MemberState(
            held,
            trusts_new=True if member.trusts_at else None,
            trusts_old=False if member.dropped_at else None,
            signed_by_new=True if member.signed_at else None,
            left=left,
        )
    lists_new, lists_old = (_find_listed(held, ca.fingerprint) for ca in (rotation.new, rotation.old))
    return MemberState(
        held,
        trusts_new=_judge_loaded(held, lists_new, held.files.ca_written_at),
        trusts_old=_judge_loaded(held, lists_old, held.files.ca_written_at),
        signed_by_new=_judge_loaded(held, _find_signed(held, new), held.files.written_at),
        lists_new=lists_new,
        lists_old=lists_old,
        left=left,
    )


def _find_listed(held: HostCertificates, fingerprint: str) -> bool | None:
    """Finds whether a CA is in the file that Nebula reads; None if that file could not be read, or is another one."""
    misconfigured = any(known == held.paths.ca_certificate for _, known in held.misconfigured_paths)
    if not held.authorities or misconfigured:
        return None
    return find_by_fingerprint(held, fingerprint) is not None


def _find_signed(held: HostCertificates, authority: Certificate | None) -> bool | None:
    """Finds whether the certificate in the file that Nebula reads is of a CA; None if that is not known.

    Certificates are no secret: each host is given the canary, and drills are shown to people. So one that is not for this
    host's address proves nothing of it, and must not lift the gate of signing for all others.
    """
    misconfigured = any(known == held.paths.host_certificate for _, known in held.misconfigured_paths)
    if held.certificate is None or authority is None or misconfigured:
        return None
    signed = is_signed_by(held.certificate, authority)
    return signed if not signed or held.host.overlay in held.certificate.networks else None


def _judge_loaded(held: HostCertificates, found: bool | None, written_at: datetime | None) -> bool | None:
    """Judges if a file is what Nebula runs with. It reads files at its start; of an earlier content nothing is known.

    Windows counts both times in ticks of up to 16 ms, so a restart right after a write may have its time.
    """
    assert held.files is not None
    since = held.files.running_since
    return found if written_at is not None and (since is None or since >= written_at) else None


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
