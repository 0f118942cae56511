"""Steps that back up one host: each part is packed, transferred to the other place and compared, then the manifest is made.

    nebula, openresty   pack on the host (first place) ─▶ fetch to the bot (second place)
    cni                 measure in WSL2 ─▶ fetch to the bot ─▶ return to the host
    manifest            seal on the bot, from the files that arrived ─▶ return to the host

A transfer reads back all bytes of the place that it comes from, and its proof hashes the place that it leads to. A host
without Windows has the second place alone. All steps together are the backup: if one fails, the files at both places are
removed.
Other changes put these steps into a part of their own, before theirs, so that a rollback of theirs keeps the backup.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from adapters.action import BOT_NAME, Action
from adapters.backup import MANIFEST, BackupId, MissingFile
from adapters.inventory import Host
from adapters.local import backups as second
from adapters.phrase import Phrase
from adapters.transfer import Sha256
from adapters.windows import spool as first
from adapters.windows.backups import PackBackup
from adapters.windows.spool import MAX_PACKED_BYTES
from adapters.wsl.helper import MeasureBackup, ReadBackup
from commands.backups.parts import (
    CNI_FOLDER,
    HOST_PARTS,
    STATE_PATIENCE,
    find_source,
    locate_first_place,
    name_backup,
    name_file,
)
from commands.model.backup import BackupPart
from commands.model.plan import Check, PlannedAction, Product, Step, TransferSource

SEAL = "seal"
"""Name of the step that makes the manifest."""

_LATER = "0" * 64
"""Stands for a hash that an earlier step produces."""


@dataclass(frozen=True)
class BackupTask:
    """A host to back up by an operation: the parts to keep, and the facts for its manifest.

    `missing` are the parts that it has and that cannot be kept, and why.
    """

    host: Host
    operation: str
    parts: tuple[BackupPart, ...] = HOST_PARTS
    versions: tuple[second.ProgramVersion, ...] = ()
    certificate: str = ""
    authorities: tuple[Sha256, ...] = ()
    missing: tuple[MissingFile, ...] = ()

    @property
    def backup(self) -> BackupId:
        return name_backup(self.host.name, self.operation)

    @property
    def folder(self) -> str:
        """The folder at the first place; "" without one."""
        return "" if self.host.windows is None else locate_first_place(self.host, self.backup)

    def make_key(self, name: str) -> str:
        """Makes the key of a step."""
        return make_backup_key(self.host.name, name)


def make_backup_key(host: str, name: str) -> str:
    """Makes the key of a step of a host's backup from its name, such as `seal`."""
    return f"{host}/backup/{name}"


def is_backup_step(step: Step) -> bool:
    """Returns whether a step only adds to a backup. A change that backs up first leaves that backup in any case."""
    return step.key.split("/")[1:2] == ["backup"]


def build_backup_steps(task: BackupTask) -> Iterator[Step]:
    """Builds the steps of one host, in order."""
    made: dict[str, Product] = {}
    for part in task.parts:
        source = find_source(task.host, part)
        if source is not None:
            yield from _build_packed_part(task, part)
            key = task.make_key(f"pack-{part.value}")
            made[f"{part.value}_missing"] = Product(step=key, field="missing")
            made[f"{part.value}_sha256"] = Product(step=key, field="sha256")
        elif part is BackupPart.CNI:
            yield from _build_cni_part(task)
            made["cni_sha256"] = Product(step=task.make_key("measure-cni"), field="sha256")
    yield _build_seal_step(task, made)
    if task.folder:
        yield _build_return_step(
            task, MANIFEST, task.make_key(SEAL), Phrase("transfer the manifest to {host}", host=task.host.name)
        )


def _build_packed_part(task: BackupTask, part: BackupPart) -> Iterator[Step]:
    source, file, key = find_source(task.host, part), name_file(part), task.make_key(f"pack-{part.value}")
    assert source is not None
    pack = PackBackup(folder=task.folder, name=file, source=source.folder, folders=source.folders)
    yield Step(
        key=key,
        host=task.host.name,
        deed=PlannedAction.of(pack),
        phrase=Phrase("pack {folder} without keys and passwords", folder=source.folder),
        **_remove_first(task, file),
    )
    read = first.ReadSpool(folder=task.folder, name=file)
    yield _build_fetch_step(task, part, TransferSource(host=task.host.name, deed=PlannedAction.of(read)), key)


def _build_cni_part(task: BackupTask) -> Iterator[Step]:
    file, key = name_file(BackupPart.CNI), task.make_key("measure-cni")
    yield Step(
        key=key,
        host=task.host.name,
        deed=PlannedAction.of(MeasureBackup()),
        phrase=Phrase("measure the network plug-in with its addresses"),
        patience=STATE_PATIENCE,
    )
    yield _build_fetch_step(
        task, BackupPart.CNI, TransferSource(host=task.host.name, deed=PlannedAction.of(ReadBackup())), key
    )
    if task.folder:
        yield _build_return_step(
            task, file, key, Phrase("transfer the copy of the network plug-in to {host}", host=task.host.name)
        )


