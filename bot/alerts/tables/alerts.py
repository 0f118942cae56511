"""Alerts and their moves. Rows and queries only; `bot.alerts.rules.transitions` has the rules.

read ─▶ pure moves ─▶ apply: each row by compare-and-set on what was read, with its change, in one transaction

Columns of the life are written by moves, those of the notifier (`message`, `shown`, `repeated_at`, `escalated_at`) by the
notifier. So neither overwrites what the other wrote meanwhile. A fire alone also clears the last two.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    CursorResult,
    bindparam,
    delete,
    or_,
    update,
)

from bot.alerts.tables.history import (
    ALERT_CHANGES,
    ALERTS,
    END_OF_TIME,
    correct_times,
    prune_alerts,
    read_histories,
    read_steps,
)
from bot.model.alert import OPEN_STATES, Alert, AlertChange, AlertHistory, AlertMove, AlertStep
from bot.store.database import Database
from bot.store.rows import execute, execute_many

MAX_CHANGES = 200
"""Maximum number of changes that are read of one alert; the newest ones."""

_COLUMNS = ALERTS.c
_CHANGES = ALERT_CHANGES.c
_OPEN = _COLUMNS.state.in_(sorted(OPEN_STATES))
_UNRESOLVED = _COLUMNS.resolved_at.is_(None)
_EVER_FIRED = _COLUMNS.first_fired_at.is_not(None)
_THIS = _COLUMNS.number == bindparam("this")
_THESE = _COLUMNS.number.in_(bindparam("these", expanding=True))
_AS_READ = _THIS & (_COLUMNS.version == bindparam("seen_version")) & (_COLUMNS.streak == bindparam("seen_streak"))

_OF_HOST = ALERTS.select(
    _COLUMNS.host == bindparam("host"),
    or_(_UNRESOLVED, _COLUMNS.resolved_at.between(bindparam("since"), bindparam("until"))),
).order_by(_COLUMNS.number)
_LIST_UNRESOLVED = ALERTS.select(_UNRESOLVED).order_by(_COLUMNS.number)
_LIST_OPEN = ALERTS.select(_UNRESOLVED, _OPEN).order_by(_COLUMNS.fired_at.nulls_first(), _COLUMNS.number)
_LIST_RESOLVED = ALERTS.select(_COLUMNS.resolved_at >= bindparam("since")).order_by(
    _COLUMNS.resolved_at.desc().nulls_last(), _COLUMNS.number.desc()
)
_LIST_UNSHOWN = ALERTS.select(_COLUMNS.version > _COLUMNS.shown, _EVER_FIRED).order_by(
    _COLUMNS.fired_at.nulls_first(), _COLUMNS.number
)
_OF_MESSAGE = ALERTS.select(_COLUMNS.message == bindparam("of")).order_by(_COLUMNS.number)
_FIND = ALERTS.select(_THIS)
_NEWEST_CHANGES = (
    ALERT_CHANGES.select(_CHANGES.alert == bindparam("this")).order_by(_CHANGES.version.desc()).limit(MAX_CHANGES)
)

_ADD = ALERTS.insert_new.returning(_COLUMNS.number)
_CHANGE = update(ALERTS.table).where(_AS_READ).returning(_COLUMNS.number)
_DELETE = delete(ALERTS.table).where(_AS_READ).returning(_COLUMNS.number)
_SET_MESSAGE = update(ALERTS.table).where(_THESE).values(message=bindparam("name"))
_MARK = update(ALERTS.table).where(_THESE, _COLUMNS.fired_at <= bindparam("at"))
_MARK_REPEATED = _MARK.values(repeated_at=bindparam("at"))
_MARK_ESCALATED = _MARK.values(escalated_at=bindparam("at"))
_MARK_SHOWN = update(ALERTS.table).where(_THIS, _COLUMNS.shown < bindparam("new_shown")).values(shown=bindparam("new_shown"))

_ABOUT_A_FIRE = frozenset({"repeated_at", "escalated_at"})
"""Columns of the notifier that are about the newest fire."""


class AlertTable:
    """Table of alerts. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_of_host(self, host: str, since: datetime, until: datetime) -> tuple[Alert, ...]:
        """Lists the alerts of a host that are not resolved, or were between these times, by number."""
        return await self._database.read(ALERTS.list, _OF_HOST, host=host, since=since, until=until)

    async def list_unresolved(self) -> tuple[Alert, ...]:
        """Lists all pending and open alerts, by number."""
        return await self._database.read(ALERTS.list, _LIST_UNRESOLVED)

    async def list_open(self) -> tuple[Alert, ...]:
        """Lists the open alerts, in the order in which they fired."""
        return await self._database.read(ALERTS.list, _LIST_OPEN)

    async def list_resolved(self, since: datetime) -> tuple[Alert, ...]:
        """Lists the alerts that were resolved since then, newest first."""
        return await self._database.read(ALERTS.list, _LIST_RESOLVED, since=since)

    async def list_unshown(self) -> tuple[Alert, ...]:
        """Lists the alerts that moved since people were shown them, in the order in which they fired."""
        return await self._database.read(ALERTS.list, _LIST_UNSHOWN)

    async def list_of_message(self, message: str) -> tuple[Alert, ...]:
        """Lists the alerts of a message, by number."""
        return await self._database.read(ALERTS.list, _OF_MESSAGE, of=message)

    async def find(self, number: int) -> Alert | None:
        """Returns one alert by its number; None if there is none."""
        return await self._database.read(ALERTS.find, _FIND, this=number)

    async def list_changes(self, number: int) -> tuple[AlertChange, ...]:
        """Lists the newest changes of an alert, oldest first."""
        return (await self._database.read(ALERT_CHANGES.list, _NEWEST_CHANGES, this=number))[::-1]

    async def list_histories(self, since: datetime, until: datetime) -> tuple[AlertHistory, ...]:
        """Lists the alerts that were open in a period, and some that were not, with their changes in it."""
        return await self._database.read(read_histories, since, until)

    async def list_steps(self, since: datetime, until: datetime | None = None) -> tuple[AlertStep, ...]:
        """Lists the moves of all alerts since then, in order; those before `until`, if it is given."""
        return await self._database.read(read_steps, since, until or END_OF_TIME)

    async def correct_times(self, now: datetime) -> None:
        """Sets times that are ahead of now to now (`bot.alerts.tables.history`)."""
        await self._database.run(correct_times, now)

    async def prune(self, now: datetime) -> None:
        """Deletes resolved alerts and changes beyond the retention, a bounded number of each."""
        await self._database.run(prune_alerts, now)

    async def apply(self, moves: Sequence[AlertMove], at: datetime) -> tuple[AlertMove, ...]:
        """Stores moves in one transaction. Returns those that were stored; a new alert has its number then.

        A move whose alert is no longer as it was read is left out.
        """
        return await self._database.run(_apply_moves, moves, at) if moves else ()

    async def set_message(self, numbers: Collection[int], message: str) -> None:
        """Stores the name of the announcement that shows these alerts."""
        await self._database.run(execute, _SET_MESSAGE, these=list(numbers), name=message)

    async def mark_shown(self, versions: Mapping[int, int]) -> None:
        """Records that people were shown these versions of alerts, by number."""
        rows = [{"this": number, "new_shown": version} for number, version in versions.items()]
        await self._database.run(execute_many, _MARK_SHOWN, rows)

    async def mark_repeated(self, numbers: Collection[int], at: datetime) -> None:
        """Records that these alerts were mentioned, by what was read at that time. One that fired since was not."""
        await self._database.run(execute, _MARK_REPEATED, these=list(numbers), at=at)

    async def mark_escalated(self, numbers: Collection[int], at: datetime) -> None:
        """Records that the second step was notified, by what was read at that time."""
        await self._database.run(execute, _MARK_ESCALATED, these=list(numbers), at=at)


