"""Observations of each host's health, for digests, charts and reports. Rows and queries only.

    add, add_up ─▶ a row for one observation, or for half an hour ─ 90 days ─▶ a row for each UTC day ─ 400 days ─▶ deleted

Rows lie in the order of time, so a day of the whole fleet is one piece of the file. No call occupies the database thread
for long: a span of days is read day by day, and old rows are aggregated batch by batch.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from bot.store.daily_rows import BATCH_SIZE, SECONDS_PER_DAY, DailyRows, find_day, to_seconds
from bot.store.database import Database
from bot.store.encoding import escape_text
from bot.store.schema.column_types import sum_up
from bot.store.schema.tables import OBSERVATIONS

SUM_SECONDS = 1_800
"""Seconds whose checks the watch stores as one sum. It has the time of their last second: a span that ends earlier does not
contain it, and the next one does, so consecutive spans count each check once."""

NO_FAILURES = "{}"
"""The counts of a host on which no check failed, as they are stored."""

_COLUMNS = OBSERVATIONS.c
_SPAN = (_COLUMNS.at >= bindparam("since"), _COLUMNS.at < bindparam("until"))
_DAILY = DailyRows(OBSERVATIONS)
_INSERT = insert(OBSERVATIONS)
_ADD = _INSERT.on_conflict_do_nothing()
_SUMS = (
    select(
        _COLUMNS.host,
        *(sum_up(_COLUMNS[name]) for name in ("well", "troubled", "unreached", "answers", "answer_ms")),
    )
    .where(*_SPAN)
    .group_by(_COLUMNS.host)
)
_FAILURES = (
    select(_COLUMNS.host, _COLUMNS.failed, func.count().label("times"))
    .where(_COLUMNS.failed != NO_FAILURES, *_SPAN)
    .group_by(_COLUMNS.host, _COLUMNS.failed)
)
_EARLIEST = select(func.min(_COLUMNS.at)).where(*_SPAN)
_AT_TIMES = select(OBSERVATIONS).where(_COLUMNS.at.in_(bindparam("times", expanding=True)))
_STORE_SUMS = _INSERT.on_conflict_do_update(
    index_elements=["at", "host"],
    set_={column.name: _INSERT.excluded[column.name] for column in _COLUMNS if column.name not in ("at", "host")},
)


@dataclass(frozen=True)
class Observation:
    """Health of one host from `at` on: one observation, or the sum of several.

    `well`, `troubled` and `unreached` count observations by result; `failed` counts them by failed check. `answers` counts
    the gateway's answers, `answer_ms` is the sum of their times in milliseconds.
    """

    host: str
    at: datetime
    well: int = 0
    troubled: int = 0
    unreached: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)
    answers: int = 0
    answer_ms: int = 0

    @property
    def observation_count(self) -> int:
        """The number of single observations in it."""
        return self.well + self.troubled + self.unreached

    def __add__(self, other: "Observation") -> "Observation":
        """Returns the sum of both, with host and time of the first."""
        return Observation(
            self.host,
            self.at,
            self.well + other.well,
            self.troubled + other.troubled,
            self.unreached + other.unreached,
            dict(Counter(self.failed) + Counter(other.failed)),
            self.answers + other.answers,
            self.answer_ms + other.answer_ms,
        )


class ObservationTable:
    """Table of observations. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, observations: Iterable[Observation]) -> None:
        """Stores observations, all or none. One of a known host and second is ignored."""
        rows = [_make_values(each) for each in observations]
        await self._database.run(_add, rows)

    async def add_up(self, observations: Iterable[Observation]) -> None:
        """Adds observations to the sums of their hosts and half hours, all or none."""
        total: dict[tuple[int, str], Observation] = {}
        for each in observations:
            end = to_seconds(each.at) // SUM_SECONDS * SUM_SECONDS + SUM_SECONDS - 1
            _add_to(total, end, each)

        def work(connection: Connection) -> None:
            _store_sums(connection, total)

        await self._database.run(work)

    async def sum_by_host(self, since: datetime, until: datetime) -> Mapping[str, Observation]:
        """Returns the sums of the observations from `since` until before `until`, by host. Hosts without any are absent."""
        total: dict[str, Observation] = {}
        for begin, end in await self._split_into_days(to_seconds(since), to_seconds(until)):
            for each in await self._database.read(partial(_sum_by_host, since=begin, until=end)):
                known = total.get(each.host)
                total[each.host] = each if known is None else known + each
        return total

    async def aggregate_old(self, now: datetime, most: int = BATCH_SIZE) -> int:
        """Adds at most `most` old observations to their days, or deletes as many outdated days.

        Returns the number of rows; 0 at the end. It is one transaction: a crash loses nothing, and the next call continues.
        """
        return await self._database.run(_aggregate_old, now, most)

    async def _split_into_days(self, since: int, until: int) -> Sequence[tuple[int, int]]:
        """Splits the time into spans of at most a day, starting with the first observation in it."""

        def first(connection: Connection) -> int | None:
            at: int | None = connection.execute(_EARLIEST, {"since": since, "until": until}).scalar_one()
            return at

        begin = await self._database.read(first)
        return (
            [] if begin is None else [(at, min(at + SECONDS_PER_DAY, until)) for at in range(begin, until, SECONDS_PER_DAY)]
        )


