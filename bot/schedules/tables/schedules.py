"""Schedules, and their claimed due times. Rows and queries only; `bot.schedules.services.registry` has the rules.

schedule   added by a person ─ remove ─▶ deleted       configured or built in ─ sync_definitions ─▶ as defined now
           active ◀─ pause, resume ─▶ paused
due time   claim_due_time (once: the key is schedule and time) ─▶ RUNNING ─ end_run ─▶ DONE, FAILED, REFUSED, MISSED
                                                            │                     └─▶ DROPPED: paused or removed meanwhile
                                                            └ or at once SKIPPED
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from adapters.phrase import Phrase
from bot.model.schedule import RETENTION, RunOutcome, RunTally, Schedule, ScheduleOrigin
from bot.schedules.model import ScheduleRun
from bot.schedules.tables.runs import delete_old_runs
from bot.store.database import Database
from bot.store.encoding import decode_phrase, encode_phrase, escape_text
from bot.store.schema.column_types import sum_up
from bot.store.schema.tables import SCHEDULE_RUNS, SCHEDULES

_ALL = select(SCHEDULES).order_by(SCHEDULES.c.name)
_ONE = select(SCHEDULES).where(SCHEDULES.c.name == bindparam("this"))
_ADD = insert(SCHEDULES).on_conflict_do_nothing()
_DEFINED_COLUMNS = ("origin", "cron", "zone", "words", "channel", "missed", "owner", "identity")
_DEFINE = update(SCHEDULES).where(SCHEDULES.c.name == bindparam("this"))
_PAUSE = update(SCHEDULES).where(SCHEDULES.c.name == bindparam("this"))
_REMOVE = delete(SCHEDULES).where(SCHEDULES.c.name == bindparam("this"))

_THIS_RUN = (SCHEDULE_RUNS.c.schedule == bindparam("this"), SCHEDULE_RUNS.c.due == bindparam("then"))
_CLAIM = insert(SCHEDULE_RUNS).on_conflict_do_nothing().returning(SCHEDULE_RUNS.c.due)
_END = update(SCHEDULE_RUNS).where(*_THIS_RUN, SCHEDULE_RUNS.c.outcome == RunOutcome.RUNNING)
_FIND_RUN = select(SCHEDULE_RUNS).where(*_THIS_RUN)
_UNFINISHED = select(SCHEDULE_RUNS).where(SCHEDULE_RUNS.c.outcome == RunOutcome.RUNNING).order_by(SCHEDULE_RUNS.c.due)
_EARLIER = SCHEDULE_RUNS.alias()
_NEWEST_OF = (  # seeks in the key once for each schedule, however many runs it has
    select(func.max(_EARLIER.c.due)).where(_EARLIER.c.schedule == SCHEDULES.c.name).correlate(SCHEDULES).scalar_subquery()
)
_LATEST = select(SCHEDULE_RUNS).join(
    SCHEDULES, (SCHEDULE_RUNS.c.schedule == SCHEDULES.c.name) & (SCHEDULE_RUNS.c.due == _NEWEST_OF)
)
_PREVIOUS_DUE = select(func.max(SCHEDULE_RUNS.c.due)).where(
    SCHEDULE_RUNS.c.schedule == bindparam("this"), SCHEDULE_RUNS.c.due < bindparam("then")
)
_TALLIES = (
    select(
        SCHEDULE_RUNS.c.schedule,
        SCHEDULE_RUNS.c.outcome,
        func.count().label("count"),
        sum_up(SCHEDULE_RUNS.c.missed),
    )
    .where(SCHEDULE_RUNS.c.due >= bindparam("since"), SCHEDULE_RUNS.c.due < bindparam("until"))
    .group_by(SCHEDULE_RUNS.c.schedule, SCHEDULE_RUNS.c.outcome)
    .order_by(SCHEDULE_RUNS.c.schedule, SCHEDULE_RUNS.c.outcome)
)


class ScheduleTable:
    """Tables of schedules and their runs. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_all(self) -> tuple[Schedule, ...]:
        """Lists all schedules, by name."""
        return await self._database.read(lambda connection: tuple(map(_read_schedule, connection.execute(_ALL))))

    async def find(self, name: str) -> Schedule | None:
        """Returns one schedule by its name; None if there is none."""
        return await self._database.read(lambda connection: _find_schedule(connection, name))

    async def add(self, schedule: Schedule) -> Schedule:
        """Stores a schedule if its name is free. Returns the schedule stored under the name, which may be another one."""

        def work(connection: Connection) -> Schedule:
            connection.execute(_ADD, _make_values(schedule))
            kept = _find_schedule(connection, schedule.name)
            assert kept is not None
            return kept

        return await self._database.run(work)

    async def sync_definitions(self, defined: Sequence[Schedule]) -> tuple[str, ...]:
        """Updates the configured and built-in schedules to their definitions. New times count from the definition's `since`.

        A paused schedule stays paused. Returns the names that a person's schedule already has; that schedule keeps its name.
        """

        def work(connection: Connection) -> tuple[str, ...]:
            known = {schedule.name: schedule for schedule in map(_read_schedule, connection.execute(_ALL).all())}
            wanted = {schedule.name: schedule for schedule in defined}
            for name, schedule in known.items():
                if schedule.origin is not ScheduleOrigin.ADDED and name not in wanted:
                    connection.execute(_REMOVE, {"this": name})
            for name, schedule in wanted.items():
                _store_definition(connection, schedule, known.get(name))
            return tuple(name for name in wanted if name in known and known[name].origin is ScheduleOrigin.ADDED)

        return await self._database.run(work)

    async def pause(self, name: str, by: str, why: Phrase | None) -> None:
        """Pauses a schedule: no due time counts until it is resumed."""
        values = {"paused_by": escape_text(by), "why": encode_phrase(why)}

        def work(connection: Connection) -> None:
            connection.execute(_PAUSE, {"this": name} | values)

        await self._database.run(work)

    async def resume(self, name: str, at: datetime) -> None:
        """Resumes a schedule: due times count from `at` on."""

        def work(connection: Connection) -> None:
            connection.execute(_PAUSE, {"this": name, "paused_by": "", "why": None, "since": at})

        await self._database.run(work)

    async def remove(self, name: str) -> None:
        """Deletes a schedule; its runs stay."""

        def work(connection: Connection) -> None:
            connection.execute(_REMOVE, {"this": name})

        await self._database.run(work)

    async def claim_due_time(self, run: ScheduleRun) -> bool:
        """Claims a due time; False if it is already claimed."""
        values = {
            "schedule": run.schedule,
            "due": run.due,
            "operation": run.operation,
            "outcome": run.outcome.value,
            "missed": run.missed,
            "began_at": run.began_at,
            "ended_at": run.ended_at,
        }
        return await self._database.run(lambda connection: connection.execute(_CLAIM, values).first() is not None)

    async def is_claimed(self, name: str, due: datetime) -> bool:
        """Returns whether a due time is claimed."""
        this = {"this": name, "then": due}
        return await self._database.read(lambda connection: connection.execute(_FIND_RUN, this).first() is not None)

    async def end_run(self, run: ScheduleRun, outcome: RunOutcome, at: datetime) -> None:
        """Stores the outcome of a run. A run that has ended stays as it is."""
        values = {"this": run.schedule, "then": run.due, "outcome": outcome.value, "ended_at": at}

        def work(connection: Connection) -> None:
            connection.execute(_END, values)

        await self._database.run(work)

    async def list_unfinished(self) -> tuple[ScheduleRun, ...]:
        """Lists the runs that have not ended, oldest first."""
        return await self._database.read(lambda connection: tuple(map(_read_run, connection.execute(_UNFINISHED))))

    async def find_latest_runs(self) -> Mapping[str, ScheduleRun]:
        """Returns the run of the newest claimed due time, by schedule."""
        return await self._database.read(
            lambda connection: {row.schedule: _read_run(row) for row in connection.execute(_LATEST)}
        )

    async def count_outcomes(self, since: datetime, until: datetime) -> tuple[RunTally, ...]:
        """Counts the due times from `since` until before `until`, by schedule and outcome."""

        def work(connection: Connection) -> tuple[RunTally, ...]:
            rows = connection.execute(_TALLIES, {"since": since, "until": until}).all()
            return tuple(RunTally(row[0], RunOutcome(row[1]), row[2], row[3]) for row in rows)

        return await self._database.read(work)

    async def find_previous_due(self, name: str, due: datetime) -> datetime | None:
        """Returns the newest claimed due time before `due`; None if there is none."""
        this = {"this": name, "then": due}
        return await self._database.read(lambda connection: connection.execute(_PREVIOUS_DUE, this).scalar())

    async def prune(self, now: datetime) -> None:
        """Deletes runs older than the retention, a few at a time."""
        while await self._database.run(lambda connection: delete_old_runs(connection, now - RETENTION)):
            pass


