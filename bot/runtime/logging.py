"""Structured logs: one JSON object a line on stderr, plain ASCII, so that no foreign text can move a terminal's cursor.

Library loggers use the same handler and log warnings only: in detail they would log every request, and NTLM's the
password's hash. Wrapped secrets print as stars by their own type. All other secrets are removed just before a line is
written (`bot.security.redaction`), in tracebacks, too. Exceptions keep their traceback in the log and are never shown
to a person. A warning or an error that comes again and again is one line, and a count every `REPEAT_INTERVAL`.

Counts log lines that repeat: the first one is written, later ones are counted, and the count is a line of its own.

the same warning or error ─┬─ first in `REPEAT_INTERVAL` ─▶ written
                           └─ again ─▶ counted ─ the interval is over, or the process ends ─▶ one line with `repeated`

A fault that anybody can cause, or that lasts, must not fill the journal, nor hide the other lines.
"""

import copy
import logging
import secrets as randomness
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TextIO

import structlog

from bot.security.redaction import Redactor

REPEAT_INTERVAL = 60.0
"""Seconds for which the repetitions of a line are counted."""

MAX_REMEMBERED = 200
"""Different lines that are remembered; further ones are written as they are."""


@dataclass
class _Repeats:
    """A line that was written, and what came after it."""

    last: logging.LogRecord
    until: float
    count: int = 0


class RepeatCounter:
    """Counts repetitions of warnings and errors. `monotonic` counts seconds. Used by one handler, under its lock."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._known: dict[Any, _Repeats] = {}

    def is_new(self, record: logging.LogRecord) -> bool:
        """Return whether a record must be written; else it is counted."""
        if record.levelno < logging.WARNING:
            return True
        key, now = _identify(record), self._monotonic()
        known = self._known.get(key)
        if known is not None:
            known.last, known.count = record, known.count + 1
            return False
        if len(self._known) < MAX_REMEMBERED:
            self._known[key] = _Repeats(record, now + REPEAT_INTERVAL)
        return True

    def take_counts(self, *, everything: bool = False) -> Iterator[logging.LogRecord]:
        """Yield a record with its count for each line whose interval is over, and forget the line."""
        now = self._monotonic()
        over = [key for key, repeats in self._known.items() if everything or repeats.until <= now]
        for key in over:
            repeats = self._known.pop(key)
            if repeats.count:
                yield _add_count(repeats.last, repeats.count)


def _identify(record: logging.LogRecord) -> Any:
    """Identify what a record says, without its time. An exception counts by its type and message."""
    said = record.msg
    if not isinstance(said, dict):
        failure = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        return record.name, record.levelno, record.getMessage(), repr(failure)
    fields = {name: value for name, value in said.items() if name != "timestamp"}
    if fields.get("exc_info") is True:
        fields["exc_info"] = sys.exception()
    return record.name, record.levelno, repr(sorted((name, repr(value)) for name, value in fields.items()))


def _add_count(record: logging.LogRecord, count: int) -> logging.LogRecord:
    """Copy a record, with the number of its repetitions and without a traceback, which the first one has."""
    counted, said = copy.copy(record), record.msg
    counted.exc_info = None
    if isinstance(said, dict):
        counted.__dict__["msg"] = {name: value for name, value in said.items() if name != "exc_info"} | {"repeated": count}
    else:
        counted.msg, counted.args = f"{record.getMessage()} (repeated {count} times)", None
    return counted


Level = Literal["debug", "info", "warning", "error"]

_TRACEBACKS = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
"""Without local variables, because they may hold secrets."""


BOT_LOGGER = "bot"
"""Logger above all of ours; `level` applies to it alone."""


class _RedactingHandler(logging.StreamHandler[TextIO]):
    """Writes lines without secrets. Until `redact_with` is called, only patterns are removed."""

    def __init__(self, stream: TextIO, monotonic: Callable[[], float]) -> None:
        super().__init__(stream)
        self.redactor = Redactor()
        self._repeats = RepeatCounter(monotonic)

    def emit(self, record: logging.LogRecord) -> None:
        for counted in self._repeats.take_counts():
            super().emit(counted)
        if self._repeats.is_new(record):
            super().emit(record)

    def close(self) -> None:
        """Write the counts that are still due, at the end of the process."""
        for counted in self._repeats.take_counts(everything=True):
            super().emit(counted)
        super().close()

    def redact(self, logger: Any, method: str, event: Mapping[str, Any]) -> Any:
        return self.redactor.redact_json(_to_json_value(event))


def redact_with(redactor: Redactor) -> None:
    """Remove the configured secrets, once they are read, from every line from now on."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _RedactingHandler):
            handler.redactor = redactor


def configure_logs(
    level: Level,
    stream: TextIO | None = None,
    redactor: Redactor | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Send our logs, and the libraries' warnings, to `stream` (stderr)."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = _RedactingHandler(stream or sys.stderr, monotonic)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _TRACEBACKS,
                handler.redact,
                structlog.processors.JSONRenderer(ensure_ascii=True),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    if redactor is not None:
        redact_with(redactor)
    root.setLevel(logging.WARNING)
    logging.getLogger(BOT_LOGGER).setLevel(level.upper())
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _to_json_value(value: Any) -> Any:
    """Convert a value to JSON types; other objects become their repr."""
    if isinstance(value, Mapping):
        return {str(name): _to_json_value(part) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_to_json_value(part) for part in value]
    return value if value is None or isinstance(value, str | int | float) else repr(value)


def make_reference() -> str:
    """Make eight random characters that link an error message to a line of the log."""
    return randomness.token_hex(4)
