"""Builds and runs the schedules of a running bot.

schedules (rows) ─ scheduler ─▶ dispatcher ─▶ answer ─┬─ posted in its channel
                                                      ├─ observe: stored, for digests and reports
                                                      └─ certificates: expiry notices
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

import structlog

from adapters.phrase import Phrase
from bot.access.policy import Person
from bot.config.active_config import ActiveConfig
from bot.expiry.notifier import Notices, Watch
from bot.model.request import Answer, BotIdentity, Identity, SlackIdentity, Standing, SystemIdentity
from bot.reports.observations import History
from bot.runtime.clock import Clock
from bot.runtime.periodic import DAY, TICK, Work, tick
from bot.schedules.builtin import CERTIFICATES, OBSERVE
from bot.schedules.scheduler import Outlet, Timetable, Ways
from bot.store.notices import NoticeTable
from bot.store.records import identity_of
from bot.store.schedules import Origin, Schedule
from commands.model.report import Report

if TYPE_CHECKING:
    from bot.app.application import House

_log = structlog.get_logger("bot.app.build_schedules")


@asynccontextmanager
async def on_time(house: "House", team: str) -> AsyncIterator[None]:
    """Runs due schedules until the block is left. `team` is the workspace of the configured people."""
    machinery, desk, clock, history = house.machinery, house.desk, house.clock, house.history
    notices = Notices(NoticeTable(house.database), house.audit, machinery.links, lambda: _watch(desk.config))
    ways = Ways(
        definitions=lambda: desk.config.clockwork.schedules,
        owner=Owners(machinery.links, lambda: desk.config, team).now,
        desk=desk,
        announcer=machinery.links,
        outlets={OBSERVE: _observing(history, clock), CERTIFICATES: _warning(notices, clock)},
    )
    table = machinery.schedule_table
    timetable = Timetable(table, machinery.schedules, ways, house.audit, clock)
    works = (
        Work("schedules", TICK, timetable.tick),
        Work("old runs", DAY, lambda: table.prune(clock.now())),
        Work("history", DAY, lambda: history.tidy(clock.now())),
    )
    ticking = asyncio.create_task(tick(works, clock), name="schedules")
    try:
        yield
    finally:
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)
        await timetable.drain()


def _watch(basis: ActiveConfig) -> Watch:
    """Finds the channel, the zone and the hosts of expiry notices in the active configuration."""
    clockwork = basis.clockwork
    own = next((schedule for schedule in clockwork.schedules if schedule.name == CERTIFICATES), None)
    channel = clockwork.channel if own is None else own.channel
    return Watch(channel, ZoneInfo(clockwork.zone), frozenset(basis.fleet.inventory.names))


def _observing(history: History, clock: Clock) -> Outlet:
    """Makes the outlet of the built-in check of all hosts: its result is stored."""

    async def keep(schedule: Schedule, answer: Answer, late: Phrase | None) -> None:
        if isinstance(answer.body, Report):
            await history.record(answer.body, answer.body.taken_at or clock.now())
        else:
            _log.warning("the hosts could not be observed", operation=answer.operation)

    return keep


def _warning(notices: Notices, clock: Clock) -> Outlet:
    """Makes the outlet of the built-in check of all certificates: notices of those that expire."""

    async def warn(schedule: Schedule, answer: Answer, late: Phrase | None) -> None:
        if isinstance(answer.body, Report):
            await notices.check(answer.body, clock.now())
        else:
            _log.warning("the certificates could not be looked at", operation=answer.operation)

    return warn


class Rechecks(Protocol):
    """Source of current identities (`bot.app.build_changes.SurfaceLinks`)."""

    async def recheck(self, who: Identity) -> Identity: ...


class Owners:
    """Finds the current identity of the owner of a schedule."""

    def __init__(self, links: Rechecks, basis: Callable[[], ActiveConfig], team: str) -> None:
        self._links = links
        self._basis = basis
        self._team = team

    async def now(self, schedule: Schedule) -> Identity:
        """Finds the identity. Membership is unknown if Slack does not answer."""
        return await self._links.recheck(self._written(schedule))

    def _written(self, schedule: Schedule) -> Identity:
        match schedule.origin:
            case Origin.BUILT_IN:
                return BotIdentity(schedule.name)
            case Origin.ADDED:
                return self._of(identity_of(schedule.identity))
            case Origin.CONFIGURED:
                return self._person(schedule.owner)

    def _of(self, identity: Identity) -> Identity:
        """Prefers the Slack identity of an owner who added the schedule in the shell."""
        if not isinstance(identity, SystemIdentity):
            return identity
        people = self._basis().policy.people
        person = next((each for each in people if identity.name in each.system and each.slack), None)
        return identity if person is None else self._in_slack(person)

    def _person(self, name: str) -> Identity:
        """Finds a configured person, in Slack if possible: Slack knows who has left."""
        person = next((each for each in self._basis().policy.people if each.name == name), Person(name=name))
        if person.slack:
            return self._in_slack(person)
        return SystemIdentity(0, person.system[0] if person.system else name)

    def _in_slack(self, person: Person) -> SlackIdentity:
        return SlackIdentity(self._team, person.slack[0], Standing.UNKNOWN)
