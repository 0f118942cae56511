"""The hosts of the inventory and the open connections to them.

One bad host never delays or hides the others: every action has its own deadline here, outside
the library that speaks the protocol, and a failure comes back as that host's value.
"""

import asyncio
from collections.abc import Callable

from adapters.action import Action, Answer, SideName
from adapters.connection import Connection
from adapters.errors import DeadlineExceeded, HostError
from adapters.inventory import Host, Inventory

Connect = Callable[[Host, SideName], Connection]
"""Makes the (not yet opened) connection to one side of a host; handed in by the composition root."""

AT_ONCE = 256
"""Actions under way at once on each kind of side; above the largest fleet, so that hanging hosts keep nobody waiting."""

PACE: dict[SideName, float] = {"windows": 0.0, "wsl": 0.0015, "gateway": 0.002}
"""Seconds between two beginnings on one kind of side. The event loop does the work of SSH and HTTP itself (about that
long for each host): all at one stroke, it would answer nobody else meanwhile, and let the WinRM threads wait."""

GRACE = 1.0
"""Seconds that a connection may take beyond the deadline to say in its own words what went wrong."""


class Fleet:
    """Connections opened on first use, kept, and closed together."""

    def __init__(self, inventory: Inventory, connect: Connect) -> None:
        self.inventory = inventory
        self._connect = connect
        self._connections: dict[tuple[str, SideName], Connection] = {}
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
                async with asyncio.timeout(action.deadline + GRACE):
                    return await self._connection(host, action.side).perform(action)
            except TimeoutError as error:
                raise DeadlineExceeded.after(action.deadline, maybe_ran=action.changes) from error

    async def look(self, host: Host, action: Action[Answer]) -> Answer | HostError:
        """As `perform`, with the host's failure as a value."""
        try:
            return await self.perform(host, action)
        except HostError as error:
            return error

    async def aclose(self) -> None:
        """Close every connection; one that does not close keeps no other open."""
        connections = list(self._connections.values())
        self._connections.clear()
        await asyncio.gather(*(connection.aclose() for connection in connections), return_exceptions=True)

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
