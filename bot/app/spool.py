"""Performs the actions on files of an operation in the data folder: the bot's end of transfers."""

import hashlib
import os
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from adapters.errors import ActionFailed
from adapters.local.spool import ReadSpool, ReadSpoolState, RemoveSpool, WriteSpool
from adapters.phrase import Phrase
from adapters.transfer import PIECE_BYTES, Piece, SpoolState
from bot.app.file_work import do_file_work
from bot.changes.step_binding import OwnActions
from bot.config.host_folder import sync_folder

A = TypeVar("A")
R = TypeVar("R", Piece, SpoolState)

SPARE_BYTES = 256 * 2**20
"""Bytes of the disk that a transfer leaves free: the database and the audit log need them."""


@dataclass(frozen=True)
class SpoolActions:
    """Performers of the actions on files of operations. A file that is not complete ends in `.part`.

    `measure_free` returns the free bytes of a folder's disk.
    """

    data_folder: Path
    measure_free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free

    def add_to(self, own: OwnActions) -> None:
        """Add the performers to the actions that this bot can do on itself."""
        own.add(ReadSpool, self._perform(self._read))
        own.add(ReadSpoolState, self._perform(self._read_state))
        own.add(WriteSpool, self._perform(self._write))
        own.add(RemoveSpool, self._perform(self._remove))

    def _perform(self, work: Callable[[A], R]) -> Callable[[A], Awaitable[R]]:
        return lambda action: do_file_work(self.data_folder, work, action)

    def _read(self, action: ReadSpool) -> Piece:
        file = self._find(action.operation, action.name)
        with file.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            stream.seek(action.offset)
            return Piece(offset=action.offset, size=size, data=stream.read(PIECE_BYTES))

    def _read_state(self, action: ReadSpoolState) -> SpoolState:
        file = self._find(action.operation, action.name)
        if file.exists():
            found = _hash_file(file)
            return SpoolState(received=file.stat().st_size, sha256=found, whole=found == action.sha256)
        part = _get_part(file)
        return SpoolState(received=part.stat().st_size if part.exists() else 0)

    def _write(self, action: WriteSpool) -> SpoolState:
        file = self._find(action.operation, action.name)
        match action.move:
            case "prepare":
                return self._prepare(file, action)
            case "write":
                return _write_piece(_get_part(file), action.offset, action.data)
            case "finish":
                return _finish(file, action)

    def _prepare(self, file: Path, action: WriteSpool) -> SpoolState:
        file.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        if file.exists() and _hash_file(file) == action.sha256:
            return SpoolState(received=action.size, sha256=action.sha256)
        if action.size > action.limit:
            raise ActionFailed(Phrase("{n} bytes are more than the limit of {limit}", n=action.size, limit=action.limit))
        free = self.measure_free(file.parent)
        if free < action.size + SPARE_BYTES:
            phrase = Phrase(
                "too little free space in {folder}: {n} bytes are needed, {free} are free. Make room, then try again",
                folder=str(self.data_folder),
                n=action.size + SPARE_BYTES,
                free=free,
            )
            raise ActionFailed(phrase)
        file.unlink(missing_ok=True)
        part = _get_part(file)
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
        return SpoolState(received=0, changed=True)

    def _remove(self, action: RemoveSpool) -> SpoolState:
        file = self._find(action.operation, action.name)
        there = file.exists() or _get_part(file).exists()
        file.unlink(missing_ok=True)
        _get_part(file).unlink(missing_ok=True)
        if file.parent.exists() and not any(file.parent.iterdir()):
            file.parent.rmdir()
        return SpoolState(received=0, changed=there)

    def _find(self, operation: str, name: str) -> Path:
        return self.data_folder / "changes" / operation / name


def _get_part(file: Path) -> Path:
    return file.with_name(f"{file.name}.part")


def _write_piece(part: Path, offset: int, data: bytes) -> SpoolState:
    """Write a piece behind what is there, or in the place of the same piece."""
    with part.open("r+b") as stream:
        size = os.fstat(stream.fileno()).st_size
        if size not in (offset, offset + len(data)):
            raise ActionFailed(Phrase("the pieces of a transfer arrived out of order. Try again"))
        stream.seek(offset)
        stream.write(data)
    return SpoolState(received=offset + len(data), changed=True)


def _finish(file: Path, action: WriteSpool) -> SpoolState:
    part = _get_part(file)
    if not part.exists() and file.exists():
        return SpoolState(received=file.stat().st_size, sha256=_hash_file(file))
    with part.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        found = hashlib.file_digest(stream, "sha256").hexdigest()
        os.fsync(stream.fileno())
    if (size, found) == (action.size, action.sha256):
        part.replace(file)
        sync_folder(file.parent)
    return SpoolState(received=size, sha256=found, changed=True)


def _hash_file(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
