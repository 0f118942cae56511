"""Builds and runs the schedules of a running bot.

schedules (rows) ─ scheduler ─▶ dispatcher ─▶ answer ─┬─ posted in its channel
                                                      └─ disks, updates, certificates: stored, for alerts and digests
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

import structlog

from adapters.phrase import Phrase
from bot.access.people import Person
from bot.config.active_config import ActiveConfig
from bot.config.schedules import STORED
from bot.model.request import Answer, BotIdentity, Identity, Membership, SlackIdentity, SystemIdentity
from bot.model.schedule import Schedule, ScheduleOrigin
from bot.runtime.periodic import DAY, TICK_INTERVAL, PeriodicTask, run_periodically
from bot.schedules.services.scheduler import Scheduler, SchedulerServices
from bot.store.encoding import decode_identity
from commands.model.report import Report

if TYPE_CHECKING:
    from bot.app.application import Application


_log = structlog.get_logger("bot.app.run_schedules")


@asynccontextmanager
async def run_schedules(application: "Application", team: str) -> AsyncIterator[None]:
    """Runs due schedules until the block is left. `team` is the workspace of the configured people."""
    changes, desk, clock, history = (
        application.wings.changes,
        application.dispatcher,
        application.clock,
        application.wings.history,
    )
    ways = SchedulerServices(
        list_definitions=lambda: desk.config.schedule_config.schedules,
        find_owner=ScheduleOwners(changes.links, lambda: desk.config, team).find_identity,
        dispatcher=desk,
        announcer=changes.links,
        outlets=dict.fromkeys(STORED, _log_failure),
    )
    table = changes.schedule_table
    timetable = Scheduler(table, changes.schedules, ways, application.audit, clock)
    works = (
        PeriodicTask("schedules", TICK_INTERVAL, timetable.tick),
        PeriodicTask("old runs", DAY, lambda: table.prune(clock.now())),
        PeriodicTask("history", DAY, lambda: history.prune(clock.now())),
    )
    ticking = asyncio.create_task(run_periodically(works, clock), name="schedules")
    try:
        yield
    finally:
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)
        await timetable.drain()


async def _log_failure(schedule: Schedule, answer: Answer, late: Phrase | None) -> None:
    """Outlet of checks that are stored where they are made: only a failure is logged."""
    if not isinstance(answer.body, Report):
        _log.warning("a scheduled check failed", schedule=schedule.name, operation=answer.operation)


class IdentitySource(Protocol):
    """Source of current identities (`bot.app.build_changes.SurfaceLinks`)."""

    async def refresh_identity(self, who: Identity) -> Identity: ...


class ScheduleOwners:
    """Finds the current identity of the owner of a schedule."""

    def __init__(self, links: IdentitySource, basis: Callable[[], ActiveConfig], team: str) -> None:
        self._links = links
        self._basis = basis
        self._team = team

    async def find_identity(self, schedule: Schedule) -> Identity:
        """Finds the identity. Membership is unknown if Slack does not answer."""
        return await self._links.refresh_identity(self._read_stored_identity(schedule))

    async def refresh_stored(self, identity: str) -> Identity:
        """Finds the current identity of a person whose identity was stored (`bot.store.records`)."""
        return await self._links.refresh_identity(self._prefer_slack(decode_identity(identity)))

    def _read_stored_identity(self, schedule: Schedule) -> Identity:
        match schedule.origin:
            case ScheduleOrigin.BUILT_IN:
                return BotIdentity(schedule.name)
            case ScheduleOrigin.ADDED:
                return self._prefer_slack(decode_identity(schedule.identity))
            case ScheduleOrigin.CONFIGURED:
                return self._find_person(schedule.owner)

    def _prefer_slack(self, identity: Identity) -> Identity:
        """Prefers the Slack identity of an owner who added the schedule in the shell."""
        if not isinstance(identity, SystemIdentity):
            return identity
        people = self._basis().policy.people
        person = next((each for each in people if identity.name in each.system and each.slack), None)
        return identity if person is None else self._make_slack_identity(person)

    def _find_person(self, name: str) -> Identity:
        """Finds a configured person, in Slack if possible: Slack knows who has left."""
        person = next((each for each in self._basis().policy.people if each.name == name), Person(name=name))
        if person.slack:
            return self._make_slack_identity(person)
        return SystemIdentity(0, person.system[0] if person.system else name)

    def _make_slack_identity(self, person: Person) -> SlackIdentity:
        return SlackIdentity(self._team, person.slack[0], Membership.UNKNOWN)
