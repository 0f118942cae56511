"""Requests that gateways answered, in windows of five minutes, and positions in their access logs. Rows and queries only.

    read of a log ─ add: count and position in one transaction ─▶ window ─ 90 days ─▶ UTC day, a sum ─ 400 days ─▶ deleted

A count and the position behind it are stored together or not at all. So after a crash the log is read on from the stored
position, and no request is counted twice or lost.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, bindparam, case, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from adapters.windows.log_files import FilePosition
from bot.store.daily_rows import BATCH_SIZE, DETAIL_RETENTION, DailyRows, find_day, to_seconds
from bot.store.database import Database
from bot.store.encoding import escape_text
from bot.store.schema.column_types import sum_up
from bot.store.schema.tables import LOG_POSITIONS, TRAFFIC
from commands.alerts.traffic import WINDOW, TrafficCount, find_window

_COLUMNS = TRAFFIC.c
_KEYS = ("at", "host")
_SUMMED = ("requests", "errors", "timed", "time_ms")
_INSERT = insert(TRAFFIC)
_NEW = _INSERT.excluded
_ADD = _INSERT.on_conflict_do_update(
    index_elements=list(_KEYS),
    set_={
        **{name: _COLUMNS[name] + _NEW[name] for name in _SUMMED},
        **{
            name: case((_NEW[name] > _COLUMNS[name], _NEW[name]), else_=_COLUMNS[name]) for name in ("slowest_ms", "partial")
        },
    },
)
_INSERT_POSITION = insert(LOG_POSITIONS)
_SET_POSITION = _INSERT_POSITION.on_conflict_do_update(
    index_elements=["host"], set_={"at": _INSERT_POSITION.excluded.at, "position": _INSERT_POSITION.excluded.position}
)
_POSITIONS = select(LOG_POSITIONS.c.host, LOG_POSITIONS.c.position, LOG_POSITIONS.c.at)
_DELETE_POSITIONS = delete(LOG_POSITIONS).where(LOG_POSITIONS.c.at < bindparam("oldest"))
_SPAN = (_COLUMNS.at >= bindparam("since"), _COLUMNS.at < bindparam("until"))
_WINDOWS = select(TRAFFIC).where(*_SPAN).order_by(_COLUMNS.at, _COLUMNS.host)
_SUMS = (
    select(
        _COLUMNS.host,
        *(sum_up(_COLUMNS[name]) for name in _SUMMED),
        *(func.max(_COLUMNS[name]).label(name) for name in ("slowest_ms", "partial")),
    )
    .where(*_SPAN)
    .group_by(_COLUMNS.host)
)
_DAILY = DailyRows(TRAFFIC)


@dataclass(frozen=True)
class LogRead:
    """One read of a host's access log at `at`: its count, None for nothing, and the position at which the next begins."""

    host: str
    at: datetime
    position: FilePosition | None
    count: TrafficCount | None


class TrafficTable:
    """Tables of traffic and log positions. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, reads: Sequence[LogRead]) -> None:
        """Adds reads to the windows in which they ended, and stores their positions, all or none."""
        counts = [_make_values(read.host, read.count) for read in reads if read.count is not None]
        positions = [
            {"host": escape_text(read.host), "at": read.at, "position": read.position.model_dump_json()}
            for read in reads
            if read.position is not None
        ]
        await self._database.run(_add, counts, positions)

    async def read_positions(self) -> Mapping[str, tuple[FilePosition, datetime]]:
        """Reads the position in each host's log, and when it was read. One that this version cannot read is left out."""
        return await self._database.read(_read_positions)

    async def list_windows(self, since: datetime, until: datetime) -> Mapping[str, tuple[TrafficCount, ...]]:
        """Lists the windows that begin from `since` until before `until`, by host, oldest first."""
        return await self._database.read(_list_windows, since, until)

    async def sum_by_host(self, since: datetime, until: datetime) -> Mapping[str, TrafficCount]:
        """Returns the sums of the windows that begin from `since` until before `until`, by host."""
        return await self._database.read(_sum_by_host, since, until)

    async def aggregate_old(self, now: datetime, most: int = BATCH_SIZE) -> int:
        """Adds at most `most` old windows to their UTC days, or deletes as many outdated days, in one transaction.

        Returns the number of rows; 0 at the end, after which positions of hosts that left long ago are deleted, too.
        """
        return await self._database.run(_aggregate_old, now, most)


def _add(connection: Connection, counts: Sequence[dict[str, Any]], positions: Sequence[Mapping[str, Any]]) -> None:
    if counts:
        connection.execute(_ADD, counts)
    if positions:
        connection.execute(_SET_POSITION, positions)


def _aggregate_old(connection: Connection, now: datetime, most: int) -> int:
    moved = _DAILY.aggregate_old(connection, now, most, _add_to_days)
    if not moved:
        connection.execute(_DELETE_POSITIONS, {"oldest": now - DETAIL_RETENTION})
    return moved


def _sum_by_host(connection: Connection, since: datetime, until: datetime) -> Mapping[str, TrafficCount]:
    rows = connection.execute(_SUMS, _make_span(since, until))
    return {row.host: _read_count(row, since, until) for row in rows}


def _list_windows(connection: Connection, since: datetime, until: datetime) -> Mapping[str, tuple[TrafficCount, ...]]:
    found: dict[str, list[TrafficCount]] = {}
    for row in connection.execute(_WINDOWS, _make_span(since, until)):
        begins = datetime.fromtimestamp(row.at, UTC)
        found.setdefault(row.host, []).append(_read_count(row, begins, begins + WINDOW))
    return {host: tuple(counts) for host, counts in found.items()}


def _read_positions(connection: Connection) -> Mapping[str, tuple[FilePosition, datetime]]:
    return {
        row.host: (position, row.at)
        for row in connection.execute(_POSITIONS)
        if (position := _parse_position(row.position)) is not None
    }


def _add_to_days(connection: Connection, rows: Sequence[Row[Any]]) -> None:
    connection.execute(_ADD, [row._asdict() | {"at": find_day(row.at)} for row in rows])


def _make_values(host: str, count: TrafficCount) -> dict[str, Any]:
    return {
        "at": to_seconds(find_window(count.ends)),
        "host": escape_text(host),
        "requests": count.requests,
        "errors": count.errors,
        "timed": count.timed,
        "time_ms": count.time_ms,
        "slowest_ms": count.slowest_ms,
        "partial": int(count.partial),
    }


def _read_count(row: Row[Any], begins: datetime, ends: datetime) -> TrafficCount:
    return TrafficCount(
        begins, ends, row.requests, row.errors, row.timed, row.time_ms, row.slowest_ms, partial=bool(row.partial)
    )


def _parse_position(text: str) -> FilePosition | None:
    try:
        return FilePosition.model_validate(json.loads(text))
    except (ValidationError, ValueError):
        return None


def _make_span(since: datetime, until: datetime) -> dict[str, int]:
    return {"since": to_seconds(since), "until": to_seconds(until)}
