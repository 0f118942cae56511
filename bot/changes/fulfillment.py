"""Fulfillment of requests by a plan that finds nothing to do, with what is owed to its hosts."""

from bot.audit.log import EventKind
from bot.changes.owed_effects import list_deeds
from bot.changes.planner import require_steps
from bot.changes.repository import ChangeRepository
from bot.store.owed import find_settled
from bot.store.records import OperationRecord
from commands.model.operation import FleetChange
from commands.model.plan import Plan


async def require_work(repository: ChangeRepository, draft: OperationRecord, operation: FleetChange) -> None:
    """Raise `NothingToDo` if a new plan has no step. What is owed to its hosts is settled by that."""
    await settle_fulfilled(repository, draft.plan, operation, draft)
    require_steps(draft.plan)


async def settle_fulfilled(
    repository: ChangeRepository, plan: Plan, operation: FleetChange | None, record: OperationRecord
) -> None:
    """Settle what is owed to the hosts of a plan without steps: each is as the operation wants it."""
    if plan.steps or operation is None:
        return
    fulfilled = list_deeds(operation, [left.host for left in plan.left_out if not left.owed])
    for owed in find_settled(await repository.owed.list_open(), fulfilled):
        event = {"owed": "fulfilled", "items": [owed.number]}
        await repository.record(EventKind.OWED, record.requester, record.operation, event)
        await repository.owed.settle(owed.number, "", repository.now())