def _find_schedule(connection: Connection, name: str) -> Schedule | None:
    row = connection.execute(_ONE, {"this": name}).first()
    return None if row is None else _read_schedule(row)


def _store_definition(connection: Connection, schedule: Schedule, known: Schedule | None) -> None:
    """Stores the definition of a schedule, given the schedule known under its name."""
    if known is None:
        connection.execute(_ADD, _make_values(schedule))
        return
    if known.origin is ScheduleOrigin.ADDED:
        return
    changed = {
        key: value
        for key, value in _make_values(schedule).items()
        if key in _DEFINED_COLUMNS and value != _make_values(known)[key]
    }
    if changed.keys() & {"cron", "zone"}:
        changed["since"] = schedule.since
    if changed:
        connection.execute(_DEFINE, {"this": schedule.name} | changed)


def _make_values(schedule: Schedule) -> dict[str, Any]:
    return {
        "name": schedule.name,
        "origin": schedule.origin.value,
        "cron": schedule.cron,
        "zone": schedule.zone,
        "words": escape_text(schedule.words),
        "channel": schedule.channel,
        "missed": schedule.missed,
        "owner": escape_text(schedule.owner),
        "identity": schedule.identity,
        "operation": schedule.operation,
        "since": schedule.since,
        "paused_by": escape_text(schedule.paused_by),
        "why": encode_phrase(schedule.why),
    }


def _read_schedule(row: Row[Any]) -> Schedule:
    return Schedule(
        name=row.name,
        origin=ScheduleOrigin(row.origin),
        cron=row.cron,
        zone=row.zone,
        words=row.words,
        channel=row.channel,
        missed=row.missed,
        owner=row.owner,
        identity=row.identity,
        operation=row.operation,
        since=row.since,
        paused_by=row.paused_by,
        why=decode_phrase(row.why),
    )


def _read_run(row: Row[Any]) -> ScheduleRun:
    return ScheduleRun(row.schedule, row.due, row.operation, RunOutcome(row.outcome), row.began_at, row.missed, row.ended_at)
