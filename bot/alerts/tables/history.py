"""Histories of alerts: changes in a period, times that are ahead, and retention. Parts of `AlertTable`'s transactions."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Text, bindparam, case, delete, exists, func, or_, select, tuple_, type_coerce, update

from bot.model.alert import Alert, AlertChange, AlertHistory, AlertState, AlertStep
from bot.store.encoding import decode_phrase
from bot.store.rows import DAMAGE, Rows, leave_out
from bot.store.schema.alerts import AlertChangeRow, AlertRow
from bot.store.schema.column_types import UtcText

RETENTION = timedelta(days=400)
"""Retention of resolved alerts and of changes: reports look back a year."""

END_OF_TIME = datetime(9999, 12, 31, tzinfo=UTC)
"""End of a period that has none."""

MAX_PRUNED = 500
"""Maximum number of rows that one transaction prunes."""

ALERTS = Rows(Alert, AlertRow, repair=leave_out)
"""The checks fire a damaged alert again, under a new number."""

ALERT_CHANGES = Rows(AlertChange, AlertChangeRow, repair=leave_out)

_COLUMNS = ALERTS.c
_CHANGES = ALERT_CHANGES.c
_UNRESOLVED = _COLUMNS.resolved_at.is_(None)
_EVER_FIRED = _COLUMNS.first_fired_at.is_not(None)

_HISTORY = _EVER_FIRED & or_(_UNRESOLVED, _COLUMNS.resolved_at >= bindparam("since"))
_WITH_HISTORY = ALERTS.select(_HISTORY).order_by(_COLUMNS.number)
_CHANGES_SINCE = (
    ALERT_CHANGES.select()
    .join(ALERTS.table, _COLUMNS.number == _CHANGES.alert)
    .where(_HISTORY, _CHANGES.at >= bindparam("since"), _CHANGES.at < bindparam("until"))
    .order_by(_CHANGES.alert, _CHANGES.version)
)
_STEPS = (
    ALERT_CHANGES.select()
    .add_columns(_COLUMNS.host, type_coerce(_COLUMNS.short, Text).label("short"))
    .join(ALERTS.table, _COLUMNS.number == _CHANGES.alert)
    .where(_CHANGES.at >= bindparam("since"), _CHANGES.at < bindparam("until"))
    .order_by(_CHANGES.at, _CHANGES.alert, _CHANGES.version)
)
_EARLIER = ALERT_CHANGES.table.alias()
_LAST_RESOLUTIONS = (
    select(_EARLIER.c.alert, func.max(_EARLIER.c.version).label("version"))
    .where(_EARLIER.c.state == AlertState.RESOLVED.value, _EARLIER.c.at < bindparam("since"))
    .group_by(_EARLIER.c.alert)
    .subquery()
)
_OPENED_BEFORE = (
    select(_CHANGES.alert, func.min(_CHANGES.at, type_=UtcText).label("at"))
    .join(ALERTS.table, _COLUMNS.number == _CHANGES.alert)
    .outerjoin(_LAST_RESOLUTIONS, _LAST_RESOLUTIONS.c.alert == _CHANGES.alert)
    .where(_HISTORY, _CHANGES.at < bindparam("since"), _CHANGES.version > func.coalesce(_LAST_RESOLUTIONS.c.version, 0))
    .group_by(_CHANGES.alert)
)

_TIMES = tuple(
    _COLUMNS[name]
    for name in (
        "began_at",
        "checked_at",
        "first_fired_at",
        "fired_at",
        "resolved_at",
        "repeated_at",
        "escalated_at",
    )
)
_NOW = bindparam("now", type_=UtcText)
_CORRECT_TIMES = (
    update(ALERTS.table)
    .where(or_(_UNRESOLVED, _COLUMNS.resolved_at > _NOW), or_(*(column > _NOW for column in _TIMES)))
    .values({column: case((column > _NOW, _NOW), else_=column) for column in _TIMES})
)
_CORRECT_CHANGES = update(ALERT_CHANGES.table).where(_CHANGES.at > _NOW).values(at=_NOW)
_PRUNE_CHANGES = delete(ALERT_CHANGES.table).where(
    tuple_(_CHANGES.alert, _CHANGES.version).in_(
        select(_CHANGES.alert, _CHANGES.version)
        .where(_CHANGES.at < bindparam("oldest"))
        .order_by(_CHANGES.at)
        .limit(MAX_PRUNED)
    )
)
_PRUNE = delete(ALERTS.table).where(
    _COLUMNS.number.in_(
        select(_COLUMNS.number)
        .where(_COLUMNS.resolved_at < bindparam("oldest"), ~exists().where(_CHANGES.alert == _COLUMNS.number))
        .order_by(_COLUMNS.resolved_at)
        .limit(MAX_PRUNED)
    )
)


def read_histories(connection: Connection, since: datetime, until: datetime) -> tuple[AlertHistory, ...]:
    """Reads the alerts that were open in a period, and some that were not, with their changes in it."""
    period = {"since": since, "until": until}
    alerts = ALERTS.list(connection, _WITH_HISTORY, **period)
    opened = {row.alert: row.at for row in connection.execute(_OPENED_BEFORE, period)}
    changes: dict[int, list[AlertChange]] = {}
    for change in ALERT_CHANGES.list(connection, _CHANGES_SINCE, **period):
        changes.setdefault(change.alert, []).append(change)
    return tuple(AlertHistory(alert, opened.get(alert.number), tuple(changes.get(alert.number, ()))) for alert in alerts)


def read_steps(connection: Connection, since: datetime, until: datetime) -> tuple[AlertStep, ...]:
    """Reads the moves of all alerts in a period, in order. Those that this version cannot read are left out."""
    found = map(_read_step, connection.execute(_STEPS, {"since": since, "until": until}))
    return tuple(step for step in found if step is not None)


def correct_times(connection: Connection, now: datetime) -> None:
    """Sets times that are ahead of now to now: the clock was ahead when they were stored.

    Times of acknowledgements stay, because their end moves with their begin (`bot.alerts.rules.transitions`).
    """
    connection.execute(_CORRECT_TIMES, {"now": now})
    connection.execute(_CORRECT_CHANGES, {"now": now})


def prune_alerts(connection: Connection, now: datetime) -> None:
    """Deletes changes and resolved alerts beyond `RETENTION`, at most `MAX_PRUNED` of each.

    An alert is deleted after its last change. Its number may be used again, and must not find the changes of another one.
    """
    connection.execute(_PRUNE_CHANGES, {"oldest": now - RETENTION})
    connection.execute(_PRUNE, {"oldest": now - RETENTION})


def _read_step(row: Row[Any]) -> AlertStep | None:
    change = ALERT_CHANGES.decode(row)
    try:
        short = decode_phrase(row.short)
    except DAMAGE:
        return None
    return None if change is None or short is None else AlertStep(change, row.host, short)
