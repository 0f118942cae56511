"""The first place of backups on a Windows host: a part packed there, and the removal of a whole backup.

Files of a backup are read and written by `adapters.windows.spool`, with the folder of the backup.
"""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from adapters.action import Effect
from adapters.backup import MAX_FILES, MissingFile
from adapters.transfer import STALL_TIMEOUT, Sha256, SpoolName, TransferSize
from adapters.value import Value
from adapters.windows.action import WindowsAction
from adapters.windows.spool import MAX_PACKED_BYTES

MAX_MISSING = 400
"""Most files that are left out and named. An answer that a run needs has at most 64 kB."""

FolderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]


class PackedPart(Value):
    """A packed part: its size and hash, the number of its files, and what was left out."""

    size: TransferSize
    sha256: Sha256
    files: Annotated[int, Field(ge=0, le=MAX_FILES)]
    missing: Annotated[tuple[MissingFile, ...], Field(max_length=MAX_MISSING)]
    changed: bool


class PackBackup(WindowsAction[PackedPart]):
    """Packs a part of a backup into the first place. Private keys, passwords and links stay out, and are named.

    `folders`: folders in `source` that belong to the part beside the files directly in it; None for all of them.
    A file that changes while it is packed is read again; one that keeps changing, or cannot be read, ends it.
    """

    script = "pack-backup"
    effect = Effect.CHANGE
    deadline = 60.0
    output_limit = 4_000_000

    folder: str
    name: SpoolName
    source: str
    folders: Annotated[tuple[FolderName, ...], Field(max_length=16)] | None = None
    limit: int = Field(default=MAX_PACKED_BYTES, ge=1, le=MAX_PACKED_BYTES)

    def build_arguments(self) -> dict[str, Any]:
        return super().build_arguments() | {"files_limit": MAX_FILES, "missing_limit": MAX_MISSING}


class FirstPlaceState(Value):
    """Presence of a backup's folder at the first place."""

    present: bool
    changed: bool = False
    """True if this very call changed something."""


class ReadFirstPlace(WindowsAction[FirstPlaceState]):
    """Reads whether the folder of a backup is there."""

    script = "read-first-place"
    deadline = STALL_TIMEOUT
    output_limit = 64_000

    folder: str


class RemoveFirstPlace(WindowsAction[FirstPlaceState]):
    """Removes a backup from the first place, with all its files. Fails for any other folder."""

    script = "remove-first-place"
    effect = Effect.CHANGE
    deadline = STALL_TIMEOUT
    output_limit = 64_000

    folder: str
