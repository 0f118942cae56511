"""Intent log: the intent and the outcome of each step of an operation, written to and read from the audit log.

    intent ─▶ request to the host ─▶ outcome          (each once for a step, and once for its rollback)

After a crash a step with an outcome is not run again, and a step with an intent alone is checked on its host first. The
trails of running operations are cached, and only newer events are read: every step and every card asks for them.

Counts the starts of steps of interrupted runs, so that a step that brings the bot down is not tried for ever.

A run is interrupted whenever its process ends, and most of these ends are no fault of a step: a machine dies, a copy loses
the lead. So the engine resumes a run as often as needed, and the starts of each step are counted here instead, one for each
process. Runs that were never interrupted are not counted, which spares them a commit for each step.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from adapters.phrase import Phrase
from bot.audit_log.log import EventKind, Recorder
from bot.audit_log.ports import SignedLog
from bot.changes.rules.trail import STEP_KINDS, AuditTrail, StepEntry, _drop_answer, build_trail
from bot.changes.services.engine import ApplySteps, StepReply
from bot.store.audit_chain import StoredEvent
from bot.store.errors import TooLarge
from commands.model.plan import StepResult


class StepLog(Recorder, Protocol):
    """The audit log, as trails need it."""

    async def list_signed(self, operation: str, kinds: Collection[EventKind], after: int = 0) -> tuple[StoredEvent, ...]: ...


class IntentLog:
    """Writes and reads the events of operations. `holds_secret` judges a text that is about to be stored."""

    def __init__(self, audit: StepLog, holds_secret: Callable[[str], bool]) -> None:
        self._audit = audit
        self._holds_secret = holds_secret
        self._at_hand: dict[str, AuditTrail] = {}

    async def record_start(self, operation: str, actor: str, data: Mapping[str, Any]) -> None:
        """Record that an operation's plan still holds, so that it is not compared again."""
        await self._audit.record(EventKind.RUN, actor, operation, data)

    async def record_intent(self, entry: StepEntry, host: str, action: str) -> None:
        """Record the request that is about to be sent to a host."""
        data = {"step": entry.key, "undo": entry.undo, "host": host, "action": action}
        await self._audit.record(EventKind.INTENT, entry.actor, entry.operation, data)

    async def record_outcome(self, entry: StepEntry, result: StepResult, *, touched: bool = False) -> StepResult:
        """Record the result of a step, and return it as it was stored: an answer that holds a secret is dropped."""
        kept = self._drop_secrets(result)
        try:
            await self._append_outcome(entry, kept, touched)
        except TooLarge:
            kept = _drop_answer(result, Phrase("the host's response is too large to store. Check the host"))
            await self._append_outcome(entry, kept, touched)
        return kept

    async def record_end(self, operation: str, actor: str, data: Mapping[str, Any]) -> None:
        """Record the end of an operation."""
        await self._audit.record(EventKind.END, actor, operation, data)

    async def read_trail(self, operation: str) -> AuditTrail:
        """Read the trail of an operation from the log. Raises `RecordDamaged`."""
        before = self._at_hand.get(operation, AuditTrail())
        now = build_trail(await self._audit.list_signed(operation, STEP_KINDS, before.last_sequence), before)
        if not now.under_way:
            self._at_hand.pop(operation, None)
        elif (
            now.last_sequence >= self._at_hand.get(operation, AuditTrail()).last_sequence
        ):  # another reader may have been faster
            self._at_hand[operation] = now
        return now

    async def _append_outcome(self, entry: StepEntry, result: StepResult, touched: bool) -> None:
        data = {"undo": entry.undo, "touched": touched, "result": result.model_dump(mode="json")}
        await self._audit.record(EventKind.OUTCOME, entry.actor, entry.operation, data)

    def _drop_secrets(self, result: StepResult) -> StepResult:
        if not self._holds_secret(result.model_dump_json()):
            return result
        return _drop_answer(result, Phrase("the host's response contains a secret, so it was not stored. Check the host"))


async def read_signed_outcomes(audit: SignedLog, operation: str) -> AuditTrail:
    """Read the results of an operation's steps from its signed outcomes alone."""
    return build_trail(await audit.find_signed(operation, EventKind.OUTCOME))


MAX_STARTS = 5
"""Most starts of one step without an outcome, the first one included, which was not counted."""


class StartedTooOften(Exception):
    """A step was started too often without an outcome. The engine ends its run as one with a bug, with a reference."""


class StartCounter(Protocol):
    """Counts starts (`bot.changes.tables.step_starts`)."""

    async def count_start(self, operation: str, step: str) -> int: ...


@dataclass(frozen=True)
class CountedSteps:
    """Steps of `apply.v1`, with a limit for those of `interrupted` operations."""

    steps: ApplySteps
    starts: StartCounter
    interrupted: frozenset[str]
    _counted: set[tuple[str, str]] = field(default_factory=set, init=False)
    """Steps that this process has counted: the engine may start one several times, until it is recorded."""

    async def begin(self, operation: str) -> StepReply:
        """As `ApplySteps.begin`."""
        return await self._run(operation, "begin", lambda: self.steps.begin(operation))

    async def run_step(self, operation: str, key: str) -> StepReply:
        """As `ApplySteps.run_step`."""
        return await self._run(operation, f"step {key}", lambda: self.steps.run_step(operation, key))

    async def undo_step(self, operation: str, key: str) -> StepReply:
        """As `ApplySteps.undo_step`."""
        return await self._run(operation, f"undo {key}", lambda: self.steps.undo_step(operation, key))

    async def end(self, operation: str) -> StepReply:
        """As `ApplySteps.end`."""
        return await self._run(operation, "end", lambda: self.steps.end(operation))

    async def _run(self, operation: str, step: str, work: Callable[[], Awaitable[StepReply]]) -> StepReply:
        if operation in self.interrupted and (operation, step) not in self._counted:
            if await self.starts.count_start(operation, step) >= MAX_STARTS:
                raise StartedTooOften(f"{operation}: {step} was started {MAX_STARTS} times without an outcome")
            self._counted.add((operation, step))
        return await work()
