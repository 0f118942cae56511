"""Scheduler: each due time is claimed once and run, and its answer is posted.

tick ─ definitions ─▶ rows ─ newest due time ─┬─ claimed already ─▶ nothing
                                              ├─ the last run has not ended ─▶ SKIPPED: runs do not pile up
                                              └─▶ RUNNING ─ is it too late, and its rule is skip or tell? ─▶
    yes ─▶ MISSED (and announced by the rule tell)
    no ─ identify its owner ─▶
    the owner may not ask for it any more ─▶ paused, REFUSED, the administrators are notified
    the owner may ─▶ dispatcher ─▶ answer ─▶ its outlet ─▶ DONE, FAILED
tick ─ RUNNING without a task (a crash, `schedule run`) ─▶ run: the same operation, so that nothing is posted twice

Only the newest of several missed times is run. Time may jump: a claimed time stays claimed, and a clock that goes back runs
only times that never ran.
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
from bot.access.policy import BOT_ACTOR_NAME
from bot.audit_log.log import EventKind, Recorder
from bot.model.announcement import Announcement, Announcer
from bot.model.change import Change
from bot.model.request import Answer, Failure, FailureKind, Identity, Membership, Request, SlackIdentity, Surface
from bot.model.schedule import RunOutcome, Schedule, ScheduleOrigin, ScheduleRun
from bot.runtime.clock import Clock
from bot.schedules.services.registry import ScheduleRegistry, make_run_id, make_run_key
from bot.schedules.tables.schedules import ScheduleTable
from commands.model.report import Report
from commands.values import cron

ON_TIME_TOLERANCE = timedelta(minutes=10)
"""Delay up to which a run is on time: a restart takes seconds, and a digest is not needed to the minute."""

MAX_RUN_SECONDS = 900.0
"""Timeout of a run in seconds: a read of 254 hosts takes less than a minute."""

RETRY_DELAY = timedelta(minutes=1)
"""Delay before a failed run is retried, for example when Slack cannot identify a schedule's owner."""

MAX_COUNTED_MISSES = 1_000
"""Most missed times that are counted."""

_log = structlog.get_logger("bot.schedules.services.scheduler")

AnswerOutlet = Callable[[Schedule, Answer, Phrase | None], Awaitable[None]]
"""Delivers the answer of a run; the phrase tells that the run is late, None where it is on time."""


class RequestDispatcher(Protocol):
    """Handles requests (`bot.requests.dispatcher`)."""

    async def handle(self, request: Request) -> Answer: ...

    async def check_refusal(self, request: Request) -> Failure | None: ...


class OwnerUnknown(FlatnetError):
    """Slack could not identify the owner; the run is retried."""


@dataclass(frozen=True)
class SchedulerServices:
    """Services that a run needs.

    `list_definitions` gives the schedules that no person added, `find_owner` identifies an owner at this moment. `outlets`
    are for schedules whose answers are not simply posted.
    """

    list_definitions: Callable[[], Sequence[Schedule]]
    find_owner: Callable[[Schedule], Awaitable[Identity]]
    dispatcher: RequestDispatcher
    announcer: Announcer
    outlets: Mapping[str, AnswerOutlet]


