"""Schedules, and the due times that were claimed. Rows and queries only; `bot.schedules.service` knows what they mean.

schedule   added by a person ─ remove ─▶ gone          in the configuration, or built in ─ sync ─▶ as it stands there now
           active ◀─ pause, resume ─▶ paused
due time   claim (once, for the key is the schedule and the time) ─▶ RUNNING ─ end ─▶ DONE, FAILED, REFUSED, MISSED
                                                              │                 └─▶ DROPPED: paused or removed meanwhile
                                                              └ or at once SKIPPED
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from adapters.phrase import Phrase
from bot.store.database import Database
from bot.store.records import phrase_of, phrase_text
from bot.store.stored import safe_text
from bot.store.tables import SCHEDULE_RUNS, SCHEDULES

KEPT = timedelta(days=90)
"""How long a due time is remembered; of each schedule the newest one for ever, so that it is never run again."""

AT_ONCE = 500
"""Runs that are forgotten in one transaction."""


class Origin(StrEnum):
    """Where a schedule comes from: a person's words, the configuration, or the bot itself."""

    ADDED = "added"
    CONFIGURED = "configured"
    BUILT_IN = "built_in"


class Outcome(StrEnum):
    """What became of a due time: see the module."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    SKIPPED = "skipped"
    MISSED = "missed"
    DROPPED = "dropped"


@dataclass(frozen=True)
class Schedule:
    """One schedule. `words` run whenever `cron` comes in `zone`, on behalf of `owner`, for `channel` ("" is for the
    administrators).

    `missed` is what becomes of times at which nobody ran it: `run`, `skip` or `tell`. `identity` is the owner's as
    `bot.store.records` keeps them, "" where the configuration says who that is. `operation` is the request that added
    it, "" where none did. Times count from `since`; `paused_by` is "" while it is active, `why` says what a pause is for.
    """

    name: str
    origin: Origin
    cron: str
    zone: str
    words: str
    channel: str
    missed: str
    owner: str
    identity: str
    since: datetime
    operation: str = ""
    paused_by: str = ""
    why: Phrase | None = None

    @property
    def paused(self) -> bool:
        return bool(self.paused_by)


@dataclass(frozen=True)
class Run:
    """One claimed due time; `missed` counts the times before it that nobody ran."""

    schedule: str
    due: datetime
    operation: str
    outcome: Outcome
    began_at: datetime
    missed: int = 0
    ended_at: datetime | None = None


@dataclass(frozen=True)
class Tally:
    """Due times of one schedule that were claimed and came to one end; `missed` are earlier ones that nobody ran."""

    schedule: str
    outcome: Outcome
    count: int
    missed: int


_ALL = select(SCHEDULES).order_by(SCHEDULES.c.name)
_ONE = select(SCHEDULES).where(SCHEDULES.c.name == bindparam("this"))
_ADD = insert(SCHEDULES).on_conflict_do_nothing()
_DEFINED = ("origin", "cron", "zone", "words", "channel", "missed", "owner", "identity")
_DEFINE = update(SCHEDULES).where(SCHEDULES.c.name == bindparam("this"))
_PAUSE = update(SCHEDULES).where(SCHEDULES.c.name == bindparam("this"))
_REMOVE = delete(SCHEDULES).where(SCHEDULES.c.name == bindparam("this"))

_THIS_RUN = (SCHEDULE_RUNS.c.schedule == bindparam("this"), SCHEDULE_RUNS.c.due == bindparam("then"))
_CLAIM = insert(SCHEDULE_RUNS).on_conflict_do_nothing()
_END = update(SCHEDULE_RUNS).where(*_THIS_RUN, SCHEDULE_RUNS.c.outcome == Outcome.RUNNING)
_KNOWN = select(SCHEDULE_RUNS).where(*_THIS_RUN)
_UNFINISHED = select(SCHEDULE_RUNS).where(SCHEDULE_RUNS.c.outcome == Outcome.RUNNING).order_by(SCHEDULE_RUNS.c.due)
_EARLIER = SCHEDULE_RUNS.alias()
_NEWEST_OF = (  # a seek in the key for each schedule, however many runs it has
    select(func.max(_EARLIER.c.due)).where(_EARLIER.c.schedule == SCHEDULES.c.name).correlate(SCHEDULES).scalar_subquery()
)
_LATEST = select(SCHEDULE_RUNS).join(
    SCHEDULES, (SCHEDULE_RUNS.c.schedule == SCHEDULES.c.name) & (SCHEDULE_RUNS.c.due == _NEWEST_OF)
)
_BEFORE = select(func.max(SCHEDULE_RUNS.c.due)).where(
    SCHEDULE_RUNS.c.schedule == bindparam("this"), SCHEDULE_RUNS.c.due < bindparam("then")
)
_TALLIES = (
    select(
        SCHEDULE_RUNS.c.schedule,
        SCHEDULE_RUNS.c.outcome,
        func.count().label("count"),
        func.sum(SCHEDULE_RUNS.c.missed).label("missed"),
    )
    .where(SCHEDULE_RUNS.c.due >= bindparam("since"), SCHEDULE_RUNS.c.due < bindparam("until"))
    .group_by(SCHEDULE_RUNS.c.schedule, SCHEDULE_RUNS.c.outcome)
    .order_by(SCHEDULE_RUNS.c.schedule, SCHEDULE_RUNS.c.outcome)
)
_NEXT_NAME = select(func.min(SCHEDULE_RUNS.c.schedule)).where(SCHEDULE_RUNS.c.schedule > bindparam("this"))
_NEWEST_DUE = select(func.max(SCHEDULE_RUNS.c.due)).where(SCHEDULE_RUNS.c.schedule == bindparam("this"))
_OLD = (
    select(SCHEDULE_RUNS.c.due)
    .where(
        SCHEDULE_RUNS.c.schedule == bindparam("this"),
        SCHEDULE_RUNS.c.due < bindparam("oldest"),
        SCHEDULE_RUNS.c.outcome != Outcome.RUNNING,
    )
    .order_by(SCHEDULE_RUNS.c.due)
    .limit(bindparam("most"))
)
_FORGET = delete(SCHEDULE_RUNS).where(
    SCHEDULE_RUNS.c.schedule == bindparam("this"), SCHEDULE_RUNS.c.due.in_(bindparam("these", expanding=True))
)


class ScheduleTable:
    """The rows of schedules and their runs. Every method may raise a `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> tuple[Schedule, ...]:
        """Every schedule, by name."""
        return await self._database.read(lambda connection: tuple(map(_schedule, connection.execute(_ALL))))

    async def find(self, name: str) -> Schedule | None:
        """One schedule by its name."""
        return await self._database.read(lambda connection: _found(connection, name))

    async def add(self, schedule: Schedule) -> Schedule:
        """Keep a schedule; what stands under its name: the same request again finds its own, another one somebody else's."""

        def work(connection: Connection) -> Schedule:
            connection.execute(_ADD, _values(schedule))
            kept = _found(connection, schedule.name)
            assert kept is not None
            return kept

        return await self._database.run(work)

    async def sync(self, defined: Sequence[Schedule]) -> tuple[str, ...]:
        """Make those that nobody added stand as they are defined; one whose times change counts them anew.

        What a person has paused stays paused. A name that a person's schedule has by now stays that person's; these names.
        """

        def work(connection: Connection) -> tuple[str, ...]:
            known = {schedule.name: schedule for schedule in map(_schedule, connection.execute(_ALL).all())}
            wanted = {schedule.name: schedule for schedule in defined}
            for name, schedule in known.items():
                if schedule.origin is not Origin.ADDED and name not in wanted:
                    connection.execute(_REMOVE, {"this": name})
            for name, schedule in wanted.items():
                _define(connection, schedule, known.get(name))
            return tuple(name for name in wanted if name in known and known[name].origin is Origin.ADDED)

        return await self._database.run(work)

    async def pause(self, name: str, by: str, why: Phrase | None) -> None:
        """Let no time count until it is resumed."""
        values = {"paused_by": safe_text(by), "why": phrase_text(why)}

        def work(connection: Connection) -> None:
            connection.execute(_PAUSE, {"this": name} | values)

        await self._database.run(work)

    async def resume(self, name: str, at: datetime) -> None:
        """Let times count from now on."""

        def work(connection: Connection) -> None:
            connection.execute(_PAUSE, {"this": name, "paused_by": "", "why": None, "since": at})

        await self._database.run(work)

    async def remove(self, name: str) -> None:
        """Forget a schedule; its runs stay."""

        def work(connection: Connection) -> None:
            connection.execute(_REMOVE, {"this": name})

        await self._database.run(work)

    async def claim(self, run: Run) -> bool:
        """Take a due time; False where somebody has it already."""
        values = {
            "schedule": run.schedule,
            "due": run.due,
            "operation": run.operation,
            "outcome": run.outcome.value,
            "missed": run.missed,
            "began_at": run.began_at,
            "ended_at": run.ended_at,
        }
        return await self._database.run(lambda connection: connection.execute(_CLAIM, values).rowcount == 1)

    async def claimed(self, name: str, due: datetime) -> bool:
        """Whether somebody has that due time."""
        this = {"this": name, "then": due}
        return await self._database.read(lambda connection: connection.execute(_KNOWN, this).first() is not None)

    async def end(self, run: Run, outcome: Outcome, at: datetime) -> None:
        """Write down what became of a run; one that has ended stays as it is."""
        values = {"this": run.schedule, "then": run.due, "outcome": outcome.value, "ended_at": at}

        def work(connection: Connection) -> None:
            connection.execute(_END, values)

        await self._database.run(work)

    async def unfinished(self) -> tuple[Run, ...]:
        """Runs that have begun and not ended, the oldest first."""
        return await self._database.read(lambda connection: tuple(map(_run, connection.execute(_UNFINISHED))))

    async def latest(self) -> Mapping[str, Run]:
        """The newest due time of each schedule that was claimed."""
        return await self._database.read(lambda connection: {row.schedule: _run(row) for row in connection.execute(_LATEST)})

    async def tallies(self, since: datetime, until: datetime) -> tuple[Tally, ...]:
        """What became of the times that were due from `since` on and before `until`, by schedule and outcome."""

        def work(connection: Connection) -> tuple[Tally, ...]:
            rows = connection.execute(_TALLIES, {"since": since, "until": until}).all()
            return tuple(Tally(row[0], Outcome(row[1]), row[2], row[3]) for row in rows)

        return await self._database.read(work)

    async def before(self, name: str, due: datetime) -> datetime | None:
        """The newest due time before that one which was claimed."""
        this = {"this": name, "then": due}
        return await self._database.read(lambda connection: connection.execute(_BEFORE, this).scalar())

    async def prune(self, now: datetime) -> None:
        """Forget runs that ended long ago, a few at a time."""
        while await self._database.run(lambda connection: _pruned(connection, now - KEPT)):
            pass


def _pruned(connection: Connection, oldest: datetime) -> bool:
    """Forget some runs; whether there may be more. Of each schedule the newest one stays."""
    for name in _names(connection):
        newest = connection.execute(_NEWEST_DUE, {"this": name}).scalar_one()
        wanted = {"this": name, "oldest": min(oldest, newest), "most": AT_ONCE}
        if old := connection.execute(_OLD, wanted).scalars().all():
            connection.execute(_FORGET, {"this": name, "these": old})
            return True
    return False


def _names(connection: Connection) -> Iterator[str]:
    """Whose runs are known, also of schedules that are gone: a seek in the key for each."""
    name = ""
    while (following := connection.execute(_NEXT_NAME, {"this": name}).scalar()) is not None:
        name = following
        yield name


def _found(connection: Connection, name: str) -> Schedule | None:
    row = connection.execute(_ONE, {"this": name}).first()
    return None if row is None else _schedule(row)


def _define(connection: Connection, schedule: Schedule, known: Schedule | None) -> None:
    """One schedule of the configuration, beside what stands under its name."""
    if known is None:
        connection.execute(_ADD, _values(schedule))
        return
    if known.origin is Origin.ADDED:
        return
    changed = {key: value for key, value in _values(schedule).items() if key in _DEFINED and value != _values(known)[key]}
    if changed.keys() & {"cron", "zone"}:
        changed["since"] = schedule.since
    if changed:
        connection.execute(_DEFINE, {"this": schedule.name} | changed)


def _values(schedule: Schedule) -> dict[str, Any]:
    return {
        "name": schedule.name,
        "origin": schedule.origin.value,
        "cron": schedule.cron,
        "zone": schedule.zone,
        "words": safe_text(schedule.words),
        "channel": schedule.channel,
        "missed": schedule.missed,
        "owner": safe_text(schedule.owner),
        "identity": schedule.identity,
        "operation": schedule.operation,
        "since": schedule.since,
        "paused_by": safe_text(schedule.paused_by),
        "why": phrase_text(schedule.why),
    }


def _schedule(row: Row[Any]) -> Schedule:
    return Schedule(
        name=row.name,
        origin=Origin(row.origin),
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
        why=phrase_of(row.why),
    )


def _run(row: Row[Any]) -> Run:
    return Run(row.schedule, row.due, row.operation, Outcome(row.outcome), row.began_at, row.missed, row.ended_at)
