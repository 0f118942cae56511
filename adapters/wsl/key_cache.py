"""Cache of private keys and known hosts: each file is read once for all the hosts that share it.

A passphrase makes reading a key slow on purpose: a fifth of a second each. A file with the keys of 254 hosts takes 6 ms. For
a whole fleet either is longer than its connections may take to open.
"""

import os
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, Generic, TypeVar

from pydantic import SecretStr

from adapters.errors import AuthenticationFailed, FlatnetError
from adapters.inventory import WslSide

Key = TypeVar("Key")
KnownHosts = TypeVar("KnownHosts")
Parsed = TypeVar("Parsed")

FileStamp = tuple[int, int, int, int]
"""Inode, size, and the times of the last change of content and of anything. The same stamp means the same content."""


class _FileCache(Generic[Parsed]):
    """Files parsed so far, usable from several threads.

    A changed file is read again. A failure is cached as well, because a wrong passphrase takes as long as the right one.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[tuple[Path, SecretStr | None], tuple[FileStamp, Parsed | ValueError]] = {}

    def read(self, file: Path, passphrase: SecretStr | None, parse: Callable[[], Parsed]) -> Parsed:
        """Returns the content of a file, as `parse` parses it. Raises `OSError`, or the `ValueError` of `parse`."""
        with self._lock:  # a second reader of the same file waits instead of parsing it too
            stamp = _read_stamp(file)
            known = self._known.get((file, passphrase))
            if known is None or known[0] != stamp:
                known = self._known[file, passphrase] = stamp, _parse(parse)
        if isinstance(known[1], ValueError):
            raise known[1].with_traceback(None)
        return known[1]


class KeyCache(Generic[Key]):
    """Keys and known hosts read so far, usable from several threads. One cache may serve many connections."""

    def __init__(self) -> None:
        self._keys: _FileCache[Key] = _FileCache()
        self._known_hosts: _FileCache[Any] = _FileCache()

    def read(self, file: Path, passphrase: SecretStr | None, read: Callable[[str, str | None], Key]) -> Key:
        """Returns the key in a file, as `read` parses it. Raises `OSError`, or the `ValueError` of `read`."""
        secret = None if passphrase is None else passphrase.get_secret_value()
        return self._keys.read(file, passphrase, lambda: read(str(file), secret))

    def read_known_hosts(self, file: Path, read: Callable[[str], KnownHosts]) -> KnownHosts:
        """Returns the known hosts in a file, as `read` parses it. Raises `OSError`, or the `ValueError` of `read`."""
        known_hosts: KnownHosts = self._known_hosts.read(file, None, lambda: read(str(file)))
        return known_hosts


def get_passphrase(side: WslSide, secret: Callable[[str], SecretStr]) -> SecretStr | None:
    """Returns the passphrase of a host's key, if it has one. Raises `AuthenticationFailed` if the secret is missing."""
    if side.key_passphrase_secret is None:
        return None
    try:
        return secret(side.key_passphrase_secret)
    except FlatnetError as error:
        raise AuthenticationFailed(error.phrase) from error


def _parse(parse: Callable[[], Parsed]) -> Parsed | ValueError:
    try:
        return parse()
    except ValueError as error:
        return error


def _read_stamp(file: Path) -> FileStamp:
    """Reads the stamp of an open file: one that the bot may no longer read is not used either."""
    with file.open("rb") as opened:
        status = os.fstat(opened.fileno())
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
