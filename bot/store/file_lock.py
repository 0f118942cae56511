"""Ownership of a database by one process: a lock on a file beside it. The kernel releases it when the process ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adapters.phrase import Phrase
from bot.security.file_trust import trust_users
from bot.store.errors import DatabaseInUse, DatabaseUntrusted, map_os_error


class FileLock:
    """Lock from `acquire` to `release`. The file holds the owner's pid and stays: without it two owners could get in."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def acquire(cls, database: Path) -> "FileLock":
        """Acquires the ownership of `database` and creates its folder if needed.

        Raises `DatabaseInUse` with the owner's pid, `DatabaseUntrusted` if other users can change what is in the folder, or
        another `DatabaseError` if the lock file could not be written.
        """
        path = database.with_name(database.name + ".lock")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            for problem in trust_users().find_folder_problems(path.parent):
                raise DatabaseUntrusted(problem)
            lock = cls(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
        except OSError as error:
            raise map_os_error(error, path) from error
        try:
            lock._lock_and_record_pid()
        except BlockingIOError:
            owner = lock._read_owner()
            lock.release()
            raise DatabaseInUse(
                Phrase(
                    "another flatnet-bot (process {pid}) is using {path}. Use it, or stop it first",
                    pid=owner,
                    path=str(database),
                )
            ) from None
        except OSError as error:
            lock.release()
            raise map_os_error(error, path) from error
        return lock

    def _lock_and_record_pid(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def _read_owner(self) -> str:
        """Returns the pid in the file; "?" in the instant before it is written."""
        return os.read(self._descriptor, 20).decode("ascii", "replace").strip() or "?"

    def release(self) -> None:
        """Releases the ownership."""
        os.close(self._descriptor)

    @classmethod
    @contextmanager
    def hold(cls, database: Path) -> Iterator[None]:
        """Owns `database` until the block is left. Raises as `acquire`."""
        lock = cls.acquire(database)
        try:
            yield
        finally:
            lock.release()
