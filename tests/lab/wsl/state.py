"""What a simulated WSL2 is like: containers, networks, the bridge, forwarding, disks, and what is wrong with it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from adapters.wsl.helper import HELPER_VERSION
from tests.lab.holds import Holds
from tests.lab.wsl.apt import Apt
from tests.lab.wsl.container import Container, Fate
from tests.lab.wsl.logs import Logs
from tests.lab.wsl.mishaps import Streaming
from tests.lab.wsl.programs_backup import Plugin
from tests.lab.wsl.storage import BUSYBOX, Image, Volume
from tests.lab.wsl.streams import StreamProgram

OWN_ADDRESS, WINDOWS_ADDRESS = "172.28.0.2", "172.28.0.1"
"""WSL2's address and that of Windows, on the network between both (/20)."""

MB = 2**20
GB = 2**30


@dataclass
class Disk:
    """A file system; bytes, and inodes (None for one that makes them as it needs them).

    Root keeps a twentieth of its bytes for itself.
    """

    size: int = 1007 * GB
    used: int = 60 * GB
    inodes: int | None = 67_108_864
    inodes_used: int = 385_059

    @property
    def free(self) -> int:
        """What others than root can still use."""
        return max(self.size * 19 // 20 - self.used, 0)


def _utc() -> datetime:
    return datetime.now(UTC)


def _usual_folders() -> dict[str, int]:
    return {"ipam": 4096, "registry": 180 * MB}


def _usual_uses() -> dict[str, tuple[int, int]]:
    return {"Images": (3 * GB, GB), "Containers": (200 * MB, 0), "Local Volumes": (2 * GB, 0)}


@dataclass
class Helper:
    """The bot's helper as it is installed. `writable` is what others than root can change of it, `apply_fails` why
    forwarding cannot be set up. `term` is what its file of the kept term holds, "" where there is none.
    """

    version: int = HELPER_VERSION
    areas: tuple[str, ...] = ("forwarding", "containers", "ipam", "backup")
    writable: str = ""
    apply_fails: str = ""
    term: str = ""


@dataclass
class WslState:
    """One WSL2, changed by tests while it runs.

    `sudo`: whether the user may run podman through sudo. `refused`: beginnings of commands that sudo
    refuses nevertheless, for want of a rule. `missing`: programs that are not installed. `hanging`:
    programs that never end by themselves. `killed`: commands that the kernel kills for want of memory.
    `cgroups_warning`: podman's warning on standard error, which is no failure. `disks` are file systems
    by where they are mounted, `folders` the bytes of what lies in Flatnet's folder (None: there is no
    such folder), `uses` what podman's kinds of things take, and how much of that nothing uses;
    `old_podman` tells less of them. `restart_required`: the file that says so is there. `logs` is what
    was written. `helper` is None where it is not installed. `own_address` is that towards Windows, which changes when WSL2
    restarts; "" where there is none. `kept_at_boot`, `forwarding_blocked`: what the helper says of forwarding.

    `network_subnet` is the subnet of Flatnet's network, "" for that of this host; `network_made`: the helper made it.

    `images`, `volumes` (by name) and `registry` (what can be pulled) are podman's, `fates` of containers by their names,
    `orphans` addresses by containers that are gone, `now` its clock. `holds` stop verbs of the helper, such as
    "containers stop".
    """

    address: str
    containers: list[Container] = field(default_factory=list)
    starts: Counter[str] = field(default_factory=Counter)
    """How often each container was started, by name."""
    networks: set[str] = field(default_factory=lambda: {"podman", "flatnet"})
    network_subnet: str = ""
    network_made: bool = False
    bridge: str = "flatnet-br0"
    bridge_exists: bool = True
    bridge_up: bool = True
    forwarding: bool = True
    sudo: bool = True
    sudo_becomes_root: bool = True
    refused: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    hanging: set[str] = field(default_factory=set)
    killed: set[str] = field(default_factory=set)
    cgroups_warning: bool = True
    disks: dict[str, Disk] = field(default_factory=lambda: {"/": Disk()})
    flatnet_folder: str = "/var/lib/flatnet"
    folders: dict[str, int] | None = field(default_factory=_usual_folders)
    uses: dict[str, tuple[int, int]] = field(default_factory=_usual_uses)
    old_podman: bool = False
    apt: Apt = field(default_factory=Apt)
    restart_required: bool = False
    logs: Logs = field(default_factory=Logs)
    helper: Helper | None = None
    own_address: str = OWN_ADDRESS
    kept_at_boot: bool = True
    forwarding_blocked: bool = False
    plugin: Plugin = field(default_factory=Plugin)
    images: list[Image] = field(default_factory=lambda: [BUSYBOX])
    volumes: dict[str, Volume] = field(default_factory=dict)
    registry: list[Image] = field(default_factory=list)
    architecture: str = "amd64"
    fates: dict[str, Fate] = field(default_factory=dict)
    orphans: dict[str, str] = field(default_factory=dict)
    now: Callable[[], datetime] = _utc
    booted_at: datetime = datetime(2026, 11, 25, tzinfo=UTC)
    streaming: Streaming = field(default_factory=Streaming)
    holds: Holds = field(default_factory=Holds)
    given: bytes = b""
    streams: dict[str, StreamProgram] = field(default_factory=dict)
    """Programs that stream, by name, which only a test has."""
    """Standard input of the program that runs."""

    @classmethod
    def healthy(cls, host_id: int, now: datetime | None = None) -> "WslState":
        """Host N with two running containers on 10.87.N.0/24; apt's lists are of `now`."""
        web, db = f"10.87.{host_id}.10", f"10.87.{host_id}.11"
        containers = [
            Container("web", ports=[_port(80, 8080)], health="healthy", address=web),
            Container("db", address=db),
        ]
        at = now or datetime.now(UTC)
        logs = Logs.usual(host_id, tuple(container.name for container in containers), at)
        apt = Apt() if now is None else Apt(listed_at=now)
        return cls(address=f"10.87.{host_id}.1", containers=containers, apt=apt, logs=logs)

    def crowd(self, host_id: int, count: int) -> None:
        """So many running containers instead of the usual two, each with an address of 10.87.N.0/24."""
        self.containers = [
            Container(f"web-{number}", address=f"10.87.{host_id}.{number + 1}") for number in range(1, count + 1)
        ]

    def find_image(self, key: str) -> Image | None:
        """The image of that id."""
        return next((image for image in self.images if image.id == key), None)

    @property
    def free(self) -> int:
        """Bytes that podman can still store."""
        stored = sum(image.size for image in self.images) + sum(volume.size for volume in self.volumes.values())
        return max(self.disks["/"].free - stored, 0)

    @property
    def taken(self) -> dict[str, str]:
        """Addresses that the plug-in has handed out, with the ids of their containers."""
        listed = [each for each in self.containers if each.network == "flatnet" and each.address]
        orphans = {address: key for key, address in self.orphans.items()}
        return orphans | {each.address: each.id for each in reversed(listed)}

    def begin(self, container: Container) -> str:
        """Start a container, which gets an address if it has none. Returns why not, "" if it was started."""
        others = [other for other in self.containers if other.runs and other is not container]
        used = {port["host_port"] for other in others for port in other.ports or ()}
        for port in container.ports or ():
            if port["host_port"] in used:
                return f"rootlessport listen tcp 0.0.0.0:{port['host_port']}: bind: address already in use"
        if container.pinned and self.taken.get(container.address) != container.id:
            return f"IPAM error: requested ip address {container.address} is already allocated"
        subnet = self.address.rpartition(".")[0]
        free = (f"{subnet}.{number}" for number in range(2, 255))
        container.address = container.address or next(ip for ip in free if ip not in self.taken)
        container.state, container.started_at, container.exit_code = "running", self._stamp(), 0
        self.starts[container.name] += 1
        self.bridge_exists = self.bridge_up = True
        fate = self.fates.get(container.name, "runs")
        if fate == "ends":
            self.end(container, 1)
        if container.health is not None:
            container.health = fate if fate in ("unhealthy", "starting") else "healthy"
        return ""

    def end(self, container: Container, code: int = 0) -> None:
        """Its processes end."""
        container.state, container.exit_code, container.finished_at = "exited", code, self._stamp()

    def restart(self) -> None:
        """WSL2 begins anew: another address towards Windows, and of the containers those that a policy starts."""
        self.booted_at = self.now()
        number = int(self.own_address.rpartition(".")[2] or 1)
        self.own_address = f"172.28.0.{number % 250 + 1}"
        self.bridge_exists, self.forwarding = False, self.kept_at_boot
        for container in self.containers:
            if container.runs:
                self.end(container, 255)
            if container.policy == "always" or (container.policy == "unless-stopped" and not container.stopped):
                self.begin(container)

    def _stamp(self) -> str:
        return f"{self.now():%Y-%m-%dT%H:%M:%S.%f}Z"


def _port(inside: int, outside: int) -> dict[str, object]:
    return {"host_ip": "", "container_port": inside, "host_port": outside, "range": 1, "protocol": "tcp"}
