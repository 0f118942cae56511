"""Performs the actions on the second place of backups: one folder for each backup, which the bot's user alone can enter.

    FOLDER/HOST-0123456789ab/nebula.tar, openresty.tar, cni.tar, manifest.json
    FOLDER/flatnet-bot-0123456789ab/bot.tar, manifest.json

A folder that an operator configured must exist: it may be a mount, and what is written below an absent one would fill the
bot's own disk.
"""

import io
import os
import re
import shutil
import tarfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from adapters.action import BOT_NAME
from adapters.backup import MANIFEST
from adapters.errors import ActionFailed
from adapters.local.backups import (
    BackupPresence,
    PackDatabase,
    Packed,
    ReadBackupFile,
    ReadBackupFileState,
    ReadBackupPresence,
    RemoveBackup,
    RemoveBackupFile,
    SealBackup,
    WriteBackupFile,
)
from adapters.phrase import Phrase
from bot.app.files import (
    MeasureFree,
    ReceivedFile,
    create_file,
    do_file_work,
    hash_file,
    measure_free,
    open_plain,
    require_room,
    write_file,
)
from bot.backups.services.database_copy import DATABASE_NAME
from bot.backups.services.offsite import MAX_MANIFEST_BYTES, build_manifest, encode_manifest
from bot.changes.services.step_binding import OwnActions
from bot.config.host_folder import sync_folder
from bot.store.address import DatabaseAddress
from bot.store.copying import copy_database, measure_database
from bot.store.errors import DatabaseError

A = TypeVar("A")
R = TypeVar("R", bound=BaseModel)

FOLDER_MODE = 0o700

OWN_FILE = re.compile(r"[a-z0-9][a-z0-9-]{0,40}(\.[a-z0-9]{1,8}){1,3}")
"""Names of files that belong to a backup, complete or not."""


@dataclass(frozen=True)
class SecondPlace:
    """The folder of all backups. `made_by_bot`: the bot makes it; otherwise an operator must have made it."""

    folder: Path
    made_by_bot: bool = True
    measure_free: MeasureFree = measure_free

    def open(self, *names: str) -> Path:
        """Makes the folder with these names, each in the one before, and closes it and those above it to all others.

        Raises `ActionFailed` without a second place, or where a link has one of the names.
        """
        if self.made_by_bot:
            self.folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        elif not self.folder.is_dir():
            phrase = Phrase(
                "the folder for backups {folder} is not there. Create it, or mount its disk, then try again",
                folder=str(self.folder),
            )
            raise ActionFailed(phrase, maybe_ran=False)
        _close(self.folder)
        own = self.folder
        for name in names:
            own = own / name
            own.mkdir(mode=FOLDER_MODE, exist_ok=True)
            if own.is_symlink():
                raise ActionFailed(
                    Phrase("{path} is a link. Check who created it, and remove it", path=str(own)), maybe_ran=False
                )
            _close(own)
            sync_folder(own.parent)
        return own

    def read_manifest(self, backup: str) -> bytes:
        """Reads the manifest of a backup. Raises an `OSError` without one."""
        with os.fdopen(open_plain(self.folder / backup / MANIFEST), "rb") as stream:
            return stream.read(MAX_MANIFEST_BYTES)


@dataclass(frozen=True)
class OwnData:
    """Files of the bot that its backup holds: database, and head file of the audit log. Their key is never beside them."""

    database: DatabaseAddress
    head_file: Path


