"""Cache of private keys: each is read and decrypted once for all the hosts that share it.

A passphrase makes reading slow on purpose: a fifth of a second each. For a whole fleet that is longer than its connections
may take to open.
"""

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from pydantic import SecretStr

from adapters.errors import AuthenticationFailed, FlatnetError
from adapters.inventory import WslSide

Key = TypeVar("Key")

FileStamp = tuple[int, int, int]
"""Inode, size and modification time of a file. A different stamp means different content."""


class KeyCache(Generic[Key]):
    """Keys read so far, usable from several threads. One cache may serve many connections.

    A changed file is read again. A failure is cached as well, because a wrong passphrase takes as long as the right one.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[tuple[Path, SecretStr | None], tuple[FileStamp, Key | ValueError]] = {}

    def read(self, file: Path, passphrase: SecretStr | None, read: Callable[[str, str | None], Key]) -> Key:
        """Returns the key in a file, as `read` parses it. Raises `OSError`, or the `ValueError` of `read`."""
        with self._lock:  # a second reader of the same key waits instead of decrypting it too
            stamp = _read_stamp(file)
            known = self._known.get((file, passphrase))
            if known is None or known[0] != stamp:
                known = self._known[file, passphrase] = stamp, _read_key(file, passphrase, read)
        if isinstance(known[1], ValueError):
            raise known[1].with_traceback(None)
        return known[1]


def get_passphrase(side: WslSide, secret: Callable[[str], SecretStr]) -> SecretStr | None:
    """Returns the passphrase of a host's key, if it has one. Raises `AuthenticationFailed` if the secret is missing."""
    if side.key_passphrase_secret is None:
        return None
    try:
        return secret(side.key_passphrase_secret)
    except FlatnetError as error:
        raise AuthenticationFailed(error.phrase) from error


def _read_key(file: Path, passphrase: SecretStr | None, read: Callable[[str, str | None], Key]) -> Key | ValueError:
    try:
        return read(str(file), None if passphrase is None else passphrase.get_secret_value())
    except ValueError as error:
        return error


def _read_stamp(file: Path) -> FileStamp:
    status = file.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns
