"""Effects of the end of a run on owed changes. Pure.

DONE, or FAILED after something was done ─▶ a change is owed to each host that the plan left out and that needs it,
                                            and each follow-up whose step is done
a host on which the run did its command ──▶ owed changes of the same words there are settled
UNDONE, UNKNOWN, FAILED before anything ──▶ nothing is owed: the request is as open as before, or is resolved later

Turns of owed changes: when one is asked for. Pure.

never asked ──────────────────────────────────────▶ when its host answers, and not before it is due
a request is open ────────────────────────────────▶ not now
a request ended, or an attempt requested nothing ─▶ a day later, when its host answers

Ports of owed changes: what they need of their table and of changes.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from adapters.phrase import Phrase
from bot.changes.rules.outcome import list_done_hosts
from bot.changes.rules.trail import AuditTrail
from bot.changes.tables.owed import Deed, OwedEffects
from bot.model.change import ChangeState
from bot.model.owed import AskReply, AskStatus, OwedChange
from bot.model.request import derive_operation_id
from bot.store.records import OperationRecord
from commands.language.grammar import render_change
from commands.model.operation import FleetChange
from commands.model.owed import Matter
from commands.model.plan import LeftOutHost


@dataclass(frozen=True)
class RunEnd:
    """End of a run: its state, its trail and its time."""

    state: ChangeState
    trail: AuditTrail
    at: datetime


def compute_owed_effects(
    record: OperationRecord, operation: FleetChange | None, targets: Collection[str], end: RunEnd
) -> OwedEffects:
    """Compute the effects of the end of a run in this state. `operation` is that of the record; None if this version has no
    such class. `targets` are the hosts that it names: a part may do it on several of them.
    """
    state, trail, at = end.state, end.trail, end.at
    reported = record.state is ChangeState.UNKNOWN
    done = _list_all_hosts(record, targets) if state is ChangeState.DONE else list_done_hosts(record.plan, trail)
    deeds = () if operation is None else list_deeds(operation, done)
    if state is ChangeState.DONE or (state is ChangeState.FAILED and (done or trail.touched or reported)):
        return OwedEffects((*_list_left(record, operation, at), *_list_follow_ups(record, trail, at)), deeds)
    return OwedEffects(done=deeds)


def _list_all_hosts(record: OperationRecord, targets: Collection[str]) -> tuple[str, ...]:
    """List the hosts on which an operation is done that is done as a whole."""
    left_out = {left.host for left in record.plan.left_out}
    hosts = (*(part.host for part in record.plan.parts), *(name for name in targets if name not in left_out))
    return tuple(dict.fromkeys(hosts))


def list_deeds(operation: FleetChange, hosts: Collection[str]) -> tuple[Deed, ...]:
    """List what an operation does on these hosts, as one command for each."""
    return tuple(Deed(host, render_change(operation.restrict_to((host,)))) for host in hosts)


def _list_left(record: OperationRecord, operation: FleetChange | None, at: datetime) -> Iterator[OwedChange]:
    for left in record.plan.left_out:
        if left.owed:
            yield _leave(record, operation, left, at)


def _list_follow_ups(record: OperationRecord, trail: AuditTrail, at: datetime) -> Iterator[OwedChange]:
    """List what the plan leaves for later, of steps that are done and were not rolled back."""
    for later in record.plan.follow_ups:
        result = trail.results.get(later.after)
        if result is None or not result.result.successful or later.after in trail.undone:
            continue
        yield OwedChange(
            host=later.host,
            kind=later.kind,
            arguments=later.arguments,
            words=later.words,
            matter=Matter.CHANGE,
            why=later.why,
            operation=record.operation,
            requester=record.requester,
            identity=record.identity,
            surface=record.surface,
            channel=record.channel,
            since=at,
            due_at=at + timedelta(days=later.days) if later.days else None,
        )


def _leave(record: OperationRecord, operation: FleetChange | None, left: LeftOutHost, at: datetime) -> OwedChange:
    """Leave a change to a host. Without its class, it has the words of the whole: people can see and drop it."""
    alone = None if operation is None else operation.restrict_to((left.host,))
    return OwedChange(
        host=left.host,
        kind=record.kind,
        arguments=record.arguments if alone is None else alone.resolved_arguments,
        words=record.words if alone is None else render_change(alone),
        matter=Matter.CHANGE if operation is None else operation.matter,
        why=left.why,
        operation=record.operation,
        requester=record.requester,
        identity=record.identity,
        surface=record.surface,
        channel=record.channel,
        since=at,
    )


ASK_PAUSE = timedelta(days=1)
"""Pause after a request that was denied, expired or failed, and after an attempt that requested nothing."""


def is_due(owed: OwedChange, status: AskStatus | None, now: datetime) -> bool:
    """Return whether it may be asked for now. `status` is that of its last request, None without any."""
    if status is not None and status.ended_at is None:
        return False
    if owed.due_at is not None and now < owed.due_at:
        return False
    attempts = [owed.asked_at, status.ended_at if status is not None else None]
    return all(at is None or abs(now - at) >= ASK_PAUSE for at in attempts)  # the clock may have been set back


def make_request_id(owed: OwedChange) -> str:
    """Make the id of its next request: the same one until that request is recorded with the row."""
    last = "" if owed.asked_at is None else owed.asked_at.isoformat()
    return derive_operation_id(f"owed {owed.number} {last}")


SYSTEM = "system"
"""Actor of the audit events about what the bot does by itself."""


class OwedStore(Protocol):
    """Rows of owed changes (`bot.changes.tables.owed`). Every method may raise `DatabaseError`."""

    async def find(self, number: int) -> OwedChange | None: ...

    async def list_open(self) -> tuple[OwedChange, ...]: ...

    async def list_since(self, at: datetime) -> tuple[OwedChange, ...]: ...

    async def settle(self, number: int, by: str, at: datetime, reason: str = "") -> None: ...

    async def mark_asked(self, number: int, asked: str, at: datetime, note: Phrase | None) -> None: ...


class OwedRequester(Protocol):
    """Requests owed changes (`bot.changes.services.owed`). Every method may raise `DatabaseError`."""

    async def find_status(self, operation: str) -> AskStatus | None:
        """Find the status of a request for an owed change; None if there is none of this id."""

    async def request(self, owed: OwedChange, operation_id: str) -> AskReply:
        """Request an owed change on behalf of its requester."""
