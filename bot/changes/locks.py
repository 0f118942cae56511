"""Locks: a person forbids changes on hosts for a while; starts and next steps obey them.

A lock on `all` is the emergency stop: nothing changes anywhere until it ends. Its target is resolved whenever a change would
start, with the hosts as they are named then. A host that has left the inventory stays locked under its name. A person
who removes a lock must have that right on all hosts that it means then.
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta

from adapters.errors import RequestError
from adapters.inventory import Host, Inventory
from adapters.phrase import Moment, Phrase
from bot.access.policy import Refusal, Verdict
from bot.audit.log import MAX_RECORDED_LENGTH, EventKind, Recorder
from bot.changes.approval import NotAllowed
from bot.store.locks import Lock, LockTable
from commands.model.finding import relate_moment
from commands.values.arguments import EVERY_HOST, Target, find_meant_names

RECENT_PERIOD = timedelta(days=1)
"""Period for which an ended lock is still listed."""


class NoSuchLock(RequestError):
    """No lock has that number."""


class LockService:
    """The locks of a running bot. Every change of them is in the audit log first.

    `changed` is called after each change. It starts the operations that may start now.
    """

    def __init__(
        self, table: LockTable, audit: Recorder, now: Callable[[], datetime], changed: Callable[[], Awaitable[None]]
    ) -> None:
        self._table = table
        self._audit = audit
        self._now = now
        self._changed = changed

    async def add(self, operation: str, target: Target, lasts: timedelta, reason: str, owner: str) -> Lock:
        """Forbid changes on a target from now on; the same request again is the same lock."""
        now = self._now()
        lock = Lock(operation, str(target), reason, owner, added_at=now, ends_at=now + lasts)
        event = {"lock": "added", "target": lock.target, "ends_at": lock.ends_at.isoformat(), "reason": reason}
        await self._audit.record(EventKind.LOCK, owner, operation, event)
        kept = await self._table.add(lock)
        await self._changed()
        return kept

    async def remove(self, operation: str, number: int, by: str, judge: Callable[[Lock], Verdict]) -> Lock:
        """Allow changes again. Raises `NoSuchLock`, and `NotAllowed` where `judge` refuses. An ended lock stays as it is."""
        lock = await self._table.find(number)
        if lock is None:
            raise NoSuchLock(Phrase("no lock {number}. Run {words} for the list", number=str(number), words="lock"))
        verdict = judge(lock)
        if isinstance(verdict, Refusal):
            event = {"rule": verdict.rule, "outcome": str(verdict.reason)[:MAX_RECORDED_LENGTH]}
            await self._audit.record(EventKind.REFUSAL, by, operation, event)
            raise NotAllowed(verdict.reason)
        await self._audit.record(EventKind.LOCK, by, operation, {"lock": "removed", "number": number, "target": lock.target})
        await self._table.remove(number, by, self._now())
        await self._changed()
        return await self._table.find(number) or lock

    async def list_locks(self) -> tuple[Lock, ...]:
        """List all locks that forbid something, and those that ended within a day, by number."""
        return await self._table.list_since(self._now() - RECENT_PERIOD)

    async def find_forbidding_lock(self, hosts: Iterable[str], inventory: Inventory) -> Lock | None:
        """Find the lock that forbids changes on one of these hosts now; None where none does."""
        now = self._now()
        return find_forbidding_lock(await self._table.list_since(now), hosts, inventory, now)


def find_forbidding_lock(locks: Iterable[Lock], hosts: Iterable[str], inventory: Inventory, now: datetime) -> Lock | None:
    """Find the lock that ends last among those that forbid changes on one of the hosts; None without one."""
    wanted = frozenset(hosts)
    fitting = [lock for lock in locks if lock.ends_at > now and wanted & _resolve_names(lock, inventory, wanted)]
    return max(fitting, key=lambda lock: lock.ends_at, default=None)


def find_locked_hosts(lock: Lock, inventory: Inventory) -> tuple[Host, ...]:
    """Find the hosts of the inventory that a lock means now."""
    names = _resolve_names(lock, inventory, frozenset(inventory.names))
    return tuple(host for host in inventory.hosts if host.name in names)


def describe_lock(lock: Lock, now: datetime | None = None) -> Phrase:
    """Describe a lock to the people whom it stops. A phrase that is stored and compared has no distance from now."""
    return Phrase(
        "{owner} has locked {target} until {end}: {reason}",
        owner=lock.owner,
        target=lock.target,
        end=Moment(lock.ends_at) if now is None else relate_moment(lock.ends_at, now),
        reason=lock.reason,
    )


def _resolve_names(lock: Lock, inventory: Inventory, wanted: frozenset[str]) -> frozenset[str]:
    """Resolve a lock to host names. `all` includes the hosts that are asked about, even if the inventory has
    them no more.
    """
    return wanted if EVERY_HOST in lock.target.split(",") else find_meant_names(lock.target, inventory)
