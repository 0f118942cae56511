"""Registrations of the lab's containers: each gateway has them from the one beside the container, unless it was deaf."""

from pathlib import Path

from tests.lab.fleet import LabFleet, LabHost, run_fleet
from tests.lab.gateway.server import GatewayServer
from tests.lab.wsl.state import WslState


def gateway(host: LabHost) -> GatewayServer:
    assert host.gateway is not None
    return host.gateway


def wsl(host: LabHost) -> WslState:
    assert host.wsl is not None
    return host.wsl.state


def follow(fleet: LabFleet) -> None:
    """What happens before a gateway answers."""
    for prepare in gateway(fleet["host-a"]).on_request:
        prepare()


def find(fleet: LabFleet, key: str) -> list[str]:
    """Hosts whose gateway has a container."""
    return [host.name for host in fleet.hosts if gateway(host).state.registrations.find(key) is not None]


async def test_a_container_is_registered_everywhere_while_it_runs(tmp_path: Path) -> None:
    async with run_fleet(tmp_path, 3) as fleet:
        state = wsl(fleet["host-a"])
        web = state.containers[0]
        assert ["host-a", "host-b", "host-c"] == find(fleet, web.id)
        state.end(web)
        follow(fleet)
        assert [] == find(fleet, web.id)
        state.begin(web)
        follow(fleet)
        assert ["host-a", "host-b", "host-c"] == find(fleet, web.id)


async def test_a_deaf_gateway_keeps_a_ghost(tmp_path: Path) -> None:
    async with run_fleet(tmp_path, 3) as fleet:
        state = wsl(fleet["host-a"])
        web = state.containers[0]
        gateway(fleet["host-c"]).state.deaf = True
        state.end(web)
        follow(fleet)
        assert ["host-c"] == find(fleet, web.id)


async def test_a_gateway_that_is_stopped_does_not_hear_of_a_start(tmp_path: Path) -> None:
    async with run_fleet(tmp_path, 2) as fleet:
        state = wsl(fleet["host-a"])
        web = state.containers[0]
        state.end(web)
        follow(fleet)
        gateway(fleet["host-a"]).wire.served = False
        state.begin(web)
        follow(fleet)
        assert [] == find(fleet, web.id)


async def test_wsl2_begins_anew_with_what_its_policies_start(tmp_path: Path) -> None:
    async with run_fleet(tmp_path, 2) as fleet:
        state = wsl(fleet["host-a"])
        web, db = state.containers
        web.policy = "always"
        fleet["host-a"].restart_wsl()
        follow(fleet)
        assert (["host-a", "host-b"], []) == (find(fleet, web.id), find(fleet, db.id))
