"""One process owns a database: a lock on a file beside it, which the kernel gives back when the process ends."""

import fcntl
import os
from pathlib import Path

from adapters.phrase import Phrase
from bot.store.errors import DatabaseInUse, meaning_of_os


class FileLock:
    """Held from `take` to `release`. The file stays (removing it would let two owners in) and names the owner's pid."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, database: Path) -> "FileLock":
        """Own `database`, whose folder is made where it is missing; `DatabaseInUse` names the process that has it."""
        path = database.with_name(database.name + ".lock")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise meaning_of_os(error, path) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(descriptor, 20).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise DatabaseInUse(
                Phrase(
                    "another flatnet-bot (process {pid}) uses {path}; use that one, or stop it first",
                    pid=owner or "?",
                    path=str(database),
                )
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        return cls(descriptor)

    def release(self) -> None:
        """Let another process own it."""
        os.close(self._descriptor)
