"""The host folder as one signed document, which all copies of the bot share. Pure.

    the leader: each change of its folder ─▶ document, number, mac ─▶ database ─▶ the folders of the others

The document also has the earlier states of files that operations changed (`bot.config.host_folder`), so that the next leader
can roll back what this one began. A document without a valid mac is refused: a host's file says where secrets are sent.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.config.hosts import MAX_HOST_FILE_BYTES, MAX_HOST_FILES

PURPOSE = b"host files of copies"
"""Purpose of the key that signs, which is derived from the audit key."""

Texts = Mapping[str, str]
"""Contents of files by the name of their host."""

ShareHosts = Callable[[Mapping[str, str | None]], Awaitable[None]]
"""Stores the folder for the other copies, with these changes, before they are made; without any, when they were made."""


async def share_nothing(changes: Mapping[str, str | None]) -> None:
    """Shares nothing: there is one copy of the bot."""


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}", re.ASCII)


class UnusableHosts(FlatnetError):
    """The document in the database cannot be used."""


@dataclass(frozen=True)
class SharedHosts:
    """A host folder. `kept`: by operation, the earlier content of files that it changed; None: there was no such file."""

    files: Texts
    kept: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)

    def encode(self) -> str:
        """Encodes it as canonical JSON."""
        return json.dumps({"files": self.files, "kept": self.kept}, sort_keys=True, ensure_ascii=True, separators=(",", ":"))

    def hash_files(self) -> dict[str, str]:
        """Returns the SHA-256 of each file."""
        return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in self.files.items()}


@dataclass(frozen=True)
class FollowedHosts:
    """Version that a machine's folder had last: its number, and the SHA-256 of each file."""

    number: int = 0
    hashes: Texts = field(default_factory=dict)


def compute_mac(key: bytes, number: int, content: str) -> str:
    """Computes the mac of a version."""
    return hmac.new(key, f"{number}\n{content}".encode(), hashlib.sha256).hexdigest()


def decode_hosts(number: int, content: str, mac: str, keys: Iterable[bytes]) -> SharedHosts:
    """Decodes a version that one of the keys signed. Raises `UnusableHosts`."""
    given = mac.encode()  # what is not ASCII cannot be compared as text
    if not any(hmac.compare_digest(compute_mac(key, number, content).encode(), given) for key in keys):
        raise UnusableHosts(
            Phrase(
                "the hosts in the database were not signed with the audit key of this machine. Copy the secret from the "
                "machine that leads. If it is the same, the database was changed by another program"
            )
        )
    document = json.loads(content)
    files, kept = document["files"], document["kept"]
    if len(files) > MAX_HOST_FILES or not all(map(_is_file, files.items())) or not _are_kept(kept):
        raise UnusableHosts(
            Phrase("the hosts in the database cannot be read. Install the version of the machine that leads")
        )
    return SharedHosts(files, kept)


def find_foreign_changes(local: Texts, followed: Texts, shared: Texts) -> tuple[str, ...]:
    """Finds the hosts whose files were changed here by another program than the bot; all values are hashes.

    A file may be as it was followed last, or already as shared. Everything else is the work of people.
    """
    names = sorted({*local, *followed, *shared})
    return tuple(name for name in names if local.get(name) not in (followed.get(name), shared.get(name)))


def _are_kept(kept: Mapping[str, Mapping[str, Any]]) -> bool:
    return all(
        _NAME.fullmatch(operation) and all(text is None or _is_file((name, text)) for name, text in files.items())
        for operation, files in kept.items()
    )


def _is_file(file: tuple[str, Any]) -> bool:
    name, text = file
    return bool(_NAME.fullmatch(name)) and isinstance(text, str) and len(text) <= MAX_HOST_FILE_BYTES
