"""The head file: the newest audit event after each commit, recorded outside the database.

One JSON line for each commit, append-only: `{"sequence":17,"mac":"…","at":"…"}`. The first line is the beginning (0). It
detects a database that was truncated, rebuilt or restored from an earlier time. It protects best on another disk, or
shipped away line by line.

After an older database was accepted (`bot.audit_log.log`), the lines before stay as evidence. The numbers after them may be
lower; those lines attest the events from there on.
"""

import os
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from bot.store.encoding import encode_time

MAX_LINE_BYTES = 512
"""Maximum bytes read for one line; the bot's lines have about 150."""

TAIL_BYTES = 8_192
"""Bytes at the end of the file in which the last line is searched."""

MAX_SEQUENCE = 2**63 - 1
"""The largest integer of SQLite."""

INITIAL_MAC = "0" * 64
"""The value of `previous` in the first event."""


_LINE = re.compile(
    rb'\{"sequence":(0|[1-9]\d{0,18}),"mac":"([0-9a-f]{64})","at":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)"\}\n?'
)


class Head(NamedTuple):
    """The newest event at some moment: its number and its mac. `at` is the moment, as it is stored."""

    sequence: int
    mac: str
    at: str

    @property
    def name(self) -> str:
        """The name that operators use for this state of the log."""
        return f"audit-{self.sequence}-{self.mac[:8]}"

    def to_line(self) -> bytes:
        """Returns the line of the file."""
        return f'{{"sequence":{self.sequence},"mac":"{self.mac}","at":"{self.at}"}}\n'.encode("ascii")

    @classmethod
    def parse(cls, line: bytes) -> "Head | None":
        """Parses a line; None unless it is exactly as `to_line` writes it."""
        found = _LINE.fullmatch(line)
        if found is None or int(found[1]) > MAX_SEQUENCE:
            return None
        return cls(int(found[1]), found[2].decode("ascii"), found[3].decode("ascii"))


BEGINNING = Head(0, INITIAL_MAC, "")
"""The line before the first event."""


class HeadFile:
    """The file at `path`, mode 0600. Raises a plain `OSError`, which `bot.audit_log.log` maps."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self, at: datetime) -> None:
        """Creates the file with its first line, and syncs file and folder."""
        self.append(Head(0, INITIAL_MAC, encode_time(at)))
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def append(self, head: Head) -> None:
        """Appends a line and syncs the file. An incomplete line left by a crash is terminated first."""
        line = head.to_line()
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            file.write(b"\n" + line if torn else line)
            os.fsync(descriptor)

    def get_size(self) -> int:
        """Returns the size in bytes; 0 if the file does not exist."""
        return self.path.stat().st_size if self.path.exists() else 0

    def read_last(self) -> Head | None:
        """Returns the newest readable line; None if there is none."""
        size = self.get_size()
        heads = list(self._read_lines(max(0, size - TAIL_BYTES), size))
        return heads[-1] if heads else None

    def read(self, size: int) -> Iterator[Head]:
        """Yields the readable lines among the first `size` bytes.

        An unreadable line (incomplete after a crash, or damaged) is skipped: the lines after it attest the same events.
        """
        return self._read_lines(0, size)

    def _read_lines(self, start: int, end: int) -> Iterator[Head]:
        if start >= end:
            return
        with self.path.open("rb") as file:
            file.seek(start)
            left = end - start
            while left > 0 and (line := file.readline(MAX_LINE_BYTES)):
                left -= len(line)
                head = Head.parse(line)
                if head is not None:
                    yield head
