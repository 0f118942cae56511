"""Row classes of what the bot knows of hosts (SQLModel), as those in `models`."""

from datetime import datetime

from sqlalchemy import Integer, Text
from sqlmodel import Field

from bot.store.models import STRICT, Table, UtcText


class RehearsalRow(Table, table=True):
    """Last rehearsal of one host. `facts` is JSON of what is only shown, or compared whole."""

    __tablename__ = "rehearsals"
    __table_args__ = STRICT

    host: str = Field(primary_key=True, sa_type=Text)
    operation: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=UtcText)
    successful: bool = Field(sa_type=Integer)
    why: str | None = Field(default=None, sa_type=Text)
    windows_build: str = Field(sa_type=Text)
    powershell: str = Field(sa_type=Text)
    culture: str = Field(sa_type=Text)
    ui_culture: str = Field(sa_type=Text)
    bootstrap: str = Field(sa_type=Text)
    guard: str = Field(sa_type=Text)
    facts: str = Field(sa_type=Text)


class CheckRow(Table, table=True):
    """Newest check of one area of a host. `severity` is that of the worst finding, `findings` are JSON."""

    __tablename__ = "checks"
    __table_args__ = STRICT

    host: str = Field(primary_key=True, sa_type=Text)
    area: str = Field(primary_key=True, sa_type=Text)
    at: datetime = Field(sa_type=UtcText)
    severity: str | None = Field(default=None, sa_type=Text)
    complete: bool = Field(sa_type=Integer)
    findings: str = Field(sa_type=Text)
