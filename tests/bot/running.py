"""An order that is carried out as `apply.v1` does it, over a real audit log, and killed at any of its moments."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.audit.log import Audit, AuditKeys, EventKind
from bot.changes.intent_log import Journal
from bot.changes.outcome import Ending, ending, part_of, to_take_back
from bot.changes.step_binding import Order
from bot.changes.step_runner import Runner
from bot.store.chain import MIN_KEY, AuditKey
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

    audit: Audit
    at: Callable[[str], None]

    async def record(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None:
        self.at("before writing")
        await self.audit.record(kind, actor, operation, data)
        self.at("written")


class House:
    """A database and an audit log that outlive the bots that use them."""

    def __init__(self, folder: Path, world: World) -> None:
        self.world = world
        self.database = Database.open(folder / "flatnet.sqlite3")
        self.folder = folder
        self.audit: Audit

    async def open(self) -> "House":
        keys = AuditKeys(AuditKey(b"k" * MIN_KEY))
        self.audit = await Audit.open(self.database, keys, self.folder / "head.jsonl", self.world.time.now)
        return self

    async def aclose(self) -> None:
        await self.audit.aclose()
        await self.database.aclose()

    def journal(
        self, kill: Callable[[str], None] = lambda moment: None, secret: Callable[[str], bool] = lambda text: False
    ) -> Journal:
        return Journal(Recording(self.audit, kill), self.database, secret)

    def runner(
        self, kill: Callable[[str], None] = lambda moment: None, secret: Callable[[str], bool] = lambda text: False
    ) -> Runner:
        self.world.at_effect = kill
        return Runner(self.world.fleet, self.journal(kill, secret), self.world.time.clock)

    async def carry_out(self, plan: Plan, kill: Callable[[str], None] = lambda moment: None) -> Ending:
        """All steps of a plan, or as many as go well and the way back."""
        runner, journal, order = self.runner(kill), self.journal(), Order(OPERATION, "ana", plan)
        for step in plan.steps:
            if (await runner.do(order, step.key)).result.good:
                continue
            for key in to_take_back(part_of(plan, step.key), await journal.read(OPERATION)):
                await runner.undo(order, key)
            break
        return ending(OPERATION, plan, await journal.read(OPERATION))

    async def killed_and_carried_out(self, plan: Plan, at: int) -> Ending | None:
        """Killed at one moment and begun again; None where it ended before that moment came."""
        kill = Kill(at)
        try:
            await self.carry_out(plan, kill)
        except Killed:
            return await self.carry_out(plan)
        return None
