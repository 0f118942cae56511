"""Histories of alerts: changes in a period, times that are ahead, and retention. Parts of `AlertTable`'s transactions."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, RowMapping, bindparam, case, delete, exists, func, or_, select, tuple_, update

from bot.model.alert import Alert, AlertChange, AlertHistory, AlertState, AlertStep
from bot.store.encoding import decode_phrase
from bot.store.schema.column_types import UtcText
from bot.store.schema.tables import ALERT_CHANGES, ALERTS

RETENTION = timedelta(days=400)
"""Retention of resolved alerts and of changes: reports look back a year."""

END_OF_TIME = datetime(9999, 12, 31, tzinfo=UTC)
"""End of a period that has none."""

MAX_PRUNED = 500
"""Maximum number of rows that one transaction prunes."""

_COLUMNS = ALERTS.c
_CHANGES = ALERT_CHANGES.c
_UNRESOLVED = _COLUMNS.resolved_at.is_(None)
_EVER_FIRED = _COLUMNS.first_fired_at.is_not(None)

_HISTORY = _EVER_FIRED & or_(_UNRESOLVED, _COLUMNS.resolved_at >= bindparam("since"))
_WITH_HISTORY = select(ALERTS).where(_HISTORY).order_by(_COLUMNS.number)
_CHANGES_SINCE = (
    select(ALERT_CHANGES)
    .join(ALERTS, _COLUMNS.number == _CHANGES.alert)
    .where(_HISTORY, _CHANGES.at >= bindparam("since"), _CHANGES.at < bindparam("until"))
    .order_by(_CHANGES.alert, _CHANGES.version)
)
_STEPS = (
    select(ALERT_CHANGES, _COLUMNS.host, _COLUMNS.short)
    .join(ALERTS, _COLUMNS.number == _CHANGES.alert)
    .where(_CHANGES.at >= bindparam("since"), _CHANGES.at < bindparam("until"))
    .order_by(_CHANGES.at, _CHANGES.alert, _CHANGES.version)
)
_EARLIER = ALERT_CHANGES.alias()
_LAST_RESOLUTIONS = (
    select(_EARLIER.c.alert, func.max(_EARLIER.c.version).label("version"))
    .where(_EARLIER.c.state == AlertState.RESOLVED.value, _EARLIER.c.at < bindparam("since"))
    .group_by(_EARLIER.c.alert)
    .subquery()
)
_OPENED_BEFORE = (
    select(_CHANGES.alert, func.min(_CHANGES.at, type_=UtcText).label("at"))
    .join(ALERTS, _COLUMNS.number == _CHANGES.alert)
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
    update(ALERTS)
    .where(or_(_UNRESOLVED, _COLUMNS.resolved_at > _NOW), or_(*(column > _NOW for column in _TIMES)))
    .values({column: case((column > _NOW, _NOW), else_=column) for column in _TIMES})
)
_CORRECT_CHANGES = update(ALERT_CHANGES).where(_CHANGES.at > _NOW).values(at=_NOW)
_PRUNE_CHANGES = delete(ALERT_CHANGES).where(
    tuple_(_CHANGES.alert, _CHANGES.version).in_(
        select(_CHANGES.alert, _CHANGES.version)
        .where(_CHANGES.at < bindparam("oldest"))
        .order_by(_CHANGES.at)
        .limit(MAX_PRUNED)
    )
)
_PRUNE = delete(ALERTS).where(
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
    alerts = read_alerts(connection.execute(_WITH_HISTORY, period).mappings())
    opened = {row.alert: row.at for row in connection.execute(_OPENED_BEFORE, period)}
    changes: dict[int, list[AlertChange]] = {}
    for row in connection.execute(_CHANGES_SINCE, period).mappings():
        changes.setdefault(row["alert"], []).append(read_change(row))
    return tuple(AlertHistory(alert, opened.get(alert.number), tuple(changes.get(alert.number, ()))) for alert in alerts)


def read_steps(connection: Connection, since: datetime, until: datetime) -> tuple[AlertStep, ...]:
    """Reads the moves of all alerts in a period, in order. Those that this version cannot read are left out."""
    found = (_read_step(row) for row in connection.execute(_STEPS, {"since": since, "until": until}).mappings())
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


def read_alerts(rows: Iterable[RowMapping]) -> tuple[Alert, ...]:
    """Reads rows. Those that this version cannot read, because a newer one wrote them, are left out."""
    return tuple(alert for alert in map(_read_alert, rows) if alert is not None)


def _read_alert(row: RowMapping) -> Alert | None:
    try:
        phrases = {name: decode_phrase(row[name]) for name in ("short", "why", "outcome")}
        return Alert.model_validate({**row, **phrases})
    except (ValidationError, ValueError):
        return None


def _read_step(row: RowMapping) -> AlertStep | None:
    try:
        short = decode_phrase(row["short"])
        change = read_change({name: row[name] for name in AlertChange.model_fields})
    except (ValidationError, ValueError):
        return None
    return None if short is None else AlertStep(change, row["host"], short)


def read_change(row: Mapping[Any, Any]) -> AlertChange:
    return AlertChange.model_validate(dict(row))
