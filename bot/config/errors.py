"""Errors of the configuration, with all complaints at once."""

from dataclasses import dataclass
from pathlib import Path

from adapters.errors import FlatnetError
from adapters.phrase import Phrase


@dataclass(frozen=True)
class Complaint:
    """One problem of the configuration: key path, line (from 1, or None), and the problem with its fix.

    `file`: the file of the host folder that has the problem; None for the configuration file itself.
    """

    key: str
    line: int | None
    phrase: Phrase
    file: Path | None = None


class Misconfigured(FlatnetError):
    """A request needs a setting that is missing or wrong."""


class ConfigurationError(Misconfigured):
    """The configuration could not be used; `complaints` are all problems, in the order of the file."""

    def __init__(self, file: Path, complaints: tuple[Complaint, ...]) -> None:
        super().__init__(
            Phrase(
                "{file} is not valid: {n} problem",
                plural="{file} is not valid: {n} problems",
                file=str(file),
                n=len(complaints),
            )
        )
        self.file = file
        self.complaints = complaints


class ConfigurationMissing(ConfigurationError):
    """There is no configuration file: its phrase is the only complaint."""

    def __init__(self, file: Path) -> None:
        super().__init__(file, ())
        self.phrase = Phrase(
            "{file} not found. Create it with flatnet-bot init, or specify another file with --config", file=str(file)
        )
