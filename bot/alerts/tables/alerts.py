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
    Select,
    bindparam,
    delete,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from bot.alerts.tables.history import (
    END_OF_TIME,
    correct_times,
    prune_alerts,
    read_alerts,
    read_change,
    read_histories,
    read_steps,
)
from bot.model.alert import OPEN_STATES, Alert, AlertChange, AlertHistory, AlertMove, AlertStep
from bot.store.database import Database
from bot.store.encoding import encode_phrase, escape_text
from bot.store.schema.tables import ALERT_CHANGES, ALERTS

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

_OF_HOST = (
    select(ALERTS)
    .where(
        _COLUMNS.host == bindparam("host"),
        or_(_UNRESOLVED, _COLUMNS.resolved_at.between(bindparam("since"), bindparam("until"))),
    )
    .order_by(_COLUMNS.number)
)
_LIST_UNRESOLVED = select(ALERTS).where(_UNRESOLVED).order_by(_COLUMNS.number)
_LIST_OPEN = select(ALERTS).where(_UNRESOLVED, _OPEN).order_by(_COLUMNS.fired_at.nulls_first(), _COLUMNS.number)
_LIST_RESOLVED = (
    select(ALERTS)
    .where(_COLUMNS.resolved_at >= bindparam("since"))
    .order_by(_COLUMNS.resolved_at.desc().nulls_last(), _COLUMNS.number.desc())
)
_LIST_UNSHOWN = (
    select(ALERTS)
    .where(_COLUMNS.version > _COLUMNS.shown, _EVER_FIRED)
    .order_by(_COLUMNS.fired_at.nulls_first(), _COLUMNS.number)
)
_OF_MESSAGE = select(ALERTS).where(_COLUMNS.message == bindparam("of")).order_by(_COLUMNS.number)
_FIND = select(ALERTS).where(_THIS)
_NEWEST_CHANGES = (
    select(ALERT_CHANGES).where(_CHANGES.alert == bindparam("this")).order_by(_CHANGES.version.desc()).limit(MAX_CHANGES)
)

_ADD = insert(ALERTS).on_conflict_do_nothing().returning(_COLUMNS.number)
_CHANGE = update(ALERTS).where(_AS_READ).returning(_COLUMNS.number)
_DELETE = delete(ALERTS).where(_AS_READ).returning(_COLUMNS.number)
_ADD_CHANGE = insert(ALERT_CHANGES)
_SET_MESSAGE = update(ALERTS).where(_THESE).values(message=bindparam("name"))
_MARK = update(ALERTS).where(_THESE, _COLUMNS.fired_at <= bindparam("read_at"))
_MARK_SHOWN = update(ALERTS).where(_THIS, _COLUMNS.shown < bindparam("new_shown")).values(shown=bindparam("new_shown"))

_ABOUT_A_FIRE = frozenset({"repeated_at", "escalated_at"})
"""Columns of the notifier that are about the newest fire."""


