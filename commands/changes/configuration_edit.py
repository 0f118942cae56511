"""Steps of an edit of a configuration file: stage it on the host, test the staged copy, swap it in a guarded change. Pure.

splices ─ StageEdit ─▶ TestConfiguration ─▶ BeginChange (swap, reload or restart) ─▶ proofs ─▶ ConfirmChange ─▶ tidy

A plan holds hashes, splices, and the diff that approvers see, never a whole file.

Steps of a trial transfer: the configuration folder of a host, without keys, to the bot and back into a scratch file.

    pack on the host ─▶ fetch to the bot ─▶ return to the host ─▶ remove it from the bot

All copies have one hash. The host's scratch files are removed with the folder of the operation.

Steps that prove a reload of a gateway from outside, and keep its configuration as the last good one.

note workers and the end of error.log ─▶ reload ─▶ new workers, no [emerg] ─▶ host_id and peers ─▶ keep a copy ─▶ confirm

The note comes after the test of the configuration and before the reload, so that only what came since counts. A return code
of 0 proves nothing, and an answer of workers from before the reload never counts.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import Any

from adapters.action import BOT_NAME, Action
from adapters.gateway.reload import ProveSync
from adapters.inventory import Host
from adapters.local import spool as local
from adapters.phrase import Phrase
from adapters.windows import configuration
from adapters.windows import spool as windows
from adapters.windows.commit_confirm import FileSwap
from adapters.windows.configuration import HashedFile, StageEdit, stage_path
from adapters.windows.configuration_trial import TestConfiguration
from adapters.windows.good_configuration import KeepGood, ReadGood
from adapters.windows.nebula import ForgetFolder
from adapters.windows.nginx import ReadNginx
from adapters.windows.nginx_reload import FindReload
from commands.changes.commit_confirm import (
    CONFIRM_TIMEOUT,
    PROOF_TIMEOUT,
    REVERT_TIMEOUT,
    get_windows_side,
    locate_working_folder,
)
from commands.configuration.diff import diff_splices
from commands.configuration.splice import Splices, UnsuitableText, apply_splices
from commands.model.plan import Check, FileEdit, PlannedAction, Product, Step, TransferSource


@dataclass(frozen=True)
class ConfigurationEdit:
    """An edit of one file in `base`, the folder of a program's configuration. `text` is the present file."""

    host: Host
    operation: str
    base: str
    file: str
    text: bytes
    splices: Splices

    @property
    def folder(self) -> str:
        """The operation's working folder on the host."""
        return locate_working_folder(self.host, self.operation)

    @property
    def sha256(self) -> str:
        """Hash of the present file."""
        return hashlib.sha256(self.text).hexdigest()

    @property
    def edited(self) -> HashedFile:
        """The file after the edit."""
        return HashedFile(file=self.file, sha256=hashlib.sha256(apply_splices(self.text, self.splices)).hexdigest())

    @property
    def swap(self) -> FileSwap:
        """The swap of the staged file for the present one."""
        return FileSwap(source=stage_path(self.folder, self.base, self.file), target=self.file)

    def describe(self, redact: Callable[[str], str]) -> FileEdit:
        """Describes the edit for approvers. Raises `UnsuitableText` if they could not see the whole of it."""
        try:
            diff = diff_splices(self.text, self.splices, redact)
        except UnsuitableText as error:
            raise UnsuitableText(error.locate(self.file, self.text)) from error
        return FileEdit(host=self.host.name, file=self.file, diff=diff)