def _apply_moves(connection: Connection, moves: Sequence[AlertMove], at: datetime) -> tuple[AlertMove, ...]:
    stored = (_apply_move(connection, move, at) for move in moves)
    return tuple(move for move in stored if move is not None)


def _apply_move(connection: Connection, move: AlertMove, at: datetime) -> AlertMove | None:
    """Stores one move and its change. Returns it; None if its alert is no longer as it was read."""
    number = _store_alert(connection, move.before, move.after)
    if number is None or move.after is None:
        return None if number is None else move
    after = move.after.model_copy(update={"number": number})
    if move.visible:
        ALERT_CHANGES.store(connection, ALERT_CHANGES.insert, [_make_change(move.before, after, at)])
    return AlertMove(move.before, after)


def _store_alert(connection: Connection, before: Alert | None, after: Alert | None) -> int | None:
    """Stores an alert in place of `before`. Returns its number; None if the row is another one."""
    if before is None:
        return None if after is None else _return_number(connection.execute(_ADD, ALERTS.encode(after)))
    as_read = {"this": before.number, "seen_version": before.version, "seen_streak": before.streak}
    if after is None:
        return _return_number(connection.execute(_DELETE, as_read))
    return _return_number(connection.execute(_CHANGE, as_read | _make_changed_values(before, after)))


def _return_number(result: CursorResult[Any]) -> int | None:
    number: int | None = result.scalar_one_or_none()
    return number


def _make_changed_values(before: Alert, after: Alert) -> dict[str, Any]:
    """Makes the values that a move changes, and no others: the notifier may have written its own meanwhile.

    A fire clears those of the notifier that are about the fire before, whatever they were when the row was read.
    """
    old, new = ALERTS.encode(before), ALERTS.encode(after)
    cleared = frozenset() if after.fired_at == before.fired_at else _ABOUT_A_FIRE
    return {name: value for name, value in new.items() if value != old[name] or name in cleared}


def _make_change(before: Alert | None, after: Alert, at: datetime) -> AlertChange:
    acknowledged = before is None or _list_acknowledgement(before) != _list_acknowledgement(after)
    return AlertChange(
        alert=after.number,
        version=after.version,
        at=at,
        state=after.state,
        severity=after.severity,
        actor=after.acknowledged_by if acknowledged else "",
    )


def _list_acknowledgement(alert: Alert) -> tuple[Any, ...]:
    return alert.acknowledged_by, alert.acknowledged_at, alert.acknowledged_until
