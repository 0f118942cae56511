"""Schedules, and their claimed due times. Rows and queries only; `bot.schedules.services.registry` has the rules.

schedule   added by a person ─ remove ─▶ deleted       configured or built in ─ sync_definitions ─▶ as defined now
           active ◀─ pause, resume ─▶ paused
due time   claim_due_time (once: the key is schedule and time) ─▶ RUNNING ─ end_run ─▶ DONE, FAILED, REFUSED, MISSED
                                                            │                     └─▶ DROPPED: paused or removed meanwhile
                                                            └ or at once SKIPPED
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, update

from adapters.phrase import Phrase
from bot.access.policy import BOT_ACTOR_NAME
from bot.model.schedule import RETENTION, RunOutcome, RunTally, Schedule, ScheduleOrigin, ScheduleRun
from bot.schedules.tables.runs import delete_old_runs
from bot.store.database import Database
from bot.store.rows import Rows, execute, exists, leave_out
from bot.store.schema.base import ScheduleRow, ScheduleRunRow
from bot.store.schema.column_types import sum_up

DAMAGED = Phrase("it is damaged in the database. Delete it, and add it again")
"""Why a damaged schedule is paused."""

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def _repair(readable: Mapping[str, Any]) -> Schedule:
    """Makes a paused schedule of a damaged row: a schedule must not vanish, nor run at other times than it was added for.

    A configured one is defined anew at the next start.
    """
    values = {"origin": ScheduleOrigin.ADDED, "since": _LONG_AGO, **readable}
    return Schedule(**(values | {"paused_by": BOT_ACTOR_NAME, "why": DAMAGED}))


SCHEDULES = Rows(Schedule, ScheduleRow, repair=_repair)
RUNS = Rows(ScheduleRun, ScheduleRunRow, repair=leave_out)
"""A damaged run is claimed all the same, so its due time never runs again."""

_S = SCHEDULES.c
_R = RUNS.c
_THIS = _S.name == bindparam("this")
_ALL = SCHEDULES.select().order_by(_S.name)
_ONE = SCHEDULES.select(_THIS)
_DEFINED_COLUMNS = ("origin", "cron", "zone", "words", "channel", "missed", "owner", "identity")
_CHANGE = update(SCHEDULES.table).where(_THIS)
_PAUSE = _CHANGE.values(paused_by=bindparam("by"), why=bindparam("because"))
_RESUME = _CHANGE.values(paused_by="", why=None, since=bindparam("at"))
_REMOVE = delete(SCHEDULES.table).where(_THIS)

_THIS_RUN = (_R.schedule == bindparam("this"), _R.due == bindparam("then"))
_CLAIM = RUNS.insert_new.returning(_R.due)
_END = (
    update(RUNS.table)
    .where(*_THIS_RUN, _R.outcome == RunOutcome.RUNNING)
    .values(outcome=bindparam("result"), ended_at=bindparam("at"))
)
_FIND_RUN = RUNS.select(*_THIS_RUN)
_UNFINISHED = RUNS.select(_R.outcome == RunOutcome.RUNNING).order_by(_R.due)
_EARLIER = RUNS.table.alias()
_NEWEST_OF = (  # seeks in the key once for each schedule, however many runs it has
    select(func.max(_EARLIER.c.due)).where(_EARLIER.c.schedule == _S.name).correlate(SCHEDULES.table).scalar_subquery()
)
_LATEST = RUNS.select().join(SCHEDULES.table, (_R.schedule == _S.name) & (_R.due == _NEWEST_OF))
_PREVIOUS_DUE = select(func.max(_R.due)).where(_R.schedule == bindparam("this"), _R.due < bindparam("then"))
_TALLIES = (
    select(_R.schedule, _R.outcome, func.count().label("count"), sum_up(_R.missed))
    .where(_R.due >= bindparam("since"), _R.due < bindparam("until"))
    .group_by(_R.schedule, _R.outcome)
    .order_by(_R.schedule, _R.outcome)
)


class ScheduleTable:
    """Tables of schedules and their runs. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_all(self) -> tuple[Schedule, ...]:
        """Lists all schedules, by name. A damaged one is paused."""
        return await self._database.read(SCHEDULES.list, _ALL)

    async def find(self, name: str) -> Schedule | None:
        """Returns one schedule by its name; None if there is none."""
        return await self._database.read(SCHEDULES.find, _ONE, this=name)

    async def add(self, schedule: Schedule) -> Schedule:
        """Stores a schedule if its name is free. Returns the schedule stored under the name, which may be another one."""
        return await self._database.run(_add, schedule)

    async def sync_definitions(self, defined: Sequence[Schedule]) -> tuple[str, ...]:
        """Updates the configured and built-in schedules to their definitions. New times count from the definition's `since`.

        A paused schedule stays paused. Returns the names that a person's schedule already has; that schedule keeps its name.
        """
        return await self._database.run(_sync_definitions, defined)

    async def pause(self, name: str, by: str, why: Phrase | None) -> None:
        """Pauses a schedule: no due time counts until it is resumed."""
        await self._database.run(execute, _PAUSE, this=name, by=by, because=why)

    async def resume(self, name: str, at: datetime) -> None:
        """Resumes a schedule: due times count from `at` on."""
        await self._database.run(execute, _RESUME, this=name, at=at)

    async def remove(self, name: str) -> None:
        """Deletes a schedule; its runs stay."""
        await self._database.run(execute, _REMOVE, this=name)

    async def claim_due_time(self, run: ScheduleRun) -> bool:
        """Claims a due time; False if it is already claimed."""
        return await self._database.run(exists, _CLAIM, **RUNS.encode(run))

    async def is_claimed(self, name: str, due: datetime) -> bool:
        """Returns whether a due time is claimed."""
        return await self._database.read(exists, _FIND_RUN, this=name, then=due)

    async def end_run(self, run: ScheduleRun, outcome: RunOutcome, at: datetime) -> None:
        """Stores the outcome of a run. A run that has ended stays as it is."""
        await self._database.run(execute, _END, this=run.schedule, then=run.due, result=outcome, at=at)

    async def list_unfinished(self) -> tuple[ScheduleRun, ...]:
        """Lists the runs that have not ended, oldest first."""
        return await self._database.read(RUNS.list, _UNFINISHED)

    async def find_latest_runs(self) -> Mapping[str, ScheduleRun]:
        """Returns the run of the newest claimed due time, by schedule."""
        return {run.schedule: run for run in await self._database.read(RUNS.list, _LATEST)}

    async def count_outcomes(self, since: datetime, until: datetime) -> tuple[RunTally, ...]:
        """Counts the due times from `since` until before `until`, by schedule and outcome."""
        return await self._database.read(_count_outcomes, since, until)

    async def find_previous_due(self, name: str, due: datetime) -> datetime | None:
        """Returns the newest claimed due time before `due`; None if there is none."""
        return await self._database.read(_find_previous_due, name, due)

    async def prune(self, now: datetime) -> None:
        """Deletes runs older than the retention, a few at a time."""
        while await self._database.run(delete_old_runs, now - RETENTION):
            pass