def build_stage_steps(edit: ConfigurationEdit, test: TestConfiguration) -> tuple[Step, Step]:
    """Builds the steps that write the edited copy, and have the program test it. Nothing live is changed."""
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
    return (
        Step(
            key=f"{edit.host.name}/stage",
            host=edit.host.name,
            deed=PlannedAction.of(stage),
            phrase=Phrase("prepare the edited copy of {file} (the active one stays untouched)", file=edit.file),
            undo=PlannedAction.of(ForgetFolder(folder=edit.folder)),
            undo_phrase=Phrase("remove the edited copy"),
        ),
        Step(
            key=f"{edit.host.name}/test",
            host=edit.host.name,
            deed=PlannedAction.of(test),
            phrase=Phrase("test the edited copy with {program}", program=_TESTS[test.program]),
            expect={"state": "good"},
        ),
    )


def build_tidy_step(edit: ConfigurationEdit) -> Step:
    """Builds the step that removes the working folder, with the file from before the edit in it."""
    return Step(
        key=f"{edit.host.name}/tidy",
        host=edit.host.name,
        deed=PlannedAction.of(ForgetFolder(folder=edit.folder)),
        phrase=Phrase("remove the working folder"),
    )


_TESTS = {"nginx": "nginx -t", "nebula": "nebula -test"}


PACKED, RETURNED = "config.tar", "config-back.tar"

STATE_PATIENCE = 10.0
"""Seconds in which the state of a copy must be read."""

_LATER = "0" * 64
"""Stands for the hash that the pack step produces."""


def build_transfer_steps(host: Host, operation: str, make_key: Callable[[str], str]) -> Iterator[Step]:
    """Builds the steps of one host. `make_key` makes the key of a step from its name."""
    folder = locate_working_folder(host, operation)
    here = {"operation": operation, "name": f"{host.name}.tar"[-40:].lstrip("-.")}
    pack = make_key("transfer/pack")
    size, sha256 = Product(step=pack, field="size"), Product(step=pack, field="sha256")
    remove = PlannedAction.of(local.RemoveSpool(**here))
    yield Step(
        key=pack,
        host=host.name,
        deed=PlannedAction.of(windows.PackFolder(folder=folder, name=PACKED, source=find_configuration_folder(host))),
        phrase=Phrase("pack {folder} without keys", folder=find_configuration_folder(host)),
        undo=PlannedAction.of(windows.RemoveSpool(folder=folder, name=PACKED)),
        undo_phrase=Phrase("remove the copy"),
    )
    yield Step(
        key=make_key("transfer/fetch"),
        host=BOT_NAME,
        deed=_fill(local.WriteSpool(**here, size=0, sha256=_LATER, limit=windows.MAX_PACKED_BYTES), size, sha256),
        source=TransferSource(host=host.name, deed=PlannedAction.of(windows.ReadSpool(folder=folder, name=PACKED))),
        phrase=Phrase("transfer the copy to the bot"),
        verify=_check(BOT_NAME, local.ReadSpoolState(**here, sha256=_LATER), {"whole": True}, sha256),
        undo=remove,
        undo_phrase=Phrase("remove the copy"),
        undone=(_check(BOT_NAME, local.ReadSpoolState(**here, sha256=_LATER), {"received": 0}, sha256),),
    )
    back = {"folder": folder, "name": RETURNED}
    yield Step(
        key=make_key("transfer/return"),
        host=host.name,
        deed=_fill(windows.WriteSpool(**back, size=0, sha256=_LATER, limit=windows.MAX_PACKED_BYTES), size, sha256),
        source=TransferSource(host=BOT_NAME, deed=PlannedAction.of(local.ReadSpool(**here))),
        phrase=Phrase("transfer the copy back to {host}", host=host.name),
        verify=_check(host.name, windows.ReadSpoolState(**back, sha256=_LATER), {"whole": True}, sha256),
        undo=PlannedAction.of(windows.RemoveSpool(**back)),
        undo_phrase=Phrase("remove the copy"),
        undone=(_check(host.name, windows.ReadSpoolState(**back, sha256=_LATER), {"received": 0}, sha256),),
    )
    yield Step(key=make_key("transfer/tidy"), host=BOT_NAME, deed=remove, phrase=Phrase("remove the copy from the bot"))