class AlertTable:
    """Table of alerts. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_of_host(self, host: str, since: datetime, until: datetime) -> tuple[Alert, ...]:
        """Lists the alerts of a host that are not resolved, or were between these times, by number."""
        return await self._list(_OF_HOST, {"host": escape_text(host), "since": since, "until": until})

    async def list_unresolved(self) -> tuple[Alert, ...]:
        """Lists all pending and open alerts, by number."""
        return await self._list(_LIST_UNRESOLVED)

    async def list_open(self) -> tuple[Alert, ...]:
        """Lists the open alerts, in the order in which they fired."""
        return await self._list(_LIST_OPEN)

    async def list_resolved(self, since: datetime) -> tuple[Alert, ...]:
        """Lists the alerts that were resolved since then, newest first."""
        return await self._list(_LIST_RESOLVED, {"since": since})

    async def list_unshown(self) -> tuple[Alert, ...]:
        """Lists the alerts that moved since people were shown them, in the order in which they fired."""
        return await self._list(_LIST_UNSHOWN)

    async def list_of_message(self, message: str) -> tuple[Alert, ...]:
        """Lists the alerts of a message, by number."""
        return await self._list(_OF_MESSAGE, {"of": escape_text(message)})

    async def find(self, number: int) -> Alert | None:
        """Returns one alert by its number; None if there is none."""
        return next(iter(await self._list(_FIND, {"this": number})), None)

    async def list_changes(self, number: int) -> tuple[AlertChange, ...]:
        """Lists the newest changes of an alert, oldest first."""

        def work(connection: Connection) -> tuple[AlertChange, ...]:
            found = connection.execute(_NEWEST_CHANGES, {"this": number}).mappings().all()
            return tuple(read_change(row) for row in reversed(found))

        return await self._database.read(work)

    async def list_histories(self, since: datetime, until: datetime) -> tuple[AlertHistory, ...]:
        """Lists the alerts that were open in a period, and some that were not, with their changes in it."""
        return await self._database.read(lambda connection: read_histories(connection, since, until))

    async def list_steps(self, since: datetime, until: datetime | None = None) -> tuple[AlertStep, ...]:
        """Lists the moves of all alerts since then, in order; those before `until`, if it is given."""
        return await self._database.read(lambda connection: read_steps(connection, since, until or END_OF_TIME))

    async def correct_times(self, now: datetime) -> None:
        """Sets times that are ahead of now to now (`bot.alerts.tables.history`)."""
        await self._database.run(lambda connection: correct_times(connection, now))

    async def prune(self, now: datetime) -> None:
        """Deletes resolved alerts and changes beyond the retention, a bounded number of each."""
        await self._database.run(lambda connection: prune_alerts(connection, now))

    async def apply(self, moves: Sequence[AlertMove], at: datetime) -> tuple[AlertMove, ...]:
        """Stores moves in one transaction. Returns those that were stored; a new alert has its number then.

        A move whose alert is no longer as it was read is left out.
        """
        if not moves:
            return ()

        def work(connection: Connection) -> tuple[AlertMove, ...]:
            stored = (_apply_move(connection, move, at) for move in moves)
            return tuple(move for move in stored if move is not None)

        return await self._database.run(work)

    async def set_message(self, numbers: Collection[int], message: str) -> None:
        """Stores the name of the announcement that shows these alerts."""

        def work(connection: Connection) -> None:
            connection.execute(_SET_MESSAGE, {"these": list(numbers), "name": escape_text(message)})

        await self._database.run(work)

    async def mark_shown(self, versions: Mapping[int, int]) -> None:
        """Records that people were shown these versions of alerts, by number."""
        rows = [{"this": number, "new_shown": version} for number, version in versions.items()]

        def work(connection: Connection) -> None:
            if rows:
                connection.execute(_MARK_SHOWN, rows)

        await self._database.run(work)

    async def mark_repeated(self, numbers: Collection[int], at: datetime) -> None:
        """Records that these alerts were mentioned, by what was read at that time. One that fired since was not."""
        await self._mark(numbers, at, "repeated_at")

    async def mark_escalated(self, numbers: Collection[int], at: datetime) -> None:
        """Records that the second step was notified, by what was read at that time."""
        await self._mark(numbers, at, "escalated_at")

    async def _mark(self, numbers: Collection[int], at: datetime, column: str) -> None:
        def work(connection: Connection) -> None:
            connection.execute(_MARK.values({column: at}), {"these": list(numbers), "read_at": at})

        await self._database.run(work)

    async def _list(self, query: Select[Any], named: Mapping[str, Any] | None = None) -> tuple[Alert, ...]:
        return await self._database.read(lambda connection: read_alerts(connection.execute(query, named or {}).mappings()))


def _apply_move(connection: Connection, move: AlertMove, at: datetime) -> AlertMove | None:
    """Stores one move and its change. Returns it; None if its alert is no longer as it was read."""
    number = _store_alert(connection, move.before, move.after)
    if number is None or move.after is None:
        return None if number is None else move
    after = move.after.model_copy(update={"number": number})
    if move.visible:
        connection.execute(_ADD_CHANGE, _make_change(move.before, after, at))
    return AlertMove(move.before, after)


def _store_alert(connection: Connection, before: Alert | None, after: Alert | None) -> int | None:
    """Stores an alert in place of `before`. Returns its number; None if the row is another one."""
    if before is None:
        return None if after is None else _return_number(connection.execute(_ADD, _make_values(after)))
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
    old, new = _make_values(before), _make_values(after)
    cleared = frozenset() if after.fired_at == before.fired_at else _ABOUT_A_FIRE
    return {name: value for name, value in new.items() if value != old[name] or name in cleared}


def _make_values(alert: Alert) -> dict[str, Any]:
    """Makes the columns of a row, without its number."""
    return {
        "host": escape_text(alert.host),
        "subject": escape_text(alert.subject),
        "condition": alert.condition.value,
        "severity": alert.severity.value,
        "state": alert.state.value,
        "version": alert.version,
        "shown": alert.shown,
        "streak": alert.streak,
        "step": alert.step,
        "short": encode_phrase(alert.short),
        "why": encode_phrase(alert.why),
        "next": None if alert.next is None else escape_text(alert.next),
        "cause": escape_text(alert.cause),
        "began_at": alert.began_at,
        "checked_at": alert.checked_at,
        "first_fired_at": alert.first_fired_at,
        "fired_at": alert.fired_at,
        "resolved_at": alert.resolved_at,
        "outcome": encode_phrase(alert.outcome),
        "acknowledged_by": escape_text(alert.acknowledged_by),
        "acknowledged_at": alert.acknowledged_at,
        "acknowledged_until": alert.acknowledged_until,
        "message": escape_text(alert.message),
        "repeated_at": alert.repeated_at,
        "escalated_at": alert.escalated_at,
    }


def _make_change(before: Alert | None, after: Alert, at: datetime) -> dict[str, Any]:
    acknowledged = before is None or _list_acknowledgement(before) != _list_acknowledgement(after)
    return {
        "alert": after.number,
        "version": after.version,
        "at": at,
        "state": after.state.value,
        "severity": after.severity.value,
        "actor": escape_text(after.acknowledged_by) if acknowledged else "",
    }


def _list_acknowledgement(alert: Alert) -> tuple[Any, ...]:
    return alert.acknowledged_by, alert.acknowledged_at, alert.acknowledged_until
