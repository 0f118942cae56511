"""A fleet whose hosts answer what a test says: real `Fleet`, no network."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from adapters.action import Action, Answer, Place, SideName
from adapters.fleet import Fleet
from adapters.gateway.api import GatewaySystem, SyncStatus
from adapters.inventory import GatewaySide, Host, Inventory, WindowsSide, WslSide
from adapters.windows.log_files import LOGS, LogFile, LogName
from adapters.windows.system import ServiceStatus, WindowsSystem
from adapters.wsl.podman import Container
from adapters.wsl.system import Bridge, WslSystem
from commands.model.operation import FleetView
from commands.model.thresholds import Thresholds

NOW = datetime(2026, 11, 25, 9, 10, tzinfo=UTC)

Said = Mapping[tuple[str, str], object]
"""What the sides that are not well say, by host and side: an answer, or an error to raise."""


class CannedConnection:
    """One side of one host, with one answer."""

    def __init__(self, said: object) -> None:
        self._said = said

    async def perform(self, action: Action[Answer]) -> Answer:
        if isinstance(self._said, Exception):
            raise self._said
        answer: Any = self._said
        return answer  # type: ignore[no-any-return]

    async def aclose(self) -> None:
        pass


def host(name: str, number: int, **given: Any) -> Host:
    """A host with all three sides, or the lighthouse for number 0."""
    windows = WindowsSide(url=f"https://192.0.2.{number}:5986/wsman", user="flatnet", ca_file=Path("/ca.pem"))
    if number == 0:
        return Host(name=name, id=0, lighthouse=True, windows=windows)
    wsl = WslSide(address=f"192.0.2.{number}", key_file=Path("/key"), known_hosts_file=Path("/known_hosts"))
    gateway = GatewaySide(url=f"http://127.0.0.1:{8000 + number}")
    return Host(**{"name": name, "id": number, "windows": windows, "wsl": wsl, "gateway": gateway} | given)


def view(*hosts: Host, said: Said | None = None) -> FleetView:
    """A view at `NOW` of hosts that are well, but for what is `said`."""

    def connect(host: Host, side: SideName) -> CannedConnection:
        return CannedConnection((said or {}).get((host.name, side)) or well(host, side))

    return FleetView(Fleet(Inventory(hosts=hosts), connect), lambda: NOW, Thresholds())


def well(host: Host, side: Place) -> object:
    """What a healthy side says."""
    match side:
        case "windows":
            return windows()
        case "wsl":
            return wsl(host)
        case "gateway":
            return gateway(host)
        case "bot":
            raise AssertionError("no host has it")


def windows(
    nebula: ServiceStatus = "Running",
    gateway: ServiceStatus = "Running",
    nginx: int = 3,
    clock: datetime = NOW,
    logs: tuple[LogFile, ...] | None = None,
) -> WindowsSystem:
    return WindowsSystem(
        nebula=nebula,
        gateway=gateway,
        nginx_processes=nginx,
        powershell_version="5.1.20348.1",
        os_version="10.0.20348",
        nebula_version="1.9.3",
        nginx_version="1.25.3",
        clock=clock,
        booted_at=datetime(2026, 11, 24, 9, 10, tzinfo=UTC),
        logs=ROTATED if logs is None else logs,
    )


def log(name: LogName, **given: Any) -> LogFile:
    """A log that was rotated yesterday, as things should be."""
    yesterday = NOW - timedelta(days=1)
    usual = {"name": name, "path": rf"F:\flatnet\logs\{name}.log", "state": "present", "size": 2_000_000, "written_at": NOW}
    return LogFile(**{**usual, "rotated": 3, "rotated_size": 30_000_000, "rotated_at": yesterday, **given})


ROTATED = tuple(log(name) for name in LOGS)


def wsl(host: Host, **given: Any) -> WslSystem:
    bridge = Bridge(exists=True, up=True, addresses=(str(host.bridge),))
    return WslSystem(**{"containers": (container("web-1"),), "bridge": bridge, "forwarding": True} | given)


def container(name: str, state: str = "running", exit_code: int = 0, **given: Any) -> Container:
    return Container(name=name, state=state, exit_code=exit_code, **given)


def gateway(host: Host, **given: Any) -> GatewaySystem:
    sync = SyncStatus(host_id=host.id, peers=("http://10.100.1.1:8080",))
    return GatewaySystem(**{"healthy": True, "sync": sync, "status": None, "answer_ms": 12} | given)
