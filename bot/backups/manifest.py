"""Makes the manifest of a backup from the files of its parts: every file in them is read and hashed. Blocking.

An archive comes from a host, so it is not trusted: one with a path that leads out of it, with two files of one name, or with
anything but files, folders and links is refused. Links are named as missing: they would lead elsewhere on another host.
"""

import hashlib
import tarfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from adapters.backup import MAX_FILES, MissingFile
from adapters.errors import ActionFailed
from adapters.local.backups import PartToSeal, SealBackup
from adapters.phrase import Phrase
from commands.model.backup import BACKUP_FORMAT, BackupManifest, BackupPart, KeptFile, KeptPart

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
