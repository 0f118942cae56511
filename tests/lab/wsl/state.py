"""What a simulated WSL2 is like: containers, networks, the bridge, forwarding, disks, and what is wrong with it."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

from tests.lab.wsl.apt import Apt
from tests.lab.wsl.logs import Logs
from tests.lab.wsl.programs_backup import Plugin

ContainerState = Literal["running", "exited", "created", "paused", "stopped"]


@lru_cache(maxsize=16_384)
def _identify(name: str, address: str) -> str:
    return hashlib.sha256(f"{name}{address}".encode()).hexdigest()


@dataclass
class Container:
    """One container as podman knows it. `health` is None without a health check.

    `restarts`: how often podman has started it again; the last time was a moment ago. `address` is the one that Flatnet's
    plug-in gave it.
    """

    name: str
    state: ContainerState = "running"
    exit_code: int = 0
    health: Literal["healthy", "unhealthy", "starting"] | None = None
    network: str = "flatnet"
    ports: list[dict[str, object]] | None = None
    restarts: int = 0
    address: str = ""

    @property
    def id(self) -> str:
        """64 hexadecimal digits, always the same for a name and an address."""
        return _identify(self.name, self.address)


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


def _usual_folders() -> dict[str, int]:
    return {"ipam": 4096, "registry": 180 * MB}


def _usual_uses() -> dict[str, tuple[int, int]]:
    return {"Images": (3 * GB, GB), "Containers": (200 * MB, 0), "Local Volumes": (2 * GB, 0)}


@dataclass
class Helper:
    """The bot's helper as it is installed. `writable` is what others than root can change of it, `apply_fails` why
    forwarding cannot be set up.
    """

    version: int = 2
    areas: tuple[str, ...] = ("forwarding", "containers", "ipam", "backup")
    writable: str = ""
    apply_fails: str = ""


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
    """

    address: str
    containers: list[Container] = field(default_factory=list)
    networks: set[str] = field(default_factory=lambda: {"podman", "flatnet"})
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
    given: bytes = b""
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


def _port(inside: int, outside: int) -> dict[str, object]:
    return {"host_ip": "", "container_port": inside, "host_port": outside, "range": 1, "protocol": "tcp"}
