"""Rows that become one row for each UTC day after a while, and are deleted much later.

They are in tables with the key (`at`, `host`).

    single rows ─ 90 days ─▶ a row for each UTC day, their sum ─ 400 days ─▶ deleted

`at` is in seconds since 1970. A day's row has the time of its first second, and includes a single row of that second. Work
is done batch by batch, so that no call occupies the database thread for long.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Table, Text, bindparam, delete, select, tuple_

DETAIL_RETENTION = timedelta(days=90)
"""Retention of single rows."""

RETENTION = timedelta(days=400)
"""Retention of days: a year, and enough more to compare a month with the same month of the year before."""

BATCH_SIZE = 1_000
"""Rows that are aggregated in one transaction. It takes about 15 ms, and other callers wait for it."""

SECONDS_PER_DAY = 86_400

AddUp = Callable[[Connection, Sequence[Row[Any]]], None]
"""Adds single rows, oldest first, to the rows of their days (`find_day`)."""


class DailyRows:
    """Rows of one table. Its methods are parts of the caller's transaction."""

    def __init__(self, table: Table) -> None:
        at, host = table.c.at, table.c.host
        is_single = at % SECONDS_PER_DAY != 0
        outdated = select(at, host).where(at < bindparam("until")).order_by(at, host).limit(bindparam("most"))
        self._old_singles = (
            select(table).where(at < bindparam("until"), is_single).order_by(at, host).limit(bindparam("most"))
        )
        self._delete_singles = delete(table).where(
            at >= bindparam("since"),
            is_single,
            tuple_(at, host) <= tuple_(bindparam("last_at"), bindparam("last_host", type_=Text)),
        )
        self._delete_outdated = delete(table).where(tuple_(at, host).in_(outdated)).returning(host)

    def aggregate_old(self, connection: Connection, now: datetime, most: int, add_up: AddUp) -> int:
        """Adds at most `most` old rows to their days, or deletes as many outdated days.

        Returns their number, 0 at the end.
        """
        whole = find_day(to_seconds(now - DETAIL_RETENTION))
        rows = connection.execute(self._old_singles, {"until": whole, "most": most}).all()
        if not rows:
            gone = {"until": to_seconds(now - RETENTION), "most": most}
            return len(connection.execute(self._delete_outdated, gone).all())
        add_up(connection, rows)
        last = {"since": rows[0].at, "last_at": rows[-1].at, "last_host": rows[-1].host}
        connection.execute(self._delete_singles, last)
        return len(rows)


def find_day(at: int) -> int:
    """Finds the first second of a time's UTC day."""
    return at // SECONDS_PER_DAY * SECONDS_PER_DAY


def to_seconds(at: datetime) -> int:
    """Converts a time to whole seconds since 1970."""
    return int(at.timestamp())
