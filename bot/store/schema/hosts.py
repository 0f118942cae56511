"""Row classes of what the bot knows of hosts (SQLModel), as those in `models`.

Row class of what recovered runs need beside the operations (SQLModel), as those in `models`.
"""

from datetime import datetime

from sqlalchemy import Index, Text
from sqlmodel import Field

from bot.model.owed import OwedChange
from bot.store.schema.base import GIVEN, STRICT, Table, count_up, index_some
from bot.store.schema.column_types import Flag, UtcText, Whole
from commands.model.check import Area, StoredCheck


class RehearsalRow(Table, table=True):
    """Last rehearsal of one host. `facts` is JSON of what is only shown, or compared whole."""

    __tablename__ = "rehearsals"
    __table_args__ = STRICT

    host: str = Field(primary_key=True, sa_type=Text)
    operation: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=UtcText)
    successful: bool = Field(sa_type=Flag)
    why: str | None = Field(default=None, sa_type=Text)
    windows_build: str = Field(sa_type=Text)
    powershell: str = Field(sa_type=Text)
    culture: str = Field(sa_type=Text)
    ui_culture: str = Field(sa_type=Text)
    bootstrap: str = Field(sa_type=Text)
    guard: str = Field(sa_type=Text)
    facts: str = Field(sa_type=Text)


class CheckRow(StoredCheck, Table, table=True):  # type: ignore[misc]  # the two bases' model_config differ
    """Newest check of one area of a host."""

    __tablename__ = "checks"
    __table_args__ = STRICT

    host: str = Field(primary_key=True)
    area: Area = Field(primary_key=True)


class GoodConfigurationRow(Table, table=True):
    """The last configuration of one area of a host that was proven to work: its hash, and where the host keeps a copy."""

    __tablename__ = "good_configurations"
    __table_args__ = STRICT

    host: str = Field(primary_key=True, sa_type=Text)
    area: str = Field(primary_key=True, sa_type=Text)
    sha256: str = Field(sa_type=Text)
    folder: str = Field(sa_type=Text)
    operation: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=UtcText)


class OwedRow(OwedChange, Table, table=True):  # type: ignore[misc]  # SQLModel is not a frozen dataclass, as the value is
    """One change that is owed to a host. Rows are never deleted, so a number always means the same one."""

    __tablename__ = "owed"
    __table_args__ = (
        index_some("owed_open", "host", "words", where="settled_at IS NULL", unique=True),
        Index("owed_by_operation", "operation"),
        Index("owed_by_end", "settled_at"),
        STRICT,
    )

    number: int = count_up("owed", "number")


class SuspensionReminderRow(Table, table=True):
    """Newest reminder of one suspension. The signed events have the suspension itself (`bot.hosts`)."""

    __tablename__ = "suspension_reminders"
    __table_args__ = STRICT

    number: int = Field(primary_key=True, sa_column_kwargs=GIVEN)
    reminded_at: datetime


class StepStartRow(Table, table=True):
    """Number of times that a step of an interrupted run was started again without an outcome."""

    __tablename__ = "step_starts"
    __table_args__ = STRICT

    operation: str = Field(primary_key=True, sa_type=Text)
    step: str = Field(primary_key=True, sa_type=Text)
    starts: int = Field(sa_type=Whole)
