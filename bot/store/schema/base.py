"""Row classes of all tables (SQLModel). They never leave `bot.store`: other rooms get frozen values.

Tables are STRICT: a column holds its type. A change here needs a new revision in `migrations/versions` and a new last
entry of `schema.REVISIONS`. A test compares the tables that both make.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from pydantic_core import PydanticUndefined
from sqlalchemy import ColumnClause, Index, LargeBinary, Text, TextClause, column, func, select, table, text
from sqlmodel import Field, MetaData, SQLModel
from sqlmodel.main import FieldInfoMetadata

from bot.model.lock import Lock
from bot.model.schedule import Schedule, ScheduleRun
from bot.store.schema.column_types import Flag, UtcText, Whole, find_type

STRICT = {"sqlite_strict": True}


class Table(SQLModel):
    """Base of the row classes. Its metadata holds the bot's tables and no others.

    A row class inherits the fields of a value (`class MuteRow(Mute, Table, table=True)`), and adds what only rows have: keys
    and own columns. Each column has the type that belongs to its field (`column_types.find_type`), unless it names another.
    There are no instances: `bot.store.rows` reads rows as values.
    """

    metadata = MetaData()

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Names the column types. SQLModel reads them from the fields right after this."""
        for field in cls.model_fields.values():
            of_row = next((each for each in field.metadata if isinstance(each, FieldInfoMetadata)), FieldInfoMetadata())
            if of_row.sa_type is PydanticUndefined:
                typed = replace(of_row, sa_type=find_type(cast(Any, field.annotation)))
                field.metadata = [typed, *(each for each in field.metadata if each is not of_row)]


def index_some(name: str, *columns: str | TextClause, where: str, unique: bool = False) -> Index:
    """Makes an index of the rows for which a condition holds."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


GIVEN = {"autoincrement": False}
"""Options of a key that each new row names itself: PostgreSQL would make a sequence for it."""


def count_up(table_name: str, key_name: str) -> Any:
    """Makes a key that is one more than the greatest one. A sequence would leave out numbers that people see.

    The numbers are the leader's to give, so no two rows get the same one.
    """
    key: ColumnClause[int] = column(key_name, Whole)
    following = select(func.coalesce(func.max(key), 0) + 1).select_from(table(table_name, key)).scalar_subquery()
    return Field(default=None, primary_key=True, sa_type=Whole, sa_column_kwargs={"default": following})


class InboxRow(Table, table=True):
    """One delivery from Slack. The key is Slack's own, so that a repeated delivery is recognized.

    `taken_by` is the copy of the bot that got it, `mac` its seal (`bot.store.shared_inbox`); null where there is one copy.
    Copies of other versions write rows, too, so new columns of this table are always nullable, and the old ones stay.
    """

    __tablename__ = "inbox"
    __table_args__ = (Index("inbox_by_end", "finished_at", "received_at"), STRICT)

    key: str = Field(primary_key=True, sa_type=Text)
    kind: str = Field(sa_type=Text)
    payload: str = Field(sa_type=Text)
    received_at: datetime = Field(sa_type=UtcText)
    attempts: int = Field(default=0, sa_type=Whole)
    finished_at: datetime | None = Field(default=None, sa_type=UtcText)
    taken_by: str | None = Field(default=None, sa_type=Text)
    mac: str | None = Field(default=None, sa_type=Text)


class OutboxRow(Table, table=True):
    """One message for Slack: waiting, being sent, sent, or undeliverable.

    `address` is JSON. The columns from `replaces` on are the parts of it by which messages are found; `edits` is its `ts`. A
    message that landed in another channel has this in `landed` alone.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index("outbox_by_state", "state", "conversation", "id"),
        Index("outbox_by_end", "ended_at"),
        STRICT,
    )

    id: int | None = count_up("outbox", "id")
    operation: str = Field(sa_type=Text)
    conversation: str = Field(sa_type=Text)
    road: str = Field(sa_type=Text)
    address: str = Field(sa_type=Text)
    message: str = Field(sa_type=Text)
    made_at: datetime = Field(sa_type=UtcText)
    next_try_at: datetime = Field(sa_type=UtcText)
    state: str = Field(sa_type=Text)
    attempts: int = Field(default=0, sa_type=Whole)
    maybe_sent: bool = Field(default=False, sa_type=Flag)
    why: str = Field(default="", sa_type=Text)
    ts: str = Field(default="", sa_type=Text)
    ended_at: datetime | None = Field(default=None, sa_type=UtcText)
    replaces: int | None = Field(default=None, sa_type=Whole)
    below: int | None = Field(default=None, sa_type=Whole)
    after: int | None = Field(default=None, sa_type=Whole)
    edits: str | None = Field(default=None, sa_type=Text)
    channel: str | None = Field(default=None, sa_type=Text)
    landed: str | None = Field(default=None, sa_type=Text)


