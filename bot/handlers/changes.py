"""Handlers for `approval`, `approve`, `deny` and `op`."""

from bot.handlers.context import Asked, Body
from bot.model.change import State
from bot.reports import listings
from commands.bot_state.changes import (
    Approvals,
    ApprovalShow,
    Approve,
    Deny,
    OperationCancel,
    OperationContinue,
    OperationResolve,
    OperationReview,
    Operations,
    OperationShow,
)

LATELY = 20
"""Changes that `op` lists."""


async def _approvals(operation: Approvals, asked: Asked) -> Body:
    return listings.waiting(await asked.changes.waiting(), asked.now())


async def _operations(operation: Operations, asked: Asked) -> Body:
    return listings.lately(await asked.changes.recent(LATELY), asked.now())


async def _show(operation: ApprovalShow | OperationShow, asked: Asked) -> Body:
    return await asked.changes.show(operation.id)


async def _approve(operation: Approve, asked: Asked) -> Body:
    return await asked.changes.approve(operation.id, asked.by)


async def _deny(operation: Deny, asked: Asked) -> Body:
    return await asked.changes.deny(operation.id, asked.by, operation.why)


async def _cancel(operation: OperationCancel, asked: Asked) -> Body:
    return await asked.changes.cancel(operation.id, asked.by)


async def _continue(operation: OperationContinue, asked: Asked) -> Body:
    return await asked.changes.carry_on(asked.operation, operation.id, asked.by)


async def _resolve(operation: OperationResolve, asked: Asked) -> Body:
    return await asked.changes.resolve(operation.id, asked.by, operation.saw, State(operation.outcome))


async def _review(operation: OperationReview, asked: Asked) -> Body:
    return await asked.changes.review(operation.id, asked.by, operation.found)
