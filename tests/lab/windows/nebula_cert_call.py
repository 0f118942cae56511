"""One call of the lab's nebula-cert: its flags, and the files that it reads and writes."""

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PureWindowsPath
from typing import TypeVar

from adapters.nebula.certificates import Certificate
from tests.lab.windows import nebula_signing as signing
from tests.lab.windows.nebula_cert_usage import Edition
from tests.lab.windows.nebula_signing import Failed

Found = TypeVar("Found")
Files = MutableMapping[PureWindowsPath, str]


@dataclass(frozen=True)
class Call:
    """One call of the program in one mode; `said` is its output."""

    flags: dict[str, str]
    files: Files
    now: datetime
    edition: Edition
    said: list[str] = field(default_factory=list)

    def first(self, text: str) -> tuple[Certificate, str]:
        """The first certificate of a text and what follows it."""
        return signing.first_certificate(text, self.edition)

    def read(self, name: str, complaint: str) -> str:
        """A file's text."""
        path = self.flags[name]
        try:
            return self.files[PureWindowsPath(path)]
        except KeyError:
            raise Failed(f"{complaint} open {path}: no such file or directory") from None

    def write(self, name: str, text: str) -> None:
        """A file, whether or not it was there."""
        self.files[PureWindowsPath(self.flags[name])] = text

    def keep(self, name: str, what: str) -> None:
        """Refuse to write over a file."""
        if PureWindowsPath(self.flags[name]) in self.files:
            raise Failed(f"refusing to overwrite existing {what}: {self.flags[name]}")


def parsed(read: Callable[[str], Found], text: str, doing: str) -> Found:
    try:
        return read(text)
    except Failed as error:
        raise Failed(f"error while {doing}: {error}") from None
