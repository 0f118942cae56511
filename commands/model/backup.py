"""Backups of hosts and of the bot, and of the CA key: what they hold, where they are, and what was verified. Pure.

    on the host, in paths.backups: ID/nebula.tar, openresty.tar, cni.tar, manifest.json     the first place
    on the bot, in [backups] folder: ID/… the same files                                    the second place

The manifest is the same at both places. The rows are a projection of signed outcomes (`bot.backups`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from adapters.backup import MAX_FILES, BackupId, FilePath, MissingFile
from adapters.phrase import Phrase
from adapters.transfer import Sha256, SpoolName, TransferSize
from adapters.value import Value
from commands.model.certificates import Fingerprint, Text
from commands.model.report import Cell, Mark

BACKUP_FORMAT = 1
"""Format of manifests that this version writes. One of a newer format is refused."""


class BackupPart(StrEnum):
    """Parts of a backup. The values are stored."""

    NEBULA = "nebula"
    OPENRESTY = "openresty"
    CNI = "cni"
    BOT = "bot"


class KeptFile(Value):
    """A file in a part: its path inside, with forward slashes."""

    path: FilePath
    size: TransferSize
    sha256: Sha256


class KeptPart(Value):
    """One part: its file at both places, the folder that it was taken from, and its content."""

    part: BackupPart
    file: SpoolName
    size: TransferSize
    sha256: Sha256
    folder: FilePath
    files: Annotated[tuple[KeptFile, ...], Field(max_length=MAX_FILES)] = ()
    missing: Annotated[tuple[MissingFile, ...], Field(max_length=MAX_FILES)] = ()


class BackupManifest(Value):
    """Content of a backup. `host` is `flatnet-bot` for one of the bot. `versions` are those of the programs, by name;
    `certificate` and `authorities` the fingerprints of the host's identity then.
    """

    format: Annotated[int, Field(ge=1)]
    id: BackupId
    host: str
    host_id: int | None = None
    at: AwareDatetime
    operation: str
    parts: Annotated[tuple[KeptPart, ...], Field(max_length=8)]
    missing: tuple[MissingFile, ...] = ()
    versions: dict[str, str] = Field(default_factory=dict)
    certificate: str = ""
    authorities: Annotated[tuple[Fingerprint, ...], Field(max_length=32)] = ()

    def find_part(self, part: BackupPart) -> KeptPart | None:
        """Finds a part; None if the backup has none of it."""
        return next((each for each in self.parts if each.part is part), None)


class PlaceState(StrEnum):
    """State of the copy at one place, when it was last looked at. The values are stored."""

    UNCHECKED = "unchecked"
    WHOLE = "whole"
    DAMAGED = "damaged"
    ABSENT = "absent"
    UNREACHABLE = "unreachable"
    NONE = "none"
    """There is no such place: the bot's own backup has one place."""

    def build_cell(self) -> Cell:
        """Builds the cell of the copy at one place."""
        text, mark = _PLACE_TEXTS[self]
        return Cell(text=text, value=self.value, mark=mark)


_PLACE_TEXTS: Mapping[PlaceState, tuple[Phrase, Mark]] = {
    PlaceState.UNCHECKED: (Phrase("not checked"), Mark.UNKNOWN),
    PlaceState.WHOLE: (Phrase("complete"), Mark.WELL),
    PlaceState.DAMAGED: (Phrase("damaged"), Mark.BAD),
    PlaceState.ABSENT: (Phrase("missing"), Mark.BAD),
    PlaceState.UNREACHABLE: (Phrase("unreachable"), Mark.UNKNOWN),
    PlaceState.NONE: (Phrase("N/A"), Mark.ABSENT),
}


class Backup(Value):
    """A backup with what is known of it. `manifest_sha256` is the hash of the manifest's bytes.

    `verified_at`: when both copies were last found whole and their programs took the unpacked copy; None if never, or if a
    later look found a fault. `checked_at` is the time of the last look, `fault` what it found, "" for nothing.
    """

    manifest: BackupManifest
    manifest_sha256: Sha256
    first: PlaceState = PlaceState.UNCHECKED
    second: PlaceState = PlaceState.UNCHECKED
    checked_at: AwareDatetime | None = None
    verified_at: AwareDatetime | None = None
    fault: str = ""
    removed_at: AwareDatetime | None = None

    @property
    def id(self) -> str:
        return self.manifest.id

    @property
    def host(self) -> str:
        return self.manifest.host

    @property
    def at(self) -> datetime:
        return self.manifest.at

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(part.size for part in self.manifest.parts)


class KeyBackup(Value):
    """An encrypted copy of a CA key. `recipients` are the fingerprints (SHA-256) of the certificates that can open it.

    `sha256` is the hash of the encrypted message; the others are those of the two files beside it.
    """

    id: BackupId
    authority: Fingerprint
    name: Text
    recipients: Annotated[tuple[Sha256, ...], Field(max_length=32)]
    size: TransferSize
    sha256: Sha256
    certificate_sha256: Sha256
    manifest_sha256: Sha256
    at: AwareDatetime
    operation: str
    first: PlaceState = PlaceState.UNCHECKED
    second: PlaceState = PlaceState.UNCHECKED
    checked_at: AwareDatetime | None = None
    verified_at: AwareDatetime | None = None
    fault: str = ""


class Drill(Value):
    """A drill: a throw-away public key (PEM) that a person signs with the CA key from its backup.

    Passed when the certificate of `fingerprint` was shown. It is open until `ends_at`. `refused_at` is when another
    certificate was shown last, `fault` what was wrong with it.
    """

    number: int
    authority: Fingerprint
    public_key: Annotated[str, Field(max_length=1_000)]
    opened_at: AwareDatetime
    ends_at: AwareDatetime
    opened_by: Text
    passed_at: AwareDatetime | None = None
    passed_by: Text = ""
    fingerprint: str = ""
    refused_at: AwareDatetime | None = None
    fault: Text = ""


@dataclass(frozen=True)
class KnownBackups:
    """All backups that were not removed, the newest first, those of CA keys, and the drills.

    `available` is False if they could not be read.
    """

    backups: tuple[Backup, ...] = ()
    keys: tuple[KeyBackup, ...] = ()
    drills: tuple[Drill, ...] = ()
    available: bool = True

    def find(self, name: str) -> Backup | None:
        """Finds a backup by its id."""
        return next((each for each in self.backups if each.id == name), None)

    def find_key(self, authority: str) -> KeyBackup | None:
        """Finds the newest copy of the key of a CA."""
        return next((each for each in self.keys if each.authority == authority), None)


NO_BACKUPS = KnownBackups()
"""For an operation that does not need them."""
