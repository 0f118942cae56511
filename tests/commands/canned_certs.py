"""A fleet with certificates of its own: made once by the lab's `nebula-cert`, and what hosts say of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import PureWindowsPath
from types import FunctionType
from typing import Any

import adapters.windows.disks
import adapters.windows.updates
import adapters.wsl.disks
import adapters.wsl.updates
from adapters.action import Action, SideName
from adapters.fleet import Fleet
from adapters.inventory import Host, Inventory, WindowsSide
from adapters.windows.key_files import FindStrayKeys, StrayKeys
from adapters.windows.nebula import NebulaFiles, ReadCertificates
from adapters.windows.services import ReadServices, Service, Services
from adapters.windows.tls_certificate import ReadServerCertificate, ServerCertificate
from commands.model.operation import FleetView
from commands.model.thresholds import Thresholds
from tests.commands import canned
from tests.commands.canned import NOW
from tests.commands.health import test_disk_operation as disks
from tests.commands.health import test_update_operation as updates
from tests.lab.windows import nebula_cert

OPERATION = "op-0123456789ab"

Said = Mapping[tuple[str, str], object]
"""What sides say that are not well: an answer to anything, an error to raise, or a function of the action."""


ELSEWHERE: Mapping[type[Action[Any]], tuple[str, object]] = {
    adapters.windows.disks.ReadDisks: ("disks", disks.drives(C=40)),
    adapters.wsl.disks.ReadDisks: ("disks", disks.wsl()),
    adapters.windows.updates.ReadUpdates: ("updates", updates.windows()),
    adapters.wsl.updates.ReadUpdates: ("updates", updates.wsl()),
    FindStrayKeys: ("keys", StrayKeys(keys=(), complete=True, clock=NOW)),
}
"""What sides that are well say of other areas; `said` may have another answer for `windows disks`, `wsl updates` …"""


def host(name: str, number: int, url: str = "", **given: Any) -> Host:
    """A host as in `canned`, whose addresses need no file."""
    made = canned.host(name, number, **given)
    url = url or f"http://192.0.2.{number + 1}:5985/wsman"
    return made.model_copy(update={"windows": WindowsSide(url=url, user="flatnet", allow_http=True)})


@dataclass(frozen=True)
class Authority:
    """A CA that signs for tests, at any time of its life."""

    certificate: str
    key: str
    printed: str

    def sign(self, name: str, address: str, days: float = 200, **given: Any) -> tuple[str, str]:
        """A host's certificate that ends so many days after `NOW`, as PEM and as printed."""
        at: datetime = given.get("at", NOW - timedelta(days=100))
        hours = round((NOW + timedelta(days=days) - at).total_seconds() / 3600)
        files = {PureWindowsPath("ca.crt"): self.certificate, PureWindowsPath("ca.key"): self.key}
        flags = ["-name", name, "-ip", address, "-groups", given.get("groups", "flatnet,gateway"), "-duration", f"{hours}h"]
        _run(files, at, "sign", "-ca-crt", "ca.crt", "-ca-key", "ca.key", "-out-crt", "h.crt", "-out-key", "h.key", *flags)
        return files[PureWindowsPath("h.crt")], _run(files, at, "print", "-json", "-path", "h.crt")


def authority(name: str = "Flatnet CA", days: float = 265, at: datetime = NOW - timedelta(days=100)) -> Authority:
    """A CA that ends so many days after `NOW`."""
    hours = round((NOW + timedelta(days=days) - at).total_seconds() / 3600)
    files: dict[PureWindowsPath, str] = {}
    _run(files, at, "ca", "-name", name, "-duration", f"{hours}h", "-out-crt", "ca.crt", "-out-key", "ca.key")
    printed = _run(files, at, "print", "-json", "-path", "ca.crt")
    return Authority(files[PureWindowsPath("ca.crt")], files[PureWindowsPath("ca.key")], printed)


