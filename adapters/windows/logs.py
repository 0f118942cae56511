"""Log search on a Windows host: the newest lines that match, from the log and its rotated files."""

from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.errors import ActionFailed
from adapters.host_clock import CLOCK_HISTORY_DAYS
from adapters.inventory import WindowsSide
from adapters.logs import BYTES_LIMIT, LINE_READ_LIMIT, LogSearch, LogText
from adapters.phrase import Phrase
from adapters.windows.action import WindowsAction
from adapters.windows.log_files import LogName

SEARCH_TIMEOUT = 8.0
"""Seconds that a host searches. The rest of the deadline is for PowerShell's start and a pattern's last attempt."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ReadLog(WindowsAction[LogText]):
    """Reads the newest lines of a log that match a search. Nothing on the host changes.

    The log is read backwards in blocks, then its rotated files, newest first: `.gz` too, other packed ones not. A line
    without a time belongs to the one before it. Times are compared as the host wrote them. Reading ends at the first block
    that lies before `since` as a whole, so a clock that was set back for less goes unnoticed. Of a line longer than 64 kB
    perhaps only the start is searched; the answer reports that.
    """

    script = "read-log"
    deadline = 20.0
    output_limit = 3 * BYTES_LIMIT  # JSON doubles quotes and backslashes; the script counts longer escapes

    log: str
    search: LogSearch

    @classmethod
    def of(cls, side: WindowsSide, which: LogName, search: LogSearch) -> "ReadLog":
        """Makes the action for one of a host's logs."""
        paths = {"nebula": side.paths.nebula_log, "access": side.paths.access_log, "error": side.paths.error_log}
        return cls(log=paths[which], search=search)

    def build_arguments(self) -> dict[str, Any]:
        """Returns the script's arguments. The pattern gets a prefix, or PowerShell would read one like a time as a time."""
        return {
            "log": self.log,
            "tail": self.search.tail,
            "pattern": f"={self.search.pattern}",
            "fixed": self.search.fixed,
            "case": self.search.case,
            "since": _to_milliseconds(self.search.since),
            "until": _to_milliseconds(self.search.until),
            "milliseconds": int(SEARCH_TIMEOUT * 1000),
            "line_limit": LINE_READ_LIMIT,
            "bytes_limit": BYTES_LIMIT,
            "days": CLOCK_HISTORY_DAYS,
        }

    def explain(self, failure: ActionFailed) -> ActionFailed:
        phrase = _explain_code(failure, self.log)
        return failure if phrase is None else ActionFailed(phrase, code=failure.code, maybe_ran=failure.maybe_ran)


def _to_milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - _EPOCH) // timedelta(milliseconds=1)


def _explain_code(failure: ActionFailed, path: str) -> Phrase | None:
    """Returns the meaning of a failure of the script and its fix; None if the script's own words are best."""
    match failure.code:
        case "LogMissing":
            return Phrase("log {path} not found. Write the log there, or fix its path in the configuration", path=path)
        case "LogIsFolder":
            return Phrase("{path} is a folder. Fix the log path in the configuration", path=path)
        case "LogOutside":
            return Phrase(
                "{path} links outside its folder and was not read. Set the path of the actual log in the configuration",
                path=path,
            )
        case "LogDenied":
            return Phrase("the bot's account has no permission to read {path}. Grant it read access", path=path)
        case "PatternInvalid":
            return Phrase(
                "the pattern is not a valid regular expression ({reason}). Fix it, or search for plain text",
                reason=failure.phrase.values["message"],
            )
        case "PatternSlow":
            return Phrase("the pattern takes too long on the host. Simplify it, or search for plain text")
        case _:
            return None
