"""SQLAlchemy tables of the row classes, and the triggers that keep audit events and timelines append-only.

Statements are built on these tables once and run without a Session: its upkeep was most of the cost of a row.
"""

from typing import Any

from sqlalchemy import DDL, ColumnElement, FromClause, Text, event, type_coerce

from bot.store.schema.alerts import AlertChangeRow, AlertRow, LogPositionRow, MuteRow, TrafficRow
from bot.store.schema.base import Table
from bot.store.schema.certificates import (
    BackupRow,
    DrillRow,
    HandshakePositionRow,
    IdentityRow,
    KeyBackupRow,
    RotationMemberRow,
    RotationRow,
    SightingRow,
)
from bot.store.schema.hosts import CheckRow, GoodConfigurationRow, OwedRow, RehearsalRow, StepStartRow, SuspensionReminderRow
from bot.store.schema.incidents import (
    IncidentChannelRow,
    IncidentDeliveryRow,
    IncidentEntryRow,
    IncidentPositionRow,
    IncidentRow,
    IncidentTimelineRow,
)
from bot.store.schema.replicas import CopyRow, HostFilesRow, LeaderRow

METADATA = Table.metadata
"""All tables of the bot."""

INBOX = Table.metadata.tables["inbox"]
OUTBOX = Table.metadata.tables["outbox"]
ANSWERS = Table.metadata.tables["answers"]
AUDIT = Table.metadata.tables["audit"]
OPERATIONS = Table.metadata.tables["operations"]
OPERATION_HOSTS = Table.metadata.tables["operation_hosts"]
REVIEWS = Table.metadata.tables["reviews"]
CLAIMS = Table.metadata.tables["claims"]
LOCKS = Table.metadata.tables["locks"]
SCHEDULES = Table.metadata.tables["schedules"]
SCHEDULE_RUNS = Table.metadata.tables["schedule_runs"]
OBSERVATIONS = Table.metadata.tables["observations"]
DIGESTS = Table.metadata.tables["digests"]
INCIDENTS = Table.metadata.tables[IncidentRow.__tablename__]
INCIDENT_CHANNELS = Table.metadata.tables[IncidentChannelRow.__tablename__]
INCIDENT_ENTRIES = Table.metadata.tables[IncidentEntryRow.__tablename__]
INCIDENT_TIMELINE = Table.metadata.tables[IncidentTimelineRow.__tablename__]
INCIDENT_POSITION = Table.metadata.tables[IncidentPositionRow.__tablename__]
INCIDENT_DELIVERIES = Table.metadata.tables[IncidentDeliveryRow.__tablename__]
REHEARSALS = Table.metadata.tables[RehearsalRow.__tablename__]
CHECKS = Table.metadata.tables[CheckRow.__tablename__]
ALERTS = Table.metadata.tables[AlertRow.__tablename__]
ALERT_CHANGES = Table.metadata.tables[AlertChangeRow.__tablename__]
MUTES = Table.metadata.tables[MuteRow.__tablename__]
TRAFFIC = Table.metadata.tables[TrafficRow.__tablename__]
LOG_POSITIONS = Table.metadata.tables[LogPositionRow.__tablename__]
GOOD_CONFIGURATIONS = Table.metadata.tables[GoodConfigurationRow.__tablename__]
OWED = Table.metadata.tables[OwedRow.__tablename__]
SUSPENSION_REMINDERS = Table.metadata.tables[SuspensionReminderRow.__tablename__]
IDENTITIES = Table.metadata.tables[IdentityRow.__tablename__]
SIGHTINGS = Table.metadata.tables[SightingRow.__tablename__]
HANDSHAKE_POSITIONS = Table.metadata.tables[HandshakePositionRow.__tablename__]
ROTATIONS = Table.metadata.tables[RotationRow.__tablename__]
ROTATION_MEMBERS = Table.metadata.tables[RotationMemberRow.__tablename__]
BACKUPS = Table.metadata.tables[BackupRow.__tablename__]
KEY_BACKUPS = Table.metadata.tables[KeyBackupRow.__tablename__]
DRILLS = Table.metadata.tables[DrillRow.__tablename__]
LEADER = Table.metadata.tables[LeaderRow.__tablename__]
COPIES = Table.metadata.tables[CopyRow.__tablename__]
STEP_STARTS = Table.metadata.tables[StepStartRow.__tablename__]
HOST_FILES = Table.metadata.tables[HostFilesRow.__tablename__]


def list_texts(table: FromClause) -> tuple[ColumnElement[Any], ...]:
    """Lists a table's columns with times as they are stored: one damaged time must not end the whole query."""
    return tuple(type_coerce(each, Text).label(each.name) if each.name.endswith("at") else each for each in table.c)


APPEND_ONLY_TRIGGERS = (
    "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit "
    "BEGIN SELECT RAISE(ABORT, 'audit events are only ever appended'); END",
    "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit "
    "BEGIN SELECT RAISE(ABORT, 'audit events are only ever appended'); END",
    # REPLACE deletes rows without firing the trigger above
    "CREATE TRIGGER audit_only_next BEFORE INSERT ON audit "
    "WHEN NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM audit) "
    "BEGIN SELECT RAISE(ABORT, 'audit events are only ever appended'); END",
)
TIMELINE_TRIGGERS = (
    "CREATE TRIGGER incident_timeline_no_update BEFORE UPDATE ON incident_timeline "
    "BEGIN SELECT RAISE(ABORT, 'entries of timelines are only ever appended'); END",
    "CREATE TRIGGER incident_timeline_no_delete BEFORE DELETE ON incident_timeline "
    "BEGIN SELECT RAISE(ABORT, 'entries of timelines are only ever appended'); END",
)
"""Triggers against accidents and bugs. A program that can write the file can drop them first; the chain detects that."""

POSTGRES_TRIGGERS = (
    "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ "
    "BEGIN RAISE EXCEPTION '% is only ever appended to', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; "
    "END $$",
    "CREATE FUNCTION require_next_event() RETURNS trigger LANGUAGE plpgsql AS $$ "
    "BEGIN IF NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM audit) THEN "
    "RAISE EXCEPTION 'audit events are only ever appended' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
    "RETURN NEW; END $$",
    "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER audit_only_next BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION require_next_event()",
    "CREATE TRIGGER incident_timeline_no_change BEFORE UPDATE OR DELETE ON incident_timeline "
    "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER incident_timeline_no_truncate BEFORE TRUNCATE ON incident_timeline "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
)
"""The same on PostgreSQL, created after all tables."""

POSTGRES_TRIGGER_NAMES = (
    "audit audit_no_change refuse_change O",
    "audit audit_no_truncate refuse_change O",
    "audit audit_only_next require_next_event O",
    "incident_timeline incident_timeline_no_change refuse_change O",
    "incident_timeline incident_timeline_no_truncate refuse_change O",
)
"""Table, name, function, and O for a trigger that acts on all that the bot writes."""

for _table, _triggers in ((AUDIT, APPEND_ONLY_TRIGGERS), (INCIDENT_TIMELINE, TIMELINE_TRIGGERS)):
    for _trigger in _triggers:
        event.listen(_table, "after_create", DDL(_trigger).execute_if(dialect="sqlite"))  # type: ignore[no-untyped-call]
for _trigger in POSTGRES_TRIGGERS:
    event.listen(METADATA, "after_create", DDL(_trigger.replace("%", "%%")).execute_if(dialect="postgresql"))  # type: ignore[no-untyped-call]