def _add(connection: Connection, schedule: Schedule) -> Schedule:
    SCHEDULES.store(connection, SCHEDULES.insert_new, [schedule])
    kept = SCHEDULES.find(connection, _ONE, this=schedule.name)
    assert kept is not None
    return kept


def _count_outcomes(connection: Connection, since: datetime, until: datetime) -> tuple[RunTally, ...]:
    return tuple(RunTally(*row) for row in connection.execute(_TALLIES, {"since": since, "until": until}))


def _find_previous_due(connection: Connection, name: str, due: datetime) -> datetime | None:
    found: datetime | None = connection.execute(_PREVIOUS_DUE, {"this": name, "then": due}).scalar()
    return found


def _sync_definitions(connection: Connection, defined: Sequence[Schedule]) -> tuple[str, ...]:
    known = {schedule.name: schedule for schedule in SCHEDULES.list(connection, _ALL)}
    wanted = {schedule.name: schedule for schedule in defined}
    for name, schedule in known.items():
        if schedule.origin is not ScheduleOrigin.ADDED and name not in wanted:
            connection.execute(_REMOVE, {"this": name})
    for name, schedule in wanted.items():
        _store_definition(connection, schedule, known.get(name))
    return tuple(name for name in wanted if name in known and known[name].origin is ScheduleOrigin.ADDED)


def _store_definition(connection: Connection, schedule: Schedule, known: Schedule | None) -> None:
    """Stores the definition of a schedule, given the schedule known under its name."""
    if known is None:
        SCHEDULES.store(connection, SCHEDULES.insert_new, [schedule])
        return
    if known.origin is ScheduleOrigin.ADDED:
        return
    before, after = SCHEDULES.encode(known), SCHEDULES.encode(schedule)
    changed = {name: after[name] for name in _DEFINED_COLUMNS if after[name] != before[name]}
    if changed.keys() & {"cron", "zone"}:
        changed["since"] = schedule.since
    if changed:
        connection.execute(_CHANGE.values(changed), {"this": schedule.name})
