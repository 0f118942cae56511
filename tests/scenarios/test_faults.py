"""Every fault of every side at once, in one fleet: each is told for what it is, and none costs a healthy host anything."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.action import SideName
from adapters.fleet import DEADLINE_GRACE, Fleet
from adapters.gateway.api import ReadSystem as ReadGateway
from adapters.windows.system import ReadSystem as ReadWindows
from adapters.wsl.system import ReadSystem as ReadWsl
from bot.config.settings import read_settings
from bot.runtime.connections import make_connector
from bot.security.secrets import read_secrets
from commands.health.operation import Health
from commands.model.operation import FleetView
from commands.model.report import Report
from commands.model.thresholds import Thresholds
from commands.values.arguments import Target
from tests.lab.faults import Fault
from tests.lab.fleet import Conditions, LabFleet, host_name, run_fleet, write_configuration

DEADLINE = 6.0
"""Seconds in place of each action's own, so that the test is short; a healthy host needs a fraction of that."""

FAULTS = [fault for fault in Fault if fault is not Fault.NONE]

BROKEN = tuple(host_name(number + 1) for number in range(len(FAULTS)))
HEALTHY = tuple(host_name(len(FAULTS) + number) for number in (1, 2))

EXPECTED: dict[SideName, dict[Fault, str]] = {
    "windows": {
        Fault.REFUSE: "unreachable",
        Fault.SWALLOW: "deadline",
        Fault.HANG: "deadline",
        Fault.GARBAGE: "identity",
        Fault.FLOOD: "protocol",
        Fault.CLOSE: "unreachable",
        Fault.STALL: "deadline",
        Fault.DRIP: "deadline",
        Fault.IDENTITY: "identity",
        Fault.AUTHENTICATION: "authentication",
    },
    "wsl": {
        Fault.REFUSE: "unreachable",
        Fault.SWALLOW: "deadline",
        Fault.HANG: "deadline",
        Fault.GARBAGE: "unreachable",
        Fault.FLOOD: "protocol",
        Fault.CLOSE: "unreachable",
        Fault.STALL: "deadline",
        Fault.DRIP: "deadline",
        Fault.IDENTITY: "identity",
        Fault.AUTHENTICATION: "authentication",
    },
    "gateway": {
        Fault.REFUSE: "unreachable",
        Fault.SWALLOW: "deadline",
        Fault.HANG: "deadline",
        Fault.GARBAGE: "protocol",
        Fault.FLOOD: "protocol",
        Fault.CLOSE: "protocol",
        Fault.STALL: "deadline",
        Fault.DRIP: "deadline",
        Fault.IDENTITY: "wrong-host-id",
        Fault.AUTHENTICATION: "forbidden",
    },
}
"""What the report says of a side with that fault, as data."""

CHECK: dict[SideName, str] = {"windows": "nebula", "wsl": "bridge", "gateway": "api"}
"""A check that lives on that side."""


def fault_of(number: int, side: SideName) -> Fault:
    """The fault of one side of the host with that number: every pair of side and fault occurs once."""
    shift = list(EXPECTED).index(side)
    return FAULTS[(number + shift) % len(FAULTS)]


def said_of(report: Report, host: str) -> dict[str, object]:
    """One host's row as data."""
    row = next(row for row in report.rows if row.host == host)
    return {column.key: cell.value for column, cell in zip(report.columns, row.cells, strict=True)}


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    for action in (ReadWindows, ReadWsl, ReadGateway):
        monkeypatch.setattr(action, "deadline", DEADLINE)


@asynccontextmanager
async def looking_at(fleet: LabFleet, folder: Path, threads: int | None = None) -> AsyncIterator[FleetView]:
    """The real connections to all hosts of a lab; `threads` for WinRM, else one for each host."""
    settings = read_settings(write_configuration(folder, fleet))
    secrets = read_secrets(settings.secret_names, settings.secrets_folder)
    with ThreadPoolExecutor(threads or len(fleet.hosts)) as pool:
        connected = Fleet(settings.inventory, make_connector(secrets, pool))
        yield FleetView(connected, lambda: datetime.now(UTC), Thresholds())
        for host in fleet.hosts:
            for side in EXPECTED:
                host.wire(side).fault = Fault.NONE  # so that closing is quick
        await connected.aclose()


