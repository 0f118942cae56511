"""Repository of changes: finds and moves their rows, announces every change, and records it in the audit log."""

import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from adapters.errors import Refused, RequestError
from adapters.phrase import Phrase
from bot.access.policy import Policy
from bot.audit_log.log import MAX_RECORDED_LENGTH, EventKind
from bot.audit_log.ports import SignedLog
from bot.changes.rules.approval import refresh_approvers
from bot.changes.rules.outcome import collect_results
from bot.changes.rules.owed import RunEnd, compute_owed_effects
from bot.changes.rules.rehearsals import describe_objections
from bot.changes.rules.signature_check import is_digest_valid
from bot.changes.rules.trail import AuditTrail
from bot.changes.services.intent_log import read_signed_outcomes
from bot.changes.services.planning_memory import GoodConfigurationRegistry, RehearsalRegistry
from bot.changes.tables.operations import OperationTable, Transition
from bot.changes.tables.owed import OwedEffects, OwedTable, find_settled
from bot.model.change import Approval, Change, ChangeState, Review
from bot.record.record import RecordDamaged
from bot.store.checks import CheckTable
from bot.store.records import OperationRecord
from commands.changes.rehearsal import find_unrehearsed_hosts, group_rehearsal_steps
from commands.model.operation import FleetChange
from commands.model.plan import StepResult

MAX_PREMISES = 100
"""Most premises in an audit event; the digest covers them all."""


class NoSuchOperation(RequestError):
    """No change has that id."""


class RunFollower(Protocol):
    """Follower of the ends of runs, such as that of `bot.certificates`: it stores what a run did as rows of its own."""

    async def follow_run(self, record: OperationRecord, trail: AuditTrail) -> None:
        """Take what a run did, from its signed outcomes alone. After a crash the same run comes again.

        May raise a `DatabaseError` or an error of the audit log: then the end of the run is repeated.
        """


@dataclass(frozen=True)
class ChangeSources:
    """Stored and owed changes, what is known of their hosts, and the access policy as it is now.

    `record_signed` stores what an operation signed, at its end (`bot.certificates.services.ledger`). It never raises.
    `followers` take the outcomes of runs whose plan is the one that was approved.
    """

    operations: OperationTable
    owed: OwedTable
    rehearsals: RehearsalRegistry
    checks: CheckTable
    policy: Callable[[], Policy]
    good_configurations: GoodConfigurationRegistry
    record_signed: Callable[[str], Awaitable[None]]
    followers: tuple[RunFollower, ...] = ()


