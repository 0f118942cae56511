"""The tables, as SQLModel classes. Nothing of them leaves `bot.store`: the outside gets frozen values.

Tables are STRICT: a column holds its type. A change here is a new revision in
`migrations/versions` and a new last entry of `schema.REVISIONS`; a test compares what both make.
"""

from datetime import datetime

from sqlalchemy import DDL, Dialect, Index, Integer, LargeBinary, Text, event, text
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, MetaData, SQLModel

from bot.store.stored import utc_text

STRICT = {"sqlite_strict": True}


class UtcText(TypeDecorator[datetime]):
    """An aware point in time, stored as text in UTC; a naive one is a `ValueError`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else utc_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


class Table(SQLModel):
    """All our tables, and only ours, stand in this metadata."""

    metadata = MetaData()


class InboxRow(Table, table=True):
    """One delivery from Slack. The key is Slack's own, so that a delivery that comes again is known."""

    __tablename__ = "inbox"
    __table_args__ = (Index("inbox_by_end", "finished_at", "received_at"), STRICT)

    key: str = Field(primary_key=True, sa_type=Text)
    kind: str = Field(sa_type=Text)
    payload: str = Field(sa_type=Text)
    received_at: datetime = Field(sa_type=UtcText)
    attempts: int = 0
    finished_at: datetime | None = Field(default=None, sa_type=UtcText)


class OutboxRow(Table, table=True):
    """One message for Slack: waiting, being sent, sent, or given up."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("outbox_by_state", "state", "conversation", "id"),
        Index("outbox_by_end", "ended_at"),
        STRICT,
    )

    id: int | None = Field(default=None, primary_key=True)
    operation: str = Field(sa_type=Text)
    conversation: str = Field(sa_type=Text)
    road: str = Field(sa_type=Text)
    address: str = Field(sa_type=Text)
    message: str = Field(sa_type=Text)
    made_at: datetime = Field(sa_type=UtcText)
    next_try_at: datetime = Field(sa_type=UtcText)
    state: str = Field(sa_type=Text)
    attempts: int = 0
    maybe_sent: bool = Field(default=False, sa_type=Integer)
    why: str = Field(default="", sa_type=Text)
    ts: str = Field(default="", sa_type=Text)
    ended_at: datetime | None = Field(default=None, sa_type=UtcText)


class AnswerRow(Table, table=True):
    """One answer that can be looked at again; `document` is its JSON, compressed."""

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
    """One audit event as it is stored; the mac covers the texts of all other columns (`bot.store.chain`)."""

    __tablename__ = "audit"
    __table_args__ = (Index("audit_by_operation", "operation", "sequence"), STRICT)

    sequence: int = Field(primary_key=True)
    at: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    actor: str = Field(sa_type=Text)
    operation: str = Field(sa_type=Text)
    data: str = Field(sa_type=Text)
    key: str = Field(sa_type=Text)
    previous: str = Field(sa_type=Text)
    mac: str = Field(sa_type=Text)


class OperationRow(Table, table=True):
    """One operation that changes hosts; `plan` is its JSON, compressed, and last, for it is long and seldom read.

    `approval_state` is empty where no approval is asked for. `shown` is the version that the board showed, `told` what
    it keeps for itself.
    """

    __tablename__ = "operations"
    __table_args__ = (
        Index("operations_by_state", "state", "ready_at"),
        Index("operations_by_time", "asked_at"),
        Index("operations_unshown", "asked_at", sqlite_where=text("version > shown")),
        STRICT,
    )

    operation: str = Field(primary_key=True, sa_type=Text)
    words: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    arguments: str = Field(sa_type=Text)
    risk: int
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
    version: int
    shown: int
    told: str = Field(sa_type=Text)
    plan: bytes = Field(sa_type=LargeBinary)


class ReviewRow(Table, table=True):
    """One person's decision on one operation; who approved may still deny."""

    __tablename__ = "reviews"
    __table_args__ = STRICT

    operation: str = Field(primary_key=True, sa_type=Text)
    person: str = Field(primary_key=True, sa_type=Text)
    approves: bool = Field(primary_key=True, sa_type=Integer)
    reason: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=UtcText)
    mention: str = Field(sa_type=Text)
    identity: str = Field(sa_type=Text)


