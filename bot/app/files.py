"""A file on the bot that arrives piece by piece, or that is read piece by piece: one end of a transfer. Blocking.

prepare: room is made ─▶ NAME.part ─ pieces ─▶ finish: size and hash ─▶ NAME

Does blocking work on files of the bot, for what performs the actions on the bot itself.
"""

import asyncio
import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, ParamSpec, Protocol, TypeVar

from adapters.errors import ActionFailed
from adapters.phrase import Phrase
from adapters.transfer import PIECE_BYTES, Piece, SpoolState
from bot.config.host_folder import sync_folder

SPARE_BYTES = 256 * 2**20
"""Bytes of the disk that a transfer leaves free: the database and the audit log need them."""

MeasureFree = Callable[[Path], int]
"""Returns the free bytes of a folder's disk."""


def measure_free(folder: Path) -> int:
    """Measures the free bytes of a folder's disk."""
    return shutil.disk_usage(folder).free


class Arrival(Protocol):
    """A sink, as far as it is about bytes: the move that is due, the piece, and size, hash and limit of the whole file."""

    @property
    def move(self) -> Literal["prepare", "write", "finish"]: ...

    @property
    def offset(self) -> int: ...

    @property
    def data(self) -> bytes: ...

    @property
    def size(self) -> int: ...

    @property
    def sha256(self) -> str: ...

    @property
    def limit(self) -> int: ...


@dataclass(frozen=True)
class ReceivedFile:
    """A file in a folder that exists. One that is not complete ends in `.part`. Every method may raise an `OSError`."""

    file: Path
    measure_free: MeasureFree = measure_free

    @property
    def part(self) -> Path:
        return self.file.with_name(f"{self.file.name}.part")

    def read(self, offset: int) -> Piece:
        """Reads the piece from `offset` on."""
        with os.fdopen(open_plain(self.file), "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            stream.seek(offset)
            return Piece(offset=offset, size=size, data=stream.read(PIECE_BYTES))

    def read_state(self, sha256: str) -> SpoolState:
        """Reads how much is there, and whether that is the whole file with this hash."""
        if self.file.exists():
            found = hash_file(self.file)
            return SpoolState(received=self.file.stat().st_size, sha256=found, whole=found == sha256)
        return SpoolState(received=self.part.stat().st_size if self.part.exists() else 0)

    def take(self, arrival: Arrival) -> SpoolState:
        """Makes the move of a sink. Raises `ActionFailed` without room, beyond the limit, or out of order."""
        match arrival.move:
            case "prepare":
                return self._prepare(arrival)
            case "write":
                return self._write_piece(arrival.offset, arrival.data)
            case "finish":
                return self._finish(arrival)

    def remove(self) -> SpoolState:
        """Removes the file, complete or not, and its folder if nothing else lies in it."""
        there = self.file.exists() or self.part.exists()
        self.file.unlink(missing_ok=True)
        self.part.unlink(missing_ok=True)
        if self.file.parent.exists() and not any(self.file.parent.iterdir()):
            self.file.parent.rmdir()
        return SpoolState(received=0, changed=there)

    def _prepare(self, arrival: Arrival) -> SpoolState:
        if self.file.exists() and hash_file(self.file) == arrival.sha256:
            return SpoolState(received=arrival.size, sha256=arrival.sha256)
        if arrival.size > arrival.limit:
            raise ActionFailed(Phrase("{n} bytes are more than the limit of {limit}", n=arrival.size, limit=arrival.limit))
        require_room(self.file.parent, arrival.size, self.measure_free)
        self.file.unlink(missing_ok=True)
        self.part.unlink(missing_ok=True)
        os.close(os.open(self.part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
        return SpoolState(received=0, changed=True)

    def _write_piece(self, offset: int, data: bytes) -> SpoolState:
        """Writes a piece behind what is there, or in the place of the same piece."""
        with os.fdopen(open_plain(self.part, os.O_RDWR), "r+b") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size not in (offset, offset + len(data)):
                raise ActionFailed(Phrase("the pieces of a transfer arrived out of order. Try again"))
            stream.seek(offset)
            stream.write(data)
        return SpoolState(received=offset + len(data), changed=True)

    def _finish(self, arrival: Arrival) -> SpoolState:
        if not self.part.exists() and self.file.exists():
            return SpoolState(received=self.file.stat().st_size, sha256=hash_file(self.file))
        with os.fdopen(open_plain(self.part), "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            found = hashlib.file_digest(stream, "sha256").hexdigest()
            os.fsync(stream.fileno())
        if (size, found) == (arrival.size, arrival.sha256):
            self.part.replace(self.file)
            sync_folder(self.file.parent)
        return SpoolState(received=size, sha256=found, changed=True)


def open_plain(file: Path, access: int = os.O_RDONLY) -> int:
    """Opens a plain file, and returns its descriptor. Raises an `OSError` for a link or a pipe.

    A link may lead elsewhere, and a pipe may never end. Others may write where files arrive: it is often a share.
    """
    descriptor = os.open(file, access | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), str(file))
    return descriptor


def require_room(folder: Path, size: int, free_bytes: MeasureFree = measure_free) -> None:
    """Raises `ActionFailed` if a file of this size would leave too little free space."""
    free = free_bytes(folder)
    if free < size + SPARE_BYTES:
        phrase = Phrase(
            "too little free space in {folder}: {n} bytes are needed, {free} are free. Make room, then try again",
            folder=str(folder),
            n=size + SPARE_BYTES,
            free=free,
        )
        raise ActionFailed(phrase)


def hash_file(file: Path) -> str:
    """Returns the SHA-256 of a file."""
    with os.fdopen(open_plain(file), "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


P = ParamSpec("P")
R = TypeVar("R")


async def do_file_work(folder: Path, work: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
    """Does work on files below a folder in a thread. Raises `ActionFailed` if the operating system refuses it."""
    try:
        return await asyncio.to_thread(work, *arguments, **named)
    except OSError as error:
        phrase = Phrase(
            "could not use {file} ({reason}). Check its owner, its mode and the free space",
            file=str(error.filename or folder),
            reason=error.strerror or type(error).__name__,
        )
        raise ActionFailed(phrase) from error


def create_file(file: Path) -> int:
    """Creates a file anew that the bot's account alone can read, and returns its descriptor. Blocking."""
    file.unlink(missing_ok=True)
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)


def write_file(file: Path, content: bytes) -> None:
    """Writes a file whole: there is no instant at which a part of it has its name. Blocking."""
    part = file.with_name(f"{file.name}.part")
    with os.fdopen(create_file(part), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(file)
    sync_folder(file.parent)
