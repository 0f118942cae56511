"""Locks: a person forbids changes on hosts for a while; starts and next steps obey them.

A lock on `all` is the emergency stop: nothing changes anywhere until it ends. Its target is resolved whenever a change would
start, with the hosts as they are named then. A host that has left the inventory stays locked under its name. A person
who removes a lock must have that right on all hosts that it means then.

Tells the hosts that operations hold the term of a new lead, before the engine goes on with those operations.

    a copy leads ─▶ tell_term: each claimed host, both of its sides that keep a term ─▶ the engine is launched
                                                 └─ no answer ─▶ logged: the next change there tells it as well

From then on a host refuses what the former leader sent and what still waits somewhere. A host that does not answer delays
and ends nothing: a request may wait for it, as it may after every lost answer, and the operation is checked as after those.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from adapters.action import Action, Place
from adapters.errors import ActionFailed, DeadlineExceeded, HostError, RequestError
from adapters.fleet import Fleet
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.term import OLDER_TERM, KeptTerm
from adapters.windows.term import KeepTerm as KeepTermOnWindows
from adapters.wsl.term import KeepTerm as KeepTermInWsl
from bot.access.policy import Refusal, Verdict
from bot.audit_log.log import MAX_RECORDED_LENGTH, EventKind, Recorder
from bot.changes.rules.approval import NotAllowed
from bot.changes.rules.locks import find_forbidding_lock
from bot.changes.tables.locks import LockTable
from bot.model.lock import Lock
from commands.values.arguments import Target

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


TOLD_WITHIN = 10.0
"""Seconds for all hosts together. They are told side by side."""

_log = structlog.get_logger("bot.changes.services.locks")


@dataclass(frozen=True)
class ToldSide:
    """A side of a host that was told the term, and its failure if it did not keep it."""

    host: str
    side: Place
    failure: HostError | None = None


async def tell_term(fleet: Fleet, hosts: Iterable[str], term: int, within: float = TOLD_WITHIN) -> tuple[ToldSide, ...]:
    """Tell the hosts of these names the term, and return what came of it. Failures of hosts are logged, never raised.

    Without a term (0) no host is asked. Names that the inventory lacks are left out.
    """
    found = [host for name in hosts if (host := fleet.inventory.find_reachable(name)) is not None]
    asked = [(host, action) for host in found for action in _list_actions(host, term)]
    tasks = [asyncio.create_task(_tell(fleet, host, action)) for host, action in asked]
    if tasks:
        await _finish(tasks, within)
    told = tuple(_take(task, host.name, action.side, within) for (host, action), task in zip(asked, tasks, strict=True))
    for each in told:
        _report(each, term)
    return told


def _list_actions(host: Host, term: int) -> list[Action[KeptTerm]]:
    """List what tells the sides of a host that keep a term. The gateway keeps none."""
    if not term:
        return []
    windows: list[Action[KeptTerm]] = [] if host.windows is None else [KeepTermOnWindows(term=term)]
    return windows if host.wsl is None else [*windows, KeepTermInWsl(term=term)]


async def _tell(fleet: Fleet, host: Host, action: Action[KeptTerm]) -> HostError | None:
    try:
        await fleet.perform(host, action)
    except HostError as error:
        return error
    return None


async def _finish(tasks: list[asyncio.Task[HostError | None]], within: float) -> None:
    """Wait until all are done or the time is over, and cancel the others. If this is canceled, all are."""
    try:
        await asyncio.wait(tasks, timeout=within)
    finally:
        for task in tasks:
            task.cancel()
    await asyncio.wait(tasks)


def _take(task: asyncio.Task[HostError | None], host: str, side: Place, within: float) -> ToldSide:
    failure = DeadlineExceeded.after(within, maybe_ran=True) if task.cancelled() else task.result()
    return ToldSide(host, side, failure)


def _report(told: ToldSide, term: int) -> None:
    place = {"host": told.host, "side": told.side, "term": term}
    match told.failure:
        case None:
            return
        case ActionFailed(code="absent"):
            _log.info("no helper there keeps the term; without one the bot changes nothing there", **place)
        case ActionFailed(code=code) as failure if code == OLDER_TERM:
            _log.error("this host keeps a later term and refuses this lead", why=str(failure), **place)
        case failure:
            _log.warning("this host could not be told the term; its next change tells it", why=str(failure), **place)