@dataclass(frozen=True)
class BackupActions:
    """Performers of the actions on the second place."""

    find_place: Callable[[], SecondPlace]
    data: OwnData
    now: Callable[[], datetime]

    def add_to(self, own: OwnActions) -> None:
        """Add the performers to the actions that this bot can do on itself."""
        own.add(ReadBackupFile, self._perform(lambda action: self._find(action).read(action.offset)))
        own.add(ReadBackupFileState, self._perform(lambda action: self._find(action).read_state(action.sha256)))
        own.add(WriteBackupFile, self._perform(self._write))
        own.add(RemoveBackupFile, self._perform(self._remove_file))
        own.add(SealBackup, self._perform(self._seal))
        own.add(PackDatabase, self._perform(self._pack_database))
        own.add(ReadBackupPresence, self._perform(self._read_presence))
        own.add(RemoveBackup, self._perform(self._remove))

    def _perform(self, work: Callable[[A], R]) -> Callable[[A], Awaitable[R]]:
        return lambda action: do_file_work(self.place.folder, work, action)

    @property
    def place(self) -> SecondPlace:
        """The second place, as it is configured now."""
        return self.find_place()

    def _find(self, action: ReadBackupFile | ReadBackupFileState | WriteBackupFile | RemoveBackupFile) -> ReceivedFile:
        return ReceivedFile(self.place.folder / action.backup / action.name, self.place.measure_free)

    def _write(self, action: WriteBackupFile) -> BaseModel:
        received = self._find(action)
        if action.move == "prepare":
            self.place.open(action.backup)
        return received.take(action)

    def _seal(self, action: SealBackup) -> Packed:
        folder = self.place.open(action.backup)
        content = encode_manifest(build_manifest(action, folder, self.now()))
        require_room(folder, len(content), self.place.measure_free)
        write_file(folder / MANIFEST, content)
        return Packed(size=len(content), sha256=hash_file(folder / MANIFEST))

    def _pack_database(self, action: PackDatabase) -> Packed:
        """Packs the head before the database: the database may be ahead of its head, as after a crash, never behind it."""
        folder = self.place.open(action.backup)
        source, target, copy = self.data.database, folder / action.name, self._scratch
        head = self.data.head_file.read_bytes() if self.data.head_file.exists() else b""
        try:
            self._drop_scratch()
            require_room(folder, 2 * measure_database(source), self.place.measure_free)
            copy_database(source, copy)
            with os.fdopen(create_file(target.with_name(f"{action.name}.part")), "wb") as stream:
                with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
                    _add_bytes(archive, self.data.head_file.name, head)
                    _add_file(archive, DATABASE_NAME, copy)
                stream.flush()
                os.fsync(stream.fileno())
        except DatabaseError as error:
            raise ActionFailed(error.phrase) from error
        finally:
            self._drop_scratch()
        target.with_name(f"{action.name}.part").replace(target)
        sync_folder(folder)
        return Packed(size=target.stat().st_size, sha256=hash_file(target))

    @property
    def _scratch(self) -> Path:
        """The one copy of the database that is being packed. A bot that was killed meanwhile has left it."""
        return self.place.folder / "flatnet-bot.part"

    def _drop_scratch(self) -> None:
        for suffix in ("", "-journal", "-wal", "-shm"):
            Path(f"{self._scratch}{suffix}").unlink(missing_ok=True)

    def _remove_file(self, action: RemoveBackupFile) -> BaseModel:
        if action.backup.rpartition("-")[0] == BOT_NAME:  # one change at a time has the bot, so nothing is being packed
            self._drop_scratch()
        return self._find(action).remove()

    def _read_presence(self, action: ReadBackupPresence) -> BackupPresence:
        return BackupPresence(present=(self.place.folder / action.backup).exists())

    def _remove(self, action: RemoveBackup) -> BackupPresence:
        folder = self.place.folder / action.backup
        if not folder.exists():
            return BackupPresence(present=False)
        if folder.is_symlink() or any(not each.is_file() or not OWN_FILE.fullmatch(each.name) for each in folder.iterdir()):
            raise ActionFailed(
                Phrase("{folder} has something else in it. Look at it, then remove it", folder=str(folder)), maybe_ran=False
            )
        shutil.rmtree(folder)
        sync_folder(self.place.folder)
        return BackupPresence(present=False, changed=True)


def _close(folder: Path) -> None:
    if folder.stat().st_mode & 0o077:
        folder.chmod(FOLDER_MODE)


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o600
    archive.addfile(entry, io.BytesIO(content))


def _add_file(archive: tarfile.TarFile, name: str, file: Path) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = file.stat().st_size, 0o600
    with file.open("rb") as stream:
        archive.addfile(entry, stream)
