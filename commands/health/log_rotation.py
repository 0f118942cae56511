"""Judges the rotation of logs by the files in their folders. Pure.

| state of a log | finding |
| --- | --- |
| missing, or could not be read | yes: its rotation is unknown |
| larger than `log_limit_mb` | yes |
| not small, and without a rotated file beside it | yes |
| not small, and written for more than `rotation_days` since its last rotation | yes |
| anything else: small, or just rotated | no |

Only times of the host are compared with one another, so its clock need not be right.
"""

from collections.abc import Sequence
from datetime import timedelta

from adapters.inventory import Host
from adapters.phrase import Listing, Moment, Phrase
from adapters.windows.log_files import LogFile
from adapters.windows.system import WindowsSystem
from commands.health.assessment import HealthAnswers, Judgment, Remark
from commands.model.finding import Severity, list_some
from commands.model.report import Cell, Column, Mark
from commands.model.thresholds import Thresholds
from commands.values.arguments import shorten_argument
from commands.values.units import MB, format_size

COLUMN_KEY = "log_rotation"

LOG_SUBJECT = "logs"
"""Subject of findings on log rotation."""

ROTATION_COLUMN = Column(key=COLUMN_KEY, heading=Phrase("Log rotation"), detail=True)

SMALL_LOG_DIVISOR = 10
"""Divisor of the size limit. A log below that fraction is small and may have any age: it is rotated by its size."""


def judge_rotation(looked: HealthAnswers, thresholds: Thresholds) -> Judgment:
    """Judges one host's logs. A side that did not answer has its remark elsewhere."""
    if looked.windows is None:
        return Judgment({COLUMN_KEY: Cell(text=Phrase("N/A"), mark=Mark.ABSENT)})
    if not isinstance(looked.windows, WindowsSystem):
        return Judgment({COLUMN_KEY: Cell(text=Phrase("unknown"), mark=Mark.UNKNOWN)})
    logs = select_logs(looked.host, looked.windows.logs)
    remarks = judge_logs(logs, thresholds)
    return Judgment({COLUMN_KEY: _build_cell(logs, remarks)}, remarks)


def select_logs(host: Host, logs: Sequence[LogFile]) -> tuple[LogFile, ...]:
    """Selects the logs that this host must have: without a gateway only Nebula's."""
    return tuple(log for log in logs if log.name == "nebula" or host.gateway is not None)


def judge_logs(logs: Sequence[LogFile], thresholds: Thresholds) -> tuple[Remark, ...]:
    """Judges the rotation of these logs, with at most one remark for each."""
    return tuple(remark for log in logs if (remark := _judge_log(log, thresholds)) is not None)


def _judge_log(log: LogFile, thresholds: Thresholds) -> Remark | None:
    limit = thresholds.log_limit_mb * MB
    if log.state == "absent":
        why = Phrase("log {path} not found. Write the log there, or fix its path in the configuration", path=log.path)
        return _build_remark(Phrase("{log} missing", log=shorten_argument(log.file_name)), why)
    if log.state == "unknown":
        why = Phrase("could not read the size of {path} from Windows. Run on the host: Get-Item {path}", path=log.path)
        return _build_remark(Phrase("{log} unavailable", log=shorten_argument(log.file_name)), why)
    if log.size > limit:
        why = Phrase(
            "{path} is {size}, over the limit of {limit}. To fix this, {remedy}",
            path=log.path,
            size=format_size(log.size),
            limit=format_size(limit),
            remedy=_describe_remedy(log),
        )
        return _build_remark(Phrase("{log} too large", log=shorten_argument(log.file_name)), why)
    if (
        log.size * SMALL_LOG_DIVISOR > limit
        and (unrotated := _explain_unrotated(log, timedelta(thresholds.rotation_days))) is not None
    ):
        return _build_remark(Phrase("{log} not rotated", log=shorten_argument(log.file_name)), unrotated)
    return None


def _explain_unrotated(log: LogFile, after: timedelta) -> Phrase | None:
    """Explains why a log that is not small counts as not rotated; None if it is rotated."""
    if log.rotated_at is None:
        return Phrase(
            "{path} has grown to {size} without rotation. To fix this, {remedy}",
            path=log.path,
            size=format_size(log.size),
            remedy=_describe_remedy(log),
        )
    if log.written_at is not None and log.written_at - log.rotated_at > after:
        return Phrase(
            "{path} was last rotated at {at} and has grown to {size}. To fix this, {remedy}",
            path=log.path,
            at=Moment(log.rotated_at),
            size=format_size(log.size),
            remedy=_describe_remedy(log),
        )
    return None


def _build_remark(short: Phrase, why: Phrase) -> Remark:
    return Remark(LOG_SUBJECT, Severity.LOW, short, why)


def _describe_remedy(log: LogFile) -> Phrase:
    """Describes the fix. NSSM writes and rotates Nebula's log; nginx writes to a renamed file until it reopens its logs."""
    if log.name == "nebula":
        return Phrase("run nssm set Nebula with AppRotateFiles 1, AppRotateOnline 1 and AppRotateBytes")
    return Phrase("rename it weekly on the host, then run nginx -s reopen in the gateway's folder")


def _build_cell(logs: Sequence[LogFile], remarks: Sequence[Remark]) -> Cell:
    """Builds the cell: each log with its size, or the problems. It is healthy only if every log has been rotated before."""
    value = " ".join(f"{log.name}={log.size if log.state == 'present' else log.state}" for log in logs)
    if remarks:
        unsure = all(log.state != "present" for log in logs)
        text = Phrase("{items}", items=Listing(tuple(remark.short for remark in remarks)))
        return Cell(text=text, value=value, mark=Mark.UNKNOWN if unsure else Mark.BAD)
    mark = Mark.WELL if all(log.rotated_at is not None for log in logs) else Mark.PLAIN
    return Cell(text=list_some([describe_log_size(log) for log in logs]), value=value, mark=mark)


def describe_log_size(log: LogFile) -> Phrase:
    """Describes a log by its name, its size and the number of rotated files beside it."""
    name = shorten_argument(log.file_name)
    if log.state == "absent":
        return Phrase("{log} missing", log=name)
    if log.state == "unknown":
        return Phrase("{log} unavailable", log=name)
    if log.rotated:
        return Phrase("{log} {size} (and {n} rotated)", log=name, size=format_size(log.size), n=log.rotated)
    return Phrase("{log} {size}", log=name, size=format_size(log.size))
