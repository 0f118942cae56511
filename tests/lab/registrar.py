"""What Flatnet's network plug-in does on all hosts of a lab fleet: it registers a container when it starts, by podman's id.

It tells all gateways, and takes the registration away when the container ends. So whatever else is registered is a ghost.
"""

from collections.abc import Iterable
from typing import Any

from tests.lab.gateway.registry import Registrations
from tests.lab.gateway.server import GatewayServer
from tests.lab.wsl.container import Container
from tests.lab.wsl.state import WslState

Site = tuple[int, WslState, GatewayServer]
"""A host's id, its WSL2, and its gateway."""


class Registrar:
    """Follows the containers of these hosts. Called before a gateway answers, as if it had happened when they changed."""

    def __init__(self, sites: Iterable[Site]) -> None:
        self._sites = tuple(sites)
        self._registered: set[str] = set()
        self._seen: list[tuple[str, ...]] = []

    def follow(self) -> None:
        """Register what has started, and take away what has ended."""
        states: list[tuple[str, ...]] = [
            (each.name, each.address, each.state) for _, wsl, _ in self._sites for each in wsl.containers
        ]
        if states == self._seen:
            return
        self._seen = states
        running = {
            container.id: (host_id, container)
            for host_id, wsl, _ in self._sites
            for container in wsl.containers
            if container.state in ("running", "paused") and container.network == "flatnet"
        }
        if running.keys() == self._registered:
            return
        started = [describe(*running[key]) for key in sorted(running.keys() - self._registered)]
        first = Registrations()
        for info in started:
            first.register(info)
        for _, _, gateway in self._sites:
            for key in self._registered - running.keys():
                gateway.state.registrations.forget(key)
            if not gateway.state.registrations.entries:  # thousands take long one by one
                gateway.state.registrations = first.copy()
                continue
            for info in started:
                gateway.state.registrations.register(dict(info))
        self._registered = set(running)


def describe(host_id: int, container: Container) -> dict[str, Any]:
    """What the plug-in posts."""
    return {"id": container.id, "ip": container.address, "hostId": host_id, "createdAt": "1795600000"}
