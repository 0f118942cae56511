"""Handlers for `approval`, `approve`, `deny` and `op`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.handlers.context import RequestContext
from bot.handlers.ports import ChangeLifecycle
from bot.model.change import Change, ChangeState
from bot.reports import listings
from commands.changes.operations import (
    ApprovalList,
    ApprovalShow,
    Approve,
    Deny,
    OperationCancel,
    OperationContinue,
    OperationList,
    OperationResolve,
    OperationReview,
    OperationShow,
)
from commands.model.report import Report

RECENT_CHANGES_LIMIT = 20
"""Limit of changes that `op` lists."""


@dataclass(frozen=True)
class ChangeHandlers:
    """Handlers of changes and of decisions on them."""

    changes: ChangeLifecycle
    now: Callable[[], datetime]

    async def list_approvals(self, operation: ApprovalList, context: RequestContext) -> Report:
        waived = context.config.policy.approvals.list_waived()
        return listings.list_pending(await self.changes.list_waiting(), waived, self.now())

    async def list_operations(self, operation: OperationList, context: RequestContext) -> Report:
        return listings.list_recent_changes(await self.changes.list_recent(RECENT_CHANGES_LIMIT), self.now())

    async def show(self, operation: ApprovalShow | OperationShow, context: RequestContext) -> Change:
        return await self.changes.open_plan(operation.id, context.requester)

    async def approve(self, operation: Approve, context: RequestContext) -> Change:
        return await self.changes.approve(operation.id, context.requester, operation.name)

    async def deny(self, operation: Deny, context: RequestContext) -> Change:
        return await self.changes.deny(operation.id, context.requester, operation.why)

    async def cancel(self, operation: OperationCancel, context: RequestContext) -> Change:
        return await self.changes.cancel(operation.id, context.requester)

    async def resume(self, operation: OperationContinue, context: RequestContext) -> Change:
        return await self.changes.continue_change(context.operation, operation.id, context.requester)

    async def resolve(self, operation: OperationResolve, context: RequestContext) -> Change:
        return await self.changes.resolve(operation.id, context.requester, operation.saw, ChangeState(operation.outcome))

    async def review(self, operation: OperationReview, context: RequestContext) -> Change:
        return await self.changes.review(operation.id, context.requester, operation.found)
