"""A guarded change on a host of the lab fleet: what it does to roads and tunnels, and how the host comes back alone."""

from datetime import UTC, datetime
from pathlib import Path, PureWindowsPath

import pytest

from adapters.inventory import WindowsPaths
from adapters.windows.commit_confirm import BeginChange, FileSwap, ServiceMove
from tests.lab.faults import Fault
from tests.lab.fleet import LabHost, run_fleet
from tests.lab.windows.twins import answer

PATHS = WindowsPaths.model_validate({})
OPERATION = "op-0123456789ab"


def faults(host: LabHost) -> set[Fault]:
    return {host.wire(side).fault for side in host.ports}


def begin(host: LabHost, target: str, text: str) -> None:
    """Begun with a new text for a file, and applied by the guard."""
    state, now = host.windows.state, datetime.now(UTC)
    state.files[PureWindowsPath(r"F:\new")] = text
    swaps = (FileSwap(source=r"F:\new", target=target),)
    begin = BeginChange(operation=OPERATION, services=(ServiceMove(service="Nebula", verb="restart"),), swaps=swaps)
    answer("begin-change", begin.build_arguments(), state, now)
    state.settle(now)


def of(host: LabHost, path: str) -> str:
    return host.windows.state.files[PureWindowsPath(path)]


def handshakes(host: LabHost, name: str) -> int:
    lines = of(host, PATHS.nebula_log).splitlines()
    return sum("Handshake message received" in line and f"certName={name}" in line for line in lines)


async def test_a_change_that_cuts_its_own_road_is_put_back_by_the_host_alone(tmp_path: Path) -> None:
    """And what it starts again then meets its peers again."""
    async with run_fleet(tmp_path, 2) as fleet:
        host, peer = fleet["host-a"], fleet["host-b"]
        host.windows.state.cut_after_apply = True
        begin(host, PATHS.host_certificate, of(host, PATHS.host_certificate))
        assert {Fault.SWALLOW} == faults(host)
        before = handshakes(peer, "host-a")
        host.elapse(119)
        assert {Fault.SWALLOW} == faults(host)
        host.elapse(1)
        assert ({Fault.NONE}, "reverted") == (faults(host), host.windows.state.changes[OPERATION].state)
        assert before + 1 == handshakes(peer, "host-a")


async def test_the_fault_of_another_road_is_not_mended_by_a_change_that_is_put_back(tmp_path: Path) -> None:
    async with run_fleet(tmp_path, 1) as fleet:
        host = fleet["host-a"]
        begin(host, PATHS.host_certificate, of(host, PATHS.host_certificate))
        host.wire("gateway").fault = Fault.REFUSE
        host.elapse(120)
        assert Fault.REFUSE == host.wire("gateway").fault


@pytest.mark.parametrize("target", [PATHS.host_certificate, PATHS.host_key])
async def test_a_nebula_that_does_not_take_a_new_file_has_the_old_one_back_at_once(target: str, tmp_path: Path) -> None:
    async with run_fleet(tmp_path, 2) as fleet:
        host, peer = fleet["host-a"], fleet["host-b"]
        old, before = of(host, target), handshakes(peer, "host-a")
        begin(host, target, "not what Nebula takes")
        change = host.windows.state.changes[OPERATION]
        assert ("reverted", old) == (change.state, of(host, target))
        assert "the service Nebula is Stopped, not Running" in change.why
        assert before + 1 == handshakes(peer, "host-a")
