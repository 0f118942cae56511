"""What a simulated WSL2 has written: files of logs, its journal, what containers printed. Times are aware."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Literal

JAPAN = timezone(timedelta(hours=9))


@dataclass
class LogFile:
    """A file by its bytes, as they are when unpacked. `kind` says what else stands in its place; `target`: of a link."""

    content: bytes = b""
    written: datetime = field(default_factory=lambda: datetime.now(UTC))
    kind: Literal["file", "folder", "link", "denied"] = "file"
    target: str = ""


@dataclass
class Entry:
    """One entry of the journal. A podman command has the identifier `podman`, and the unit of its caller."""

    at: datetime
    text: str
    unit: str = "session-3.scope"
    program: str = "podman[812]"

    @property
    def fields(self) -> dict[str, str]:
        """What journalctl can be asked for; what systemd says of a unit bears that unit's name."""
        identifier, _, pid = self.program.removesuffix("]").partition("[")
        own = {"UNIT": self.unit} if identifier == "systemd" else {"_SYSTEMD_UNIT": self.unit}
        return own | {"SYSLOG_IDENTIFIER": identifier, "_PID": pid}


@dataclass
class Printed:
    """One line that a container printed, with its end."""

    at: datetime
    text: bytes
    end: str = "\n"


@dataclass
class Logs:
    """`journal` is None where there is none; `seen` says whether the user may see it. `zone` is the host's."""

    files: dict[str, LogFile] = field(default_factory=dict)
    journal: list[Entry] | None = field(default_factory=list)
    seen: bool = True
    printed: dict[str, list[Printed]] = field(default_factory=dict)
    zone: tzinfo = JAPAN

    @classmethod
    def usual(cls, host_id: int, containers: tuple[str, ...], now: datetime) -> "Logs":
        """A host that has been up for a day: an address for each container, its start, and a request every minute."""
        began = now - timedelta(days=1)
        given = [(began + timedelta(seconds=3 * n), name, f"10.87.{host_id}.{10 + n}") for n, name in enumerate(containers)]
        minutes = [now - timedelta(minutes=minute) for minute in range(60, 0, -1)]
        syslog = [_noted(at, f"flatnet-cni[{700 + host_id}]: CNI ADD container={name} ip={ip}/24") for at, name, ip in given]
        syslog += [_noted(at, "systemd[1]: Started sysstat-collect.service.") for at in minutes[::10]]
        return cls(
            files={"/var/log/syslog": LogFile("".join(syslog).encode(), now)},
            journal=[Entry(at, f'time="{at:%Y-%m-%dT%H:%M:%SZ}" level=info msg="start {name}"') for at, name, _ in given],
            printed={name: [Printed(at, b"GET /healthz 200") for at in minutes] for name in containers},
        )


def _noted(at: datetime, text: str) -> str:
    """A line as rsyslog writes it since Debian 12 and Ubuntu 24.04."""
    return f"{at.astimezone(JAPAN).isoformat(timespec='microseconds')} host {text}\n"