@pytest.mark.slow
async def test_all_faults_of_all_sides_at_once(tmp_path: Path) -> None:
    """Healthy hosts have answered before the first deadline is over, and the whole ends with the last one."""
    async with run_fleet(tmp_path / "lab", len(BROKEN) + len(HEALTHY)) as fleet, looking_at(fleet, tmp_path) as view:
        for number, name in enumerate(BROKEN):
            for side in EXPECTED:
                fleet[name].wire(side).fault = fault_of(number, side)

        async with asyncio.timeout(DEADLINE + DEADLINE_GRACE + 10):
            whole = asyncio.create_task(Health(details=True).read(view))
            healthy = await Health(target=Target(parts=HEALTHY)).read(view)
            assert not whole.done()
            report = await whole

    assert "all 2 hosts are healthy" == str(healthy.summary)
    expected = {
        (name, side): EXPECTED[side][fault_of(number, side)] for number, name in enumerate(BROKEN) for side in EXPECTED
    }
    assert expected == {(name, side): said_of(report, name)[CHECK[side]] for name in BROKEN for side in EXPECTED}
    named = {(part.host, part.subject) for finding in report.findings for part in finding.parts}
    assert {(name, "api" if side == "gateway" else side) for name in BROKEN for side in EXPECTED} == named
    assert list(HEALTHY) == [row.host for row in report.rows if row.severity is None]


@pytest.mark.slow
async def test_hosts_that_keep_the_threads_hide_no_healthy_one(tmp_path: Path) -> None:
    """More hanging hosts than threads: whoever gets none is the bot's trouble, never a host that does not answer."""
    async with run_fleet(tmp_path / "lab", 4) as fleet, looking_at(fleet, tmp_path, threads=2) as view:
        for name in ("host-a", "host-b"):
            fleet[name].windows.wire.fault = Fault.HANG
        report = await Health().read(view)

    assert {"host-a": "deadline", "host-b": "deadline", "host-c": "Running", "host-d": "Running"} == {
        host: said_of(report, host)["nebula"] for host in ("host-a", "host-b", "host-c", "host-d")
    }


async def test_hosts_that_flood_hide_no_healthy_one(tmp_path: Path) -> None:
    """On every side at once: what they send beyond the limits costs nobody else an answer."""
    async with run_fleet(tmp_path / "lab", 12) as fleet, looking_at(fleet, tmp_path) as view:
        flooding = [host for host in fleet.hosts if host.id <= 10]
        for host in flooding:
            for side in EXPECTED:
                host.wire(side).fault = Fault.FLOOD
        report = await Health().read(view)

    assert ["host-k", "host-l"] == [row.host for row in report.rows if row.severity is None]
    assert {"protocol"} == {said_of(report, host.name)[check] for host in flooding for check in CHECK.values()}


async def test_sixty_who_ask_at_once_are_all_answered_and_the_host_is_asked_once(tmp_path: Path) -> None:
    """The bot's own queue is never a host that does not answer."""
    slow = Conditions(powershell_start=0.4)
    async with run_fleet(tmp_path / "lab", 2, conditions=slow) as fleet, looking_at(fleet, tmp_path) as view:
        reports = await asyncio.gather(*(Health().read(view) for _ in range(60)))

    assert {"all 2 hosts are healthy"} == {str(report.summary) for report in reports}
    assert [1, 1] == [host.windows.requests["Command"] for host in fleet.hosts]


async def test_a_missing_password_is_the_finding_of_the_hosts_that_need_it(tmp_path: Path) -> None:
    """The other sides, and everything else, are judged as ever."""
    async with run_fleet(tmp_path / "lab", 1) as fleet:
        write_configuration(tmp_path, fleet)
        (tmp_path / "secrets" / "winrm_password").unlink()
        settings = read_settings(tmp_path / "flatnet.toml")
        secrets = read_secrets(settings.secret_names, settings.secrets_folder)
        with ThreadPoolExecutor(1) as pool:
            connected = Fleet(settings.inventory, make_connector(secrets, pool))
            report = await Health().read(FleetView(connected, lambda: datetime.now(UTC), Thresholds()))
            await connected.aclose()

    assert "host-a needs attention: Windows login rejected" == str(report.summary)
    assert "secret winrm_password is missing." in str(report.findings[0].why)
