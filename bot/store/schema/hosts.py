"""Row classes of what the bot knows of hosts (SQLModel), as those in `models`.

Row class of what recovered runs need beside the operations (SQLModel), as those in `models`.
"""

from datetime import datetime

from sqlalchemy import Index, Text
from sqlmodel import Field

from bot.store.schema.base import STRICT, Table, count_up, index_some
from bot.store.schema.column_types import Flag, UtcText, Whole


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


class CheckRow(Table, table=True):
    """Newest check of one area of a host. `severity` is that of the worst finding, `findings` are JSON."""

    __tablename__ = "checks"
    __table_args__ = STRICT

    host: str = Field(primary_key=True, sa_type=Text)
    area: str = Field(primary_key=True, sa_type=Text)
    at: datetime = Field(sa_type=UtcText)
    severity: str | None = Field(default=None, sa_type=Text)
    complete: bool = Field(sa_type=Flag)
    findings: str = Field(sa_type=Text)


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


class OwedRow(Table, table=True):
    """One change that is owed to a host. Rows are never deleted, so a number always means the same one.

    `kind` and `arguments` are the operation for this host alone, as in `operations`; `words` is its command. `matter` says
    what it is about: "change", "revocation" or "authority". `operation` left it. `asked` is the last operation that asked
    for it ("": none), `asked_at` the time of that or of the last attempt, and `note` the reason for which that attempt
    requested nothing. `settled_by` is the operation that did it, or the person who dropped it with a `reason`. `due_at` is
    the time before which it is not asked for (None: at once).
    """

    __tablename__ = "owed"
    __table_args__ = (
        index_some("owed_open", "host", "words", where="settled_at IS NULL", unique=True),
        Index("owed_by_operation", "operation"),
        Index("owed_by_end", "settled_at"),
        STRICT,
    )

    number: int | None = count_up("owed", "number")
    host: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    arguments: str = Field(sa_type=Text)
    words: str = Field(sa_type=Text)
    matter: str = Field(sa_type=Text)
    why: str = Field(sa_type=Text)
    operation: str = Field(sa_type=Text)
    requester: str = Field(sa_type=Text)
    identity: str = Field(sa_type=Text)
    surface: str = Field(sa_type=Text)
    channel: str = Field(sa_type=Text)
    since: datetime = Field(sa_type=UtcText)
    asked: str = Field(sa_type=Text)
    asked_at: datetime | None = Field(default=None, sa_type=UtcText)
    note: str | None = Field(default=None, sa_type=Text)
    settled_at: datetime | None = Field(default=None, sa_type=UtcText)
    settled_by: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    due_at: datetime | None = Field(default=None, sa_type=UtcText)


class SuspensionRow(Table, table=True):
    """One suspended host (`commands.model.suspension.Suspension`, as JSON in `state`). A host has one open row at most."""

    __tablename__ = "suspensions"
    __table_args__ = (
        index_some("suspension_open", "host", where="ended_at IS NULL", unique=True),
        STRICT,
    )

    number: int | None = count_up("suspensions", "number")
    host: str = Field(sa_type=Text)
    operation: str = Field(sa_type=Text)
    owner: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    since: datetime = Field(sa_type=UtcText)
    remind_at: datetime | None = Field(default=None, sa_type=UtcText)
    reminded_at: datetime | None = Field(default=None, sa_type=UtcText)
    ended_at: datetime | None = Field(default=None, sa_type=UtcText)


class StepStartRow(Table, table=True):
    """Number of times that a step of an interrupted run was started again without an outcome."""

    __tablename__ = "step_starts"
    __table_args__ = STRICT

    operation: str = Field(primary_key=True, sa_type=Text)
    step: str = Field(primary_key=True, sa_type=Text)
    starts: int = Field(sa_type=Whole)
