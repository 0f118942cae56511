"""Reading of a backup at the second place: the folder of the bot that holds a copy of each. Blocks.

The folder may be on a disk that is not mounted, and its files may be any: sizes and hashes are read, no archive is opened.
"""

import errno
import hashlib
import json
import os
import stat
from pathlib import Path

from adapters.backup import MANIFEST
from adapters.phrase import Phrase
from adapters.windows.backup_trial import ManifestHead
from commands.backups.verdict import FoundCopy, FoundFile, NoCopy, list_names
from commands.model.backup import Backup, PlaceState

MAX_OTHERS = 32
"""Most files in the folder of a backup that do not belong to it and are read, to find a renamed one."""

MAX_MANIFEST_BYTES = 16 * 2**20
"""Maximum size of a manifest that is parsed."""

MAX_NAME = 200
"""Maximum length of a name in a manifest that is shown."""

_BLOCK = 1_048_576


def read_second_place(folder: Path, backup: Backup) -> FoundCopy | NoCopy:
    """Reads the copy of a backup. A folder that cannot be read is unreachable, and proves nothing."""
    place = folder / backup.id
    try:
        if not folder.is_dir():
            return NoCopy(PlaceState.UNREACHABLE, describe_unreachable(folder, "not found"))
        if not place.is_dir():
            return NoCopy(PlaceState.ABSENT, Phrase("{folder} was not found in the second place", folder=backup.id))
        wanted = list_names(backup)
        files = {name: found for name in wanted if (found := _read_file(place / name)) is not None}
        others = {} if len(files) == len(wanted) else _read_others(place, wanted)
        return FoundCopy(files, _read_manifest(place / MANIFEST), others)
    except OSError as error:
        return NoCopy(PlaceState.UNREACHABLE, describe_unreachable(folder, error.strerror or type(error).__name__))


def find_place_problem(folder: Path) -> Phrase | None:
    """Finds the reason for which the second place cannot be used; None if it can."""
    try:
        with os.scandir(folder) as entries:
            next(entries, None)
    except OSError as error:
        return describe_unreachable(folder, error.strerror or type(error).__name__)
    return None if os.access(folder, os.W_OK | os.X_OK) else describe_unreachable(folder, "read-only")


def describe_unreachable(folder: Path, reason: str) -> Phrase:
    """Describes that the second place cannot be read."""
    return Phrase("the second place {folder} cannot be read ({reason})", folder=str(folder), reason=reason)


def _read_file(path: Path) -> FoundFile | None:
    """Hashes a file; None if no plain file has that name. Links are not followed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP):
            return None
        raise
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return None
        digest = hashlib.sha256()
        while block := file.read(_BLOCK):
            digest.update(block)
        return FoundFile(status.st_size, digest.hexdigest())


def _read_others(place: Path, wanted: tuple[str, ...]) -> dict[str, FoundFile]:
    names = sorted(path.name for path in place.iterdir() if path.name not in wanted and not path.is_symlink())[:MAX_OTHERS]
    return {name: found for name in names if (found := _read_file(place / name)) is not None}


def _read_manifest(path: Path) -> ManifestHead | None:
    """Reads of which backup a manifest is; None if it is none. One of a newer format may have any further keys."""
    try:
        with path.open("rb") as file:
            read = json.loads(file.read(MAX_MANIFEST_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    match read:
        case {"format": int(form), "id": str(name), "host": str(host)}:
            return ManifestHead(format=form, id=name[:MAX_NAME], host=host[:MAX_NAME])
        case _:
            return None
