"""Steps that give a new host its identity, its configuration of Nebula, and its place in the overlay. Pure.

keys on the host ─▶ sign on the lighthouse ─▶ stage CAs, config.yaml, pair, and test them together ─▶ start types
  ─▶ note the ends of logs ─▶ swap and start ─▶ address ─▶ ping, handshake in the other log, own log ─▶ confirm

Nothing of it is there before, so a rollback removes every file. Only the signature stays: it cannot be taken back.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PureWindowsPath

from adapters.inventory import Host, WindowsPaths
from adapters.nebula.certificates import Certificate
from adapters.phrase import Phrase
from adapters.windows.commit_confirm import BeginChange, FileSwap, ServiceMove
from adapters.windows.configuration import stage_path
from adapters.windows.nebula import (
    ForgetFolder,
    MakeKeyPair,
    NotePosition,
    ReachAddress,
    SignCertificate,
    StageCertificate,
)
from adapters.windows.new_host import ReadNewHost, StageFile
from adapters.windows.refusals import FindRefusals
from commands.certificates.rotation.successor import write_certificate
from commands.changes.commit_confirm import (
    PROOF_TIMEOUT,
    RETURN_TIMEOUT,
    REVERT_TIMEOUT,
    CommitConfirmedChange,
    TunnelProof,
    build_change_steps,
    get_windows_side,
    locate_working_folder,
)
from commands.hosts.add.newcomer import NewHost
from commands.hosts.suspend.resume_steps import ADDRESS_TIMEOUT
from commands.hosts.suspend.suspend_steps import build_start_type_step
from commands.model.plan import Check, Part, PlannedAction, Product, Step
from commands.model.rotation import RotationAuthority
from commands.services.steps import ServiceName

CONFIRM_SHARE = 15
"""Seconds of the window that are left for the confirmation after all proofs."""

WINDOW = math.ceil(RETURN_TIMEOUT + ADDRESS_TIMEOUT + PROOF_TIMEOUT + CONFIRM_SHARE)
"""Seconds after which the host removes everything again unless the change is confirmed."""


@dataclass(frozen=True)
class NewIdentity:
    """The identity that a new host gets.

    `lighthouse` signs with `ca`; `signer` has the files of that CA while it is being changed. `authorities` are the CAs that
    the host will trust: those of the lighthouse, or none if the host has their file already. `config` is its config.yaml.
    `groups` are those of its certificate, `lifetime` is in hours.
    """

    new: NewHost
    lighthouse: Host
    ca: Certificate
    authorities: tuple[Certificate, ...]
    config: bytes
    groups: tuple[str, ...]
    lifetime: int
    signer: RotationAuthority | None = None

    @property
    def host(self) -> Host:
        return self.new.host

    @property
    def paths(self) -> WindowsPaths:
        return get_windows_side(self.host).paths

    @property
    def folder(self) -> str:
        """The operation's working folder on the host."""
        return locate_working_folder(self.host, self.new.operation)

    @property
    def signing_folder(self) -> str:
        """The operation's working folder on the lighthouse."""
        return locate_working_folder(self.lighthouse, self.new.operation)

    @property
    def tunnel(self) -> TunnelProof:
        return TunnelProof(self.host, self.lighthouse, (self.lighthouse,), self.host.name)

    def locate_staged(self, file: str) -> str:
        """Returns where a file of Nebula's configuration is staged."""
        return stage_path(self.folder, str(PureWindowsPath(file).parent), file)


def build_identity_part(identity: NewIdentity) -> Part:
    """Builds the part."""
    new, host = identity.new, identity.host
    own_log = get_windows_side(host).paths.nebula_log
    own_note = Step(
        key=new.make_key("note"),
        host=host.name,
        deed=PlannedAction.of(NotePosition(log=own_log)),
        phrase=Phrase("record the end of Nebula's log"),
    )
    notes = (*identity.tunnel.build_note_steps(), own_note)
    steps = (
        *_build_preparation(identity),
        *_build_start_types(new),
        *build_change_steps(_build_change(identity), notes, tuple(_build_proofs(identity))),
        Step(
            key=new.make_key("tidy"),
            host=host.name,
            deed=PlannedAction.of(ForgetFolder(folder=identity.folder)),
            phrase=Phrase("remove the working folder"),
        ),
    )
    return Part(host=host.name, steps=steps)


def _build_preparation(identity: NewIdentity) -> Iterator[Step]:
    """Builds the steps that touch nothing live."""
    new, name = identity.new, identity.host.name
    forget = PlannedAction.of(ForgetFolder(folder=identity.folder))
    yield Step(
        key=new.make_key("keys"),
        host=name,
        deed=PlannedAction.of(MakeKeyPair(folder=identity.folder, nebula_cert_exe=identity.paths.nebula_cert_exe)),
        phrase=Phrase("generate a key pair (the private key stays on {host})", host=name),
        undo=forget,
        undo_phrase=Phrase("remove the new key pair"),
    )
    yield _build_sign_step(identity)
    yield Step(
        key=new.make_key("sign/tidy"),
        host=identity.lighthouse.name,
        deed=PlannedAction.of(ForgetFolder(folder=identity.signing_folder)),
        phrase=Phrase("remove the working folder"),
    )
    if identity.authorities:
        text = "".join(map(write_certificate, identity.authorities)).encode()
        yield _build_stage_step(identity, "stage/ca", identity.paths.ca_certificate, text)
    yield _build_stage_step(identity, "stage/config", identity.paths.nebula_config, identity.config)
    ca = identity.paths.ca_certificate
    staged = StageCertificate(
        folder=identity.folder,
        certificate="",
        nebula_exe=identity.paths.nebula_exe,
        nebula_cert_exe=identity.paths.nebula_cert_exe,
        config=identity.locate_staged(identity.paths.nebula_config),
        ca=identity.locate_staged(ca) if identity.authorities else ca,
    )
    yield Step(
        key=new.make_key("stage"),
        host=name,
        deed=PlannedAction.of(staged, certificate=Product(step=new.make_key("sign"), field="certificate")),
        phrase=Phrase("test pair, CAs and config.yaml together with nebula -test"),
        undo=forget,
        undo_phrase=Phrase("remove the new pair"),
    )