class ClaimRow(Table, table=True):
    """Which operation holds a host. The key is the host: two can never hold one."""

    __tablename__ = "claims"
    __table_args__ = STRICT

    host: str = Field(primary_key=True, sa_type=Text)
    operation: str = Field(sa_type=Text)


class LockRow(Table, table=True):
    """By which a person forbids changes. Rows stay, so that a number always means the same lock."""

    __tablename__ = "locks"
    __table_args__ = (Index("locks_by_end", "ends_at"), STRICT)

    id: int | None = Field(default=None, primary_key=True)
    operation: str = Field(unique=True, sa_type=Text)
    target: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    owner: str = Field(sa_type=Text)
    added_at: datetime = Field(sa_type=UtcText)
    ends_at: datetime = Field(sa_type=UtcText)
    removed_by: str = Field(sa_type=Text)


class ScheduleRow(Table, table=True):
    """One schedule, also one that stands in the configuration or in the code: what may happen to it stands here alone.

    `identity` is its owner's, as `bot.store.records` keeps identities; "" where the configuration says who that is.
    """

    __tablename__ = "schedules"
    __table_args__ = STRICT

    name: str = Field(primary_key=True, sa_type=Text)
    origin: str = Field(sa_type=Text)
    cron: str = Field(sa_type=Text)
    zone: str = Field(sa_type=Text)
    words: str = Field(sa_type=Text)
    channel: str = Field(sa_type=Text)
    missed: str = Field(sa_type=Text)
    owner: str = Field(sa_type=Text)
    identity: str = Field(sa_type=Text)
    operation: str = Field(sa_type=Text)
    since: datetime = Field(sa_type=UtcText)
    paused_by: str = Field(sa_type=Text)
    why: str | None = Field(default=None, sa_type=Text)


class ScheduleRunRow(Table, table=True):
    """One due time of one schedule, which is claimed once and for all. `missed` counts earlier ones that nobody ran."""

    __tablename__ = "schedule_runs"
    __table_args__ = (Index("schedule_runs_by_outcome", "outcome"), STRICT)

    schedule: str = Field(primary_key=True, sa_type=Text)
    due: datetime = Field(primary_key=True, sa_type=UtcText)
    operation: str = Field(sa_type=Text)
    outcome: str = Field(sa_type=Text)
    missed: int
    began_at: datetime = Field(sa_type=UtcText)
    ended_at: datetime | None = Field(default=None, sa_type=UtcText)


class ObservationRow(Table, table=True):
    """What was seen of one host at one time; after 90 days, on one day.

    There are millions of them, so times are seconds since 1970 and rows lie in the order of time. `failed` is JSON:
    looks by check that was not well; `answers` counts the gateway's answers, `answer_ms` is the sum of their times.
    """

    __tablename__ = "observations"
    __table_args__ = {"sqlite_strict": True, "sqlite_with_rowid": False}

    at: int = Field(primary_key=True)
    host: str = Field(primary_key=True, sa_type=Text)
    well: int
    troubled: int
    unreached: int
    failed: str = Field(sa_type=Text)
    answers: int
    answer_ms: int


class DigestRow(Table, table=True):
    """What a digest said, for the next one to compare itself with; `document` is JSON, compressed."""

    __tablename__ = "digests"
    __table_args__ = (Index("digests_by_time", "at"), STRICT)

    operation: str = Field(primary_key=True, sa_type=Text)
    at: datetime = Field(sa_type=UtcText)
    document: bytes = Field(sa_type=LargeBinary)