def _run(files: dict[PureWindowsPath, str], at: datetime, *arguments: str) -> str:
    done = nebula_cert.run(arguments, files, at)
    assert done.code == 0, done.stderr
    return done.stdout


CA = authority()
OTHER_CA = authority("Another CA")


def files(host: Host, trusted: Authority = CA, days: float = 200, **given: Any) -> NebulaFiles:
    """What a host says that is well; the certificate by `signed`, `name`, `address`, `groups`, anything else by field."""
    assert host.windows is not None
    paths = host.windows.paths
    groups = given.pop("groups", "lighthouse,flatnet" if host.lighthouse else "flatnet,gateway")
    name, address = given.pop("name", host.name), given.pop("address", str(host.overlay))
    certificate, printed = given.pop("signed", trusted).sign(name, address, days, groups=groups)
    return NebulaFiles(
        **{
            "certificate": certificate,
            "printed": printed,
            "ca": trusted.certificate,
            "ca_printed": trusted.printed,
            "configured_certificate": paths.host_certificate,
            "configured_key": paths.host_key,
            "configured_ca": paths.ca_certificate,
            "key_present": True,
            "readers": (),
            "key_matches": True,
            "written_at": NOW - timedelta(days=100),
            "ca_written_at": NOW - timedelta(days=100),
            "running_since": NOW - timedelta(days=99),
            "ca_key": host.lighthouse,
            "clock": NOW,
        }
        | given
    )


def server_certificate(days: float = 400, **given: Any) -> ServerCertificate:
    """What a host presents for WinRM."""
    usual = {
        "fingerprint": "e" * 64,
        "name": "host-a.example.com",
        "issuer": "WinRM CA",
        "begins_at": NOW - timedelta(days=100),
        "ends_at": NOW + timedelta(days=days),
    }
    return ServerCertificate.model_validate(usual | given)


def services(nebula: str = "Running", gateway: str = "Running", nginx: int = 3) -> Services:
    """The two services of a host."""
    return Services.model_validate(
        {
            "nebula": Service.model_validate({"name": "Nebula", "status": nebula, "start_type": "Automatic"}),
            "gateway": Service.model_validate({"name": "OpenResty", "status": gateway, "start_type": "Automatic"}),
            "nginx_processes": nginx,
        }
    )


def view(*hosts: Host, said: Said | None = None) -> FleetView:
    """A view at `NOW` of hosts that are well, but for what is `said`."""
    told = dict(said or {})
    kept: dict[str, NebulaFiles] = {}

    def answer(host: Host, side: SideName, action: Action[Any]) -> object:
        given = told.get((host.name, side))
        if type(action) in ELSEWHERE:
            said = given(action) if isinstance(given, FunctionType) else given
            area, usual = ELSEWHERE[type(action)]
            return said if isinstance(said, Exception | type(usual)) else told.get((host.name, f"{side} {area}"), usual)
        if isinstance(given, FunctionType):
            return given(action)
        if given is not None and (isinstance(action, ReadCertificates) or not isinstance(given, NebulaFiles)):
            return given
        match action:
            case ReadCertificates():
                return kept.setdefault(host.name, files(host))
            case ReadServices():
                return services()
            case ReadServerCertificate():
                return server_certificate()
            case _:
                return canned.well(host, side)

    made = Fleet(Inventory(hosts=hosts), lambda host, side: Line(host, side, answer))
    return replace(FleetView(made, lambda: NOW, Thresholds()), operation_id=OPERATION)


@dataclass(frozen=True)
class Line:
    """A connection to one side, whose answers a function makes; an error is raised."""

    host: Host
    side: SideName
    answer: Callable[[Host, SideName, Action[Any]], object]

    async def perform(self, action: Action[Any]) -> Any:
        said = self.answer(self.host, self.side, action)
        if isinstance(said, Exception):
            raise said
        return said

    async def aclose(self) -> None:
        pass
