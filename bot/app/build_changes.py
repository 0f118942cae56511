"""Builds what changes need: rows, rules, decisions, and the engine that carries them out.

    build_changes   operations, locks, repository, planner, coordinator, lifecycle     (wherever the database is open)
    run_changes     the engine and the clock, while a bot runs

`SurfaceLinks` holds what only a running bot has: Slack, to show changes and to look up identities, and the engine.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from adapters.phrase import Phrase
from bot.audit.log import Audit
from bot.changes.coordinator import Dispatch, Engine
from bot.changes.engine import Durable
from bot.changes.executor import Applying
from bot.changes.intent_log import Journal
from bot.changes.lifecycle import Workflow
from bot.changes.locks import Locks
from bot.changes.planner import Planner
from bot.changes.repository import Ledger
from bot.changes.step_runner import Runner
from bot.config.active_config import ActiveConfig
from bot.handlers.context import NobodyRuns
from bot.incidents.channels import MadeChannel, NewChannel
from bot.incidents.service import Incidents
from bot.model.announcement import Bulletin
from bot.model.change import Change
from bot.model.request import Identity, SlackIdentity, Standing
from bot.runtime.clock import Clock
from bot.runtime.periodic import DAY, TICK, Work, tick
from bot.schedules.service import Schedules
from bot.security.redaction import Redactor
from bot.store.database import Database
from bot.store.incidents import IncidentTable
from bot.store.locks import LockTable
from bot.store.operations import Operations
from bot.store.schedules import ScheduleTable
from commands.catalogue import CATALOGUE


class Surface(Protocol):
    """Slack, as changes need it."""

    def show(self, change: Change) -> None: ...

    async def identity(self, who: SlackIdentity) -> SlackIdentity: ...

    async def announce(self, bulletin: Bulletin) -> None: ...

    async def revise(self, bulletin: Bulletin, word: Phrase | None) -> None: ...

    async def make_channel(self, new: NewChannel) -> MadeChannel: ...


class Links:
    """Links to what only a running bot has: `surface` and `engine`, None in other processes."""

    def __init__(self) -> None:
        self.surface: Surface | None = None
        self.engine: Engine | None = None

    def show(self, change: Change) -> None:
        """Shows a change. Without a surface, it is shown after the next start."""
        if self.surface is not None:
            self.surface.show(change)

    def present(self) -> Engine:
        """Returns the engine. Raises `NoBotRunning` without one."""
        if self.engine is None:
            raise NobodyRuns.here()
        return self.engine

    async def announce(self, bulletin: Bulletin) -> None:
        """As `bot.model.announcement.Announcer`. Raises `NoBotRunning` without a surface."""
        await self._present_surface().announce(bulletin)

    async def revise(self, bulletin: Bulletin, word: Phrase | None) -> None:
        """As `bot.model.announcement.Announcer`. Raises `NoBotRunning` without a surface."""
        await self._present_surface().revise(bulletin, word)

    async def make_channel(self, new: NewChannel) -> MadeChannel:
        """As `bot.incidents.channels.Channels`. Raises `NoBotRunning` without a surface."""
        return await self._present_surface().make_channel(new)

    def _present_surface(self) -> Surface:
        if self.surface is None:
            raise NobodyRuns.here()
        return self.surface

    async def recheck(self, who: Identity) -> Identity:
        """Looks an identity up again. Membership is unknown without Slack."""
        if not isinstance(who, SlackIdentity):
            return who
        if self.surface is None:
            return replace(who, standing=Standing.UNKNOWN, groups=frozenset())
        return await self.surface.identity(who)


@dataclass(frozen=True)
class Machinery:
    """Services behind changes, schedules and incidents."""

    workflow: Workflow
    locks: Locks
    dispatch: Dispatch
    operations: Operations
    journal: Journal
    links: Links
    schedules: Schedules
    schedule_table: ScheduleTable
    incidents: Incidents


@dataclass(frozen=True)
class Engineering:
    """Settings of the engine: its own database file, the clock, and references for unexpected errors."""

    file: Path
    clock: Clock
    reference: Callable[[], str]


def assembled(
    database: Database, audit: Audit, basis: Callable[[], ActiveConfig], redactor: Redactor, now: Callable[[], datetime]
) -> Machinery:
    """Builds the services over an open database. `basis` returns the active configuration."""
    links = Links()
    operations = Operations(database)
    journal = Journal(audit, database, redactor.holds_secret)
    ledger = Ledger(operations, audit, journal.read, links.show, now)
    planner = Planner(basis, CATALOGUE, now, redactor.holds_secret)
    dispatch = Dispatch(ledger, planner, links.present, links.recheck)
    locks = Locks(LockTable(database), audit, now, dispatch.start_ready)
    schedule_table = ScheduleTable(database)
    schedules = Schedules(schedule_table, audit, now)
    return Machinery(
        Workflow(ledger, planner, dispatch),
        locks,
        dispatch,
        operations,
        journal,
        links,
        schedules,
        schedule_table,
        Incidents(IncidentTable(database), audit, now),
    )


@asynccontextmanager
async def at_work(
    machinery: Machinery, audit: Audit, basis: Callable[[], ActiveConfig], engine: Engineering
) -> AsyncIterator[None]:
    """Carries out changes until the block is left. Changes that a crash interrupted are resumed; the clock runs."""
    clock = engine.clock
    runner = Runner(lambda: basis().fleet, machinery.journal, clock)
    applying = Applying(
        machinery.operations.get,
        machinery.dispatch,
        machinery.locks,
        audit,
        machinery.journal,
        runner,
        lambda: basis().fleet.inventory,
    )
    if audit.trouble is not None:
        await machinery.dispatch.in_doubt(audit.trouble)
    async with AsyncExitStack() as stack:
        room = _EngineRoom(machinery.links, audit, lambda: Durable.launch(engine.file, applying, engine.reference))
        stack.push_async_callback(room.close)
        await room.start()
        works = (
            Work("engine", TICK, room.start),
            Work("changes", TICK, machinery.dispatch.tick),
            Work("runs", 2 * TICK, room.mend),
            Work("ended runs", DAY, lambda: room.forget(clock.now())),
        )
        ticking = asyncio.create_task(tick(works, clock), name="clock")
        try:
            yield
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)


class _EngineRoom:
    """Launches the engine once the audit log is intact: at the start, or when a loss was accepted."""

    def __init__(self, links: Links, audit: Audit, launch: Callable[[], Awaitable[Durable]]) -> None:
        self._links = links
        self._audit = audit
        self._launch = launch
        self._durable: Durable | None = None

    async def start(self) -> None:
        """Launches the engine if the audit log is intact and it does not run yet."""
        if self._durable is None and self._audit.intact:
            self._durable = self._links.engine = await self._launch()

    async def mend(self) -> None:
        """Resumes workflows that stopped."""
        if self._durable is not None:
            await self._durable.mend()

    async def forget(self, now: datetime) -> None:
        """Deletes workflows that ended long ago."""
        if self._durable is not None:
            await self._durable.forget(now)

    async def close(self) -> None:
        """Waits for running workflows, then closes the engine."""
        if self._durable is not None:
            await self._durable.aclose()
        self._links.engine = None  # last: what ends meanwhile starts others
