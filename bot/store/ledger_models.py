"""Row classes of the ledger of identities (SQLModel), as those in `models`."""

from datetime import datetime

from sqlalchemy import Index, Text
from sqlmodel import Field

from bot.store.column_types import Flag, UtcText
from bot.store.models import STRICT, Table


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