def _build_fetch_step(task: BackupTask, part: BackupPart, source: TransferSource, made_by: str) -> Step:
    """Builds the transfer of a part to the second place. `made_by` is the key of the step that knows size and hash."""
    file = name_file(part)
    size, sha256 = Product(step=made_by, field="size"), Product(step=made_by, field="sha256")
    sink = second.WriteBackupFile(backup=task.backup, name=file, size=0, sha256=_LATER, limit=MAX_PACKED_BYTES)
    return Step(
        key=task.make_key(f"fetch-{part.value}"),
        host=BOT_NAME,
        deed=PlannedAction.of(sink, size=size, sha256=sha256),
        source=source,
        phrase=Phrase("transfer the part {part} to the bot", part=part.value),
        verify=_check(BOT_NAME, second.ReadBackupFileState(backup=task.backup, name=file, sha256=_LATER), sha256),
        **_remove_second(task, file),
    )


def _build_return_step(task: BackupTask, file: str, made_by: str, phrase: Phrase) -> Step:
    """Builds the transfer of a file from the second place to the first."""
    size, sha256 = Product(step=made_by, field="size"), Product(step=made_by, field="sha256")
    sink = first.WriteSpool(folder=task.folder, name=file, size=0, sha256=_LATER, limit=MAX_PACKED_BYTES)
    read = second.ReadBackupFile(backup=task.backup, name=file)
    return Step(
        key=task.make_key(f"return-{file.partition('.')[0]}"),
        host=task.host.name,
        deed=PlannedAction.of(sink, size=size, sha256=sha256),
        source=TransferSource(host=BOT_NAME, deed=PlannedAction.of(read)),
        phrase=phrase,
        verify=_check(task.host.name, first.ReadSpoolState(folder=task.folder, name=file, sha256=_LATER), sha256),
        **_remove_first(task, file),
    )


def _build_seal_step(task: BackupTask, made: dict[str, Product]) -> Step:
    """Builds the step that makes the manifest. `made` is what earlier steps know of parts: hashes, and what is left out."""
    seal = second.SealBackup(
        backup=task.backup,
        host=task.host.name,
        host_id=task.host.id,
        operation=task.operation,
        parts=tuple(_list_parts_to_seal(task)),
        missing=task.missing,
        versions=task.versions,
        certificate=task.certificate,
        authorities=task.authorities,
    )
    return Step(
        key=task.make_key(SEAL),
        host=BOT_NAME,
        deed=PlannedAction.of(seal, **made),
        phrase=Phrase("hash every file of the backup and write its manifest"),
        recorded=True,
        **_remove_second(task, MANIFEST),
    )


def _list_parts_to_seal(task: BackupTask) -> Iterator[second.PartToSeal]:
    for part in task.parts:
        source = find_source(task.host, part)
        folder = CNI_FOLDER if source is None else source.folder
        yield second.PartToSeal(part=part.value, file=name_file(part), folder=folder)


def _check(host: str, read: Action[Any], sha256: Product) -> Check:
    return Check(host=host, deed=PlannedAction.of(read, sha256=sha256), expect={"whole": True}, patience=STATE_PATIENCE)


def _remove_first(task: BackupTask, file: str) -> dict[str, Any]:
    """Returns the rollback of a step that leaves a file at the first place. Such a file harms nothing on its host."""
    here = {"folder": task.folder, "name": file}
    gone = Check(
        host=task.host.name,
        deed=PlannedAction.of(first.ReadSpoolState(**here, sha256=_LATER)),
        expect={"received": 0},
        patience=STATE_PATIENCE,
    )
    return {
        "undo": PlannedAction.of(first.RemoveSpool(**here)),
        "undo_phrase": Phrase("remove the copy"),
        "undone": (gone,),
        "harmless_remains": True,
    }


def _remove_second(task: BackupTask, file: str) -> dict[str, Any]:
    """Returns the rollback of a step that leaves a file at the second place."""
    here = {"backup": task.backup, "name": file}
    gone = Check(
        host=BOT_NAME,
        deed=PlannedAction.of(second.ReadBackupFileState(**here, sha256=_LATER)),
        expect={"received": 0},
        patience=STATE_PATIENCE,
    )
    return {
        "undo": PlannedAction.of(second.RemoveBackupFile(**here)),
        "undo_phrase": Phrase("remove the copy"),
        "undone": (gone,),
        "harmless_remains": True,
    }
