"""Handlers for the `lock` operations."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.access.policy import Verdict
from bot.changes.locks import find_locked_hosts
from bot.handlers.context import RequestContext
from bot.handlers.ports import LockRegistryPort
from bot.reports import listings
from bot.store.locks import Lock
from commands.changes.locks import LockAdd, LockList, LockRemove
from commands.model.report import Report


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
