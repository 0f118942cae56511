"""Performs the actions on encrypted copies of CA keys in the second place: `ca/ID` in the bot's folder of backups."""

import hashlib
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from adapters.errors import ActionFailed
from adapters.key_backup import (
    CERTIFICATE_FILE,
    KEY_FILE,
    KEY_FILE_LIMIT,
    KEY_FILES,
    MANIFEST_FILE,
    KeyManifest,
    parse_manifest,
    read_cms_recipients,
)
from adapters.local.key_backups import ReadStoredKey, RemoveStoredKey, StoredKeyCopy, WriteKeyFile
from adapters.nebula.certificates import parse_pem
from adapters.phrase import Phrase
from adapters.transfer import SpoolState
from bot.app.backup_files import SecondPlace
from bot.app.files import do_file_work, write_file
from bot.changes.services.step_binding import OwnActions

A = TypeVar("A")
R = TypeVar("R", SpoolState, StoredKeyCopy)

CA_FOLDER = "ca"
"""Folder of all copies in the second place."""


@dataclass(frozen=True)
class KeyBackupActions:
    """Performers of the actions on copies. `find_place` returns the second place; it may change with a reload."""

    find_place: Callable[[], SecondPlace]

    def add_to(self, own: OwnActions) -> None:
        """Add the performers to the actions that this bot can do on itself."""
        own.add(WriteKeyFile, self._perform(self._write))
        own.add(ReadStoredKey, self.read)
        own.add(RemoveStoredKey, self._perform(self._remove))

    async def read(self, action: ReadStoredKey) -> StoredKeyCopy:
        """Read whether a copy is whole, and whom it is for. Raises `ActionFailed`."""
        return await self._perform(self._read)(action)

    async def read_authority(self, backup: str) -> str:
        """Read the certificate of the CA beside a copy. Raises `ActionFailed`; "" if there is none."""
        content = await do_file_work(self.find_place().folder, _read_file, self._locate(backup) / CERTIFICATE_FILE)
        return (content or b"").decode("ascii", "replace")

    def _perform(self, work: Callable[[A], R]) -> Callable[[A], Awaitable[R]]:
        return lambda action: do_file_work(self.find_place().folder, work, action)

    def _write(self, action: WriteKeyFile) -> SpoolState:
        file = self._locate(action.backup) / action.name
        match action.move:
            case "prepare":
                found = _read_file(file)
                if found is not None and _hash(found) == action.sha256:
                    return SpoolState(received=len(found), sha256=action.sha256)
                self.find_place().open(CA_FOLDER, action.backup)
                return SpoolState(received=0, changed=True)
            case "write":
                write_file(file, action.data)
                return SpoolState(received=len(action.data), changed=True)
            case "finish":
                found = _read_file(file) or b""
                return SpoolState(received=len(found), sha256=_hash(found), changed=True)

    def _read(self, action: ReadStoredKey) -> StoredKeyCopy:
        return read_stored_key(self._locate(action.backup), action)

    def _remove(self, action: RemoveStoredKey) -> StoredKeyCopy:
        folder = self._locate(action.backup)
        there = folder.is_dir()
        for name in KEY_FILES if there else ():
            (folder / name).unlink(missing_ok=True)
        if there and not any(folder.iterdir()):
            folder.rmdir()
        return StoredKeyCopy.absent(changed=there)

    def _locate(self, backup: str) -> Path:
        return self.find_place().folder / CA_FOLDER / backup


def read_stored_key(folder: Path, action: ReadStoredKey) -> StoredKeyCopy:
    """Read whether a copy in a folder is whole, and whom it is for."""
    found = {name: _read_file(folder / name) for name in KEY_FILES}
    if all(content is None for content in found.values()):
        return StoredKeyCopy.absent()
    wanted = {
        KEY_FILE: action.key_sha256,
        CERTIFICATE_FILE: action.certificate_sha256,
        MANIFEST_FILE: action.manifest_sha256,
    }
    whole = all(content is not None and _hash(content) == wanted[name] for name, content in found.items())
    try:
        files = {name: content or b"" for name, content in found.items()}
        manifest = parse_manifest(files[MANIFEST_FILE])
        right = _is_right(manifest, files, action)
    except ValueError:
        return StoredKeyCopy(present=True, whole=whole)
    return StoredKeyCopy(present=True, whole=whole, right=right, at=manifest.at)


def _is_right(manifest: KeyManifest, files: dict[str, bytes], action: ReadStoredKey) -> bool:
    """Returns whether manifest, message and certificate are those of the CA and the recipients. Raises `ValueError`."""
    named = {each.sha256 for each in manifest.recipients}
    return (
        (manifest.id, manifest.authority) == (action.backup, action.authority)
        and named == {each.sha256 for each in action.recipients}
        and all(manifest.find_hash(name) == _hash(files[name]) for name in (KEY_FILE, CERTIFICATE_FILE))
        and read_cms_recipients(files[KEY_FILE].decode("ascii")) == {each.identifier for each in action.recipients}
        and [each.fingerprint for each in parse_pem(files[CERTIFICATE_FILE].decode("ascii"))] == [action.authority]
    )


def _read_file(file: Path) -> bytes | None:
    """Read a file of a copy; None if there is none. Raises `ActionFailed` for one that is too large."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as stream:
        content = stream.read(KEY_FILE_LIMIT + 1)
    if len(content) > KEY_FILE_LIMIT:
        raise ActionFailed(Phrase("{file} is larger than any copy of a CA key", file=str(file)))
    return content


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
