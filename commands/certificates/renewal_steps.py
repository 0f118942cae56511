"""Steps that renew the certificate of one host. Each is proven, and rolled back if a later one fails.

make keys on the host ─▶ sign on the lighthouse ─▶ test next to the live pair
  ─▶ put in place (commands.changes.commit_confirm) ─▶ wipe the old key, in a part of its own
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PureWindowsPath

from adapters.inventory import Host
from adapters.nebula.certificates import Certificate
from adapters.phrase import Phrase
from adapters.windows.commit_confirm import CONFIRM_WINDOW, BeginChange, FileSwap, ServiceMove
from adapters.windows.key_files import ReadKeyRemains, WipeKeys, locate_operations
from adapters.windows.nebula import ForgetFolder, MakeKeyPair, ReadCertificates, SignCertificate, StageCertificate
from commands.certificates.reading import HostCertificates
from commands.changes.commit_confirm import (
    CONFIRM_TIMEOUT,
    PROOF_TIMEOUT,
    REVERT_TIMEOUT,
    CommitConfirmedChange,
    TunnelProof,
    build_change_steps,
    build_gateway_step,
    get_windows_side,
    locate_working_folder,
)
from commands.model.plan import Check, Part, PlannedAction, Product, Step
from commands.model.rotation import RotationAuthority


@dataclass(frozen=True)
class Renewal:
    """Renewal of one host. `lifetime` is in hours.

    `signer` has the files of `ca` on the lighthouse while the CA is being changed; None: they are where the inventory says.
    `is_working`: the present certificate works, so a tunnel can prove a rollback. `gateway_answers`: the gateway
    answers now, so its health page must answer after the renewal, too.
    """

    held: HostCertificates
    lighthouse: HostCertificates
    ca: Certificate
    witnesses: tuple[Host, ...]
    lifetime: int
    operation: str
    is_working: bool
    gateway_answers: bool
    signer: RotationAuthority | None = None

    @property
    def host(self) -> Host:
        return self.held.host

    @property
    def certificate(self) -> Certificate:
        """The present certificate."""
        assert self.held.certificate is not None
        return self.held.certificate

    @property
    def tunnel(self) -> TunnelProof:
        return TunnelProof(self.host, self.lighthouse.host, self.witnesses, self.certificate.name)

    def make_key(self, name: str) -> str:
        """Makes the key of a step."""
        return f"{self.host.name}/{name}"


def build_renewal_part(renewal: Renewal) -> Part:
    """Builds the part of one host."""
    host, tunnel = renewal.host, renewal.tunnel
    patience = PROOF_TIMEOUT / (tunnel.proof_count + renewal.gateway_answers)
    proofs = (
        *tunnel.build_proof_steps(Product(step=renewal.make_key("sign"), field="fingerprint"), patience),
        *((build_gateway_step(host, patience),) if renewal.gateway_answers else ()),
    )
    change = build_change_steps(build_replacement(renewal), tunnel.build_note_steps(), proofs)
    return Part(host=host.name, steps=(*build_preparation_steps(renewal, renewal.held.paths.ca_certificate), *change))


def build_wipe_part(renewal: Renewal) -> Part:
    """Builds the part that wipes the keys in the folders of operations: the old one, copies, and those of earlier renewals.

    It is a part of its own: a key that could not be wiped takes no pair back that is confirmed, and the host is not done.
    """
    host, side = renewal.host, get_windows_side(renewal.host)
    folders = (locate_operations(side),)
    step = Step(
        key=renewal.make_key("wipe"),
        host=host.name,
        deed=PlannedAction.of(WipeKeys.of(side, folders=folders)),
        phrase=Phrase("wipe the old private key, and all other keys in the folders of operations"),
        verify=Check(
            host=host.name,
            deed=PlannedAction.of(ReadKeyRemains.of(side, folders=folders)),
            expect={"left": 0},
            patience=CONFIRM_TIMEOUT,
        ),
    )
    return Part(host=host.name, steps=(step,))


def build_preparation_steps(renewal: Renewal, trusted: str) -> Iterator[Step]:
    """Builds the steps that touch nothing live. `trusted` is the file of the CAs with which the new pair will run."""
    paths, operation = renewal.held.paths, renewal.operation
    here = locate_working_folder(renewal.host, operation)
    there = locate_working_folder(renewal.lighthouse.host, operation)
    yield Step(
        key=renewal.make_key("keys"),
        host=renewal.host.name,
        deed=PlannedAction.of(MakeKeyPair(folder=here, nebula_cert_exe=paths.nebula_cert_exe)),
        phrase=Phrase("generate a key pair (the private key stays on {host})", host=renewal.host.name),
        undo=PlannedAction.of(ForgetFolder(folder=here)),
        undo_phrase=Phrase("remove the new key pair"),
    )
    yield Step(
        key=renewal.make_key("sign"),
        host=renewal.lighthouse.host.name,
        deed=PlannedAction.of(
            _build_sign_action(renewal, there), public_key=Product(step=renewal.make_key("keys"), field="public_key")
        ),
        phrase=Phrase(
            "sign it with {ca} for up to {days} days, within the CA's validity",
            ca=renewal.ca.name,
            days=renewal.lifetime // 24,
        ),
        undo=PlannedAction.of(ForgetFolder(folder=there)),
        undo_phrase=Phrase("remove the new certificate"),
    )
    staged = StageCertificate(
        folder=here,
        certificate="",
        nebula_exe=paths.nebula_exe,
        nebula_cert_exe=paths.nebula_cert_exe,
        config=paths.nebula_config,
        ca=trusted,
    )
    yield Step(
        key=renewal.make_key("stage"),
        host=renewal.host.name,
        deed=PlannedAction.of(staged, certificate=Product(step=renewal.make_key("sign"), field="certificate")),
        phrase=Phrase("test the new pair with nebula -test (the active one stays untouched)"),
        undo=PlannedAction.of(ForgetFolder(folder=here)),
        undo_phrase=Phrase("remove the new pair"),
    )
    if renewal.host != renewal.lighthouse.host:
        yield Step(
            key=renewal.make_key("tidy"),
            host=renewal.lighthouse.host.name,
            deed=PlannedAction.of(ForgetFolder(folder=there)),
            phrase=Phrase("remove the working folder"),
        )


def _build_sign_action(renewal: Renewal, there: str) -> SignCertificate:
    """Builds the signing action without its public key, which an earlier step makes. It is validated when it runs."""
    paths, certificate, signer = renewal.lighthouse.paths, renewal.certificate, renewal.signer
    return SignCertificate.model_construct(
        folder=there,
        nebula_cert_exe=paths.nebula_cert_exe,
        ca_certificate=paths.ca_certificate if signer is None else signer.certificate_file,
        ca_key=paths.ca_key if signer is None else signer.key_file,
        ca_fingerprint=renewal.ca.fingerprint,
        name=certificate.name,
        networks=tuple(map(str, certificate.networks)),
        unsafe_networks=tuple(map(str, certificate.unsafe_networks)),
        groups=certificate.groups,
        public_key="",
        lifetime=renewal.lifetime,
    )


def build_replacement(renewal: Renewal, window: int = CONFIRM_WINDOW) -> CommitConfirmedChange:
    """Builds the change that replaces the old pair by the new one. `window` is the time for all proofs, in seconds."""
    host, side, paths = renewal.host, get_windows_side(renewal.host), renewal.held.paths
    here = PureWindowsPath(locate_working_folder(host, renewal.operation))
    change = BeginChange(
        operation=renewal.operation,
        services=(ServiceMove(service=side.nebula_service, verb="restart"),),
        swaps=(
            FileSwap(source=str(here / "host.crt"), target=paths.host_certificate),
            FileSwap(source=str(here / "host.key"), target=paths.host_key),
        ),
        window=window,
    )
    phrase = Phrase(
        "install the new pair and restart Nebula ({host} reverts automatically unless confirmed within {window} s)",
        window=window,
        host=host.name,
    )
    return CommitConfirmedChange(
        host, change, phrase, Phrase("restore the old pair and restart Nebula"), tuple(_build_revert_checks(renewal))
    )


def _build_revert_checks(renewal: Renewal) -> Iterator[Check]:
    """Builds the checks of a rollback: the old pair is back, and the tunnel works if it worked before."""
    files = renewal.held.files
    assert files is not None
    yield Check(
        host=renewal.host.name,
        deed=PlannedAction.of(ReadCertificates.of(get_windows_side(renewal.host))),
        expect={"certificate": files.certificate},
        patience=REVERT_TIMEOUT,
    )
    if renewal.is_working:
        yield renewal.tunnel.build_return_check()
