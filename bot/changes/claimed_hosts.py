"""Tells the hosts that operations hold the term of a new lead, before the engine goes on with those operations.

    a copy leads ─▶ tell_term: each claimed host, both of its sides that keep a term ─▶ the engine is launched
                                                 └─ no answer ─▶ logged: the next change there tells it as well

From then on a host refuses what the former leader sent and what still waits somewhere. A host that does not answer delays
and ends nothing: a request may wait for it, as it may after every lost answer, and the operation is checked as after those.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from adapters.action import Action, Place
from adapters.errors import ActionFailed, DeadlineExceeded, HostError
from adapters.fleet import Fleet
from adapters.inventory import Host
from adapters.term import OLDER_TERM, KeptTerm
from adapters.windows.term import KeepTerm as KeepTermOnWindows
from adapters.wsl.term import KeepTerm as KeepTermInWsl

TOLD_WITHIN = 10.0
"""Seconds for all hosts together. They are told side by side."""

_log = structlog.get_logger("bot.changes.claimed_hosts")


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
