"""The second place of backups: folders on the bot, one for each backup, with the files of its parts and its manifest.

    write (a sink) ─▶ seal: the manifest, from the files that arrived ─▶ read (a source), state ─▶ remove

What performs them is `bot.app.backup_files`. Names are checked here, so no action leaves the folder of its backup.
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from adapters.action import Action, Effect
from adapters.backup import MAX_FILES, BackupId, FilePath, MissingFile
from adapters.local.action import LocalAction
from adapters.transfer import (
    PIECE_BYTES,
    STALL_TIMEOUT,
    Piece,
    Sha256,
    Sink,
    SpoolName,
    SpoolState,
    TransferSize,
)
from adapters.value import Value

SEAL_TIMEOUT = 120.0
"""Seconds to hash what is in the files of a backup."""

DATABASE_TIMEOUT = 600.0
"""Seconds to copy the bot's database and to pack it."""

PartName = Literal["nebula", "openresty", "cni", "bot"]
PartHash = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")]
"""Hash that a part must have; "" for a part that a backup does not hold."""

Sentence = Annotated[str, StringConstraints(max_length=200)]


class ReadBackupFile(LocalAction[Piece]):
    """Reads a piece of a file of a backup: a source."""

    deadline = STALL_TIMEOUT
    output_limit = 2 * PIECE_BYTES

    backup: BackupId
    name: SpoolName
    offset: TransferSize = 0

    def read_at(self, offset: int) -> Action[Piece]:
        return self.model_copy(update={"offset": offset})


class ReadBackupFileState(LocalAction[SpoolState]):
    """Reads how much of a file of a backup is there, and whether that is the whole file with this hash."""

    backup: BackupId
    name: SpoolName
    sha256: Sha256


class WriteBackupFile(Sink, LocalAction[SpoolState]):
    """Writes a file of a backup: a sink."""

    backup: BackupId
    name: SpoolName


class RemoveBackupFile(LocalAction[SpoolState]):
    """Removes a file of a backup, complete or not, and the folder if nothing else lies in it."""

    effect = Effect.CHANGE

    backup: BackupId
    name: SpoolName


class PartToSeal(Value):
    """A part whose file has arrived, and the folder that it was taken from."""

    part: PartName
    file: SpoolName
    folder: FilePath


class ProgramVersion(Value):
    """Version of a program of a host."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
    version: Sentence


class Packed(Value):
    """A file of a backup that was made: its size and hash."""

    size: TransferSize
    sha256: Sha256
    changed: bool = True


class SealBackup(LocalAction[Packed]):
    """Makes the manifest of a backup from the files of its parts, which must be there whole.

    Each file in them is hashed. `nebula_missing` and `openresty_missing` are what their hosts left out, `missing` the parts
    that the backup does not have. `nebula_sha256` and so on are the hashes that the parts had where they were made: what
    lies at the second place is not right because it lies there. The answer is about the manifest.
    """

    effect = Effect.CHANGE
    deadline = SEAL_TIMEOUT

    backup: BackupId
    host: str
    host_id: int | None = None
    operation: str
    parts: Annotated[tuple[PartToSeal, ...], Field(min_length=1, max_length=8)]
    nebula_missing: Annotated[tuple[MissingFile, ...], Field(max_length=MAX_FILES)] = ()
    openresty_missing: Annotated[tuple[MissingFile, ...], Field(max_length=MAX_FILES)] = ()
    nebula_sha256: PartHash = ""
    openresty_sha256: PartHash = ""
    cni_sha256: PartHash = ""
    bot_sha256: PartHash = ""
    missing: Annotated[tuple[MissingFile, ...], Field(max_length=8)] = ()
    versions: Annotated[tuple[ProgramVersion, ...], Field(max_length=16)] = ()
    certificate: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = ""
    authorities: Annotated[tuple[Sha256, ...], Field(max_length=32)] = ()


class PackDatabase(LocalAction[Packed]):
    """Copies the bot's database by SQLite's own backup, and packs it with the head file of the audit log.

    The key of the audit log is never beside them.
    """

    effect = Effect.CHANGE
    deadline = DATABASE_TIMEOUT

    backup: BackupId
    name: SpoolName


class BackupPresence(Value):
    """Presence of the folder of a backup."""

    present: bool
    changed: bool = False
    """True if this very call changed something."""


class ReadBackupPresence(LocalAction[BackupPresence]):
    """Reads whether the folder of a backup is there."""

    backup: BackupId


class RemoveBackup(LocalAction[BackupPresence]):
    """Removes a backup from the second place, with all its files."""

    effect = Effect.CHANGE

    backup: BackupId