class ChangeRepository:
    """Stored changes. Every method may raise a `DatabaseError`; then nothing was moved.

    `trail` reads the trail of an operation (`IntentLog.read_trail`). `watch` is called with every change, returns at once
    and never raises.
    """

    def __init__(
        self,
        sources: ChangeSources,
        audit: SignedLog,
        trail: Callable[[str], Awaitable[AuditTrail]],
        watch: Callable[[Change], None],
        now: Callable[[], datetime],
    ) -> None:
        self.operations = sources.operations
        self.owed = sources.owed
        self.audit = audit
        self.rehearsals = sources.rehearsals
        self.checks = sources.checks
        self.good_configurations = sources.good_configurations
        self._policy = sources.policy
        self._record_signed = sources.record_signed
        self._followers = sources.followers
        self.read_trail = trail
        self.now = now
        self._watch = watch

    @property
    def intact(self) -> bool:
        """True if the audit log is whole. Otherwise nothing is requested and nothing starts."""
        return self.audit.intact

    def require_intact(self) -> None:
        """Raise `Refused` where the audit log is not whole."""
        if self.audit.trouble is not None:
            raise Refused(Phrase("changes are blocked while the audit log is inconsistent: {why}", why=self.audit.trouble))

    async def find(self, operation: str) -> OperationRecord | None:
        """Find a stored operation."""
        return await self.operations.get(operation)

    async def get(self, operation: str) -> OperationRecord:
        """Get a stored operation. Raises `NoSuchOperation`."""
        record = await self.operations.get(operation)
        return _require_found(record, operation)

    async def move(self, operation: str, transition: Transition) -> OperationRecord:
        """Move an operation in one step. Raises `NoSuchOperation`, or the refusal of the transition."""
        return _require_found(await self.operations.change(operation, transition), operation)

    async def end(
        self, record: OperationRecord, operation: FleetChange | None, targets: Collection[str], transition: Transition
    ) -> OperationRecord:
        """Move a run to its end, with what it owes to hosts and what it did of that, in one step.

        Both are in the audit log first, once. `operation` is that of the record, None if this version has no such class;
        `targets` are the hosts that it names.
        """
        now, trail = self.now(), await self.read_trail(record.operation)
        end = RunEnd(transition(record).state, trail, now)
        effects = compute_owed_effects(record, operation, targets, end)
        await self._record_owed(record, effects)
        return _require_found(await self.operations.end(record.operation, transition, effects, now), record.operation)

    async def _record_owed(self, record: OperationRecord, effects: OwedEffects) -> None:
        settled = find_settled(await self.owed.list_open(), effects.done) if effects.done else ()
        events = {
            "left": [owed.host for owed in effects.left],
            "settled": [owed.number for owed in settled],
        }
        stored = await self.audit.find_signed(record.operation, EventKind.OWED) if any(events.values()) else ()
        for how, items in events.items():
            if items and not any(json.loads(event.data).get("owed") == how for event in stored):
                await self.record(EventKind.OWED, record.requester, record.operation, {"owed": how, "items": items})

    async def finish(
        self, record: OperationRecord, transition: Transition, who: str, successor: OperationRecord | None = None
    ) -> None:
        """Move an operation to its end, which is in the audit log first: a caller that cannot record must not act.

        After a crash in between that end is still recorded once. `successor` takes its place in the same step.
        """
        after = transition(record)
        if after.state is not record.state and not await self._has_end(record.operation):
            await self.record_end(after, who)
        if successor is None:
            await self.move(record.operation, transition)
        else:
            await self.operations.replace_by_successor(record.operation, transition, successor)

    async def _has_end(self, operation: str) -> bool:
        """Return whether its end is recorded. A change whose events were damaged gets an end all the same."""
        try:
            return (await self.read_trail(operation)).ended
        except RecordDamaged:
            return False

    async def make_change(self, record: OperationRecord) -> Change:
        """Make the value for every surface from a record, with the results of its steps."""
        results: tuple[StepResult, ...] = ()
        if record.started_at is not None:
            with suppress(RecordDamaged):  # the alert of the audit log names the damage
                results = collect_results(record.plan, await self.read_trail(record.operation))
        change = self._refresh_approvers(record.to_change(results), record)
        return change if change.state.ended else await self._add_rehearsal_notes(change)

    def _refresh_approvers(self, change: Change, record: OperationRecord) -> Change:
        """Name those who may approve a waiting change now: the stored ones are of the time of the request."""
        if change.state is not ChangeState.WAITING:
            return change
        policy = self._policy()
        return refresh_approvers(change, policy.find_current_name(record.identity, record.requester), policy)

    async def _add_rehearsal_notes(self, change: Change) -> Change:
        """Add to a change the hosts that have no fresh rehearsal now: the stored plan does not move with the clock."""
        objections = await self.rehearsals.find_objections(change.plan)
        if not objections:
            return change
        notes = describe_objections(objections)
        plan = change.plan.model_copy(update={"warnings": (*change.plan.warnings, *notes)})
        return change.model_copy(update={"plan": plan, "unrehearsed": tuple(objections), "rehearsal_notes": notes})

    async def announce_change(self, operation: str) -> Change:
        """Announce the present state of an operation to the watcher."""
        change = await self.make_change(await self.get(operation))
        self._watch(change)
        return change

    async def record(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None:
        """Append one audit event."""
        await self.audit.record(kind, actor, operation, data)

    async def record_effects(self, operation: str, find_kind: Callable[[OperationRecord], type[FleetChange] | None]) -> None:
        """Forget the checks of hosts in areas that a run may have changed, and record what it proved of them and signed."""
        ran = await self.get(operation)
        await self.forget_checks(ran, find_kind(ran))
        await self._record_rehearsals(ran)
        await self.good_configurations.record(ran)
        await self._record_signed(operation)
        await self._inform_followers(ran)

    async def forget_checks(self, ran: OperationRecord, kind: type[FleetChange] | None) -> None:
        """Forget the checks of hosts in areas that a run of this kind may have changed; of an unknown kind, in all areas."""
        areas = (kind or FleetChange).affects
        await self.checks.forget(sorted({part.host for part in ran.plan.parts}), areas, self.now())

    async def _record_rehearsals(self, ran: OperationRecord) -> None:
        """Record what a run proved of its hosts, and announce the open operations whose notes depend on that."""
        await self.rehearsals.record(ran)
        rehearsed = group_rehearsal_steps(ran.plan)
        for record in await self.operations.list_in_states(ChangeState.WAITING, ChangeState.READY) if rehearsed else ():
            if any(host in rehearsed for host in find_unrehearsed_hosts(record.plan)):
                await self.announce_change(record.operation)

    async def _inform_followers(self, ran: OperationRecord) -> None:
        if self._followers and is_digest_valid(ran):
            trail = await read_signed_outcomes(self.audit, ran.operation)
            for follower in self._followers:
                await follower.follow_run(ran, trail)

    async def record_request(self, record: OperationRecord) -> None:
        """Record a new operation in the audit log, before it is stored: its plan, and why it may run."""
        who, operation = record.requester, record.operation
        await self.record(EventKind.PLAN, who, operation, make_plan_event(record))
        if record.approval is not None and record.approval.waived:
            event = {"rule": record.approval.rule, "digest": record.digest, "expires_at": record.expires_at.isoformat()}
            await self.record(EventKind.WAIVER, who, operation, event)
        elif record.approval is not None:
            await self.record(EventKind.APPROVAL, who, operation, make_approval_event(record.approval))
        if record.break_glass is not None:
            event = {
                "reason": record.reason[:MAX_RECORDED_LENGTH],
                "expires_at": record.expires_at.isoformat(),
                "surface": record.surface.value,
            }
            await self.record(EventKind.BREAK_GLASS, who, operation, event)

    async def record_end(self, record: OperationRecord, who: str) -> None:
        """Record the end of an operation in the audit log."""
        approval = None if record.approval is None else record.approval.state.value
        why = "" if record.why is None else str(record.why)[:MAX_RECORDED_LENGTH]
        event = {"state": record.state, "approval": approval, "why": why, "after": record.after}
        await self.record(EventKind.END, who, record.operation, event)


def make_review_event(record: OperationRecord, decided: Review, name: str) -> Mapping[str, Any]:
    """Make the audit event of one person's decision; `name` is what an approver of a critical change typed."""
    return {
        "approves": decided.approves,
        "reason": decided.reason[:MAX_RECORDED_LENGTH],
        "digest": record.digest,
        "requester": record.requester,
        "surface": decided.surface,
        **({"name": name[:MAX_RECORDED_LENGTH]} if name else {}),
    }


def make_plan_event(record: OperationRecord) -> Mapping[str, Any]:
    """Make the audit event of a plan."""
    plan = record.plan
    return {
        "words": record.words[:MAX_RECORDED_LENGTH],
        "risk": record.risk.name.lower(),
        "digest": record.digest,
        "hosts": plan.hosts,
        "steps": len(plan.steps),
        "left_out": [left.host for left in plan.left_out],
        "premises": [f"{premise.host} {premise.what}: {premise.value}"[:120] for premise in plan.premises[:MAX_PREMISES]],
        "reason": record.reason[:MAX_RECORDED_LENGTH],
        "before": record.before,
        "dry_run": record.state is ChangeState.PLANNED,
    }


def make_approval_event(approval: Approval) -> Mapping[str, Any]:
    """Make the audit event of a requested approval."""
    return approval.model_dump(mode="json", include={"needed", "rule", "roles", "may", "groups", "expires_at"})


def _require_found(record: OperationRecord | None, operation: str) -> OperationRecord:
    if record is None:
        raise NoSuchOperation(
            Phrase("change {operation} not found. Run {words} for the list", operation=operation, words="op")
        )
    return record
