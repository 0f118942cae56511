"""The three logs of a Flatnet host as folder listings show them, and the position in one that was read.

A listing opens no log. A rotated file of `nebula.log` begins with its stem and continues with a number, a date or `old`:
`nebula.log.1`, `nebula-20260131T093000.123.log` (NSSM's), `nebula.log-20260131.gz`, `nebula.old.log`.
"""

from pathlib import PureWindowsPath
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from adapters.value import Value

LogName = Literal["nebula", "access", "error"]
LOGS: tuple[LogName, ...] = ("nebula", "access", "error")

Bytes = Annotated[int, Field(ge=0, le=2**63 - 1)]

HEAD_LIMIT = 256
"""Bytes at the beginning of a log by which it is recognized. Its first line has a time in it and is about as long."""


class FilePosition(Value):
    """The place in a log up to which it was counted. As JSON it can be stored.

    `head` bytes at the beginning of the file have the SHA-256 `sha256`, which tells the file from its successor. Neither its
    name (a rotated file has another one) nor its creation time (NTFS hands it on to a successor of the same name) could.
    `offset` is in bytes, the end of the last whole line. A file that is shorter was rotated.
    """

    offset: Bytes
    head: Annotated[int, Field(ge=0, le=HEAD_LIMIT)]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


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
