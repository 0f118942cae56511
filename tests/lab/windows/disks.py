"""What Flatnet's set-up leaves on the hosts' disks: a CA, certificates, keys, Nebula's configuration and log."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import PureWindowsPath

from adapters.inventory import LIGHTHOUSE_ID, WindowsPaths
from tests.lab.windows import nebula_cert
from tests.lab.windows.state import Program, WindowsState

PATHS = WindowsPaths.model_validate({})

SPARE = timedelta(hours=1)
"""A certificate with 20 days left has this much more, so that it still has them at the end of a long test."""

DAYS = 365
"""That a host's certificate has left where nothing else is said; it was signed `SPARE` ago then."""

LIFETIME = timedelta(days=DAYS) + 2 * SPARE


@dataclass(frozen=True)
class Expiry:
    """Days that certificates have left: the CA's, and those of hosts by name where they are not new."""

    ca: int = 1825
    hosts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Disk:
    """One host's disk, as the set-up finds it: its id decides address and groups."""

    id: int
    name: str
    state: WindowsState

    @property
    def lighthouse(self) -> bool:
        return self.id == LIGHTHOUSE_ID


def lay_out(disks: Iterable[Disk], expiry: Expiry, now: datetime) -> None:
    """Give every host its certificate, and the lighthouse, where there is one, the CA's key."""
    files: dict[PureWindowsPath, str] = {}
    ends = now + timedelta(days=expiry.ca) + SPARE
    began = min(now, ends) - 2 * LIFETIME
    _nebula_cert(files, began, "ca", "-name", "Flatnet CA", "-duration", _go(ends - began))
    for disk in disks:
        host_ends = min(now + timedelta(days=expiry.hosts.get(disk.name, DAYS)) + SPARE, ends - timedelta(seconds=1))
        _sign(disk, files, host_ends - LIFETIME)
        _lay(disk, files, host_ends - LIFETIME)
        if disk.lighthouse:
            disk.state.write(PureWindowsPath(PATHS.ca_key), files[PureWindowsPath("ca.key")], began)


def renew(disk: Disk, lighthouse: Disk, lifetime: timedelta, now: datetime) -> None:
    """Somebody at the lighthouse signs a new certificate for a host by hand, and starts Nebula with it."""
    paths = {"ca.crt": PATHS.ca_certificate, "ca.key": PATHS.ca_key}
    files = {PureWindowsPath(name): lighthouse.state.files[PureWindowsPath(path)] for name, path in paths.items()}
    _sign(disk, files, now, lifetime)
    for path, name in ((PATHS.host_certificate, "host.crt"), (PATHS.host_key, "host.key")):
        disk.state.write(PureWindowsPath(path), files[PureWindowsPath(name)], now)
    disk.state.stop_service("Nebula", now)
    disk.state.start_service("Nebula", now)


def _sign(disk: Disk, files: dict[PureWindowsPath, str], now: datetime, lifetime: timedelta = LIFETIME) -> None:
    """`host.crt` and `host.key` among the files."""
    files.pop(PureWindowsPath("host.crt"), None)
    _nebula_cert(files, now, "keygen", "-out-key", "host.key", "-out-pub", "host.pub")
    groups = "lighthouse,flatnet" if disk.lighthouse else "flatnet,gateway"
    who = ["-name", disk.name, "-ip", f"10.100.{disk.id}.1/16", "-groups", groups]
    _nebula_cert(files, now, "sign", *who, "-in-pub", "host.pub", "-out-crt", "host.crt", "-duration", _go(lifetime))


def _lay(disk: Disk, files: Mapping[PureWindowsPath, str], at: datetime) -> None:
    """A host's files as of the time of signing; its Nebula was restarted with them."""
    texts = {
        PATHS.ca_certificate: files[PureWindowsPath("ca.crt")],
        PATHS.host_certificate: files[PureWindowsPath("host.crt")],
        PATHS.host_key: files[PureWindowsPath("host.key")],
        PATHS.nebula_config: configuration(lighthouse=disk.lighthouse),
        PATHS.nebula_log: "",
    } | ({} if disk.lighthouse else {PATHS.access_log: "", PATHS.error_log: ""})
    for path, text in texts.items():
        disk.state.write(PureWindowsPath(path), text, at)
    install(disk.state, "1.9.3")
    for process in disk.state.processes:
        if process.name == "nebula":
            process.started_at = disk.state.clock(at + timedelta(minutes=5))


def install(state: WindowsState, version: str) -> None:
    """Nebula's programs of that version lie there; one that runs is still the old one."""
    said = f"Version: {version}"
    state.programs |= {
        PureWindowsPath(PATHS.nebula_exe): Program("-version", said, acts="nebula"),
        PureWindowsPath(PATHS.nebula_cert_exe): Program("-version", said, acts="nebula-cert"),
    }


def configuration(*, lighthouse: bool) -> str:
    """Nebula's config.yaml as the guide writes it."""
    hosts = "  hosts: []\n" if lighthouse else '  hosts:\n    - "10.100.0.1"\n'
    return (
        f"pki:\n  ca: {PATHS.ca_certificate}\n  cert: {PATHS.host_certificate}\n  key: {PATHS.host_key}\n\n"
        'static_host_map:\n  "10.100.0.1": ["192.0.2.10:4242"]\n\n'
        f"lighthouse:\n  am_lighthouse: {str(lighthouse).lower()}\n  interval: 60\n{hosts}\n"
        "listen:\n  host: 0.0.0.0\n  port: 4242\n\nlogging:\n  level: info\n  format: text\n"
    )


def _nebula_cert(files: dict[PureWindowsPath, str], now: datetime, *arguments: str) -> None:
    done = nebula_cert.run(arguments, files, now)
    assert done.code == 0, done.stderr


def _go(duration: timedelta) -> str:
    return f"{int(duration.total_seconds())}s"
