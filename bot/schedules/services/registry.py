"""Schedules: commands with a cron line that run on behalf of their owner, and the operations that manage them.

added by a person ──┬─▶ active ◀─ resume ─ pause ─▶ paused (by a person, or by the bot: its owner may not ask for it now)
in flatnet.toml ────┤      └─ remove ─▶ gone; a configured one is removed in the configuration alone
built in ───────────┘

Only reads run unattended. A change asks for approval as if its owner had typed it. Decisions of people (approvals, locks,
schedules) and changes without approval never run on a schedule. `bot.schedules.services.scheduler` runs them.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from adapters.errors import Refused, RequestError
from adapters.phrase import Phrase
from bot.audit_log.log import MAX_RECORDED_LENGTH, EventKind, Recorder
from bot.config.schedules import BUILT_IN
from bot.model.request import derive_operation_id
from bot.model.schedule import RunOutcome, RunTally, Schedule, ScheduleOrigin, ScheduleRun
from bot.schedules.model import ScheduleListing
from bot.schedules.tables.schedules import ScheduleTable
from bot.store.encoding import encode_time

MAX_SCHEDULES = 100
"""Most schedules at once: more than operators could review."""


class NoSuchSchedule(RequestError):
    """No schedule has that name."""


class ScheduleConflict(Refused):
    """The state or the origin of a schedule forbids it."""


class ScheduleRegistry:
    """The schedules of a bot. Every change of them is in the audit log first."""

    def __init__(self, table: ScheduleTable, audit: Recorder, now: Callable[[], datetime]) -> None:
        self._table = table
        self._audit = audit
        self._now = now

    async def list_all(self) -> tuple[ScheduleListing, ...]:
        """List every schedule, by name."""
        latest = await self._table.find_latest_runs()
        return tuple(ScheduleListing(schedule, latest.get(schedule.name)) for schedule in await self._table.list_all())

    async def count_outcomes(self, since: datetime, until: datetime) -> tuple[RunTally, ...]:
        """Count the outcomes of the times that were due from `since` on and before `until`."""
        return await self._table.count_outcomes(since, until)

    async def find(self, name: str) -> Schedule:
        """Find one schedule. Raises `NoSuchSchedule`."""
        schedule = await self._table.find(name)
        if schedule is None:
            raise NoSuchSchedule(Phrase("no schedule named {name}. Run {words} for the list", name=name, words="schedule"))
        return schedule

    async def add(self, schedule: Schedule) -> Schedule:
        """Store a new schedule; a repeated request gets the same one. Without a name it gets one made from its words."""
        known = await self._table.list_all()
        again = next((each for each in known if each.operation and each.operation == schedule.operation), None)
        if again is not None:
            return again
        if schedule.name in BUILT_IN:
            raise ScheduleConflict(
                Phrase("{name} is built in. Choose another {option}", name=schedule.name, option="--name")
            )
        if len(known) >= MAX_SCHEDULES:
            raise ScheduleConflict(Phrase("the limit of {n} schedules is reached. Delete one first", n=MAX_SCHEDULES))
        taken = {each.name for each in known}
        if schedule.name in taken:
            raise ScheduleConflict(
                Phrase(
                    "a schedule named {name} already exists. Choose another {option}", name=schedule.name, option="--name"
                )
            )
        named = schedule if schedule.name else replace(schedule, name=_make_name(schedule.words, taken | BUILT_IN.keys()))
        await self._record("added", named, named.owner, named.operation)
        return await self._table.add(named)

    async def pause(self, name: str, by: str, operation: str, why: Phrase | None = None) -> Schedule:
        """Pause a schedule until a person resumes it; a paused one stays as it is."""
        schedule = await self.find(name)
        if not schedule.paused:
            await self._record("paused", schedule, by, operation, why)
            await self._table.pause(name, by, why)
        return await self.find(name)

    async def resume(self, name: str, by: str, operation: str) -> Schedule:
        """Resume a schedule from now on; the times missed meanwhile are not made up for."""
        schedule = await self.find(name)
        if schedule.paused:
            await self._record("resumed", schedule, by, operation)
            await self._table.resume(name, self._now())
        return await self.find(name)

    async def remove(self, name: str, by: str, operation: str) -> None:
        """Delete a schedule that a person added. Raises `ScheduleConflict` where it is configured or built in."""
        schedule = await self.find(name)
        if schedule.origin is ScheduleOrigin.CONFIGURED:
            raise ScheduleConflict(
                Phrase(
                    "{name} is defined in the configuration. Remove it there, or use: {words}",
                    name=name,
                    words=f"schedule pause {name}",
                )
            )
        if schedule.origin is ScheduleOrigin.BUILT_IN:
            raise ScheduleConflict(
                Phrase("{name} is built in. Pause it with: {words}", name=name, words=f"schedule pause {name}")
            )
        await self._record("removed", schedule, by, operation)
        await self._table.remove(name)

    async def run(self, name: str, by: str, operation: str) -> ScheduleRun:
        """Claim a run for the next tick. Raises `ScheduleConflict` where the schedule is paused or runs."""
        schedule = await self.find(name)
        if schedule.paused:
            raise ScheduleConflict(
                Phrase("{name} is paused. Resume it first: {words}", name=name, words=f"schedule resume {name}")
            )
        if any(run.schedule == name for run in await self._table.list_unfinished()):
            raise ScheduleConflict(Phrase("{name} is running. Its result will follow", name=name))
        now = self._now()
        run = ScheduleRun(name, now, make_run_id(name, now), RunOutcome.RUNNING, now)
        await self._record("run", schedule, by, operation)
        await self._table.claim_due_time(run)
        return run

    async def _record(self, what: str, schedule: Schedule, by: str, operation: str, why: Phrase | None = None) -> None:
        event = {
            "schedule": what,
            "name": schedule.name,
            "cron": schedule.cron,
            "zone": schedule.zone,
            "words": schedule.words,
            "owner": schedule.owner,
            "channel": schedule.channel,
            **({} if why is None else {"why": str(why)[:MAX_RECORDED_LENGTH]}),
        }
        await self._audit.record(EventKind.SCHEDULE, by, operation, event)


def make_run_key(name: str, due: datetime) -> str:
    """Make the key of the delivery of one due time: the same time, the same request."""
    return f"schedule:{name}:{encode_time(due)}"


def make_run_id(name: str, due: datetime) -> str:
    """Derive the id of the operation of one due time."""
    return derive_operation_id(make_run_key(name, due))


def _make_name(words: str, taken: Sequence[str] | set[str]) -> str:
    """Make a name from words that is not taken: `health-tokyo`, `health-tokyo-2`."""
    kept = "".join(letter if letter.isascii() and letter.isalnum() else " " for letter in words.lower())
    first = "-".join(kept.split())[:36].strip("-") or "schedule"
    return next(name for name in (first, *(f"{first}-{n}" for n in range(2, MAX_SCHEDULES + 2))) if name not in taken)
