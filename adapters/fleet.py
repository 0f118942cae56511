"""The hosts of the inventory and the open connections to them.

One bad host never delays or hides the others: every action has its own deadline here, outside
the library that speaks the protocol, and a failure comes back as that host's value.

Many who ask the same of one host at once are one question to it: an equal read joins the look that
is under way and shares what it brings, a failure too. So what a look brings may have been seen a
few seconds before it was asked for; `Seen.age` says how long ago at most.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic

from adapters.action import Action, Answer, SideName
from adapters.connection import PATIENCE, Connection
from adapters.errors import DeadlineExceeded, HostError
from adapters.inventory import Host, Inventory

Connect = Callable[[Host, SideName], Connection]
"""Makes the (not yet opened) connection to one side of a host; handed in by the composition root."""

Observe = Callable[[SideName, HostError | None, float], None]
"""Told of every look at one side of a host when it ends: its failure or None, and the seconds that it took."""

AT_ONCE = 256
"""Actions under way at once on each kind of side; above the largest fleet, so that hanging hosts keep nobody waiting."""

PACE: dict[SideName, float] = {"windows": 0.004, "wsl": 0.004, "gateway": 0.004}
"""Seconds between two beginnings on one kind of side: about the work of a host on that side (2–5 ms). All at one stroke,
the event loop would answer nobody else meanwhile, and hundreds of threads would wait for the interpreter."""

GRACE = 1.0
"""Seconds that a connection may take beyond the deadline to say in its own words what went wrong."""


@dataclass(frozen=True)
class Seen(Generic[Answer]):
    """What a look brought, with a host's failure as a value, and the seconds since it began."""

    said: Answer | HostError
    age: float


@dataclass(frozen=True)
class _Look:
    """A look that is under way, and when it began in the loop's time. What it brings is never an exception but a bug."""

    task: asyncio.Task[Any]
    began: float


class Fleet:
    """Connections opened on first use, kept, and closed together. `observe` counts each shared look once."""

    def __init__(
        self,
        inventory: Inventory,
        connect: Connect,
        observe: Observe = lambda side, failure, seconds: None,
    ) -> None:
        self.inventory = inventory
        self._connect = connect
        self._observe = observe
        self._connections: dict[tuple[str, SideName], Connection] = {}
        self._looks: dict[tuple[str, Action[Any]], _Look] = {}
        self._slots = {side: asyncio.Semaphore(AT_ONCE) for side in PACE}
        self._next_at = dict.fromkeys(PACE, 0.0)

    async def perform(self, host: Host, action: Action[Answer]) -> Answer:
        """Carry out one action on one host; a `HostError` where that host lets us down.

        The host must have the action's side: asking for an absent one is a bug (`KeyError`).
        """
        if host.side(action.side) is None:
            raise KeyError(f"{host.name} has no {action.side} side")
        async with self._slots[action.side]:
            await self._spread(action.side)
            try:
                async with asyncio.timeout(PATIENCE + action.deadline + GRACE):
                    return await self._connection(host, action.side).perform(action)
            except TimeoutError as error:
                raise DeadlineExceeded.after(action.deadline, maybe_ran=action.changes) from error

    async def look(self, host: Host, read: Action[Answer]) -> Seen[Answer]:
        """What a read brings, shared with all who ask the same meanwhile; who stops waiting stops no other."""
        if read.changes:
            raise TypeError(f"{type(read).__name__} changes the host, so every one of them counts")
        loop = asyncio.get_running_loop()
        key = (host.name, read)
        look = self._looks.get(key)
        if look is None:
            look = self._looks[key] = _Look(asyncio.create_task(self._brought(host, read)), loop.time())
            look.task.add_done_callback(lambda _: self._looks.pop(key))
        said: Answer | HostError = await asyncio.shield(look.task)
        return Seen(said, loop.time() - look.began)

    async def aclose(self) -> None:
        """Cancel the looks that are under way and close every connection; one that does not close keeps no other open."""
        looks = [look.task for look in self._looks.values()]
        for task in looks:
            task.cancel()
        await asyncio.gather(*looks, return_exceptions=True)
        connections = list(self._connections.values())
        self._connections.clear()
        await asyncio.gather(*(connection.aclose() for connection in connections), return_exceptions=True)

    async def _brought(self, host: Host, read: Action[Answer]) -> Answer | HostError:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            answer = await self.perform(host, read)
        except HostError as error:
            self._observe(read.side, error, loop.time() - began)
            return error
        self._observe(read.side, None, loop.time() - began)
        return answer

    async def _spread(self, side: SideName) -> None:
        """Wait for the next beginning on this kind of side."""
        now = asyncio.get_running_loop().time()
        at = max(now, self._next_at[side])
        self._next_at[side] = at + PACE[side]
        if at > now:
            await asyncio.sleep(at - now)

    def _connection(self, host: Host, side: SideName) -> Connection:
        key = (host.name, side)
        if key not in self._connections:
            self._connections[key] = self._connect(host, side)
        return self._connections[key]
