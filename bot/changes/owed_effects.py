"""Effects of the end of a run on owed changes. Pure.

DONE, or FAILED after something was done ─▶ a change is owed to each host that the plan left out and that needs it
a host on which the run did its command ──▶ owed changes of the same words there are settled
UNDONE, UNKNOWN, FAILED before anything ──▶ nothing is owed: the request is as open as before, or is resolved later
"""

from collections.abc import Collection, Iterator
from datetime import datetime

from bot.changes.intent_log import AuditTrail
from bot.changes.outcome import list_done_hosts
from bot.model.change import ChangeState
from bot.store.owed import Deed, OwedChange, OwedEffects
from bot.store.records import OperationRecord
from commands.language.grammar import render_change
from commands.model.operation import FleetChange
from commands.model.owed import Matter
from commands.model.plan import LeftOutHost


def compute_owed_effects(
    record: OperationRecord, operation: FleetChange | None, state: ChangeState, trail: AuditTrail, at: datetime
) -> OwedEffects:
    """Compute the effects of the end of a run in this state. `operation` is that of the record; None if this version has no
    such class.
    """
    reported = record.state is ChangeState.UNKNOWN
    whole = reported and state is ChangeState.DONE
    done = tuple(part.host for part in record.plan.parts) if whole else list_done_hosts(record.plan, trail)
    deeds = () if operation is None else list_deeds(operation, done)
    if state is ChangeState.DONE or (state is ChangeState.FAILED and (done or trail.touched or reported)):
        return OwedEffects(tuple(_list_left(record, operation, at)), deeds)
    return OwedEffects(done=deeds)


def list_deeds(operation: FleetChange, hosts: Collection[str]) -> tuple[Deed, ...]:
    """List what an operation does on these hosts, as one command for each."""
    return tuple(Deed(host, render_change(operation.restrict_to((host,)))) for host in hosts)


def _list_left(record: OperationRecord, operation: FleetChange | None, at: datetime) -> Iterator[OwedChange]:
    for left in record.plan.left_out:
        if left.owed:
            yield _leave(record, operation, left, at)


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