class Scheduler:
    """Runs due schedules. Call `tick` again and again, and `drain` at the end."""

    def __init__(
        self, table: ScheduleTable, service: ScheduleRegistry, services: SchedulerServices, audit: Recorder, clock: Clock
    ) -> None:
        self._table = table
        self._service = service
        self._services = services
        self._audit = audit
        self._clock = clock
        self._defined: tuple[Schedule, ...] | None = None
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._retry_at: dict[str, datetime] = {}

    async def tick(self) -> None:
        """Claim and start what is due now, and restart what a crash left."""
        await self._sync_definitions()
        now = self._clock.now()
        schedules = {schedule.name: schedule for schedule in await self._table.list_all()}
        latest = await self._table.find_latest_runs()
        for schedule in schedules.values():
            if not schedule.paused:
                await self._claim_due_safely(schedule, latest.get(schedule.name), now)
        unfinished = await self._table.list_unfinished()
        newest = {run.schedule: run for run in unfinished}
        for run in unfinished:
            if run is newest[run.schedule] or run.schedule in self._runs:
                await self._start_run(schedules.get(run.schedule), run, now)
            else:
                await self._table.end_run(run, RunOutcome.MISSED, now)

    @property
    def busy(self) -> bool:
        """True if a run is under way."""
        return bool(self._runs)

    async def drain(self) -> None:
        """Stop the runs under way; they are run again after the next start."""
        runs = tuple(self._runs.values())
        for run in runs:
            run.cancel()
        await asyncio.gather(*runs, return_exceptions=True)

    async def _sync_definitions(self) -> None:
        defined = tuple(self._services.list_definitions())
        if defined != self._defined:
            for name in await self._table.sync_definitions(defined):
                _log.error("a person's schedule has the name of a configured one, which does not run", schedule=name)
            self._defined = defined

    async def _claim_due_safely(self, schedule: Schedule, latest: ScheduleRun | None, now: datetime) -> None:
        """Claim a due time. A schedule that could not be read or recorded does not delay the others."""
        try:
            await self._claim_due(schedule, latest, now)
        except FlatnetError as error:
            _log.warning("a schedule is retried at the next tick", schedule=schedule.name, why=str(error))
        except Exception as error:  # a row that this version could not read
            _log.error("a schedule could not be read and does not run", schedule=schedule.name, exc_info=error)

    async def _claim_due(self, schedule: Schedule, latest: ScheduleRun | None, now: datetime) -> None:
        """Claim the newest due time of a schedule, unless it is claimed."""
        zone = ZoneInfo(schedule.zone)
        due = cron.find_last_due(schedule.cron, zone, now)
        if due is None or due <= schedule.since or (latest is not None and latest.due == due):
            return
        if latest is not None and latest.due > due and await self._table.is_claimed(schedule.name, due):
            return
        before = max(schedule.since, await self._table.find_previous_due(schedule.name, due) or schedule.since)
        missed = cron.count_due_times(schedule.cron, zone, before, due, MAX_COUNTED_MISSES)
        run = ScheduleRun(schedule.name, due, make_run_id(schedule.name, due), RunOutcome.RUNNING, now, missed)
        if schedule.name in self._runs:
            run = replace(run, outcome=RunOutcome.SKIPPED, ended_at=now)
            await self._record_not_run(run, run.outcome)
        await self._table.claim_due_time(run)

    async def _record_not_run(self, run: ScheduleRun, outcome: RunOutcome) -> None:
        """Record a time that is not run, before that is decided."""
        event = {"schedule": outcome.value, "name": run.schedule, "due": run.due.isoformat(), "missed": run.missed}
        await self._audit.record(EventKind.SCHEDULE, BOT_ACTOR_NAME, run.operation, event)

    async def _start_run(self, schedule: Schedule | None, run: ScheduleRun, now: datetime) -> None:
        """Start a run, unless it is under way or waits for its retry."""
        if schedule is None or schedule.paused:
            await self._table.end_run(run, RunOutcome.DROPPED, now)
            return
        if run.schedule in self._runs or self._retry_at.get(run.schedule, now) > now:
            return
        task = asyncio.create_task(self._run(schedule, run), name=f"schedule {run.schedule}")
        self._runs[run.schedule] = task
        task.add_done_callback(lambda ended: self._runs.pop(run.schedule, None))

    async def _run(self, schedule: Schedule, run: ScheduleRun) -> None:
        """Run a schedule and store the outcome. An error is retried at a later tick, and never delays other schedules."""
        working = asyncio.ensure_future(self._carry_out(schedule, run))
        waiting = asyncio.ensure_future(self._clock.sleep(MAX_RUN_SECONDS))
        try:
            await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
            outcome = working.result() if working.done() else RunOutcome.FAILED
            if not working.done():
                _log.error("a schedule's run timed out", schedule=run.schedule)
            await self._table.end_run(run, outcome, self._clock.now())
        except FlatnetError as error:
            self._retry_at[run.schedule] = self._clock.now() + RETRY_DELAY
            _log.warning("a schedule's run is retried", schedule=run.schedule, why=str(error))
        except Exception as error:  # a bug in one run, which is not retried for ever
            _log.error("a schedule's run failed", schedule=run.schedule, exc_info=error)
            await self._table.end_run(run, RunOutcome.FAILED, self._clock.now())
        finally:
            waiting.cancel()
            working.cancel()

    async def _carry_out(self, schedule: Schedule, run: ScheduleRun) -> RunOutcome:
        late = self._clock.now() - run.due > ON_TIME_TOLERANCE
        if late and schedule.missed != "run":
            return await self._handle_missed(schedule, run)
        identity = await self._services.find_owner(schedule)
        if isinstance(identity, SlackIdentity) and identity.standing is Membership.UNKNOWN:
            raise OwnerUnknown(Phrase("could not verify {owner} with Slack", owner=schedule.owner))
        request = Request(
            key=make_run_key(run.schedule, run.due),
            identity=identity,
            text=schedule.words,
            surface=Surface.SCHEDULE,
            at=run.began_at,
            channel=schedule.channel,
            zone=ZoneInfo(schedule.zone) if cron.is_valid(schedule.cron, schedule.zone) else None,
            answered_in_public=True,
        )
        refused = await self._services.dispatcher.check_refusal(request)
        if refused is not None and refused.kind is FailureKind.REFUSED:
            await self._pause_refused(schedule, run, identity, refused.phrase)
            return RunOutcome.REFUSED
        answer = await self._services.dispatcher.handle(request)
        if isinstance(answer.body, Failure) and answer.body.kind is FailureKind.NOTHING:
            return RunOutcome.DONE  # no change is due, as on most days
        if not isinstance(answer.body, Change):  # a change has its own card
            await self._find_outlet(schedule)(schedule, answer, _describe_lateness(run, late))
        return RunOutcome.FAILED if isinstance(answer.body, Failure) else RunOutcome.DONE

    async def _handle_missed(self, schedule: Schedule, run: ScheduleRun) -> RunOutcome:
        await self._record_not_run(run, RunOutcome.MISSED)
        if schedule.missed == "tell":
            await self._announce_missed(schedule, run)
        return RunOutcome.MISSED

    def _find_outlet(self, schedule: Schedule) -> AnswerOutlet:
        """Find the outlet of a schedule. Only built-in schedules have one of their own: the name alone gives none."""
        return (
            self._services.outlets.get(schedule.name, self._post_answer)
            if schedule.origin is ScheduleOrigin.BUILT_IN
            else self._post_answer
        )

    async def _post_answer(self, schedule: Schedule, answer: Answer, late: Phrase | None) -> None:
        whose = _describe_origin(schedule)
        notes = (whose,) if late is None else (whose, late)
        await self._services.announcer.announce(Announcement(answer.operation, schedule.channel, answer, notes))

    async def _pause_refused(self, schedule: Schedule, run: ScheduleRun, owner: Identity, refused: Phrase) -> None:
        """Pause a schedule whose owner may not ask for it any more, and notify the administrators."""
        gone = isinstance(owner, SlackIdentity) and owner.standing is not Membership.MEMBER
        why = Phrase("{owner} is no longer a full member of the workspace", owner=schedule.owner) if gone else refused
        text = Phrase("the schedule {name} of {owner} was paused: {why}", name=schedule.name, owner=schedule.owner, why=why)
        remove = f"schedule remove {schedule.name}"
        words = (remove,) if gone else (f"schedule resume {schedule.name}", remove)
        await self._services.announcer.announce(_make_announcement(f"{run.operation}-paused", "", text, words))
        await self._service.pause(schedule.name, BOT_ACTOR_NAME, run.operation, why)  # last, for it is announced only once

    async def _announce_missed(self, schedule: Schedule, run: ScheduleRun) -> None:
        text = Phrase(
            "the schedule {name} did not run at {due}: the bot was not running, or its clock changed",
            name=schedule.name,
            due=Moment(run.due),
        )
        await self._services.announcer.announce(
            _make_announcement(run.operation, schedule.channel, text, (f"schedule run {schedule.name}",))
        )


def _describe_origin(schedule: Schedule) -> Phrase:
    """Describe the schedule that caused an answer."""
    if schedule.origin is ScheduleOrigin.BUILT_IN:
        return Phrase("scheduled: {name}", name=schedule.name)
    return Phrase("scheduled: {name} ({owner})", name=schedule.name, owner=schedule.owner)


def _make_announcement(name: str, channel: str, text: Phrase, words: tuple[str, ...]) -> Announcement:
    """Make an announcement of one sentence, with words to go on from there."""
    report = Report(title=Phrase("Schedule"), summary=text, brief=True, next=words)
    return Announcement(name, channel, Answer(operation=name, understood="schedule", body=report))


def _describe_lateness(run: ScheduleRun, late: bool) -> Phrase | None:
    """Describe that a run is late, with the number of earlier runs that were missed."""
    if run.missed:
        return Phrase(
            "due at {due}. {n} earlier run was also missed (the bot was not running, or its clock changed)",
            plural="due at {due}. {n} earlier runs were also missed (the bot was not running, or its clock changed)",
            due=Moment(run.due),
            n=run.missed,
        )
    if late:
        return Phrase("due at {due}, delayed (the bot was not running, or its clock changed)", due=Moment(run.due))
    return None