class AnswerRow(Table, table=True):
    """One answer that can be shown again; `document` is its JSON, compressed."""

    __tablename__ = "answers"
    __table_args__ = (
        Index("answers_by_end", "expires_at"),
        Index("answers_by_actor", "actor", "made_at"),
        Index("answers_by_words", "words", "made_at"),
        STRICT,
    )

    operation: str = Field(primary_key=True, sa_type=Text)
    actor: str = Field(sa_type=Text)
    words: str = Field(sa_type=Text)
    made_at: datetime = Field(sa_type=UtcText)
    expires_at: datetime = Field(sa_type=UtcText)
    document: bytes = Field(sa_type=LargeBinary)
    files: str = Field(sa_type=Text)


class AuditRow(Table, table=True):
    """One audit event as it is stored. The mac covers the texts of all other columns (`bot.store.audit_chain`)."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("audit_by_operation", "operation", "sequence"),
        index_some("audit_of_rotations", "sequence", where="kind = 'rotation'"),
        index_some("audit_of_suspensions", "sequence", where="kind = 'suspension'"),
        index_some("audit_of_acceptances", "sequence", where="kind = 'accepted'"),
        STRICT,
    )

    sequence: int = Field(primary_key=True, sa_type=Whole, sa_column_kwargs=GIVEN)
    at: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    actor: str = Field(sa_type=Text)
    operation: str = Field(sa_type=Text)
    data: str = Field(sa_type=Text)
    key: str = Field(sa_type=Text)
    previous: str = Field(sa_type=Text)
    mac: str = Field(sa_type=Text)


class OperationRow(Table, table=True):
    """One operation that changes hosts. `plan` is compressed JSON, and near the end because it is long and seldom read.

    `approval_state` is null if no approval is required. `shown` is the version that the change's card shows, `told` the
    card's own note: the milestones announced so far. `review_open`: approvals were replaced, and nobody reviewed that yet.
    """

    __tablename__ = "operations"
    __table_args__ = (
        Index("operations_by_state", "state", "ready_at"),
        Index("operations_by_time", "asked_at"),
        index_some("operations_unshown", "asked_at", where="version > shown"),
        index_some("operations_unreviewed", "asked_at", where="review_open = 1"),
        STRICT,
    )

    operation: str = Field(primary_key=True, sa_type=Text)
    words: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    arguments: str = Field(sa_type=Text)
    risk: int = Field(sa_type=Whole)
    requester: str = Field(sa_type=Text)
    identity: str = Field(sa_type=Text)
    surface: str = Field(sa_type=Text)
    channel: str = Field(sa_type=Text)
    card: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    digest: str = Field(sa_type=Text)
    hosts: str = Field(sa_type=Text)
    approval: str | None = Field(default=None, sa_type=Text)
    approval_state: str | None = Field(default=None, sa_type=Text)
    break_glass: str | None = Field(default=None, sa_type=Text)
    waits_for: str | None = Field(default=None, sa_type=Text)
    running: str = Field(sa_type=Text)
    stopping: str = Field(sa_type=Text)
    why: str | None = Field(default=None, sa_type=Text)
    before: str = Field(sa_type=Text)
    after: str = Field(sa_type=Text)
    asked_at: datetime = Field(sa_type=UtcText)
    expires_at: datetime = Field(sa_type=UtcText)
    ready_at: datetime | None = Field(default=None, sa_type=UtcText)
    started_at: datetime | None = Field(default=None, sa_type=UtcText)
    ended_at: datetime | None = Field(default=None, sa_type=UtcText)
    version: int = Field(sa_type=Whole)
    shown: int = Field(sa_type=Whole)
    told: str = Field(sa_type=Text)
    plan: bytes = Field(sa_type=LargeBinary)
    review_open: bool = Field(sa_type=Flag)


class OperationHostRow(Table, table=True):
    """One host of one operation, by which operations are found. `operations.hosts` has all of them, in the plan's order."""

    __tablename__ = "operation_hosts"
    __table_args__ = (Index("operation_hosts_by_host", "host"), STRICT)

    operation: str = Field(primary_key=True, sa_type=Text)
    host: str = Field(primary_key=True, sa_type=Text)


