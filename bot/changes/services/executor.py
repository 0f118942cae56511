"""Executor of one operation, called by `apply.v1`: checks its start, runs its steps, rolls back, records its outcome.

begin ─┬─ checked before ─────────────────────────▶ go on; a resumed run never compares again
       ├─ a right is gone, a lock, no plan now ───▶ refused, nothing was changed
       ├─ the plan differs now ───────────────────▶ superseded, nothing was changed
       └─ the same digest ─ audit RUN ────────────▶ step … step ─▶ end

Parts that are independent (`FleetChange.independent`) end alone: one that fails is rolled back within its step, and the next
one runs. So the shape of `apply.v1` stays.

The approved plan is the one that runs: the stored plan must have the digest of the signed event PLAN, and that of RUN before
each further step. If a digest differs, because the row was changed or this is another version of the bot, no request goes to
any host, not even a rollback: such a plan is not trusted either.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from adapters.errors import HostError, Refused, RequestError
from adapters.inventory import Inventory
from adapters.phrase import Phrase
from bot.access.policy import Refusal
from bot.audit_log.log import EventKind
from bot.audit_log.ports import SignedLog
from bot.changes.rules import signature_check as attestation
from bot.changes.rules.locks import describe_lock
from bot.changes.rules.outcome import (
    ChangeOutcome,
    compute_outcome,
    compute_unattested_outcome,
    find_part,
    has_failed_before,
    list_steps_to_undo,
)
from bot.changes.rules.trail import AuditTrail
from bot.changes.services.engine import StepReply
from bot.changes.services.intent_log import IntentLog
from bot.changes.services.step_binding import PlanRun
from bot.changes.services.step_runner import StepRunner
from bot.model.change import ChangeState
from bot.model.lock import Lock
from bot.record.record import RecordDamaged
from bot.store.records import UNREADABLE_PLAN, OperationRecord
from commands.model.owed import Matter
from commands.model.plan import Part, Plan, PlannedChange, Result

NO_WORK: StepReply = {"go": False, "steps": [], "undo": []}
"""Reply for an operation that must not run, or not any more."""


class RunCoordinator(Protocol):
    """Moves a change, as its run needs it (`bot.changes.services.coordinator`)."""

    async def check_still_allowed(self, record: OperationRecord) -> Refusal | None:
        """Return a refusal if the operation may not start any more."""

    async def list_unrehearsed(self, record: OperationRecord) -> tuple[str, ...]:
        """List the hosts on which it relies on a guard without a fresh rehearsal."""

    def find_matter(self, record: OperationRecord) -> Matter:
        """Find what an operation owes to the hosts that it has to leave out."""

    def is_independent(self, record: OperationRecord) -> bool:
        """Return whether its parts do not depend on one another."""

    async def replan(self, record: OperationRecord) -> tuple[PlannedChange, str]:
        """Make the plan as of now, with its digest."""

    async def refuse(self, record: OperationRecord, refused: Refusal) -> Any:
        """Close the operation; nothing was changed."""

    async def supersede(self, record: OperationRecord, planned: PlannedChange) -> Any:
        """Close the operation, and ask again with the new plan."""

    async def record_progress(self, operation_id: str, key: str) -> None:
        """Record the step that is under way."""

    async def finish_run(self, operation_id: str, state: ChangeState, why: Phrase | None) -> Any:
        """Finish the run: hosts are released unless the outcome is unknown, and others may start."""


class ForbiddingLocks(Protocol):
    """The locks (`bot.changes.services.locks`)."""

    async def find_forbidding_lock(self, hosts: Iterable[str], inventory: Inventory) -> Lock | None:
        """Find the lock that forbids changes on one of these hosts now."""


@dataclass(frozen=True)
class Executor:
    """Steps of `apply.v1` (`bot.changes.services.engine.ApplySteps`). `find_record` finds a record by its operation's id."""

    find_record: Callable[[str], Awaitable[OperationRecord | None]]
    coordinator: RunCoordinator
    locks: ForbiddingLocks
    audit: SignedLog
    intent_log: IntentLog
    runner: StepRunner
    inventory: Callable[[], Inventory]
    _verified: dict[str, tuple[Plan, str]] = field(default_factory=dict, init=False)
    """Plans that were found attested, by operation: the check takes long with a large one."""

    async def begin(self, operation: str) -> StepReply:
        """Check that it may run, and return its steps. It is checked only once, because its own effects change the hosts."""
        record = await self._find_running(operation)
        if record is None:
            return NO_WORK
        trail = await self._read_trail(operation)
        if trail is None:
            await self.coordinator.refuse(record, Refusal("the record is damaged", self.audit.trouble or DAMAGED))
            return NO_WORK
        if trail.started:
            if not await self._is_attested(record):
                return {"go": True, "steps": []}
        else:
            match await self._find_objection(record):
                case Refusal() as refused:
                    await self.coordinator.refuse(record, refused)
                    return NO_WORK
                case PlannedChange() as planned:
                    await self.coordinator.supersede(record, planned)
                    return NO_WORK
            started = {
                "digest": record.digest,
                "words": record.words,
                "scripts": record.plan.hash_scripts(),
                "unrehearsed": await self.coordinator.list_unrehearsed(record),
            }
            await self.intent_log.record_start(operation, record.requester, started)
            if self.audit.trouble is not None:  # found by this very append
                await self.coordinator.refuse(record, Refusal("the audit log is not intact", self.audit.trouble))
                return NO_WORK
        return {"go": True, "steps": [step.key for step in record.plan.steps]}

    async def run_step(self, operation: str, key: str) -> StepReply:
        """Run one step; a step that fails ends its part, which is rolled back.

        It ends the run, too, unless the parts are independent: such a part is rolled back at once, and its other steps are
        passed over, so that the next part runs.
        """
        record = await self._find_running(operation)
        if record is None:
            return NO_WORK
        if not await self._is_attested(record):
            return {"go": False, "undo": []}
        part, independent = find_part(record.plan, key), self.coordinator.is_independent(record)
        if independent and has_failed_before(part, key, await self.intent_log.read_trail(operation)):
            return {"go": True}
        await self.coordinator.record_progress(operation, key)
        result = await self.runner.run_step(_make_run(record), key, partial(self._find_stop_reason, operation, part))
        if result.result.successful:
            return {"go": True}
        back = list_steps_to_undo(part, await self.intent_log.read_trail(operation))
        if not independent or await self._is_stopping(operation):
            return {"go": False, "undo": list(back)}
        for step in back:
            await self.undo_step(operation, step)
        return {"go": True}

    async def undo_step(self, operation: str, key: str) -> StepReply:
        """Roll one step back. Neither a lock nor a request to stop forbids that: half a change helps no operator.

        The rollback stops at the first step whose rollback is not proven: earlier steps hold what that one needs (the old
        files, while the host restores them).
        """
        record = await self._find_running(operation)
        if record is None:
            return NO_WORK
        if not await self._is_attested(record) or _has_doubtful_rollback(
            find_part(record.plan, key), key, await self.intent_log.read_trail(operation)
        ):
            return {}
        await self.coordinator.record_progress(operation, key)
        await self.runner.undo_step(_make_run(record), key)
        return {}

    async def end(self, operation: str) -> StepReply:
        """Record the outcome, from the log alone."""
        record = await self._find_running(operation)
        if record is None:
            return NO_WORK
        trail = await self._read_trail(operation) or AuditTrail(started=True)
        end = await self._compute_outcome(record, trail)
        if not trail.ended:
            data = {"state": end.state, "why": str(end.why or ""), "done": end.done, "left": end.left}
            await self.intent_log.record_end(operation, record.requester, data)
        await self.coordinator.finish_run(operation, end.state, end.why)
        self._verified.pop(operation, None)
        return {"state": end.state.value}

    async def _find_running(self, operation: str) -> OperationRecord | None:
        """Find the record while its hosts are claimed for it; a person may have ended it meanwhile."""
        record = await self.find_record(operation)
        return record if record is not None and record.state is ChangeState.RUNNING else None

    async def _compute_outcome(self, record: OperationRecord, trail: AuditTrail) -> ChangeOutcome:
        if await self._is_attested(record):
            return compute_outcome(record.operation, record.plan, trail, self.coordinator.find_matter(record))
        if await self._read_trail(record.operation) is None:
            return compute_unattested_outcome(record.operation, trail, self.audit.trouble or DAMAGED)
        runs = await self.audit.find_signed(record.operation, EventKind.RUN)
        upgraded = record.plan is not UNREADABLE_PLAN and attestation.was_upgraded(record, runs)
        why = _UPGRADED if upgraded else _explain_unattested_plan(record)
        return compute_unattested_outcome(record.operation, trail, why)

    async def _is_attested(self, record: OperationRecord) -> bool:
        """Return whether the plan is still the one that was started, and whether its events are as they were written."""
        if await self._read_trail(record.operation) is None:
            return False
        if self._verified.get(record.operation) == (record.plan, record.digest):
            return True
        attested = attestation.is_attested(
            record, await self.audit.find_signed(record.operation, EventKind.RUN)
        ) and attestation.is_digest_valid(record)
        if attested:
            self._verified[record.operation] = record.plan, record.digest
        return attested

    async def _find_objection(self, record: OperationRecord) -> Refusal | PlannedChange | None:
        """Find the reason for which the approved plan may not run now: a refusal, or the plan that it has become."""
        try:
            refused = await self._find_refusal(record)
            if refused is not None:
                return refused
            planned, digest = await self.coordinator.replan(record)
        except (HostError, Refused, RequestError) as error:
            return Refusal("no plan now", error.phrase)
        if digest != record.digest:
            return planned
        return (
            None
            if attestation.is_digest_valid(record)
            else Refusal("another plan is stored", _explain_unattested_plan(record))
        )

    async def _read_trail(self, operation: str) -> AuditTrail | None:
        """Read the trail of an operation; None if one of its events is missing or changed."""
        try:
            return await self.intent_log.read_trail(operation)
        except RecordDamaged:
            return None

    async def _find_refusal(self, record: OperationRecord) -> Refusal | None:
        if self.audit.trouble is not None:
            return Refusal("the audit log is not intact", self.audit.trouble)
        if record.plan is UNREADABLE_PLAN or not attestation.is_attested(
            record, await self.audit.find_signed(record.operation, EventKind.PLAN)
        ):
            return Refusal("another plan is stored", _explain_unattested_plan(record))
        if (await self.intent_log.read_trail(record.operation)).ended:
            return Refusal("it has ended", _ENDED)
        lock = await self.locks.find_forbidding_lock(_find_changed_hosts(*record.plan.parts), self.inventory())
        if lock is not None:
            return Refusal("locked", describe_lock(lock))
        return await self.coordinator.check_still_allowed(record)

    async def _is_stopping(self, operation: str) -> bool:
        record = await self._find_running(operation)
        return record is None or bool(record.stopping)

    async def _find_stop_reason(self, operation: str, part: Part) -> Phrase | None:
        """Find the reason for which no step of a part may start at this moment."""
        record = await self._find_running(operation)
        if record is not None and record.stopping:
            return Phrase("stopped by {who}", who=record.stopping)
        lock = await self.locks.find_forbidding_lock(_find_changed_hosts(part), self.inventory())
        return None if lock is None else Phrase("stopped by a lock: {lock}", lock=describe_lock(lock))


