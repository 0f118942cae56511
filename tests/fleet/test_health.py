"""`health` says of real containers what podman says, and its advice works."""

import re

from tests.fleet.conftest import Ask
from tests.fleet.containers import list_containers, make_container
from tests.fleet.distribution import Distribution
from tests.fleet.fleet import HOST


async def test_every_container_that_does_not_do_its_work_counts(ask: Ask, wsl: Distribution) -> None:
    """podman lists one that is unhealthy, and one that it restarts for ever, as running too."""
    listed = list_containers(wsl)
    assert {"web", "file", "sick", "loop"} == {name for name, each in listed.items() if each["State"] == "running"}
    cell = (await ask("health")).cells_by_host[HOST]["containers"]
    assert f"2/{len(listed)}" == cell.value


async def test_each_of_them_is_named_with_its_trouble(ask: Ask) -> None:
    """In podman's own terms."""
    (finding,) = (await ask("health")).findings
    for trouble in ("created is created", "dead exited with code 3", "paused is paused", "sick is unhealthy"):
        assert trouble in str(finding.why)
    assert re.search(r"loop keeps restarting \([3-9] restarts", str(finding.why))


async def test_the_advice_can_be_typed(ask: Ask, wsl: Distribution) -> None:
    """podman takes every command; a paused container is resumed, one that restarts for ever is left alone."""
    (finding,) = (await ask("health")).findings
    advised = str(finding.why).rpartition("run in WSL2: ")[2]
    assert "loop" not in advised
    wsl.sh(advised.replace("sudo ", ""))
    assert "running" == list_containers(wsl)["paused"]["State"]
    wsl.sh("podman pause paused")
    for name in ("created", "dead"):
        make_container(wsl, name)


async def test_the_bridge_and_forwarding_are_podman_s(ask: Ask, wsl: Distribution) -> None:
    """podman made the bridge, and switched forwarding on; both are seen when they change."""
    cells = (await ask("health")).cells_by_host[HOST]
    assert ("up", "on") == (cells["bridge"].value, cells["forwarding"].value)
    try:
        wsl.sh("ip link set flatnet-br0 down; sysctl -qw net.ipv4.ip_forward=0")
        cells = (await ask("health")).cells_by_host[HOST]
        assert ("down", "off") == (cells["bridge"].value, cells["forwarding"].value)
    finally:
        wsl.sh("ip link set flatnet-br0 up; sysctl -qw net.ipv4.ip_forward=1")
