"""Handlers for the `owed` operations."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from adapters.errors import Refused
from adapters.inventory import Host
from adapters.phrase import Phrase
from bot.access.policy import Verdict
from bot.handlers.context import RequestContext
from bot.handlers.ports import ChangeLifecycle, OwedRegistryPort, OwedRequestPort
from bot.model.change import Change
from bot.model.owed import AskStatus
from bot.reports.owed import list_owed
from bot.store.owed import OwedChange
from commands.changes.owed import OwedDrop, OwedList, OwedRetry
from commands.model.report import Report


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