def _has_doubtful_rollback(part: Part, key: str, trail: AuditTrail) -> bool:
    """Return whether a rollback of the part was not proven, so that this step must stay as it is.

    What harms nothing forbids the rollback of nothing but more of the same kind on its host, which does not answer.
    """
    here = next(step for step in part.steps if step.key == key)
    open_steps = [
        step for step in part.steps if step.key in trail.undone and trail.undone[step.key].result is not Result.UNDONE
    ]
    return any(not step.harmless_remains or (step.host == here.host and here.harmless_remains) for step in open_steps)


def _make_run(record: OperationRecord) -> PlanRun:
    return PlanRun(record.operation, record.requester, record.plan)


def _explain_unattested_plan(record: OperationRecord) -> Phrase:
    """Explain that a stored plan is not attested."""
    if record.plan is UNREADABLE_PLAN:
        return Phrase("the plan was stored by a different version of flatnet-bot and cannot be read by this one")
    return Phrase(
        "the stored plan does not match the audit log: the database was changed, or this is a different version of "
        "flatnet-bot"
    )


DAMAGED = Phrase("events of this change were removed or modified in the database. Restore it from a backup")
"""Why a change with a damaged record is not run."""

_ENDED = Phrase("the audit log shows that this change has ended, so the database was changed. Restore it from a backup")
_UPGRADED = Phrase("flatnet-bot was upgraded during this change, and this version would not run what was approved")


def _find_changed_hosts(*parts: Part) -> frozenset[str]:
    """Find the hosts that parts change."""
    changed = {step.host for part in parts for step in part.steps if step.deed.is_change}
    return frozenset(changed | {part.host for part in parts})
