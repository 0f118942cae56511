"""An order that is carried out as `apply.v1` does it, over a real audit log, and killed at any of its moments."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.audit_log.log import AuditLog, EventKind
from bot.changes.rules.outcome import ChangeOutcome, compute_outcome, find_part, list_steps_to_undo
from bot.changes.services.intent_log import IntentLog
from bot.changes.services.step_binding import OwnActions, Places, PlanRun
from bot.changes.services.step_runner import StepRunner
from bot.store.audit_chain import MIN_KEY_BYTES, AuditKey, AuditKeys, StoredEvent
from bot.store.database import Database
from commands.model.plan import Plan
from tests.bot.world import OPERATION, World


class Killed(BaseException):
    """The process is gone."""


class Kill:
    """Counts moments, and kills at one of them."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.moments = 0

    def __call__(self, moment: str) -> None:
        self.moments += 1
        if self.moments == self.at:
            raise Killed(moment)


@dataclass(frozen=True)
class Recording:
    """The audit log, with a moment before and after each event."""

    audit: AuditLog
    at: Callable[[str], None]

    async def record(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None:
        self.at("before writing")
        await self.audit.record(kind, actor, operation, data)
        self.at("written")

    async def list_signed(self, operation: str, kinds: Collection[EventKind], after: int = 0) -> tuple[StoredEvent, ...]:
        return await self.audit.list_signed(operation, kinds, after)


class House:
    """A database and an audit log that outlive the bots that use them."""

    def __init__(self, folder: Path, world: World) -> None:
        self.world = world
        self.own = OwnActions()
        self.database = Database.open(folder / "flatnet.sqlite3")
        self.folder = folder
        self.audit: AuditLog

    async def open(self) -> "House":
        keys = AuditKeys(AuditKey(b"k" * MIN_KEY_BYTES))
        self.audit = await AuditLog.open(self.database, keys, self.folder / "head.jsonl", self.world.time.now)
        return self

    async def aclose(self) -> None:
        await self.audit.aclose()
        await self.database.aclose()

    def journal(
        self, kill: Callable[[str], None] = lambda moment: None, secret: Callable[[str], bool] = lambda text: False
    ) -> IntentLog:
        return IntentLog(Recording(self.audit, kill), secret)

    def runner(
        self, kill: Callable[[str], None] = lambda moment: None, secret: Callable[[str], bool] = lambda text: False
    ) -> StepRunner:
        self.world.at_effect = kill
        return StepRunner(lambda: Places(self.world.fleet(), self.own), self.journal(kill, secret), self.world.time.clock)

    async def carry_out(self, plan: Plan, kill: Callable[[str], None] = lambda moment: None) -> ChangeOutcome:
        """All steps of a plan, or as many as go well and the way back."""
        runner, journal, order = self.runner(kill), self.journal(), PlanRun(OPERATION, "ana", plan)
        for step in plan.steps:
            if (await runner.run_step(order, step.key)).result.successful:
                continue
            for key in list_steps_to_undo(find_part(plan, step.key), await journal.read_trail(OPERATION)):
                await runner.undo_step(order, key)
            break
        return compute_outcome(OPERATION, plan, await journal.read_trail(OPERATION))

    async def killed_and_carried_out(self, plan: Plan, at: int) -> ChangeOutcome | None:
        """Killed at one moment and begun again; None where it ended before that moment came."""
        kill = Kill(at)
        try:
            await self.carry_out(plan, kill)
        except Killed:
            return await self.carry_out(plan)
        return None
