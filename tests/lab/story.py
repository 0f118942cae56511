"""The demo's story: a small fleet on an ordinary bad day."""

from datetime import UTC, datetime
from pathlib import PureWindowsPath

from tests.lab.fleet import LabFleet
from tests.lab.windows.disks import PATHS, Expiry
from tests.lab.windows.state import GB, Drive, WindowsState

HOSTS = 6
"""Beside the lighthouse."""

EXPIRY = Expiry(hosts={"host-c": 20})
"""The certificate of host-c has to be renewed."""


def tell(fleet: LabFleet) -> None:
    """Nebula is stopped on host-b, two containers of host-d have exited, host-e is cut off, a drive of host-f is full."""
    nebula = fleet["host-b"].windows.state.service("Nebula")
    assert nebula is not None
    nebula.status = "Stopped"
    wsl = fleet["host-d"].wsl
    assert wsl is not None
    for container, code in zip(wsl.state.containers, (137, 1), strict=True):
        container.state, container.exit_code, container.health = "exited", code, None
    fleet["host-e"].cut()
    _fill(fleet["host-f"].windows.state)


def _fill(windows: WindowsState) -> None:
    """Drive F: is 91 % full, and nobody rotates the gateway's access log."""
    windows.drives["F:"] = Drive(size=200 * GB, free=18 * GB)
    log = PureWindowsPath(PATHS.access_log)
    windows.write(log, "", datetime.now(UTC))
    windows.sizes[log] = GB
