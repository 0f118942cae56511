"""Reading of a backup at the second place: the folder of the bot that holds a copy of each. Blocks.

The folder may be on a disk that is not mounted, and its files may be any: sizes and hashes are read, no archive is opened.

Makes the manifest of a backup from the files of its parts: every file in them is read and hashed. Blocking.

An archive comes from a host, so it is not trusted: one with a path that leads out of it, with two files of one name, or with
anything but files, folders and links is refused. Links are named as missing: they would lead elsewhere on another host.
"""

import errno
import hashlib
import json
import os
import stat
import tarfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from adapters.backup import MANIFEST, MAX_FILES, MissingFile
from adapters.errors import ActionFailed
from adapters.local.backups import PartToSeal, SealBackup
from adapters.phrase import Phrase
from adapters.windows.backup_trial import ManifestHead
from commands.backups.verdict import FoundCopy, FoundFile, NoCopy, list_names
from commands.model.backup import BACKUP_FORMAT, Backup, BackupManifest, BackupPart, KeptFile, KeptPart, PlaceState

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


_PIECE = 1_048_576


def build_manifest(seal: SealBackup, folder: Path, at: datetime) -> BackupManifest:
    """Builds the manifest of the files in the folder of a backup.

    Raises `ActionFailed` if one is no archive of ours, or not the one that arrived.
    """
    hashes = {
        "nebula": seal.nebula_sha256,
        "openresty": seal.openresty_sha256,
        "cni": seal.cni_sha256,
        "bot": seal.bot_sha256,
    }
    named = {"nebula": seal.nebula_missing, "openresty": seal.openresty_missing}
    return BackupManifest(
        format=BACKUP_FORMAT,
        id=seal.backup,
        host=seal.host,
        host_id=seal.host_id,
        at=at,
        operation=seal.operation,
        parts=tuple(
            _require_arrived(_describe_part(part, folder / part.file, named.get(part.part, ())), hashes[part.part])
            for part in seal.parts
        ),
        missing=seal.missing,
        versions={each.name: each.version for each in seal.versions},
        certificate=seal.certificate,
        authorities=seal.authorities,
    )


def encode_manifest(manifest: BackupManifest) -> bytes:
    """Encodes a manifest as its file holds it."""
    return manifest.model_dump_json(indent=1).encode()


def list_archive(file: Path) -> Iterator[KeptFile | MissingFile]:
    """Lists what is in an archive, with the hash of each file. Raises `ActionFailed` for one that is not ours."""
    seen, size = set[str](), file.stat().st_size
    try:
        with tarfile.open(file, "r:") as archive:
            for entry in archive:
                name = _check_name(file, entry, seen)
                if entry.isdir():
                    continue
                if len(seen) > MAX_FILES:
                    raise _refuse(file, "too many files")
                if entry.issym() or entry.islnk():
                    yield MissingFile(path=name, why="link")
                elif entry.isreg() and not entry.issparse() and entry.size <= size:
                    yield KeptFile(path=name, size=entry.size, sha256=_hash_entry(file, archive, entry))
                else:
                    raise _refuse(file, name)
    except (tarfile.TarError, ValidationError, UnicodeError) as error:
        raise _refuse(file, type(error).__name__) from error


def _describe_part(part: PartToSeal, file: Path, missing: tuple[MissingFile, ...]) -> KeptPart:
    listed = tuple(list_archive(file))
    with file.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return KeptPart(
        part=BackupPart(part.part),
        file=part.file,
        size=file.stat().st_size,
        sha256=sha256,
        folder=part.folder,
        files=tuple(each for each in listed if isinstance(each, KeptFile)),
        missing=(*missing, *(each for each in listed if isinstance(each, MissingFile))),
    )


def _require_arrived(part: KeptPart, sha256: str) -> KeptPart:
    """Returns a part, if its file still has the hash with which it was made. Others may write at the second place, too."""
    if sha256 not in ("", part.sha256):
        raise ActionFailed(Phrase("{file} was changed since it arrived. Create the backup again", file=part.file))
    return part


def _check_name(file: Path, entry: tarfile.TarInfo, seen: set[str]) -> str:
    name = entry.name.removeprefix("./").rstrip("/")
    steps = name.split("/")
    bad = name.startswith("/") or "\\" in name or ":" in name or ".." in steps or not name.isprintable()
    if bad or (name.lower() in seen and not entry.isdir()):
        raise _refuse(file, name)
    if not entry.isdir():
        seen.add(name.lower())
    return name


def _hash_entry(file: Path, archive: tarfile.TarFile, entry: tarfile.TarInfo) -> str:
    stream, found, left = archive.extractfile(entry), hashlib.sha256(), entry.size
    while stream is not None and left:
        piece = stream.read(min(_PIECE, left))
        if not piece:
            raise _refuse(file, entry.name)
        found.update(piece)
        left -= len(piece)
    return found.hexdigest()


def _refuse(file: Path, why: str) -> ActionFailed:
    return ActionFailed(
        Phrase(
            "{file} is not an archive that flatnet-bot makes ({why}). Create the backup again", file=file.name, why=why[:100]
        )
    )
