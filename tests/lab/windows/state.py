"""A simulated Windows host as data: what its scripts see and what tests change while the lab runs."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import PureWindowsPath
from typing import Any, Literal

from pydantic import TypeAdapter

from adapters.inventory import LIGHTHOUSE_ID, WindowsPaths
from adapters.windows.system import ServiceStatus


@dataclass
class Service:
    """A service as the service manager knows it, or does not tell (`Unknown`); one that is not there is not in the state."""

    status: ServiceStatus = "Running"


@dataclass
class Process:
    """A running process; `name` is without `.exe`."""

    name: str
    pid: int


@dataclass
class Program:
    """An executable and what it prints when it is asked for its version with `option`.

    `broken`: Windows refuses to start it (damaged, wrong architecture, blocked by policy).
    `hanging`: it starts and never ends.
    """

    option: str
    prints: str
    stream: Literal["stdout", "stderr"] = "stdout"
    condition: Literal["working", "broken", "hanging"] = "working"


@dataclass
class WindowsState:
    """One Windows host. Names of services and paths ignore case, as on Windows.

    `files` holds text by full path, `programs` executables by full path. `clock_offset` is how far
    the host's clock is ahead. `wmi` is False where WMI does not answer.
    """

    computer_name: str
    booted_at: datetime
    services: dict[str, Service] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)
    programs: dict[PureWindowsPath, Program] = field(default_factory=dict)
    files: dict[PureWindowsPath, str] = field(default_factory=dict)
    powershell_version: str = "5.1.20348.2227"
    os_version: str = "10.0.20348"
    clock_offset: timedelta = timedelta()
    wmi: bool = True

    @classmethod
    def healthy(cls, host_id: int, name: str) -> "WindowsState":
        """A host on which all is well; the lighthouse (id 0) has no gateway."""
        paths = WindowsPaths.model_validate({})
        state = cls(computer_name=name.upper()[:15], booted_at=datetime(2025, 6, 2, 6, 30, tzinfo=UTC))
        state.services["Nebula"] = Service()
        state.processes.append(Process("nebula", 1200))
        state.programs[PureWindowsPath(paths.nebula_exe)] = Program("-version", "Version: 1.9.3")
        if host_id != LIGHTHOUSE_ID:
            state.services["OpenResty"] = Service()
            state.processes += [Process("nginx", 2400), Process("nginx", 2404)]
            state.programs[PureWindowsPath(paths.gateway_exe)] = Program(
                "-v", "nginx version: openresty/1.25.3.1", stream="stderr"
            )
        return state

    def service(self, name: str) -> Service | None:
        """The service of that name."""
        return next((service for known, service in self.services.items() if known.lower() == name.lower()), None)

    def program(self, path: str) -> Program | None:
        """The executable at that path."""
        return self.programs.get(PureWindowsPath(path))

    def clock(self, now: datetime) -> datetime:
        """What the host's clock shows when it is `now`."""
        return now + self.clock_offset

    def to_json(self) -> dict[str, Any]:
        """This state as plain JSON, as the PowerShell shims read it."""
        document: dict[str, Any] = _STATE.dump_python(self, mode="json")
        return document

    @classmethod
    def from_json(cls, document: Any) -> "WindowsState":
        """A state from `to_json`; a `ValueError` where it is none."""
        return _STATE.validate_python(document)


_STATE = TypeAdapter(WindowsState)
