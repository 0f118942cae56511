"""State of a Windows host in one call: services, nginx processes, versions, clock, sizes of logs."""

from typing import Literal

from pydantic import AwareDatetime

from adapters.inventory import WindowsSide
from adapters.value import Value
from adapters.windows.action import WindowsAction
from adapters.windows.log_files import LogFiles

ServiceStatus = Literal[
    "Running", "Stopped", "StartPending", "StopPending", "Paused", "PausePending", "ContinuePending", "Absent", "Unknown"
]
"""Windows' own terms. `Absent`: no service has that name (a bare nginx.exe). `Unknown`: Windows does not report it."""


class WindowsSystem(Value):
    """State of a Windows host at `clock` (its own time, aware). Versions are "" if the program is missing."""

    nebula: ServiceStatus
    gateway: ServiceStatus
    nginx_processes: int
    powershell_version: str
    os_version: str
    nebula_version: str
    nginx_version: str
    clock: AwareDatetime
    booted_at: AwareDatetime | None
    logs: LogFiles


class ReadSystem(WindowsAction[WindowsSystem]):
    """Reads services, nginx processes, versions, the clock, and log sizes from folder listings."""

    script = "read-system"
    deadline = 20.0
    output_limit = 64_000  # an answer has a kilobyte; the rest is room for other output

    nebula_service: str
    gateway_service: str
    nebula_exe: str
    gateway_exe: str
    nebula_log: str
    access_log: str
    error_log: str

    @classmethod
    def of(cls, side: WindowsSide) -> "ReadSystem":
        """Makes the action for one host's service names and paths."""
        return cls(
            nebula_service=side.nebula_service,
            gateway_service=side.gateway_service,
            nebula_exe=side.paths.nebula_exe,
            gateway_exe=side.paths.gateway_exe,
            nebula_log=side.paths.nebula_log,
            access_log=side.paths.access_log,
            error_log=side.paths.error_log,
        )
