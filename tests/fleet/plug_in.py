"""Flatnet's network plug-in on a real host: it registers a container at its own gateway when podman starts it.

podman's events ─ start, with the address ─▶ POST ─▶ gateway ─▶ its peers        died ─▶ DELETE
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp

from tests.fleet.distribution import Distribution
from tests.fleet.space import FleetError

ADDRESS = '{{(index .NetworkSettings.Networks "flatnet").IPAddress}}'


@dataclass(frozen=True)
class PlugIn:
    """The plug-in of one host. `gateway` is the URL of its gateway. `on_end` is called when a container has ended."""

    host: Distribution
    host_id: int
    gateway: str
    on_end: list[Callable[[], None]] = field(default_factory=list)

    async def follow(self, events: asyncio.StreamReader) -> None:
        """Registers what starts, and takes away what has ended."""
        async with aiohttp.ClientSession() as session:
            async for line in events:
                status, container = line.decode().split()
                if status == "start":
                    with suppress(FleetError):  # it has ended already
                        await self._register(session, container)
                elif status == "died":
                    async with session.delete(f"{self.gateway}/api/containers/{container}"):
                        pass
                    for act in self.on_end:
                        await asyncio.to_thread(act)

    async def _register(self, session: aiohttp.ClientSession, container: str) -> None:
        find = ("podman", "inspect", f"--format={ADDRESS}", container)
        address = (await asyncio.to_thread(self.host.space.run, *find)).strip()
        info = {"id": container, "ip": address, "hostId": self.host_id, "createdAt": "1795600000"}
        async with session.post(f"{self.gateway}/api/containers", json=info):
            pass


@asynccontextmanager
async def run_plug_in(host: Distribution, host_id: int, gateway: str) -> AsyncIterator[PlugIn]:
    """Runs the plug-in of a host."""
    chosen = ("--filter=type=container", "--filter=event=start", "--filter=event=died", f"--since={int(time.time())}")
    bound = ("setpriv", "--pdeathsig", "KILL")  # nsenter forks: what is killed is not podman itself
    command = host.space.command(*bound, "podman", "events", "--format={{.Status}} {{.ID}}", *chosen)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    plug_in = PlugIn(host, host_id, gateway)
    following = asyncio.create_task(plug_in.follow(process.stdout))
    try:
        yield plug_in
    finally:
        process.kill()
        await process.wait()
        await following
