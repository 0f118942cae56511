"""Fixed drives of a Windows host, and the sizes of Flatnet's logs."""

from typing import Annotated

from pydantic import Field

from adapters.inventory import WindowsSide
from adapters.value import Value
from adapters.windows.action import WindowsAction
from adapters.windows.log_files import Bytes, LogFiles


class Drive(Value):
    """A fixed drive with a letter (`F:`). Sizes in bytes; None if Windows does not report them, as of a locked drive."""

    name: Annotated[str, Field(pattern=r"^[A-Z]:$")]
    size: Bytes | None
    free: Bytes | None


class WindowsDisks(Value):
    """Drives and logs. `drives` is None if Windows (WMI) does not report them."""

    drives: Annotated[tuple[Drive, ...], Field(max_length=26)] | None
    logs: LogFiles


class ReadDisks(WindowsAction[WindowsDisks]):
    """Reads sizes and free space of all fixed drives, and the sizes of the logs."""

    script = "read-disks"
    deadline = 20.0
    output_limit = 64_000

    nebula_log: str
    access_log: str
    error_log: str

    @classmethod
    def of(cls, side: WindowsSide) -> "ReadDisks":
        """Makes the action for one host's logs."""
        paths = side.paths
        return cls(nebula_log=paths.nebula_log, access_log=paths.access_log, error_log=paths.error_log)
