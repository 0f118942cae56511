"""The part cni comes back: the network plug-in and its configuration, by the helper in WSL2. Addresses are made anew.

transfer to the helper ─▶ compare ─▶ put in place, addresses from podman ─ proven by the helper ─▶ remove the copies
"""

from dataclasses import dataclass

from adapters.action import BOT_NAME
from adapters.inventory import Host
from adapters.local.backups import ReadBackupFile
from adapters.phrase import Phrase
from adapters.windows.spool import ReadSpool
from adapters.wsl.restore import CheckKept, ForgetKept, PutKept, ReadStagedKept, ReturnKept, StageKept
from commands.backups.parts import STATE_PATIENCE
from commands.backups.restore_source import RestoreSource
from commands.model.plan import Check, Part, PlannedAction, Step, TransferSource

PROOF_PATIENCE = 60.0
"""Seconds in which the plug-in must answer, and all addresses must be in its list."""


@dataclass(frozen=True)
class PluginRestore:
    """A restore of the network plug-in, whose present files differ from those of the backup."""

    source: RestoreSource

    @property
    def host(self) -> Host:
        return self.source.host

    def make_key(self, name: str) -> str:
        """Makes the key of a step."""
        return f"{self.host.name}/{name}"


def build_plugin_part(restore: PluginRestore) -> Part:
    """Builds the part of the host."""
    host, part = restore.host.name, restore.source.part
    tidy = Step(
        key=restore.make_key("tidy"),
        host=host,
        deed=PlannedAction.of(ForgetKept(sha256=part.sha256)),
        phrase=Phrase("remove the copies"),
    )
    return Part(host=host, steps=(_build_stage_step(restore), _build_put_step(restore), tidy))


def _build_stage_step(restore: PluginRestore) -> Step:
    host, part, state = restore.host.name, restore.source.part, ReadStagedKept(sha256=restore.source.part.sha256)
    return Step(
        key=restore.make_key("stage"),
        host=host,
        deed=PlannedAction.of(StageKept(sha256=part.sha256, size=part.size)),
        source=_choose_source(restore.source),
        phrase=Phrase("transfer the backup to the helper in WSL2, which takes only one that it made itself"),
        verify=Check(host=host, deed=PlannedAction.of(state), expect={"whole": True}, patience=STATE_PATIENCE),
        undo=PlannedAction.of(ForgetKept(sha256=part.sha256)),
        undo_phrase=Phrase("remove the copy"),
        undone=(Check(host=host, deed=PlannedAction.of(state), expect={"received": 0}, patience=STATE_PATIENCE),),
    )


def _build_put_step(restore: PluginRestore) -> Step:
    host, sha256 = restore.host.name, restore.source.part.sha256
    check = PlannedAction.of(CheckKept(sha256=sha256))
    return Step(
        key=restore.make_key("put"),
        host=host,
        deed=PlannedAction.of(PutKept(sha256=sha256)),
        phrase=Phrase("install the plug-in and its configuration, and build its list of addresses from podman"),
        verify=Check(host=host, deed=check, expect={"in_place": True, "works": True}, patience=PROOF_PATIENCE),
        undo=PlannedAction.of(ReturnKept(sha256=sha256)),
        undo_phrase=Phrase("restore the files from before"),
        undone=(Check(host=host, deed=check, expect={"in_place": False}, patience=STATE_PATIENCE),),
    )


def _choose_source(source: RestoreSource) -> TransferSource:
    if source.whole_at_first:
        first = PlannedAction.of(ReadSpool(folder=source.first_place, name=source.part.file))
        return TransferSource(host=source.host.name, deed=first)
    second = PlannedAction.of(ReadBackupFile(backup=source.backup.id, name=source.part.file))
    return TransferSource(host=BOT_NAME, deed=second)
