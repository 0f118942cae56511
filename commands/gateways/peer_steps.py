"""Steps that edit the table of peers of one gateway, and prove from outside that its workers run with it. Pure.

stage ─▶ test ─▶ note ─▶ begin: swap, reload ─▶ new workers, host_id and peers ─▶ keep a copy ─▶ confirm ─▶ tidy
"""

from dataclasses import dataclass

from adapters.phrase import Phrase
from adapters.windows.commit_confirm import CONFIRM_WINDOW, BeginChange
from adapters.windows.configuration import Configuration, HashedFile, hash_configuration
from adapters.windows.configuration_trial import TestConfiguration
from commands.model.plan import Part
from commands.planning.commit_confirm import (
    CommitConfirmedChange,
    build_begin_step,
    build_confirm_step,
    get_windows_side,
    move_gateway,
)
from commands.planning.configuration_edit import ConfigurationEdit, build_stage_steps, build_tidy_step
from commands.planning.reload_proof import ReloadProof, build_keep_step


@dataclass(frozen=True)
class PeerEdit:
    """An edit of a gateway's peers: the addresses before and after it, and the configuration that the file belongs to."""

    edit: ConfigurationEdit
    before: tuple[str, ...]
    after: tuple[str, ...]
    configuration: Configuration

    @property
    def files(self) -> tuple[HashedFile, ...]:
        """The files of the configuration after the edit."""
        edited = self.edit.edited
        return tuple(edited if each.file == edited.file else each for each in self.configuration.present)


def build_peer_part(peers: PeerEdit) -> Part:
    """Builds the part of one host."""
    edit = peers.edit
    host, base, files = edit.host, peers.configuration.base, peers.files
    proof = ReloadProof(host, peers.after)
    steps = (
        *build_stage_steps(edit, TestConfiguration.of_gateway(get_windows_side(host), edit.folder)),
        proof.build_note_step(),
        build_begin_step(_build_change(peers)),
        *proof.build_proof_steps(),
        build_keep_step(host, base, hash_configuration(files, base), files),
        build_confirm_step(host, edit.operation),
        build_tidy_step(edit),
    )
    return Part(host=host.name, steps=steps)


def _build_change(peers: PeerEdit) -> CommitConfirmedChange:
    edit, host = peers.edit, peers.edit.host
    change = BeginChange(
        operation=edit.operation,
        swaps=(edit.swap,),
        services=(move_gateway(get_windows_side(host), "reload"),),
    )
    phrase = Phrase(
        "install the edited file and reload nginx ({host} reverts automatically unless confirmed within {window} s)",
        host=host.name,
        window=CONFIRM_WINDOW,
    )
    undo = Phrase("restore the previous file and reload nginx")
    return CommitConfirmedChange(host, change, phrase, undo, (ReloadProof(host, peers.before).build_return_check(),))
