"""What reports are made of, for their tests: hosts that answer to everything, and months of looks."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from adapters.action import Action
from adapters.inventory import Host
from adapters.windows.disks import ReadDisks as WindowsDisks
from adapters.windows.key_files import FindStrayKeys, StrayKeys
from adapters.windows.nebula import ReadCertificates
from adapters.windows.updates import ReadUpdates as WindowsUpdates
from adapters.wsl.disks import ReadDisks as WslDisks
from adapters.wsl.updates import ReadUpdates as WslUpdates
from bot.model.month import Month
from bot.store.observations import Observation
from commands.model.operation import FleetView
from tests.commands import canned, canned_certs
from tests.commands.canned import NOW
from tests.commands.health import test_disk_operation as test_disks
from tests.commands.health import test_update_operation as test_updates

TOKYO = ZoneInfo("Asia/Tokyo")
OCTOBER = Month.from_name("2026-10", TOKYO, NOW)
"""The last whole month at `NOW`; it has 31 days."""

Sides = dict[tuple[str, str], object]


def windows(host: Host, **given: object) -> Callable[[Action[Any]], object]:
    """A Windows that is well, but for what is given: `system`, `disks`, `updates`, `certificates`; an error is raised."""

    def answer(action: Action[Any]) -> object:
        match action:
            case ReadCertificates():
                return given.get("certificates") or canned_certs.files(host)
            case WindowsDisks():
                return given.get("disks") or test_disks.drives(C=40, F=30)
            case FindStrayKeys():
                return StrayKeys(keys=(), complete=True, clock=NOW)
            case WindowsUpdates():
                return given.get("updates") or test_updates.windows()
            case _:
                return given.get("system") or canned.windows()

    return answer


def wsl(host: Host, **given: object) -> Callable[[Action[Any]], object]:
    """The same of WSL2: `system`, `disks`, `updates`."""

    def answer(action: Action[Any]) -> object:
        match action:
            case WslDisks():
                return given.get("disks") or test_disks.wsl()
            case WslUpdates():
                return given.get("updates") or test_updates.wsl()
            case _:
                return given.get("system") or canned.wsl(host)

    return answer


def view(*hosts: Host, said: Sides | None = None) -> FleetView:
    """Hosts that are well whatever they are asked, but for what is said."""
    usual: Sides = {}
    for host in hosts:
        usual |= {(host.name, "windows"): windows(host), (host.name, "wsl"): wsl(host)}
    return canned_certs.view(*hosts, said=usual | (said or {}))


def looks(host: str, well: int, at: datetime = NOW, **given: Any) -> Observation:
    """So many looks at which it was well, and others as given."""
    return Observation(host, at, well, **given)
