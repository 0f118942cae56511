"""The switches of the page's side panel: services and containers of a lab host stop and start."""

import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from tests.lab.access_log import PATH
from tests.lab.controls import FleetControls
from tests.lab.fleet import LabFleet, run_fleet
from tests.lab.windows.guard import GuardFailed
from tests.lab.windows.state import GB, Drive


@pytest_asyncio.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[LabFleet]:
    async with run_fleet(tmp_path, 2, lighthouse=True) as running:
        yield running


def knobs(controls: FleetControls, name: str) -> dict[tuple[str, str], str]:
    """Where the knobs of a host stand."""
    (host,) = [each for each in controls.hosts() if each.name == name]
    return {(knob.kind, knob.name): knob.at for knob in host.knobs}


def stopped(controls: FleetControls, name: str) -> list[str]:
    """The programs of a host that do not run."""
    (host,) = [each for each in controls.hosts() if each.name == name]
    return [program.name for program in host.programs if not program.runs]


@pytest.mark.parametrize("name", ["Nebula", "OpenResty"])
async def test_a_program_stops_and_starts_again(fleet: LabFleet, name: str) -> None:
    controls = FleetControls(fleet)
    controls.run("host-a", name, runs=False)
    assert [name] == stopped(controls, "host-a")
    controls.run("host-a", name, runs=True)
    assert [] == stopped(controls, "host-a")


async def test_the_lighthouse_has_nebula_alone(fleet: LabFleet) -> None:
    lighthouse, *_ = FleetControls(fleet).hosts()
    assert [("Nebula", True)] == [(each.name, each.runs) for each in lighthouse.programs]


@pytest.mark.parametrize(("host", "name"), [("host-z", "web"), ("host-a", "mail"), ("lighthouse", "web")])
async def test_what_is_not_there_cannot_be_stopped(fleet: LabFleet, host: str, name: str) -> None:
    with pytest.raises(KeyError, match=f"{name}|{host}"):
        FleetControls(fleet).run(host, name, runs=False)


async def test_the_port_of_the_gateway_is_open_while_its_service_runs(fleet: LabFleet) -> None:
    """Whoever starts the service: the panel, or the bot. A fault on the line stays as it was."""
    controls, port = FleetControls(fleet), fleet["host-a"].ports["gateway"]
    controls.run("host-a", "OpenResty", runs=False)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port)).close()
    fleet["host-a"].windows.state.start_service("OpenResty", fleet.mesh.now())
    socket.create_connection(("127.0.0.1", port)).close()
    assert "none" == fleet["host-a"].wire("gateway").fault


async def test_a_spoiled_service_runs_until_it_is_stopped_and_is_mended_by_the_panel_alone(fleet: LabFleet) -> None:
    controls, state = FleetControls(fleet), fleet["host-a"].windows.state
    controls.spoil("host-a", "Nebula")
    assert [] == stopped(controls, "host-a")
    state.stop_service("Nebula", fleet.mesh.now())
    with pytest.raises(GuardFailed):
        state.start_service("Nebula", fleet.mesh.now())
    assert ["Nebula"] == stopped(controls, "host-a")
    controls.run("host-a", "Nebula", runs=True)
    assert [] == stopped(controls, "host-a")


WELL = {
    ("clock", ""): "right",
    ("disk", "C:"): "usual",
    ("disk", "F:"): "usual",
    ("certificate", ""): "valid",
    ("api", ""): "works",
    ("peers", ""): "in sync",
    ("reload", ""): "succeeds",
    ("configuration", ""): "as set up",
    ("escalation", ""): "usual",
    ("registration", ""): "right",
    ("disk", "/"): "usual",
    ("container", "web"): "running",
    ("container", "db"): "running",
}


async def test_a_knob_stands_where_it_was_turned_and_turns_back(fleet: LabFleet) -> None:
    """Every position of every knob, and no other knob moves with it."""
    controls = FleetControls(fleet)
    assert WELL == knobs(controls, "host-a")
    positions: dict[tuple[str, str], tuple[str, ...]] = {
        (knob.kind, knob.name): knob.positions for knob in controls.hosts()[1].knobs
    }
    for knob, well in WELL.items():
        for position in (*positions[knob][1:], well):
            controls.turn("host-a", knob, position)
            assert WELL | {knob: position} == knobs(controls, "host-a")
    assert WELL == knobs(controls, "host-b")


async def test_a_knob_shows_what_the_host_is_like_whatever_made_it_so(fleet: LabFleet) -> None:
    controls, windows = FleetControls(fleet), fleet["host-a"].windows.state
    windows.drives["F:"] = Drive(size=200 * GB, free=18 * GB)
    windows.clock_offset = timedelta(seconds=-90)
    assert WELL | {("disk", "F:"): "95 %", ("clock", ""): "behind"} == knobs(controls, "host-a")


@pytest.mark.parametrize(("knob", "to"), [(("disk", "Z:"), "85 %"), (("clock", ""), "melted"), (("peers", "x"), "none")])
async def test_a_knob_that_is_not_there_does_not_turn(fleet: LabFleet, knob: tuple[str, str], to: str) -> None:
    with pytest.raises(KeyError, match="host-a has no"):
        FleetControls(fleet).turn("host-a", knob, to)


async def test_a_burst_of_requests_stands_in_the_access_log(fleet: LabFleet) -> None:
    FleetControls(fleet).burst("host-a")
    lines = fleet["host-a"].windows.state.files[PATH].splitlines()
    assert (300, 60) == (len(lines), sum('" 502 ' in line for line in lines))
    with pytest.raises(KeyError, match="lighthouse has no gateway"):
        FleetControls(fleet).burst("lighthouse")