def _add(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        connection.execute(_ADD, rows)


def _aggregate_old(connection: Connection, now: datetime, most: int) -> int:
    return _DAILY.aggregate_old(connection, now, most, _add_to_days)


def _sum_by_host(connection: Connection, since: int, until: int) -> tuple[Observation, ...]:
    span, at = {"since": since, "until": until}, datetime.fromtimestamp(since, UTC)
    failed: dict[str, Counter[str]] = {}
    for host, counts, times in connection.execute(_FAILURES, span):
        failed.setdefault(host, Counter()).update({check: looks * times for check, looks in json.loads(counts).items()})
    return tuple(
        Observation(
            row.host, at, row.well, row.troubled, row.unreached, failed.get(row.host, {}), row.answers, row.answer_ms
        )
        for row in connection.execute(_SUMS, span)
    )


def _add_to_days(connection: Connection, rows: Sequence[Row[Any]]) -> None:
    total: dict[tuple[int, str], Observation] = {}
    for row in rows:
        _add_to(total, find_day(row.at), _read_observation(row))
    _store_sums(connection, total)


def _add_to(total: dict[tuple[int, str], Observation], at: int, each: Observation) -> None:
    empty = Observation(each.host, datetime.fromtimestamp(at, UTC))
    total[at, each.host] = total.get((at, each.host), empty) + each


def _store_sums(connection: Connection, total: Mapping[tuple[int, str], Observation]) -> None:
    """Adds sums to the rows of their times and hosts."""
    known = connection.execute(_AT_TIMES, {"times": sorted({at for at, _ in total})}).all()
    sums = dict(total)
    for row in known:
        if (row.at, row.host) in sums:
            sums[row.at, row.host] = _read_observation(row) + sums[row.at, row.host]
    if sums:
        connection.execute(_STORE_SUMS, [_make_values(sums[key]) for key in sorted(sums)])


def _make_values(each: Observation) -> dict[str, Any]:
    return {
        "at": to_seconds(each.at),
        "host": escape_text(each.host),
        "well": each.well,
        "troubled": each.troubled,
        "unreached": each.unreached,
        "failed": json.dumps(each.failed, sort_keys=True, separators=(",", ":")),
        "answers": each.answers,
        "answer_ms": each.answer_ms,
    }


def _read_observation(row: Row[Any]) -> Observation:
    return Observation(
        row.host,
        datetime.fromtimestamp(row.at, UTC),
        row.well,
        row.troubled,
        row.unreached,
        {} if row.failed == NO_FAILURES else json.loads(row.failed),
        row.answers,
        row.answer_ms,
    )
