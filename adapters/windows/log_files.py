"""The three logs of a Flatnet host as folder listings show them: their sizes, and the rotated files beside them.

No log is opened. A rotated file of `nebula.log` begins with its stem and continues with a number, a date or `old`:
`nebula.log.1`, `nebula-20260131T093000.123.log` (NSSM's), `nebula.log-20260131.gz`, `nebula.old.log`.
"""

from pathlib import PureWindowsPath
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from adapters.value import Value

LogName = Literal["nebula", "access", "error"]
LOGS: tuple[LogName, ...] = ("nebula", "access", "error")

Bytes = Annotated[int, Field(ge=0, le=2**63 - 1)]


class LogFile(Value):
    """One log. `absent`: there is no such file. `unknown`: Windows does not report it, and the other fields are empty.

    Sizes are in bytes, times are the host's own. `written_at` is when the log was last written, `rotated_at` the time of the
    newest of its `rotated` files; None if there is none.
    """

    name: LogName
    path: Annotated[str, Field(max_length=1000)]
    state: Literal["present", "absent", "unknown"]
    size: Bytes = 0
    written_at: AwareDatetime | None = None
    rotated: Annotated[int, Field(ge=0)] = 0
    rotated_size: Bytes = 0
    rotated_at: AwareDatetime | None = None

    @property
    def file_name(self) -> str:
        """The log's name without its folder."""
        return PureWindowsPath(self.path).name

    @property
    def total_size(self) -> int:
        """Bytes of the log and of all its rotated files."""
        return self.size + self.rotated_size


LogFiles = Annotated[tuple[LogFile, ...], Field(max_length=len(LOGS))]
"""The requested logs, in the order of `LOGS`."""