def find_configuration_folder(host: Host) -> str:
    """Finds the folder with the configuration of a host's gateway, or of Nebula if it has no gateway."""
    paths = get_windows_side(host).paths
    return str(PureWindowsPath(paths.nebula_config if host.gateway is None else paths.gateway_config).parent)


def _fill(sink: Action[Any], size: Product, sha256: Product) -> PlannedAction:
    return PlannedAction.of(sink, size=size, sha256=sha256)


def _check(host: str, read: Action[Any], expect: dict[str, bool | int], sha256: Product) -> Check:
    return Check(host=host, deed=PlannedAction.of(read, sha256=sha256), expect=expect, patience=STATE_PATIENCE)


WORKERS_TIMEOUT = PROOF_TIMEOUT / 2
"""Seconds in which nginx has its new workers alone. Usually it takes one."""

SYNC_TIMEOUT = PROOF_TIMEOUT - WORKERS_TIMEOUT
"""Seconds in which the new workers answer with their configuration. Usually it takes 50 ms."""


@dataclass(frozen=True)
class ReloadProof:
    """Proof that a gateway runs with its configuration. `peers` are those that the file names; None if they are unknown."""

    host: Host
    peers: tuple[str, ...] | None

    def build_note_step(self) -> Step:
        """Builds the step that notes the workers and the end of error.log, right before the reload."""
        return Step(
            key=self._note_key,
            host=self.host.name,
            deed=PlannedAction.of(ReadNginx.of(get_windows_side(self.host))),
            phrase=Phrase("record the workers of nginx and the end of error.log"),
        )

    def build_proof_steps(self) -> Iterator[Step]:
        """Builds the steps that prove the reload."""
        yield Step(
            key=f"{self.host.name}/workers",
            host=self.host.name,
            deed=PlannedAction.of(
                FindReload.of(get_windows_side(self.host)),
                after=Product(step=self._note_key, field="position"),
                before=Product(step=self._note_key, field="workers"),
            ),
            phrase=Phrase("check that nginx has new workers, and no [emerg] in error.log"),
            expect={"state": "reloaded"},
            patience=WORKERS_TIMEOUT,
        )
        yield Step(
            key=f"{self.host.name}/sync",
            host=self.host.name,
            deed=self._sync,
            phrase=self._describe_sync(),
            expect={"state": "as configured"},
            patience=SYNC_TIMEOUT,
        )

    def build_return_check(self) -> Check:
        """Builds the check that the gateway works after a rollback; `peers` are those of the restored configuration."""
        return Check(host=self.host.name, deed=self._sync, expect={"state": "as configured"}, patience=REVERT_TIMEOUT)

    @property
    def _note_key(self) -> str:
        return f"{self.host.name}/note"

    @property
    def _sync(self) -> PlannedAction:
        return PlannedAction.of(ProveSync(host_id=self.host.id, peers=self.peers))

    def _describe_sync(self) -> Phrase:
        if self.peers is None:
            return Phrase("check that the gateway responds with host ID {id}", id=str(self.host.id))
        return Phrase(
            "check that the gateway responds with host ID {id} and {n} peer",
            plural="check that the gateway responds with host ID {id} and {n} peers",
            id=str(self.host.id),
            n=len(self.peers),
        )


def build_keep_step(host: Host, base: str, sha256: str, files: Sequence[HashedFile]) -> Step:
    """Builds the step that keeps the proven files on the host, for a rollback of a later change."""
    return Step(
        key=f"{host.name}/keep",
        host=host.name,
        deed=PlannedAction.of(KeepGood(base=base, sha256=sha256, files=tuple(files))),
        phrase=Phrase("keep a copy of this configuration as the last good one"),
        verify=Check(
            host=host.name,
            deed=PlannedAction.of(ReadGood()),
            expect={"sha256": sha256, "intact": True},
            patience=CONFIRM_TIMEOUT,
        ),
        recorded=True,
    )
