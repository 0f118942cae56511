"""Repository of changes: finds and moves their rows, announces every change, and records it in the audit log."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from adapters.errors import Refused, RequestError
from adapters.phrase import Phrase
from bot.audit.log import RECORDED, EventKind
from bot.changes.intent_log import Trail
from bot.changes.outcome import story
from bot.model.change import Approval, Change, State
from bot.store.chain import StoredEvent
from bot.store.operations import Operations, Transition
from bot.store.records import Record

PREMISES = 100
"""Most premises in an audit event; the digest covers them all."""


class NoSuchOperation(RequestError):
    """No change has that id."""


class AuditLog(Protocol):
    """The audit log, as changes need it; `trouble` is the reason for which it is not `intact`."""

    @property
    def trouble(self) -> Phrase | None: ...

    @property
    def intact(self) -> bool: ...

    async def record(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None: ...

    async def signed(self, operation: str, kind: EventKind) -> tuple[StoredEvent, ...]:
        """Find the events of one kind about an operation that we signed."""


class Ledger:
    """Stored changes. Every method may raise a `DatabaseError`; then nothing was moved.

    `trail` reads the trail of an operation (`IntentLog.read_trail`). `watch` is called with every change, returns at once
    and never raises.
    """

    def __init__(
        self,
        operations: Operations,
        audit: AuditLog,
        trail: Callable[[str], Awaitable[Trail]],
        watch: Callable[[Change], None],
        now: Callable[[], datetime],
    ) -> None:
        self.operations = operations
        self.audit = audit
        self.read_trail = trail
        self.now = now
        self._watch = watch

    @property
    def intact(self) -> bool:
        """True if the audit log is whole. Otherwise nothing is requested and nothing starts."""
        return self.audit.intact

    def must_be_intact(self) -> None:
        """Raise `Refused` where the audit log is not whole."""
        if self.audit.trouble is not None:
            raise Refused(Phrase("nothing may change while the audit log is in doubt: {why}", why=self.audit.trouble))

    async def find(self, operation: str) -> Record | None:
        """Find a stored operation."""
        return await self.operations.get(operation)

    async def known(self, operation: str) -> Record:
        """Get a stored operation. Raises `NoSuchOperation`."""
        record = await self.operations.get(operation)
        return _there(record, operation)

    async def move(self, operation: str, transition: Transition) -> Record:
        """Move an operation in one step. Raises `NoSuchOperation`, or the refusal of the transition."""
        return _there(await self.operations.change(operation, transition), operation)

    async def finish(self, record: Record, transition: Transition, who: str, successor: Record | None = None) -> None:
        """Move an operation to its end, which is in the audit log first: a caller that cannot record must not act.

        After a crash in between that end is still recorded once. `successor` takes its place in the same step.
        """
        after = transition(record)
        if after.state is not record.state and not (await self.read_trail(record.operation)).ended:
            await self.record_end(after, who)
        if successor is None:
            await self.move(record.operation, transition)
        else:
            await self.operations.succeed(record.operation, transition, successor)

    async def told(self, record: Record) -> Change:
        """Make the value for every surface from a record, with the results of its steps."""
        if record.started_at is None:
            return record.change()
        return record.change(story(record.plan, await self.read_trail(record.operation)))

    async def changed(self, operation: str) -> Change:
        """Announce the present state of an operation to the watcher."""
        change = await self.told(await self.known(operation))
        self._watch(change)
        return change

    async def record(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None:
        """Append one audit event."""
        await self.audit.record(kind, actor, operation, data)

    async def record_question(self, record: Record) -> None:
        """Record a new operation in the audit log, before it is stored: its plan, and its approval or break-glass."""
        who, operation = record.requester, record.operation
        await self.record(EventKind.PLAN, who, operation, plan_event(record))
        if record.approval is not None:
            await self.record(EventKind.APPROVAL, who, operation, approval_event(record.approval))
        if record.break_glass is not None:
            event = {"reason": record.reason[:RECORDED], "expires_at": record.expires_at.isoformat()}
            await self.record(EventKind.BREAK_GLASS, who, operation, event)

    async def record_end(self, record: Record, who: str) -> None:
        """Record the end of an operation in the audit log."""
        approval = None if record.approval is None else record.approval.state.value
        why = "" if record.why is None else str(record.why)[:RECORDED]
        event = {"state": record.state, "approval": approval, "why": why, "after": record.after}
        await self.record(EventKind.END, who, record.operation, event)


def plan_event(record: Record) -> Mapping[str, Any]:
    """Make the audit event of a plan."""
    plan = record.plan
    return {
        "words": record.words[:RECORDED],
        "risk": record.risk.name.lower(),
        "digest": record.digest,
        "hosts": plan.hosts,
        "steps": len(plan.steps),
        "left_out": [left.host for left in plan.left_out],
        "premises": [f"{premise.host} {premise.what}: {premise.value}"[:120] for premise in plan.premises[:PREMISES]],
        "reason": record.reason[:RECORDED],
        "before": record.before,
        "dry_run": record.state is State.PLANNED,
    }


def approval_event(approval: Approval) -> Mapping[str, Any]:
    """Make the audit event of a requested approval."""
    return approval.model_dump(mode="json", include={"needed", "rule", "roles", "may", "groups", "expires_at"})


def _there(record: Record | None, operation: str) -> Record:
    if record is None:
        raise NoSuchOperation(Phrase("there is no change {operation}; {words} lists them", operation=operation, words="op"))
    return record
