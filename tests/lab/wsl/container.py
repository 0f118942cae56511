"""One container of a simulated podman: its life, and the lines from which it is made and by which it is described."""

import hashlib
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from tests.lab.wsl.storage import BUSYBOX, Image

ContainerState = Literal["running", "exited", "created", "paused", "stopped"]

Fate = Literal["runs", "ends", "loops", "unhealthy", "starting"]
"""What becomes of a container that is started: it runs, ends at once, is started again and again, or its health check never
passes, or never comes to an end."""

ZERO_TIME = "0001-01-01T00:00:00Z"
STARTED = "2026-11-25T09:46:40.123456789Z"


@lru_cache(maxsize=16_384)
def _identify(name: str, origin: str) -> str:
    return hashlib.sha256(f"{name}{origin}".encode()).hexdigest()


@dataclass
class Mount:
    """A named volume in a container."""

    volume: str
    path: str
    anonymous: bool = False

    @property
    def line(self) -> str:
        """Its line in a description."""
        path = encode(self.path)
        return f"anonymous {path}" if self.anonymous else f"volume {self.volume} {path}"


@dataclass
class Container:
    """One container as podman knows it. `health` is None without a health check.

    `restarts`: how often podman has started it again; the last time was a moment ago. `address` is the one that Flatnet's
    plug-in gave it; `pinned`: it was asked for. `operation` is the mark of the change that made it. `stopped` by a person:
    no policy starts it then. `obstacles` are what the helper says that a description cannot hold; `further` lines of the
    description that change nothing here. `changed_files` in its own layer do not travel.
    """

    name: str
    state: ContainerState = "running"
    exit_code: int = 0
    health: Literal["healthy", "unhealthy", "starting"] | None = None
    network: str = "flatnet"
    ports: list[dict[str, object]] | None = None
    restarts: int = 0
    address: str = ""
    image: Image = BUSYBOX
    policy: str = "no"
    memory: int = 0
    pinned: bool = False
    mounts: list[Mount] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    command: list[str] = field(default_factory=list)
    further: list[str] = field(default_factory=list)
    obstacles: list[str] = field(default_factory=list)
    changed_files: int = 0
    operation: str = ""
    stopped: bool = False
    started_at: str = STARTED
    finished_at: str = ZERO_TIME

    @property
    def id(self) -> str:
        """64 hexadecimal digits, always the same for a name and its address, or the operation that made it."""
        return _identify(self.name, self.operation or self.address)

    @property
    def runs(self) -> bool:
        """Whether its processes live."""
        return self.state in ("running", "paused")

    def describe(self) -> list[str]:
        """Write the lines from which one like it is made, with the values of its variables."""
        lines = [f"name {self.name}", f"image {self.image.id}", f"restart {self.policy}"]
        lines += [f"memory {self.memory}"] if self.memory else []
        for port in self.ports or ():
            given = f"{port['host_ip'] or '-'} {port['host_port']} {port['container_port']} {port['protocol']}"
            lines.append(f"port {given}")
        lines += [mount.line for mount in self.mounts]
        lines += [f"variable {name} {encode(value)}" for name, value in self.variables.items()]
        lines += [f"argument {encode(word)}" for word in self.command]
        checked = self.health is None or any(line.startswith("health ") for line in self.further)
        return [*lines, *self.further, *([] if checked else [f"health {encode(CHECK)}"]), "end"]


CHECK = '["CMD-SHELL","true"]'
"""A health check as the lines have it."""

_FURTHER = frozenset(
    (
        *("label", "entrypoint", "user", "workdir", "hostname", "tty", "interactive", "init", "read-only", "memory-swap"),
        *("shm-size", "cpu-shares", "cpu-period", "cpu-quota", "pids", "stop-timeout", "stop-signal", "ulimit"),
        *("health", "health-interval", "health-timeout", "health-start", "health-retries"),
    )
)
"""Words of a description that change nothing in a simulated container."""


def read_description(lines: list[str], images: dict[str, Image], operation: str) -> Container | str:
    """Make the container of a description; why not, where it cannot be made."""
    container = Container("", "created", operation=operation, started_at=ZERO_TIME)
    if lines[-1:] != ["end"]:
        return "the description does not end"
    for line in lines[:-1]:
        if not _read_line(line, images, container):
            return f"a description cannot have this: {line.partition(' ')[0]}"
    if container.image.id not in images:
        return "the image is not on this host"
    return container if container.name else "the description lacks: name"


def _read_line(line: str, images: dict[str, Image], container: Container) -> bool:
    """Put one line into the container. Returns whether it is one of a description."""
    word, _, rest = line.partition(" ")
    match word, rest.split(" "):
        case "name", [name] if re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}", name):
            container.name = name
        case "image", [image] if re.fullmatch(r"[0-9a-f]{64}", image):
            container.image = images.get(image, Image(image))
        case "restart", [policy]:
            container.policy = policy
        case "address", [address]:
            container.address, container.pinned = address, True
        case "memory", [memory] if memory.isdecimal():
            container.memory = int(memory)
        case "port", [ip, outside, inside, protocol] if outside.isdecimal() and inside.isdecimal():
            container.ports = [*(container.ports or ()), _port(ip, int(outside), int(inside), protocol)]
        case "volume", [volume, path]:
            container.mounts.append(Mount(volume, decode(path)))
        case "anonymous", [path]:
            container.mounts.append(Mount(_identify(path, container.operation), decode(path), anonymous=True))
        case "variable", [name, value]:
            container.variables[name] = decode(value)
        case "argument", [text]:
            container.command.append(decode(text))
        case _ if word in _FURTHER:
            container.further.append(line)
            container.health = "starting" if word == "health" else container.health
        case _:
            return False
    return True


def _port(ip: str, outside: int, inside: int, protocol: str) -> dict[str, object]:
    return {
        "host_ip": "" if ip == "-" else ip,
        "container_port": inside,
        "host_port": outside,
        "range": 1,
        "protocol": protocol,
    }


def encode(text: str) -> str:
    """Upper-case hexadecimal digits of a text; "-" for an empty one."""
    return text.encode().hex().upper() or "-"


def decode(text: str) -> str:
    return "" if text == "-" else bytes.fromhex(text).decode()
