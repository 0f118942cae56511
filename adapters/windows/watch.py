"""The alerts' read of a Windows host: services, nginx processes, the clock, and what is new in the gateway's access log.

It runs every minute on every host, so it asks neither WMI nor a program, and the host counts requests instead of sending
lines. The caller keeps the position, which says up to where the log was counted.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from adapters.inventory import WindowsSide
from adapters.value import Value
from adapters.windows.action import WindowsAction
from adapters.windows.log_files import HEAD_LIMIT, Bytes, FilePosition
from adapters.windows.system import ServiceStatus

READ_LIMIT = 8_000_000
"""Bytes of the log that one read counts, some 50,000 requests. Of more than that the oldest are skipped."""

COUNT_TIMEOUT = 2.0
"""Seconds for which one read counts. What is left then is skipped."""

MAX_COUNT = 2**40
"""Most that one read counts, of milliseconds too: 34 years. Sums of a month of such reads still fit in the database."""

Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]


class RequestCounts(Value):
    """Requests in a part of the access log, without those of the bot (`own`).

    `errors` were answered with 5xx. `timed` have a time in the log, of `time_ms` together and `slowest_ms` at most, in
    milliseconds; the combined format of nginx has none. `unparsed` lines have another format and are no requests.
    """

    requests: Count
    errors: Count
    own: Count
    unparsed: Count
    timed: Count
    time_ms: Count
    slowest_ms: Count

    @model_validator(mode="after")
    def _check_parts(self) -> Self:
        if max(self.errors, self.timed) > self.requests or self.slowest_ms > self.time_ms:
            raise ValueError("a part is larger than the whole")
        return self


class AccessLogReading(Value):
    """New requests in the access log, and the position at which the next read begins; None where there was never a log.

    `state` is that of the log by its name: `present`, or the reason why it was not read. `outside`: a link out of its
    folder. `unreadable`: another program has locked it, or the disk failed. `counts` is None if there was nothing to count:
    at the first read, or without a log. `skipped` bytes were not counted. `lost`: the log was rotated, and the rest of the
    old one, or one between them, was not counted.
    """

    state: Literal["present", "absent", "denied", "folder", "outside", "unreadable"]
    position: FilePosition | None
    counts: RequestCounts | None
    skipped: Bytes
    lost: bool

    @property
    def partial(self) -> bool:
        """True if the counts are of a part of the new requests."""
        return self.skipped > 0 or self.lost


class WatchReading(Value):
    """State of a Windows host at `clock` (its own time, aware)."""

    nebula: ServiceStatus
    gateway: ServiceStatus
    nginx_processes: Annotated[int, Field(ge=0)]
    clock: AwareDatetime
    access_log: AccessLogReading


class ReadWatch(WindowsAction[WatchReading]):
    """Reads both services, nginx processes and the clock, and counts the requests after `position` of the access log.

    Without a position nothing is counted: the read only sets it, at the end of the log. The rest of a log that was rotated
    is counted where it lies beside its successor, unpacked. A last line that is still being written is left to the next
    read. The log is never locked.
    """

    script = "read-watch"
    deadline = 20.0
    output_limit = 64_000  # an answer has half a kilobyte; the rest is room for other output

    nebula_service: str
    gateway_service: str
    log: str
    position: FilePosition | None

    @classmethod
    def of(cls, side: WindowsSide, position: FilePosition | None) -> "ReadWatch":
        """Makes the action for one host's service names and access log."""
        return cls(
            nebula_service=side.nebula_service,
            gateway_service=side.gateway_service,
            log=side.paths.access_log,
            position=position,
        )

    def build_arguments(self) -> dict[str, Any]:
        """Returns the script's arguments, with the limits of the host's work."""
        limits = {"head_limit": HEAD_LIMIT, "bytes_limit": READ_LIMIT, "milliseconds": int(COUNT_TIMEOUT * 1000)}
        return self.model_dump(mode="json") | limits
