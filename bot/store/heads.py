"""The head file: where the audit log stood, told outside the database.

One JSON line for each commit, only ever appended: `{"sequence":17,"mac":"…","at":"…"}`. The
first line is the beginning (0). It shows a database that was cut, rebuilt or copied back from
an earlier time; it protects best on another disk, or shipped away line by line.

Where an older database was accepted (`bot.audit.log`), the lines before stay as evidence and the numbers
after them may be lower: such lines witness from there on.
"""

import os
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from bot.store.stored import utc_text

MAX_LINE = 512
"""Bytes of one line; ours have about 150."""

TAIL = 8_192
"""Bytes in which the last line is looked for."""

MAX_SEQUENCE = 2**63 - 1
"""The largest number that SQLite knows."""

BEGINNING = "0" * 64
"""What the first event's `previous` says."""


_LINE = re.compile(
    rb'\{"sequence":(0|[1-9]\d{0,18}),"mac":"([0-9a-f]{64})","at":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)"\}\n?'
)


class Head(NamedTuple):
    """The newest event of some moment: its number and its mac. `at` is the moment, as it is stored."""

    sequence: int
    mac: str
    at: str

    @property
    def name(self) -> str:
        """What people call the state of the log that this line tells of."""
        return f"audit-{self.sequence}-{self.mac[:8]}"

    def line(self) -> bytes:
        """As it stands in the file."""
        return f'{{"sequence":{self.sequence},"mac":"{self.mac}","at":"{self.at}"}}\n'.encode("ascii")

    @classmethod
    def read(cls, line: bytes) -> "Head | None":
        """What a line says; None where it is not one of ours, to the letter."""
        found = _LINE.fullmatch(line)
        if found is None or int(found[1]) > MAX_SEQUENCE:
            return None
        return cls(int(found[1]), found[2].decode("ascii"), found[3].decode("ascii"))


class HeadFile:
    """The file at `path`, mode 0600. Raises `OSError` as it comes: `bot.audit.log` says what it means."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, at: datetime) -> None:
        """Make the file with its first line, on the disk for good."""
        self.append(Head(0, BEGINNING, utc_text(at)))
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def append(self, head: Head) -> None:
        """Add a line and wait until it is on the disk. A line that a crash tore before is left behind as its own."""
        line = head.line()
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            file.write(b"\n" + line if torn else line)
            os.fsync(descriptor)

    def size(self) -> int:
        """Bytes now; 0 where there is no file."""
        return self.path.stat().st_size if self.path.exists() else 0

    def last(self) -> Head | None:
        """The newest readable line; None where there is none."""
        size = self.size()
        heads = list(self._lines(max(0, size - TAIL), size))
        return heads[-1] if heads else None

    def read(self, size: int) -> Iterator[Head]:
        """The readable lines among the first `size` bytes.

        An unreadable line (torn by a crash, or spoilt) is passed over: the heads after it witness the same events.
        """
        return self._lines(0, size)

    def _lines(self, start: int, end: int) -> Iterator[Head]:
        if start >= end:
            return
        with self.path.open("rb") as file:
            file.seek(start)
            left = end - start
            while left > 0 and (line := file.readline(MAX_LINE)):
                left -= len(line)
                head = Head.read(line)
                if head is not None:
                    yield head
