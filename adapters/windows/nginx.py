"""The gateway's nginx on a Windows host: version, processes, and what its error.log says."""

from typing import Annotated, Any

from pydantic import AwareDatetime, Field, StringConstraints

from adapters.inventory import WindowsSide
from adapters.value import Value
from adapters.windows.action import WindowsAction
from adapters.windows.log_files import Bytes

EMERGENCIES_LIMIT = 5
"""Lines of error.log that an answer has."""


class NginxProcess(Value):
    """One nginx process. `started_at` is by the host's clock; None if Windows does not report it."""

    pid: Annotated[int, Field(ge=0)]
    started_at: AwareDatetime | None = None


class NginxReading(Value):
    """State of the gateway's nginx at `clock` (the host's own time).

    `version` is as nginx prints it (`openresty/1.25.3.1`), "" if it could not be asked. `master` is the process that was
    started first, and starts the `workers`; None if nginx does not run. `position` is the present end of error.log in bytes,
    None if there is no such log. `emergencies`: how many `[emerg]` lines it has beyond the given position, and
    `emergency_lines` the newest of them; none without a position.
    """

    version: Annotated[str, StringConstraints(max_length=64)]
    master: NginxProcess | None
    workers: Annotated[tuple[NginxProcess, ...], Field(max_length=1000)]
    clock: AwareDatetime
    position: Bytes | None
    emergencies: Annotated[int, Field(ge=0)] = 0
    emergency_lines: Annotated[
        tuple[Annotated[str, StringConstraints(max_length=500)], ...], Field(max_length=EMERGENCIES_LIMIT)
    ] = ()


class ReadNginx(WindowsAction[NginxReading]):
    """Reads version and processes of the gateway's nginx, and the `[emerg]` lines of error.log beyond `after` (bytes).

    A log that is shorter than `after` was rotated: then the newest rotated one is read from there, and the log from its
    beginning.
    """

    script = "read-nginx"
    deadline = 20.0
    output_limit = 64_000

    program: str
    log: str
    after: Bytes | None = None

    @classmethod
    def of(cls, side: WindowsSide, after: int | None = None) -> "ReadNginx":
        """Makes the action for one host's paths."""
        return cls(program=side.paths.gateway_exe, log=side.paths.error_log, after=after)

    def build_arguments(self) -> dict[str, Any]:
        return super().build_arguments() | {"lines_limit": EMERGENCIES_LIMIT}