class NoticeRow(Table, table=True):
    """One warning that one certificate ends, said once for each threshold; `message` is the operation of what was posted.

    `said_at` is None until that is safe in the outbox.
    """

    __tablename__ = "notices"
    __table_args__ = (Index("notices_by_message", "message"), STRICT)

    fingerprint: str = Field(primary_key=True, sa_type=Text)
    threshold: str = Field(primary_key=True, sa_type=Text)
    name: str = Field(sa_type=Text)
    host: str = Field(sa_type=Text)
    authority: bool = Field(sa_type=Integer)
    ends_at: datetime = Field(sa_type=UtcText)
    said_at: datetime | None = Field(default=None, sa_type=UtcText)
    message: str = Field(sa_type=Text)
    closed_at: datetime | None = Field(default=None, sa_type=UtcText)


class IncidentRow(Table, table=True):
    """One incident, which belongs to a channel. Rows stay, so that a number always means the same incident."""

    __tablename__ = "incidents"
    __table_args__ = (
        Index("incidents_open", "channel", unique=True, sqlite_where=text("resolved_at IS NULL")),
        STRICT,
    )

    number: int | None = Field(default=None, primary_key=True)
    operation: str = Field(unique=True, sa_type=Text)
    channel: str = Field(sa_type=Text)
    title: str = Field(sa_type=Text)
    target: str = Field(sa_type=Text)
    opened_by: str = Field(sa_type=Text)
    opened_at: datetime = Field(sa_type=UtcText)
    resolution: str = Field(sa_type=Text)
    resolved_by: str = Field(sa_type=Text)
    resolved_at: datetime | None = Field(default=None, sa_type=UtcText)
    was: str = Field(sa_type=Text)


class IncidentChannelRow(Table, table=True):
    """How a channel is called that was made for an incident; of others the bot knows no name."""

    __tablename__ = "incident_channels"
    __table_args__ = (STRICT,)

    channel: str = Field(primary_key=True, sa_type=Text)
    name: str = Field(sa_type=Text)


class IncidentEntryRow(Table, table=True):
    """What was asked and answered in the channel of an incident."""

    __tablename__ = "incident_entries"
    __table_args__ = (Index("incident_entries_by_time", "incident", "at"), STRICT)

    operation: str = Field(primary_key=True, sa_type=Text)
    incident: int
    at: datetime = Field(sa_type=UtcText)
    actor: str = Field(sa_type=Text)
    words: str = Field(sa_type=Text)
    answer: str = Field(sa_type=Text)


INBOX = Table.metadata.tables["inbox"]
OUTBOX = Table.metadata.tables["outbox"]
ANSWERS = Table.metadata.tables["answers"]
AUDIT = Table.metadata.tables["audit"]
OPERATIONS = Table.metadata.tables["operations"]
REVIEWS = Table.metadata.tables["reviews"]
CLAIMS = Table.metadata.tables["claims"]
LOCKS = Table.metadata.tables["locks"]
SCHEDULES = Table.metadata.tables["schedules"]
SCHEDULE_RUNS = Table.metadata.tables["schedule_runs"]
OBSERVATIONS = Table.metadata.tables["observations"]
DIGESTS = Table.metadata.tables["digests"]
NOTICES = Table.metadata.tables["notices"]
INCIDENTS = Table.metadata.tables["incidents"]
INCIDENT_CHANNELS = Table.metadata.tables["incident_channels"]
INCIDENT_ENTRIES = Table.metadata.tables["incident_entries"]
"""The same for statements that are built once and need no Session, whose upkeep was most of what a row cost."""

APPEND_ONLY = (
    "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit "
    "BEGIN SELECT RAISE(ABORT, 'audit events are only ever appended'); END",
    "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit "
    "BEGIN SELECT RAISE(ABORT, 'audit events are only ever appended'); END",
    # REPLACE deletes without asking the trigger above
    "CREATE TRIGGER audit_only_next BEFORE INSERT ON audit "
    "WHEN NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM audit) "
    "BEGIN SELECT RAISE(ABORT, 'audit events are only ever appended'); END",
)
"""Against accidents and our own bugs. Whoever can write the file can drop these first; the chain finds that."""

for _trigger in APPEND_ONLY:
    event.listen(AUDIT, "after_create", DDL(_trigger))  # type: ignore[no-untyped-call]
