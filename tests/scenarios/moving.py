"""A container that moves between hosts of the lab: what it is made of, and what can be seen of it on every side."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from copy import deepcopy

from bot.runtime.clock import Clock
from tests.lab import shop
from tests.lab.fleet import LabFleet
from tests.lab.gateway.state import GatewayState
from tests.lab.wsl.container import Container
from tests.lab.wsl.state import Helper, WslState
from tests.lab.wsl.storage import MB
from tests.scenarios.changing import Shift, hurried
from tests.scenarios.conftest import Build, Town

MOVE = "container migrate host-a/shop --to host-b --with-volumes"

HURRY = 10
"""How much faster the hosts live while the bot waits for them."""


def wsl(fleet: LabFleet, host: str) -> WslState:
    server = fleet[host].wsl
    assert server is not None
    return server.state


def gateway(fleet: LabFleet, host: str) -> GatewayState:
    server = fleet[host].gateway
    assert server is not None
    return server.state


def open_shop(fleet: LabFleet, host: str = "host-a", name: str = "shop") -> Container:
    """Run a container that can move on a host."""
    return shop.open_shop(wsl(fleet, host), MB, name)


def manage(t: Town) -> None:
    """The bot may change containers on all hosts."""
    for host in t.fleet.hosts:
        if host.wsl is not None:
            host.wsl.state.helper = Helper()
            port = f"port = {host.ports['wsl']}\n"
            t.edit(port, f'{port}manage = ["containers"]\n')


@asynccontextmanager
async def street(town: Build, hosts: int = 3, clock: Clock | None = None) -> AsyncIterator[Shift]:
    """A town with a shop on host-a, whose bot may move it."""
    async with town(hosts=hosts) as t:
        open_shop(t.fleet)
        manage(t)
        async with t.bot(clock or hurried(t.fleet, HURRY)) as house:
            yield Shift(t, house)


@contextmanager
def restored(*states: WslState) -> Iterator[None]:
    """Whatever becomes of these hosts' containers, volumes, images and disks meanwhile, they are as before in the end."""
    names = ("containers", "volumes", "images", "disks", "hanging", "architecture")
    before = [{name: deepcopy(getattr(state, name)) for name in names} for state in states]
    try:
        yield
    finally:
        for state, values in zip(states, before, strict=True):
            for name, value in values.items():
                setattr(state, name, value)


def find(fleet: LabFleet, name: str = "shop") -> dict[str, str]:
    """State of the container of that name on each host that has one."""
    found = {host.name: list(host.wsl.state.containers) for host in fleet.hosts if host.wsl is not None}
    return {host: each.state for host, containers in found.items() for each in containers if each.name == name}


def list_registered(fleet: LabFleet, name: str = "shop") -> set[tuple[str, str]]:
    """Gateways and the addresses that they have for the container of that name, on whichever host it is."""
    keys = {
        each.id for host in fleet.hosts if host.wsl is not None for each in host.wsl.state.containers if each.name == name
    }
    gateways = [(host.name, host.gateway.state.registrations) for host in fleet.hosts if host.gateway is not None]
    return {(host, str(info["ip"])) for host, known in gateways for info in known.collect() if info["id"] in keys}


def list_left(fleet: LabFleet, host: str = "host-b") -> list[str]:
    """What of the shop is on a host: its container, its image, its volume."""
    state = wsl(fleet, host)
    containers = [f"container {each.name}" for each in state.containers if each.name == "shop"]
    images = ["image" for image in state.images if "localhost/shop:1.4" in image.names]
    return [*containers, *images, *(f"volume {name}" for name in state.volumes)]
