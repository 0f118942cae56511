"""The demo's story: a small fleet on an ordinary bad day."""

from tests.lab.fleet import LabFleet
from tests.lab.windows.disks import Expiry

HOSTS = 6
"""Beside the lighthouse."""

EXPIRY = Expiry(hosts={"host-c": 20})
"""The certificate of host-c has to be renewed."""


def tell(fleet: LabFleet) -> None:
    """Nebula is stopped on host-b, two containers of host-d have exited, host-e cannot be reached."""
    nebula = fleet["host-b"].windows.state.service("Nebula")
    assert nebula is not None
    nebula.status = "Stopped"
    wsl = fleet["host-d"].wsl
    assert wsl is not None
    for container, code in zip(wsl.state.containers, (137, 1), strict=True):
        container.state, container.exit_code, container.health = "exited", code, None
    fleet["host-e"].cut()
