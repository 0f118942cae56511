"""Handlers for `approval`, `approve`, `deny` and `op`.

Handlers for the `lock` operations.

Handlers for the `owed` operations.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from adapters.errors import Refused
from adapters.inventory import Host
from adapters.phrase import Phrase
from bot.access.policy import Verdict
from bot.changes.ports import ChangeLifecycle, LockRegistryPort, OwedRegistryPort, OwedRequestPort
from bot.changes.reports import listing as listings
from bot.changes.reports.owed import list_owed
from bot.changes.rules.locks import find_locked_hosts
from bot.model.change import Change, ChangeState
from bot.model.lock import Lock
from bot.model.owed import AskStatus, OwedChange
from bot.ports.context import RequestContext
from commands.changes.locks import LockAdd, LockList, LockRemove
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
from commands.changes.owed import OwedDrop, OwedList, OwedRetry
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


@dataclass(frozen=True)
class LockHandlers:
    """Handlers of locks. A requester removes only a lock of hosts on all of which they may remove one."""

    locks: LockRegistryPort
    now: Callable[[], datetime]

    async def list_locks(self, operation: LockList, context: RequestContext) -> Report:
        return await self._list()

    async def add(self, operation: LockAdd, context: RequestContext) -> Report:
        target = operation.target
        target.resolve(context.inventory)  # an unknown name would lock nothing
        lock = await self.locks.add(context.operation, target, operation.lasts, operation.why, context.actor)
        return listings.list_locks((lock,), self.now())

    async def remove(self, operation: LockRemove, context: RequestContext) -> Report:
        def judge(lock: Lock) -> Verdict:
            return context.judge_on(LockRemove, find_locked_hosts(lock, context.inventory))

        await self.locks.remove(context.operation, operation.number, context.actor, judge)
        return await self._list()

    async def _list(self) -> Report:
        return listings.list_locks(await self.locks.list_locks(), self.now())


@dataclass(frozen=True)
class OwedHandlers:
    """Handlers of owed changes. A requester drops only one of a host on which they may drop one."""

    owed: OwedRegistryPort
    requests: OwedRequestPort
    changes: ChangeLifecycle
    now: Callable[[], datetime]

    async def list_owed(self, operation: OwedList, context: RequestContext) -> Report:
        return await self._list()

    async def drop(self, operation: OwedDrop, context: RequestContext) -> Report:
        def judge(owed: OwedChange) -> Verdict:
            return context.judge_on(OwedDrop, _find_hosts(owed, context))

        owed = await self.owed.find_open(operation.number)
        await self.owed.authorize(context.operation, owed, context.actor, judge)
        await self.owed.drop(context.operation, owed, context.actor, operation.why)
        return await self._list()

    async def retry(self, operation: OwedRetry, context: RequestContext) -> Change:
        """Asks for an owed change by the rights of the person who retries it. Raises `Refused` while a request is open."""
        owed = await self.owed.find_open(operation.number)
        status = await self.requests.find_status(owed.asked) if owed.asked else None
        if status is not None and status.ended_at is None:
            raise Refused(Phrase("already requested as {operation}. Decide on that request", operation=status.operation))
        asked = await self.requests.load(owed)
        await self.owed.authorize(context.operation, owed, context.actor, lambda each: context.judge(asked))
        change = await self.changes.propose(context.operation, asked, context.requester)
        await self.owed.record_retry(owed, context.operation)
        return change

    async def _list(self) -> Report:
        found = await self.owed.list_recent()
        return list_owed(found, await self._find_statuses(found), self.now())

    async def _find_statuses(self, found: tuple[OwedChange, ...]) -> Mapping[int, AskStatus]:
        """Finds the statuses of the requests for open ones, by number."""
        statuses = {
            each.number: await self.requests.find_status(each.asked) for each in found if each.is_open and each.asked
        }
        return {number: status for number, status in statuses.items() if status is not None}


def _find_hosts(owed: OwedChange, context: RequestContext) -> tuple[Host, ...]:
    """Finds the host of an owed change; none if it has left the inventory."""
    return tuple(host for host in context.inventory.hosts if host.name == owed.host)
