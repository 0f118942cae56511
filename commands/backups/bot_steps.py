"""Steps that back up the bot itself: its database with the head file, straight to the second place, and the manifest."""

from typing import Any

from adapters.action import BOT_NAME
from adapters.backup import MANIFEST, BackupId
from adapters.local import backups as second
from adapters.phrase import Phrase
from commands.backups.create_steps import SEAL, make_backup_key
from commands.backups.parts import name_backup, name_file
from commands.model.backup import BackupPart
from commands.model.plan import Check, Part, PlannedAction, Product, Step

DATA_FOLDER = "data_folder"
"""Stands for the folder of the part bot, which the configuration of the bot names."""

_LATER = "0" * 64


def build_bot_part(operation: str) -> Part:
    """Builds the part of the bot. Its backup has the second place alone."""
    backup, file, key = name_backup(BOT_NAME, operation), name_file(BackupPart.BOT), make_backup_key(BOT_NAME, "pack-bot")
    pack = Step(
        key=key,
        host=BOT_NAME,
        deed=PlannedAction.of(second.PackDatabase(backup=backup, name=file)),
        phrase=Phrase("copy the bot's database and the head of its audit log"),
        recorded=True,
        **_remove(backup, file),
    )
    sha256 = Product(step=key, field="sha256")
    state = second.ReadBackupFileState(backup=backup, name=file, sha256=_LATER)
    read = Step(
        key=make_backup_key(BOT_NAME, "read-bot"),
        host=BOT_NAME,
        deed=PlannedAction.of(state, sha256=sha256),
        phrase=Phrase("read the copy back and compare it"),
        expect={"whole": True},
    )
    seal = second.SealBackup(
        backup=backup,
        host=BOT_NAME,
        operation=operation,
        parts=(second.PartToSeal(part="bot", file=file, folder=DATA_FOLDER),),
    )
    sealing = Step(
        key=make_backup_key(BOT_NAME, SEAL),
        host=BOT_NAME,
        deed=PlannedAction.of(seal, bot_sha256=sha256),
        phrase=Phrase("hash every file of the backup and write its manifest"),
        recorded=True,
        **_remove(backup, MANIFEST),
    )
    return Part(host=BOT_NAME, steps=(pack, read, sealing))


def _remove(backup: BackupId, file: str) -> dict[str, Any]:
    gone = second.ReadBackupFileState(backup=backup, name=file, sha256=_LATER)
    return {
        "undo": PlannedAction.of(second.RemoveBackupFile(backup=backup, name=file)),
        "undo_phrase": Phrase("remove the copy"),
        "undone": (Check(host=BOT_NAME, deed=PlannedAction.of(gone), expect={"received": 0}),),
        "harmless_remains": True,
    }
