"""Runs changes while a bot runs: the engine, and the clock that moves what waits.

the audit log is intact ─▶ claimed hosts are told the term ─▶ the engine is launched: interrupted runs go on
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.fleet import Fleet
from bot.app.build_changes import OWED_INTERVAL, ChangeServices
from bot.app.settle_loss import settle_loss
from bot.audit_log.log import AuditLog
from bot.changes.services.engine import ApplySteps, Engine
from bot.changes.services.executor import Executor
from bot.changes.services.intent_log import CountedSteps
from bot.changes.services.locks import tell_term
from bot.changes.services.step_binding import Places
from bot.changes.services.step_runner import StepRunner
from bot.changes.tables.step_starts import StepStartTable
from bot.config.active_config import ActiveConfig
from bot.runtime.clock import Clock
from bot.runtime.periodic import DAY, TICK_INTERVAL, PeriodicTask, run_periodically
from bot.store.address import PostgresAddress
from bot.store.database import Database
from bot.store.leadership import NO_TERM

if TYPE_CHECKING:
    from bot.store.engine_pool import EnginePool


RECORD_INTERVAL = 60.0
"""Seconds between two comparisons of the audit log's end with the events that were written."""


@dataclass(frozen=True)
class EngineSettings:
    """Settings of the engine: the bot's database, the clock, and references for unexpected errors.

    `file` is the engine's own database where the bot's is SQLite. On PostgreSQL it is the same database.
    """

    file: Path
    database: Database
    clock: Clock
    reference: Callable[[], str]


@asynccontextmanager
async def run_changes(
    changes: ChangeServices, audit: AuditLog, basis: Callable[[], ActiveConfig], engine: EngineSettings
) -> AsyncIterator[None]:
    """Runs changes and periodic tasks until the block is left. Changes that a crash interrupted are resumed."""
    await settle_loss(changes.coordinator, audit)
    async with AsyncExitStack() as stack:
        applying = _build_executor(changes, audit, basis, engine.clock)
        room = _EngineSupervisor(changes, audit, engine, applying, lambda: basis().fleet)
        stack.push_async_callback(room.close)
        if engine.database.term == NO_TERM:
            await room.start()  # after a takeover, hosts are told the term first, and nothing else waits for them
        works = (
            PeriodicTask("engine", TICK_INTERVAL, room.start),
            PeriodicTask("changes", TICK_INTERVAL, room.move_changes),
            PeriodicTask("owed", OWED_INTERVAL, changes.owed.asker.tick),
            PeriodicTask("runs", 2 * TICK_INTERVAL, room.recover),
            PeriodicTask("record", RECORD_INTERVAL, audit.check),
            PeriodicTask("whole record", DAY, audit.check_whole),
            PeriodicTask("ended runs", DAY, lambda: room.delete_ended(engine.clock.now())),
        )
        ticking = asyncio.create_task(run_periodically(works, engine.clock), name="clock")
        try:
            yield
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)


def _build_executor(changes: ChangeServices, audit: AuditLog, basis: Callable[[], ActiveConfig], clock: Clock) -> Executor:
    runner = StepRunner(
        lambda: Places(basis().fleet, changes.own_actions),
        changes.intent_log,
        clock,
        changes.coordinator.record_progress,
    )
    return Executor(
        changes.operations.get,
        changes.coordinator,
        changes.locks,
        audit,
        changes.intent_log,
        runner,
        lambda: basis().fleet.inventory,
    )


class _EngineSupervisor:
    """Launches the engine once the audit log is intact: at the start, or when a loss was accepted."""

    def __init__(
        self,
        changes: ChangeServices,
        audit: AuditLog,
        settings: EngineSettings,
        applying: ApplySteps,
        find_fleet: Callable[[], Fleet],
    ) -> None:
        self._changes = changes
        self._audit = audit
        self._find_fleet = find_fleet
        self._settings = settings
        self._applying = applying
        self._starts = StepStartTable(settings.database)
        self._engine: Engine | None = None
        self._pool: EnginePool | None = None

    async def start(self) -> None:
        """Launches the engine if the audit log is intact and it does not run yet. Claimed hosts hear the term first."""
        if self._engine is None and self._audit.intact:
            claims, term = await self._changes.operations.find_claims(), self._settings.database.term
            await tell_term(self._find_fleet(), claims, term)
            interrupted = frozenset(await self._changes.operations.list_running())
            steps = CountedSteps(self._applying, self._starts, interrupted)
            self._engine = await Engine.launch(self._find_place(), steps, self._settings.reference)
            self._changes.links.engine = self._engine

    async def move_changes(self) -> None:
        """Moves what waits, once the engine can take it."""
        if self._engine is not None:
            await self._changes.coordinator.tick()

    async def recover(self) -> None:
        """Resumes workflows that stopped."""
        if self._engine is not None:
            await self._engine.resume_orphans()

    async def delete_ended(self, now: datetime) -> None:
        """Deletes workflows that ended long ago, and the starts of steps of all ended operations."""
        if self._engine is not None:
            await self._engine.delete_ended(now)
            await self._starts.forget_others(await self._changes.operations.list_running())

    async def close(self) -> None:
        """Waits for running workflows, then closes the engine."""
        if self._engine is not None:
            await self._engine.aclose()
        self._changes.links.engine = None  # last, because a run that ends meanwhile may start others
        if self._pool is not None:
            await asyncio.to_thread(self._pool.close)

    def _find_place(self) -> "Path | EnginePool":
        """Finds where the engine keeps its runs: its own file, or sessions of the database on a server."""
        if not isinstance(self._settings.database.address, PostgresAddress):
            return self._settings.file
        from bot.store.engine_pool import EnginePool

        if self._pool is None:
            self._pool = EnginePool.open(self._settings.database)
        return self._pool