def _build_sign_step(identity: NewIdentity) -> Step:
    """Builds the step that signs. Its rollback removes the certificate, which stays valid: the ledger calls it abandoned."""
    paths, signer, host = get_windows_side(identity.lighthouse).paths, identity.signer, identity.host
    # Without its public key, which an earlier step makes. It is validated when it runs.
    sign = SignCertificate.model_construct(
        folder=identity.signing_folder,
        nebula_cert_exe=paths.nebula_cert_exe,
        ca_certificate=paths.ca_certificate if signer is None else signer.certificate_file,
        ca_key=paths.ca_key if signer is None else signer.key_file,
        ca_fingerprint=identity.ca.fingerprint,
        name=host.name,
        networks=(str(host.overlay),),
        unsafe_networks=(),
        groups=identity.groups,
        public_key="",
        lifetime=identity.lifetime,
    )
    return Step(
        key=identity.new.make_key("sign"),
        host=identity.lighthouse.name,
        deed=PlannedAction.of(sign, public_key=Product(step=identity.new.make_key("keys"), field="public_key")),
        phrase=Phrase(
            "sign it with {ca} for up to {days} days, within the CA's validity (irreversible)",
            ca=identity.ca.name,
            days=identity.lifetime // 24,
        ),
        undo=PlannedAction.of(ForgetFolder(folder=identity.signing_folder)),
        undo_phrase=Phrase("remove the new certificate (it stays valid, and is listed as abandoned)"),
    )


def _build_stage_step(identity: NewIdentity, key: str, file: str, content: bytes) -> Step:
    stage = StageFile.of(identity.folder, str(PureWindowsPath(file).parent), file, content)
    return Step(
        key=identity.new.make_key(key),
        host=identity.host.name,
        deed=PlannedAction.of(stage),
        phrase=Phrase("prepare {file} beside the active configuration", file=file),
        undo=PlannedAction.of(ForgetFolder(folder=identity.folder)),
        undo_phrase=Phrase("remove the new file"),
    )


def _build_start_types(new: NewHost) -> Iterator[Step]:
    """Builds the step after which Windows starts the services by itself, if it does not yet."""
    services = {"nebula": new.services.nebula, "openresty": new.services.gateway}
    before: dict[ServiceName, str] = {
        name: services[name].start_type
        for name in (("nebula", "openresty") if new.host.gateway is not None else ("nebula",))
        if services[name].status != "Absent" and services[name].start_type in ("Manual", "Disabled")
    }
    if before:
        yield build_start_type_step(new.host, dict.fromkeys(before, "Automatic"), before)


def _build_change(identity: NewIdentity) -> CommitConfirmedChange:
    """Builds the change that puts all files in place and starts Nebula."""
    host, paths, new = identity.host, identity.paths, identity.new
    folder = PureWindowsPath(identity.folder)
    staged = (*((paths.ca_certificate,) if identity.authorities else ()), paths.nebula_config)
    change = BeginChange(
        operation=new.operation,
        services=(ServiceMove(service=get_windows_side(host).nebula_service, verb="start"),),
        swaps=(
            *(FileSwap(source=identity.locate_staged(file), target=file) for file in staged),
            FileSwap(source=str(folder / "host.crt"), target=paths.host_certificate),
            FileSwap(source=str(folder / "host.key"), target=paths.host_key),
        ),
        window=WINDOW,
    )
    phrase = Phrase(
        "install pair, CAs and config.yaml and start Nebula ({host} removes them automatically unless confirmed within "
        "{window} s)",
        host=host.name,
        window=WINDOW,
    )
    read = PlannedAction.of(ReadNewHost.of(host))
    gone = {"certificate": "", "config": "", "key_present": False, "ca": new.state.ca}
    check = Check(host=host.name, deed=read, expect=gone, patience=REVERT_TIMEOUT)
    return CommitConfirmedChange(host, change, phrase, Phrase("stop Nebula and remove the new files"), (check,))


def _build_proofs(identity: NewIdentity) -> Iterator[Step]:
    """Builds the proofs. A responder's log alone proves nothing: the host's own log must have no refusal, too."""
    new, host = identity.new, identity.host
    patience = PROOF_TIMEOUT / (identity.tunnel.proof_count + 1)
    yield Step(
        key=new.make_key("address"),
        host=host.name,
        deed=PlannedAction.of(ReachAddress(address=str(host.overlay.ip))),
        phrase=Phrase("wait until Windows has the address {address}", address=str(host.overlay.ip)),
        expect={"reachable": True},
        patience=ADDRESS_TIMEOUT,
    )
    yield from identity.tunnel.build_proof_steps(Product(step=new.make_key("sign"), field="fingerprint"), patience)
    yield Step(
        key=new.make_key("refusals"),
        host=host.name,
        deed=PlannedAction.of(
            FindRefusals(log=identity.paths.nebula_log, after=0),
            after=Product(step=new.make_key("note"), field="position"),
        ),
        phrase=Phrase("check that {host} refused no certificate", host=host.name),
        expect={"count": 0},
        patience=patience,
    )
