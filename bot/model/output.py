"""Files as they were delivered: what an audit event says of them, and an incident's report.

Output of one command: its form, the terminal it is for, and what is printed. Plain values that load no library.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class DeliveredFile:
    """A delivered file: its name, its size in bytes, and its SHA-256 in hexadecimal digits."""

    name: str
    size: int
    sha256: str

    @classmethod
    def of(cls, name: str, content: bytes) -> "DeliveredFile":
        """Describes the bytes that were delivered."""
        return cls(name, len(content), hashlib.sha256(content).hexdigest())


RecordDelivery = Callable[[str, DeliveredFile], Awaitable[None]]
"""Records that a file of the answer to an operation was delivered. It never raises: the file is there already."""


Form = Literal["table", "json", "csv"]

TERMINAL_VARIABLES = ("TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR")
"""Environment variables that decide on colors."""

MAX_COLUMNS = 10_000
"""Widest terminal that output is rendered for, in cells."""

EXIT_CODES = range(6)
"""Exit codes of a command."""


@dataclass(frozen=True)
class Terminal:
    """Terminal that shows the output. `language`: "ja" or "en", "" for the bot's own. `columns`: its width in cells.

    `environment` holds `TERMINAL_VARIABLES`, as far as they are set.
    """

    language: str = ""
    columns: int = 80
    is_terminal: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Output:
    """Printed text of a command, and its exit code. `stdout` may be an archive."""

    exit: int
    stdout: bytes = b""
    stderr: str = ""


ShowLine = Callable[[str], None]
"""Shows a line of progress in the place of the one before."""


def detect_language(environment: Mapping[str, str]) -> str:
    """Return the language of a terminal if it is one of ours, else ""."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    spoken = next((environment[name] for name in names if environment.get(name)), "")
    return spoken[:2] if spoken[:2] in ("ja", "en") else ""
