"""Row classes of the ledger of identities (SQLModel), as those in `models`.

Row classes of rotations of the CA, of backups, and of drills (SQLModel), as those in `models`.
"""

from datetime import datetime

from sqlalchemy import Index, Text, text
from sqlmodel import Field

from bot.store.schema.base import STRICT, Table, count_up, index_some
from bot.store.schema.column_types import Flag, UtcText, Whole


class IdentityRow(Table, table=True):
    """One certificate that the bot signed or saw. A row stays at least until the certificate has ended.

    `kind` is "nebula", "authority" (a CA of Nebula) or "winrm". `operation` signed it ("": it was only seen). What only a
    handshake in a log named has no times.
    """

    __tablename__ = "identities"
    __table_args__ = (Index("identities_by_name", "name"), Index("identities_by_address", "address"), STRICT)

    fingerprint: str = Field(primary_key=True, sa_type=Text)
    kind: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    address: str = Field(sa_type=Text)
    groups: str = Field(sa_type=Text)
    issuer: str = Field(sa_type=Text)
    begins_at: datetime | None = Field(default=None, sa_type=UtcText)
    ends_at: datetime | None = Field(default=None, sa_type=UtcText)
    operation: str = Field(sa_type=Text)
    signed_at: datetime | None = Field(default=None, sa_type=UtcText)
    abandoned: bool = Field(sa_type=Flag)
    first_seen_at: datetime | None = Field(default=None, sa_type=UtcText)
    seen_at: datetime | None = Field(default=None, sa_type=UtcText)


class SightingRow(Table, table=True):
    """Sightings of a certificate at one place: in a file of a host, in a handshake of its log, or over TLS (`way`)."""

    __tablename__ = "sightings"
    __table_args__ = STRICT | {"sqlite_with_rowid": False}

    fingerprint: str = Field(primary_key=True, sa_type=Text)
    place: str = Field(primary_key=True, sa_type=Text)
    way: str = Field(primary_key=True, sa_type=Text)
    first_at: datetime = Field(sa_type=UtcText)
    at: datetime = Field(sa_type=UtcText)


class HandshakePositionRow(Table, table=True):
    """Position up to which the handshakes in the log of one host were read. `position` is the position's own JSON."""

    __tablename__ = "handshake_positions"
    __table_args__ = STRICT

    host: str = Field(primary_key=True, sa_type=Text)
    at: datetime = Field(sa_type=UtcText)
    position: str = Field(sa_type=Text)


class RotationRow(Table, table=True):
    """One change of the CA. `old` and `new` are JSON of `RotationAuthority`. One is open at a time."""

    __tablename__ = "rotations"
    __table_args__ = (
        index_some("rotation_open", text("(ended_at IS NULL)"), where="ended_at IS NULL", unique=True),
        STRICT,
    )

    number: int | None = count_up("rotations", "number")
    stage: str = Field(sa_type=Text)
    old: str = Field(sa_type=Text)
    new: str = Field(sa_type=Text)
    canary: str = Field(sa_type=Text)
    lost: bool = Field(sa_type=Flag)
    lazy: bool = Field(sa_type=Flag)
    operation: str = Field(sa_type=Text)
    started_at: datetime = Field(sa_type=UtcText)
    ended_at: datetime | None = Field(default=None, sa_type=UtcText)


class RotationMemberRow(Table, table=True):
    """Progress of one host in a rotation (`commands.model.rotation.RotationMember`)."""

    __tablename__ = "rotation_members"
    __table_args__ = STRICT | {"sqlite_with_rowid": False}

    rotation: int = Field(primary_key=True, sa_type=Whole)
    host: str = Field(primary_key=True, sa_type=Text)
    trusts_at: datetime | None = Field(default=None, sa_type=UtcText)
    signed_at: datetime | None = Field(default=None, sa_type=UtcText)
    dropped_at: datetime | None = Field(default=None, sa_type=UtcText)
    seen_at: datetime | None = Field(default=None, sa_type=UtcText)
    left_at: datetime | None = Field(default=None, sa_type=UtcText)


class BackupRow(Table, table=True):
    """One backup. `manifest` is its JSON without the files of its parts; `first` and `second` are the states of its copies.

    `files` is JSON of these files by part, and the last column because it is long and seldom read.
    """

    __tablename__ = "backups"
    __table_args__ = (Index("backups_by_host", "host", "at"), STRICT)

    id: str = Field(primary_key=True, sa_type=Text)
    host: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=UtcText)
    operation: str = Field(sa_type=Text)
    manifest: str = Field(sa_type=Text)
    manifest_sha256: str = Field(sa_type=Text)
    first: str = Field(sa_type=Text)
    second: str = Field(sa_type=Text)
    checked_at: datetime | None = Field(default=None, sa_type=UtcText)
    verified_at: datetime | None = Field(default=None, sa_type=UtcText)
    fault: str = Field(sa_type=Text)
    removed_at: datetime | None = Field(default=None, sa_type=UtcText)
    files: str = Field(sa_type=Text)


class KeyBackupRow(Table, table=True):
    """One encrypted copy of a CA key. `recipients` are fingerprints with spaces between."""

    __tablename__ = "key_backups"
    __table_args__ = (Index("key_backups_by_authority", "authority", "at"), STRICT)

    id: str = Field(primary_key=True, sa_type=Text)
    authority: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    recipients: str = Field(sa_type=Text)
    size: int = Field(sa_type=Whole)
    sha256: str = Field(sa_type=Text)
    certificate_sha256: str = Field(sa_type=Text)
    manifest_sha256: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=UtcText)
    operation: str = Field(sa_type=Text)
    first: str = Field(sa_type=Text)
    second: str = Field(sa_type=Text)
    checked_at: datetime | None = Field(default=None, sa_type=UtcText)
    verified_at: datetime | None = Field(default=None, sa_type=UtcText)
    fault: str = Field(sa_type=Text)


class DrillRow(Table, table=True):
    """One drill of opening the backup of a CA key. Rows are never deleted."""

    __tablename__ = "drills"
    __table_args__ = STRICT

    number: int | None = count_up("drills", "number")
    authority: str = Field(sa_type=Text)
    public_key: str = Field(sa_type=Text)
    opened_at: datetime = Field(sa_type=UtcText)
    ends_at: datetime = Field(sa_type=UtcText)
    opened_by: str = Field(sa_type=Text)
    passed_at: datetime | None = Field(default=None, sa_type=UtcText)
    passed_by: str = Field(sa_type=Text)
    fingerprint: str = Field(sa_type=Text)
    refused_at: datetime | None = Field(default=None, sa_type=UtcText)
    fault: str = Field(sa_type=Text)
