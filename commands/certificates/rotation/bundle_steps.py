"""Steps that change which CAs one host trusts: its file of CAs is staged, tried, swapped, and proven. Pure.

stage ─▶ nebula -test, canary ─▶ note the ends of logs ─▶ swap, restart ─▶ trust, pings, handshakes ─▶ confirm ─▶ tidy
      without a restart: ─▶ swap ─▶ the file on the disk ─▶ confirm ─▶ tidy        it counts from the next start of Nebula

Nebula logs no CA that it trusts. The proof is the file, a start later than the file, and a canary: a certificate of the new
CA whose private key was discarded.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from adapters.phrase import Phrase
from adapters.windows import configuration
from adapters.windows.commit_confirm import CONFIRM_WINDOW, BeginChange, ServiceMove
from adapters.windows.configuration import ReadConfiguration, StageEdit
from adapters.windows.nebula import ForgetFolder
from adapters.windows.trust import ReadTrust
from commands.certificates.reading import HostCertificates
from commands.certificates.rotation.records import Mark, make_key
from commands.changes.commit_confirm import (
    PROOF_TIMEOUT,
    REVERT_TIMEOUT,
    CommitConfirmedChange,
    TunnelProof,
    build_change_steps,
    get_windows_side,
)
from commands.changes.configuration_edit import ConfigurationEdit, build_tidy_step
from commands.model.plan import Check, Part, PlannedAction, Step


@dataclass(frozen=True)
class BundleEdit:
    """An edit of a host's file of CAs. `mark` says what it does: TRUST adds the new CA, DROP removes the old one, TAKE_BACK
    removes the new one. `canary` is a certificate of the new CA (PEM).

    `tunnel` proves the host to be back after its restart; None: Nebula is not restarted, because it does not run, or because
    the old CA goes with its next restart.
    """

    held: HostCertificates
    edit: ConfigurationEdit
    mark: Mark
    canary: str
    tunnel: TunnelProof | None

    @property
    def host(self) -> str:
        return self.held.host.name

    @property
    def is_trusted(self) -> bool:
        """True if the host trusts the new CA afterwards."""
        return self.mark is not Mark.TAKE_BACK

    @property
    def patience(self) -> float:
        """Seconds for each proof after a restart."""
        return PROOF_TIMEOUT / (1 + (0 if self.tunnel is None else self.tunnel.proof_count))

    def make_key(self, name: str) -> str:
        """Makes the key of a step."""
        return make_key(self.host, self.mark, name)


def build_bundle_part(edit: BundleEdit) -> Part:
    """Builds the part of one host."""
    tunnel, certificate = edit.tunnel, edit.held.certificate
    notes = () if tunnel is None else tuple(tunnel.build_note_steps())
    seen: tuple[Step, ...] = ()
    if tunnel is not None and certificate is not None:
        seen = tuple(tunnel.build_proof_steps(certificate.fingerprint, edit.patience))
    change = build_change_steps(_build_swap(edit), notes, (_build_proof_step(edit), *seen))
    steps = (build_stage_step(edit.edit, edit.mark), _build_trial_step(edit), *change, build_tidy_step(edit.edit))
    return Part(host=edit.host, steps=steps)


def build_stage_step(edit: ConfigurationEdit, mark: Mark) -> Step:
    """Builds the step that writes the edited file beside the live one."""
    stage = StageEdit(
        folder=edit.folder,
        base=edit.base,
        file=edit.file,
        sha256=edit.sha256,
        splices=tuple(
            configuration.Splice(offset=each.offset, removed=each.removed, inserted=each.inserted) for each in edit.splices
        ),
        new_sha256=edit.edited.sha256,
    )
    return Step(
        key=make_key(edit.host.name, mark, "stage"),
        host=edit.host.name,
        deed=PlannedAction.of(stage),
        phrase=Phrase("prepare the edited copy of {file} (the active one stays untouched)", file=edit.file),
        undo=PlannedAction.of(ForgetFolder(folder=edit.folder)),
        undo_phrase=Phrase("remove the edited copy"),
    )


def _build_trial_step(edit: BundleEdit) -> Step:
    """Builds the step that has the host's own programs try the staged file."""
    staged = edit.edit.swap.source
    return Step(
        key=edit.make_key("test"),
        host=edit.host,
        deed=PlannedAction.of(_build_read(edit, staged)),
        phrase=Phrase("test the edited copy with nebula -test and with a certificate of the new CA"),
        expect={"sha256": edit.edit.edited.sha256, "accepted": True, "verified": edit.is_trusted},
    )


def _build_proof_step(edit: BundleEdit) -> Step:
    """Builds the proof that the file is in place and, after a restart, that Nebula runs with it."""
    loaded = {} if edit.tunnel is None else {"loaded": True}
    phrase = (
        Phrase("check that Nebula runs with the edited file") if loaded else Phrase("check that the edited file is there")
    )
    return Step(
        key=edit.make_key("loaded"),
        host=edit.host,
        deed=PlannedAction.of(_build_read(edit)),
        phrase=phrase,
        expect={"sha256": edit.edit.edited.sha256, "verified": edit.is_trusted, **loaded},
        patience=edit.patience,
    )


def _build_read(edit: BundleEdit, file: str = "") -> ReadTrust:
    return ReadTrust.of(get_windows_side(edit.held.host), edit.edit.folder, edit.canary, file)


def _build_swap(edit: BundleEdit) -> CommitConfirmedChange:
    """Builds the change that puts the edited file in place, with a restart if a tunnel proves it."""
    host, tunnel = edit.held.host, edit.tunnel
    service = ServiceMove(service=get_windows_side(host).nebula_service, verb="restart")
    change = BeginChange(
        operation=edit.edit.operation, swaps=(edit.edit.swap,), services=() if tunnel is None else (service,)
    )
    if tunnel is None:
        phrase = Phrase(
            "install the edited file ({host} reverts automatically unless confirmed within {window} s)",
            host=host.name,
            window=CONFIRM_WINDOW,
        )
        undo = Phrase("restore the previous file")
    else:
        phrase = Phrase(
            "install the edited file and restart Nebula ({host} reverts automatically unless confirmed within {window} s)",
            host=host.name,
            window=CONFIRM_WINDOW,
        )
        undo = Phrase("restore the previous file and restart Nebula")
    return CommitConfirmedChange(host, change, phrase, undo, tuple(_build_revert_checks(edit)))


def _build_revert_checks(edit: BundleEdit) -> Iterator[Check]:
    """Builds the checks of a rollback: the old file is back, and the tunnel works."""
    yield Check(
        host=edit.host,
        deed=PlannedAction.of(ReadConfiguration(base=edit.edit.base, file=edit.edit.file)),
        expect={"sha256": edit.edit.sha256},
        patience=REVERT_TIMEOUT,
    )
    if edit.tunnel is not None:
        yield edit.tunnel.build_return_check()
