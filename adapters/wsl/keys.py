"""Private keys, each read and decrypted once for all the hosts that share it.

A passphrase makes reading slow on purpose: a fifth of a second each, which for a whole fleet is
longer than its connections may take to open.
"""

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from pydantic import SecretStr

from adapters.errors import AuthenticationFailed, FlatnetError
from adapters.inventory import WslSide

Key = TypeVar("Key")

Stamp = tuple[int, int, int]
"""Inode, size and time of change: another one means another content."""


class Keys(Generic[Key]):
    """The keys read so far; may be used from several threads. One object serves as many connections as it is given to.

    A file that was changed is read again. What cannot be read is remembered as well: a wrong
    passphrase takes as long as the right one.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[tuple[Path, SecretStr | None], tuple[Stamp, Key | ValueError]] = {}

    def read(self, file: Path, passphrase: SecretStr | None, read: Callable[[str, str | None], Key]) -> Key:
        """The key in that file, as `read` brings it; an `OSError` or the `ValueError` of `read` where there is none."""
        with self._lock:  # who wants the same key waits for it instead of decrypting it as well
            stamp = _stamp(file)
            known = self._known.get((file, passphrase))
            if known is None or known[0] != stamp:
                known = self._known[file, passphrase] = stamp, _read(file, passphrase, read)
        if isinstance(known[1], ValueError):
            raise known[1].with_traceback(None)
        return known[1]


def passphrase(side: WslSide, secret: Callable[[str], SecretStr]) -> SecretStr | None:
    """The passphrase of a host's key, if it has one; `AuthenticationFailed` where the secret is missing."""
    if side.key_passphrase_secret is None:
        return None
    try:
        return secret(side.key_passphrase_secret)
    except FlatnetError as error:
        raise AuthenticationFailed(error.phrase) from error


def _read(file: Path, passphrase: SecretStr | None, read: Callable[[str, str | None], Key]) -> Key | ValueError:
    try:
        return read(str(file), None if passphrase is None else passphrase.get_secret_value())
    except ValueError as error:
        return error


def _stamp(file: Path) -> Stamp:
    status = file.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns
