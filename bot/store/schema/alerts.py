"""Row classes of alerts (SQLModel), as those in `models`."""

from datetime import datetime

from sqlalchemy import Index, Text
from sqlmodel import Field

from bot.model.alert import Alert, AlertChange, Mute
from bot.store.schema.base import STRICT, Table, count_up, index_some
from bot.store.schema.column_types import Flag, UtcText, Whole

IN_ORDER_OF_KEY = STRICT | {"sqlite_with_rowid": False}


class AlertRow(Alert, Table, table=True):  # type: ignore[misc]  # the two bases' model_config differ
    """One alert. Rows that fired are never deleted within the retention, so a number always means the same alert.

    At most one row of a host and a subject is not resolved.
    """

    __tablename__ = "alerts"
    __table_args__ = (
        index_some("alerts_open", "host", "subject", where="resolved_at IS NULL", unique=True),
        Index("alerts_by_message", "message"),
        Index("alerts_by_end", "resolved_at"),
        index_some("alerts_unshown", "number", where="version > shown"),
        STRICT,
    )

    number: int = count_up("alerts", "number")


class AlertChangeRow(AlertChange, Table, table=True):  # type: ignore[misc]  # the two bases' model_config differ
    """One move of an alert, stored in the transaction that moves it."""

    __tablename__ = "alert_changes"
    __table_args__ = (Index("alert_changes_by_time", "at"), STRICT)

    alert: int = Field(primary_key=True)
    version: int = Field(primary_key=True)


class MuteRow(Mute, Table, table=True):  # type: ignore[misc]  # the two bases' model_config differ
    """One silence or maintenance. Rows are never deleted, so a number always means the same one."""

    __tablename__ = "mutes"
    __table_args__ = (Index("mutes_by_end", "ends_at"), STRICT)

    number: int = count_up("mutes", "number")
    operation: str = Field(unique=True)


class TrafficRow(Table, table=True):
    """Requests that one gateway answered in five minutes, from its access log; after 90 days, in one UTC day.

    `at` is the begin of the window in seconds since 1970. `timed` counts the requests whose time is logged, `time_ms` is the
    sum of these times. `partial`: a part of the log was skipped, so the counts are of the rest.
    """

    __tablename__ = "traffic"
    __table_args__ = IN_ORDER_OF_KEY

    at: int = Field(primary_key=True, sa_type=Whole)
    host: str = Field(primary_key=True, sa_type=Text)
    requests: int = Field(sa_type=Whole)
    errors: int = Field(sa_type=Whole)
    timed: int = Field(sa_type=Whole)
    time_ms: int = Field(sa_type=Whole)
    slowest_ms: int = Field(sa_type=Whole)
    partial: bool = Field(sa_type=Flag)


class LogPositionRow(Table, table=True):
    """Position up to which the access log of one host was counted. `position` is JSON."""

    __tablename__ = "log_positions"
    __table_args__ = STRICT

    host: str = Field(primary_key=True, sa_type=Text)
    at: datetime = Field(sa_type=UtcText)
    position: str = Field(sa_type=Text)
