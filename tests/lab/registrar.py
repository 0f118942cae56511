"""What Flatnet's network plug-in does on all hosts of a lab fleet: it registers a container when it starts, by podman's id.

    container starts or ends ─▶ its own gateway ─▶ every peer that hears it

It takes the registration away when the container ends. So whatever else is registered is a ghost. A gateway that does not
run is not asked again: a container that starts meanwhile stays unregistered. A peer that is deaf keeps what has ended, and
the others have it again with their next pull.
"""

from collections.abc import Callable, Iterable, Mapping

from tests.lab.gateway.registry import Info, Registrations
from tests.lab.gateway.server import GatewayServer
from tests.lab.wsl.container import Container
from tests.lab.wsl.state import WslState

Site = tuple[int, WslState, GatewayServer]
"""A host's id, its WSL2, and its gateway."""


class Registrar:
    """Follows the containers of all hosts. Called before a gateway answers, as if it had happened when they changed.

    A host may get its id only after it was set up, so hosts are listed anew each time.
    """

    def __init__(self, list_sites: Callable[[], Iterable[Site]]) -> None:
        self._list_sites = list_sites
        self._registered: dict[str, int] = {}
        self._seen: list[tuple[str, ...]] = []

    def follow(self) -> None:
        """Register what has started, and take away what has ended."""
        sites = tuple(self._list_sites())
        states: list[tuple[str, ...]] = [
            (each.name, each.address, each.state) for _, wsl, _ in sites for each in wsl.containers
        ]
        if states == self._seen:
            return
        self._seen = states
        running = {
            container.id: (host_id, container)
            for host_id, wsl, _ in sites
            for container in wsl.containers
            if container.runs and container.network == "flatnet"
        }
        if {key: host_id for key, (host_id, _) in running.items()} == self._registered:
            return
        gateways = {host_id: gateway for host_id, _, gateway in sites}
        for key in self._registered.keys() - running.keys():
            self._take_away(key, gateways[self._registered[key]])
        self._add(gateways, [describe(*running[key]) for key in sorted(running.keys() - self._registered.keys())])
        self._registered = {key: host_id for key, (host_id, _) in running.items()}

    def _take_away(self, key: str, gateway: GatewayServer) -> None:
        if gateway.hears_plugin:
            gateway.state.registrations.forget(key)
            gateway.tell_peers(drop=key)

    def _add(self, gateways: Mapping[int, GatewayServer], started: list[Info]) -> None:
        if not any(gateway.state.registrations.entries for gateway in gateways.values()):
            self._begin(gateways, started)
            return
        for info in started:
            gateway = gateways[info["hostId"]]
            if gateway.hears_plugin:
                gateway.state.registrations.register(dict(info))
                gateway.tell_peers(push=info)

    def _begin(self, gateways: Mapping[int, GatewayServer], started: list[Info]) -> None:
        """All gateways that run have them all. Thousands take long one by one."""
        first = Registrations()
        for info in started:
            first.register(info)
        for gateway in gateways.values():
            if gateway.hears_plugin:
                gateway.state.registrations = first.copy()


def describe(host_id: int, container: Container) -> Info:
    """What the plug-in posts."""
    return {"id": container.id, "ip": container.address, "hostId": host_id, "createdAt": "1795600000"}
