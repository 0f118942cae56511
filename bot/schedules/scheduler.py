"""The clock side of schedules: each due time is claimed once, run, and its answer handed on.

tick ─ definitions ─▶ rows ─ newest due time ─┬─ claimed already ─▶ nothing
                                              ├─ the last run has not ended ─▶ SKIPPED: runs do not pile up
                                              └─▶ RUNNING ─ is it too late, for its rule is skip or tell? ─▶
    yes ─▶ MISSED (and told)
    no ─ who its owner is now ─▶
    may not ask that any more ─▶ paused, REFUSED, the administrators told
    may ─▶ the desk ─▶ answer ─▶ its outlet ─▶ DONE, FAILED
tick ─ RUNNING, and nobody runs it (a crash, `schedule run`) ─▶ run: the same operation, so that nothing is said twice

Only the newest of several missed times is run. Time may jump: what was claimed stays claimed, and a clock that goes
back runs again only what it never ran.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import structlog

from adapters.errors import FlatnetError
from adapters.phrase import Moment, Phrase
from bot.access.policy import BOT
from bot.audit.log import EventKind, Recorder
from bot.model.announcement import Announcer, Bulletin
from bot.model.change import Change
from bot.model.request import Answer, Failure, FailureKind, Identity, Request, SlackIdentity, Standing, Surface
from bot.runtime.clock import Clock
from bot.schedules.service import Schedules, run_id, run_key
from bot.store.schedules import Origin, Outcome, Run, Schedule, ScheduleTable
from commands.model.report import Report
from commands.values import cron

LATE = timedelta(minutes=10)
"""How long after its time a run is still on time: a restart takes seconds, and nobody reads a digest to the minute."""

LONGEST = 900.0
"""Seconds that a run may take: a look at 254 hosts takes less than a minute."""

PATIENCE = timedelta(minutes=1)
"""Between two attempts at a run of whose owner Slack does not tell."""

COUNTED = 1_000
"""Missed times that are counted; more are so many."""

_log = structlog.get_logger("bot.schedules.scheduler")

Outlet = Callable[[Schedule, Answer, Phrase | None], Awaitable[None]]
"""What becomes of the answer of a run; the phrase says that it comes late, None where it does not."""


class Desk(Protocol):
    """Where requests arrive (`bot.requests.dispatcher`)."""

    async def handle(self, request: Request) -> Answer: ...

    async def refusal(self, request: Request) -> Failure | None: ...


class OwnerUnknown(FlatnetError):
    """Slack does not say who the owner is now; the run waits."""


@dataclass(frozen=True)
class Ways:
    """What a run needs: `definitions` are the schedules that nobody added, `owner` says who somebody is at this moment,
    `outlets` are for schedules whose answers are not simply posted."""

    definitions: Callable[[], Sequence[Schedule]]
    owner: Callable[[Schedule], Awaitable[Identity]]
    desk: Desk
    announcer: Announcer
    outlets: Mapping[str, Outlet]


class Timetable:
    """Runs what is due. `tick` again and again; `drain` at the end."""

    def __init__(self, table: ScheduleTable, book: Schedules, ways: Ways, audit: Recorder, clock: Clock) -> None:
        self._table = table
        self._book = book
        self._ways = ways
        self._audit = audit
        self._clock = clock
        self._defined: tuple[Schedule, ...] | None = None
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._patience: dict[str, datetime] = {}

    async def tick(self) -> None:
        """Claim and begin what is due now, and begin again what a crash left."""
        await self._sync()
        now = self._clock.now()
        schedules = {schedule.name: schedule for schedule in await self._table.all()}
        latest = await self._table.latest()
        for schedule in schedules.values():
            if not schedule.paused:
                await self._looked(schedule, latest.get(schedule.name), now)
        unfinished = await self._table.unfinished()
        newest = {run.schedule: run for run in unfinished}
        for run in unfinished:
            if run is newest[run.schedule] or run.schedule in self._runs:
                await self._take_up(schedules.get(run.schedule), run, now)
            else:
                await self._table.end(run, Outcome.MISSED, now)

    @property
    def busy(self) -> bool:
        """Whether a run is under way."""
        return bool(self._runs)

    async def drain(self) -> None:
        """Stop what is under way; it is run again after the next start."""
        runs = tuple(self._runs.values())
        for run in runs:
            run.cancel()
        await asyncio.gather(*runs, return_exceptions=True)

    async def _sync(self) -> None:
        defined = tuple(self._ways.definitions())
        if defined != self._defined:
            for name in await self._table.sync(defined):
                _log.error("somebody's schedule has the name of one of the configuration, which does not run", schedule=name)
            self._defined = defined

    async def _looked(self, schedule: Schedule, latest: Run | None, now: datetime) -> None:
        """One that cannot be read, or written down, holds up no other."""
        try:
            await self._look(schedule, latest, now)
        except FlatnetError as error:
            _log.warning("a schedule is looked at again at the next turn", schedule=schedule.name, why=str(error))
        except Exception as error:  # a row that this version does not understand
            _log.error("a schedule cannot be read, and does not run", schedule=schedule.name, exc_info=error)

    async def _look(self, schedule: Schedule, latest: Run | None, now: datetime) -> None:
        """Whether a time of it has come that nobody claimed."""
        zone = ZoneInfo(schedule.zone)
        due = cron.newest(schedule.cron, zone, now)
        if due is None or due <= schedule.since or (latest is not None and latest.due == due):
            return
        if latest is not None and latest.due > due and await self._table.claimed(schedule.name, due):
            return
        before = max(schedule.since, await self._table.before(schedule.name, due) or schedule.since)
        missed = cron.count(schedule.cron, zone, before, due, COUNTED)
        run = Run(schedule.name, due, run_id(schedule.name, due), Outcome.RUNNING, now, missed)
        if schedule.name in self._runs:
            run = replace(run, outcome=Outcome.SKIPPED, ended_at=now)
            await self._record(run, run.outcome)
        await self._table.claim(run)

    async def _record(self, run: Run, outcome: Outcome) -> None:
        """What is not run is written down before it is decided."""
        event = {"schedule": outcome.value, "name": run.schedule, "due": run.due.isoformat(), "missed": run.missed}
        await self._audit.record(EventKind.SCHEDULE, BOT, run.operation, event)

    async def _take_up(self, schedule: Schedule | None, run: Run, now: datetime) -> None:
        """Begin a run, unless it is under way or waits to be tried again."""
        if schedule is None or schedule.paused:
            await self._table.end(run, Outcome.DROPPED, now)
            return
        if run.schedule in self._runs or self._patience.get(run.schedule, now) > now:
            return
        task = asyncio.create_task(self._run(schedule, run), name=f"schedule {run.schedule}")
        self._runs[run.schedule] = task
        task.add_done_callback(lambda ended: self._runs.pop(run.schedule, None))

    async def _run(self, schedule: Schedule, run: Run) -> None:
        """One run, and what became of it. What fails here is tried again at the next turn, and never holds up another."""
        working = asyncio.ensure_future(self._carried_out(schedule, run))
        waiting = asyncio.ensure_future(self._clock.sleep(LONGEST))
        try:
            await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
            outcome = working.result() if working.done() else Outcome.FAILED
            if not working.done():
                _log.error("a schedule's run takes too long and is given up", schedule=run.schedule)
            await self._table.end(run, outcome, self._clock.now())
        except FlatnetError as error:
            self._patience[run.schedule] = self._clock.now() + PATIENCE
            _log.warning("a schedule's run is tried again", schedule=run.schedule, why=str(error))
        except Exception as error:  # a bug in one run: it is not run for ever
            _log.error("a schedule's run failed", schedule=run.schedule, exc_info=error)
            await self._table.end(run, Outcome.FAILED, self._clock.now())
        finally:
            waiting.cancel()
            working.cancel()

    async def _carried_out(self, schedule: Schedule, run: Run) -> Outcome:
        late = self._clock.now() - run.due > LATE
        if late and schedule.missed != "run":
            return await self._missed(schedule, run)
        identity = await self._ways.owner(schedule)
        if isinstance(identity, SlackIdentity) and identity.standing is Standing.UNKNOWN:
            raise OwnerUnknown(Phrase("Slack does not say who {owner} is now", owner=schedule.owner))
        request = Request(
            key=run_key(run.schedule, run.due),
            identity=identity,
            text=schedule.words,
            surface=Surface.SCHEDULE,
            at=run.began_at,
            channel=schedule.channel,
            zone=ZoneInfo(schedule.zone) if cron.readable(schedule.cron, schedule.zone) else None,
        )
        refused = await self._ways.desk.refusal(request)
        if refused is not None and refused.kind is FailureKind.REFUSED:
            await self._stop(schedule, run, identity, refused.phrase)
            return Outcome.REFUSED
        answer = await self._ways.desk.handle(request)
        if isinstance(answer.body, Failure) and answer.body.kind is FailureKind.NOTHING:
            return Outcome.DONE  # a change that is not due, as on most days
        if not isinstance(answer.body, Change):  # a change has a card of its own
            await self._outlet(schedule)(schedule, answer, _lateness(run, late))
        return Outcome.FAILED if isinstance(answer.body, Failure) else Outcome.DONE

    async def _missed(self, schedule: Schedule, run: Run) -> Outcome:
        await self._record(run, Outcome.MISSED)
        if schedule.missed == "tell":
            await self._tell(schedule, run)
        return Outcome.MISSED

    def _outlet(self, schedule: Schedule) -> Outlet:
        """Only what is built in has a way of its own: a name alone gives none."""
        return self._ways.outlets.get(schedule.name, self._post) if schedule.origin is Origin.BUILT_IN else self._post

    async def _post(self, schedule: Schedule, answer: Answer, late: Phrase | None) -> None:
        whose = _whose(schedule)
        notes = (whose,) if late is None else (whose, late)
        await self._ways.announcer.announce(Bulletin(answer.operation, schedule.channel, answer, notes))

    async def _stop(self, schedule: Schedule, run: Run, owner: Identity, refused: Phrase) -> None:
        """Its owner may not ask that any more: it is paused, and the administrators hear of it."""
        gone = isinstance(owner, SlackIdentity) and owner.standing is not Standing.MEMBER
        why = Phrase("{owner} is no longer a full member of the workspace", owner=schedule.owner) if gone else refused
        told = Phrase("the schedule {name} of {owner} is paused: {why}", name=schedule.name, owner=schedule.owner, why=why)
        remove = f"schedule remove {schedule.name}"
        words = (remove,) if gone else (f"schedule resume {schedule.name}", remove)
        await self._ways.announcer.announce(_word(f"{run.operation}-paused", "", told, words))
        await self._book.pause(schedule.name, BOT, run.operation, why)  # last: nobody would be told of a paused one

    async def _tell(self, schedule: Schedule, run: Run) -> None:
        told = Phrase(
            "the schedule {name} was not run at {due}: the bot was not running, or its clock was set anew",
            name=schedule.name,
            due=Moment(run.due),
        )
        await self._ways.announcer.announce(_word(run.operation, schedule.channel, told, (f"schedule run {schedule.name}",)))


def _whose(schedule: Schedule) -> Phrase:
    """Where an answer comes from that nobody asked for just now."""
    if schedule.origin is Origin.BUILT_IN:
        return Phrase("by the schedule {name}", name=schedule.name)
    return Phrase("by the schedule {name} of {owner}", name=schedule.name, owner=schedule.owner)


def _word(name: str, channel: str, told: Phrase, words: tuple[str, ...]) -> Bulletin:
    """A sentence for a channel, with words that go on from there."""
    report = Report(title=Phrase("Schedule"), summary=told, brief=True, next=words)
    return Bulletin(name, channel, Answer(operation=name, understood="schedule", body=report))


def _lateness(run: Run, late: bool) -> Phrase | None:
    """That a run comes late, and how many before it never came."""
    if run.missed:
        return Phrase(
            "due at {due}; {n} earlier run was missed: the bot was not running, or its clock was set anew",
            plural="due at {due}; {n} earlier runs were missed: the bot was not running, or its clock was set anew",
            due=Moment(run.due),
            n=run.missed,
        )
    if late:
        return Phrase("due at {due}, and late: the bot was not running, or its clock was set anew", due=Moment(run.due))
    return None