class ReviewRow(Table, table=True):
    """One person's decision on one operation. A person who approved may still deny.

    `surface` is where they decided.
    """

    __tablename__ = "reviews"
    __table_args__ = STRICT

    operation: str = Field(primary_key=True, sa_type=Text)
    person: str = Field(primary_key=True, sa_type=Text)
    approves: bool = Field(primary_key=True, sa_type=Flag)
    reason: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=UtcText)
    mention: str = Field(sa_type=Text)
    identity: str = Field(sa_type=Text)
    surface: str = Field(sa_type=Text)


class ClaimRow(Table, table=True):
    """A claim: the operation that holds a host. The host is the key, so two operations can never hold one host."""

    __tablename__ = "claims"
    __table_args__ = STRICT

    host: str = Field(primary_key=True, sa_type=Text)
    operation: str = Field(sa_type=Text)


class LockRow(Lock, Table, table=True):  # type: ignore[misc]  # SQLModel is not a frozen dataclass, as the value is
    """A lock, by which a person forbids changes. Rows are never deleted, so a number always means the same lock."""

    __tablename__ = "locks"
    __table_args__ = (Index("locks_by_end", "ends_at"), STRICT)

    number: int = count_up("locks", "number")
    operation: str = Field(unique=True)


class ScheduleRow(Schedule, Table, table=True):  # type: ignore[misc]  # SQLModel is not a frozen dataclass, as the value is
    """One schedule, including those of the configuration and of the code: only this row says if it is paused."""

    __tablename__ = "schedules"
    __table_args__ = STRICT

    name: str = Field(primary_key=True)


class ScheduleRunRow(ScheduleRun, Table, table=True):  # type: ignore[misc]  # SQLModel is not a frozen dataclass
    """One due time of one schedule, claimed once."""

    __tablename__ = "schedule_runs"
    __table_args__ = (Index("schedule_runs_by_outcome", "outcome"), STRICT)

    schedule: str = Field(primary_key=True)
    due: datetime = Field(primary_key=True)


class ObservationRow(Table, table=True):
    """Health of one host at one time; after 90 days, the sum over one day.

    There are millions of rows, so times are seconds since 1970 and rows lie in the order of time. `failed` is JSON:
    the number of failed checks by check. `answers` counts the gateway's answers, `answer_ms` is the sum of their times.
    """

    __tablename__ = "observations"
    __table_args__ = {"sqlite_strict": True, "sqlite_with_rowid": False}

    at: int = Field(primary_key=True, sa_type=Whole)
    host: str = Field(primary_key=True, sa_type=Text)
    well: int = Field(sa_type=Whole)
    troubled: int = Field(sa_type=Whole)
    unreached: int = Field(sa_type=Whole)
    failed: str = Field(sa_type=Text)
    answers: int = Field(sa_type=Whole)
    answer_ms: int = Field(sa_type=Whole)


class DigestRow(Table, table=True):
    """Findings of one digest, with which the next digest compares itself; `document` is JSON, compressed."""

    __tablename__ = "digests"
    __table_args__ = (Index("digests_by_time", "at"), STRICT)

    operation: str = Field(primary_key=True, sa_type=Text)
    at: datetime = Field(sa_type=UtcText)
    document: bytes = Field(sa_type=LargeBinary)
