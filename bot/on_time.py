"""What runs by the clock, put together once, while a bot runs.

schedules (rows) ─ timetable ─▶ desk ─▶ answer ─┬─ posted in its channel
                                                ├─ observe: kept
                                                └─ certificates: notices
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bot.audit import Audit
from bot.clock import Clock
from bot.desk import Basis, Desk
from bot.machinery import DAY, TICK, Machinery
from bot.policy import Person
from bot.request import BotIdentity, Identity, SlackIdentity, Standing, SystemIdentity
from bot.store.records import identity_of
from bot.store.schedules import Origin, Schedule
from bot.ticker import Work, tick
from bot.timetable import Timetable, Ways


@asynccontextmanager
async def on_time(machinery: Machinery, desk: Desk, audit: Audit, team: str, clock: Clock) -> AsyncIterator[None]:
    """Run what is due until left. `team` is our workspace, in which the people of the configuration are."""
    ways = Ways(
        definitions=lambda: desk.basis.clockwork.schedules,
        owner=_Owners(machinery, lambda: desk.basis, team).now,
        desk=desk,
        announcer=machinery.links,
        outlets={},
    )
    table = machinery.schedule_table
    timetable = Timetable(table, machinery.schedules, ways, audit, clock)
    works = (Work("schedules", TICK, timetable.tick), Work("old runs", DAY, lambda: table.prune(clock.now())))
    ticking = asyncio.create_task(tick(works, clock), name="schedules")
    try:
        yield
    finally:
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)
        await timetable.drain()


class _Owners:
    """On whose behalf a schedule runs, as that person is at this moment."""

    def __init__(self, machinery: Machinery, basis: Callable[[], Basis], team: str) -> None:
        self._machinery = machinery
        self._basis = basis
        self._team = team

    async def now(self, schedule: Schedule) -> Identity:
        """Who it is; of whom Slack does not tell, nothing is known."""
        return await self._machinery.links.recheck(self._written(schedule))

    def _written(self, schedule: Schedule) -> Identity:
        match schedule.origin:
            case Origin.BUILT_IN:
                return BotIdentity(schedule.name)
            case Origin.ADDED:
                return identity_of(schedule.identity)
            case Origin.CONFIGURED:
                return self._person(schedule.owner)

    def _person(self, name: str) -> Identity:
        """A person of the configuration: in Slack, where they are known there, for Slack knows who has left."""
        person = next((each for each in self._basis().policy.people if each.name == name), Person(name=name))
        if person.slack:
            return SlackIdentity(self._team, person.slack[0], Standing.UNKNOWN)
        return SystemIdentity(0, person.system[0] if person.system else name)
