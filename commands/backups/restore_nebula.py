"""The part nebula comes back: config.yaml of the backup, with what must not go back kept as it is now.

    backup's config.yaml ─ present pki.ca, cert and key ─ union of the blocklists ─▶ new text ─▶ splices of the present one
      ─▶ stage ─▶ nebula -test ─▶ note ─▶ begin: swap, restart ─▶ tunnel ─▶ confirm ─▶ tidy

Key pair and CA bundle stay: they are not taken from a backup. A certificate that is blocked now stays blocked.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PureWindowsPath

from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.commit_confirm import CONFIRM_WINDOW, BeginChange, ServiceMove
from adapters.windows.configuration_trial import TestConfiguration
from commands.configuration.nebula import add_blocks, is_fingerprint, keep_pki, read_blocklist
from commands.configuration.splice import apply_splices
from commands.model.plan import Part
from commands.planning.commit_confirm import (
    PROOF_TIMEOUT,
    CommitConfirmedChange,
    TunnelProof,
    build_change_steps,
    build_gateway_step,
    get_windows_side,
)
from commands.planning.configuration_edit import ConfigurationEdit, build_stage_steps, build_tidy_step


@dataclass(frozen=True)
class NebulaRestore:
    """A restore of one host's config.yaml. `fingerprint` is that of its present certificate, which stays.

    `working`: the tunnels work now, so that they can prove a rollback. `gateway_answers`: so must the gateway afterwards.
    """

    edit: ConfigurationEdit
    tunnel: TunnelProof
    fingerprint: str
    working: bool
    gateway_answers: bool

    @property
    def host(self) -> Host:
        return self.edit.host

    @property
    def text_after(self) -> bytes:
        """The file after the restore."""
        return apply_splices(self.edit.text, self.edit.splices)


def merge_configuration(kept: bytes, present: bytes, blocked: Iterable[str]) -> bytes:
    """Merges the config.yaml of a backup with what must stay: paths of the pair and the CA, and every blocked fingerprint.

    `blocked` are further fingerprints that must be in the list. Raises `UnsuitableText`.
    """
    text = apply_splices(kept, keep_pki(kept, present))
    return add_blocks(text, filter(is_fingerprint, (*read_blocklist(present), *blocked)))


def build_nebula_part(restore: NebulaRestore) -> Part:
    """Builds the part of the host."""
    host, side, edit = restore.host, get_windows_side(restore.host), restore.edit
    patience = PROOF_TIMEOUT / (restore.tunnel.proof_count + restore.gateway_answers)
    proofs = (
        *restore.tunnel.build_proof_steps(restore.fingerprint, patience),
        *((build_gateway_step(host, patience),) if restore.gateway_answers else ()),
    )
    test = TestConfiguration(
        program="nebula",
        exe=side.paths.nebula_exe,
        base=edit.base,
        main=str(PureWindowsPath(side.paths.nebula_config)),
        folder=edit.folder,
    )
    steps = (
        *build_stage_steps(edit, test),
        *build_change_steps(_build_change(restore), restore.tunnel.build_note_steps(), proofs),
        build_tidy_step(edit),
    )
    return Part(host=host.name, steps=steps)


def _build_change(restore: NebulaRestore) -> CommitConfirmedChange:
    host = restore.host
    change = BeginChange(
        operation=restore.edit.operation,
        swaps=(restore.edit.swap,),
        services=(ServiceMove(service=get_windows_side(host).nebula_service, verb="restart"),),
    )
    phrase = Phrase(
        "install config.yaml and restart Nebula ({host} reverts automatically unless confirmed within {window} s)",
        host=host.name,
        window=CONFIRM_WINDOW,
    )
    undo = Phrase("restore the previous file and restart Nebula")
    checks = (restore.tunnel.build_return_check(),) if restore.working else ()
    return CommitConfirmedChange(host, change, phrase, undo, checks)
