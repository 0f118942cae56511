"""Row classes of incidents (SQLModel), as those in `models`."""

from datetime import datetime

from sqlalchemy import Index, Text, UniqueConstraint
from sqlmodel import Field

from bot.store.schema.base import GIVEN, STRICT, Table, count_up, index_some
from bot.store.schema.column_types import UtcText, Whole

OPEN_IN_CHANNEL = "state IN ('open', 'mitigated') AND channel <> ''"
"""Incidents of which a channel has at most one."""


class IncidentRow(Table, table=True):
    """One incident. Rows are never deleted, so a number always means the same incident.

    `channel` is "" for one without a place. `document` is JSON of the whole incident.
    """

    __tablename__ = "incidents"
    __table_args__ = (
        index_some("incidents_open", "channel", where=OPEN_IN_CHANNEL, unique=True),
        Index("incidents_by_state", "state"),
        STRICT,
    )

    number: int | None = count_up("incidents", "number")
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
    private: int | None = Field(default=None, sa_type=Whole)
    shared: int = Field(sa_type=Whole)
    state: str = Field(sa_type=Text)
    version: int = Field(sa_type=Whole)
    document: str = Field(sa_type=Text)


class IncidentChannelRow(Table, table=True):
    """The name of a channel that was created for an incident. The names of other channels are not stored."""

    __tablename__ = "incident_channels"
    __table_args__ = (STRICT,)

    channel: str = Field(primary_key=True, sa_type=Text)
    name: str = Field(sa_type=Text)


class IncidentEntryRow(Table, table=True):
    """The answer to a request in the channel of an incident."""

    __tablename__ = "incident_entries"
    __table_args__ = (Index("incident_entries_by_time", "incident", "at"), STRICT)

    operation: str = Field(primary_key=True, sa_type=Text)
    incident: int = Field(sa_type=Whole)
    at: datetime = Field(sa_type=UtcText)
    actor: str = Field(sa_type=Text)
    words: str = Field(sa_type=Text)
    answer: str = Field(sa_type=Text)


class IncidentTimelineRow(Table, table=True):
    """One entry of a timeline. Rows are never changed or deleted, which triggers enforce.

    `hosts` are names with spaces between. `text` is JSON of a phrase.
    """

    __tablename__ = "incident_timeline"
    __table_args__ = (
        UniqueConstraint("incident", "source"),
        Index("incident_timeline_by_time", "incident", "happened_at"),
        STRICT,
    )

    incident: int = Field(primary_key=True, sa_type=Whole)
    number: int = Field(primary_key=True, sa_type=Whole)
    source: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    happened_at: datetime = Field(sa_type=UtcText)
    recorded_at: datetime = Field(sa_type=UtcText)
    author: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
    hosts: str = Field(sa_type=Text)
    words: str = Field(sa_type=Text)
    operation: str = Field(sa_type=Text)
    link: str = Field(sa_type=Text)
    about: int = Field(sa_type=Whole)


class IncidentPositionRow(Table, table=True):
    """Position up to which the audit log was followed; `id` is the follower."""

    __tablename__ = "incident_position"
    __table_args__ = (STRICT,)

    id: int = Field(primary_key=True, sa_type=Whole, sa_column_kwargs=GIVEN)
    sequence: int = Field(sa_type=Whole)


class IncidentDeliveryRow(Table, table=True):
    """Record of what people were shown of an incident, and of how often its lead was asked for an update.

    `posting` counts the status messages: a deleted one is posted anew. `shown` is the hash of what the newest one shows.
    `replied` and `announced` are the newest entries that its thread and the channel for announcements have. `asked` is how
    often the lead was asked in the present silence, `asked_at` when. `offered_at`: people were
    offered to call others; `called_at`: others were called. `proposed` is the entry of an alert after which
    "mitigated" was proposed.
    """

    __tablename__ = "incident_deliveries"
    __table_args__ = (STRICT,)

    incident: int = Field(primary_key=True, sa_type=Whole, sa_column_kwargs=GIVEN)
    posting: int = Field(sa_type=Whole)
    shown: str = Field(sa_type=Text)
    replied: int = Field(sa_type=Whole)
    announced: int = Field(sa_type=Whole)
    asked: int = Field(sa_type=Whole)
    asked_at: datetime | None = Field(default=None, sa_type=UtcText)
    offered_at: datetime | None = Field(default=None, sa_type=UtcText)
    called_at: datetime | None = Field(default=None, sa_type=UtcText)
    proposed: int = Field(sa_type=Whole)
