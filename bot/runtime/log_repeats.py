"""Counts log lines that repeat: the first one is written, later ones are counted, and the count is a line of its own.

the same warning or error ─┬─ first in `REPEAT_INTERVAL` ─▶ written
                           └─ again ─▶ counted ─ the interval is over, or the process ends ─▶ one line with `repeated`

A fault that anybody can cause, or that lasts, must not fill the journal, nor hide the other lines.
"""

import copy
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

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
