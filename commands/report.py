"""Reports: what a read brings back, as a value that every surface can show.

One shape for all operations, so that there is one renderer per surface (`bot.messages`): a
sentence, a table, findings. Phrases are for people; `Cell.value` is the same as data, for
`--json` and `--csv`.
"""

from enum import StrEnum

from pydantic import AwareDatetime

from adapters.phrase import Phrase
from adapters.value import Value
from commands.findings import Finding, Severity


class Mark(StrEnum):
    """How a cell is to be taken. Never shown by colour alone."""

    WELL = "well"
    BAD = "bad"
    UNKNOWN = "unknown"
    """Could not be read: neither good nor bad."""
    ABSENT = "absent"
    """This host does not have it: n/a."""
    PLAIN = "plain"
    """Information without a judgement."""


class Column(Value):
    """One column: its key in JSON and CSV, and its heading for people."""

    key: str
    heading: Phrase


class Cell(Value):
    """One cell: for people, as data, and how to take it. `text` may be foreign and is escaped where it is shown."""

    text: Phrase | str
    value: str | int | float | bool | None = None
    mark: Mark = Mark.PLAIN


class Row(Value):
    """One line, with a cell for each column. `host` is "" where the line is not about a host."""

    cells: tuple[Cell, ...]
    host: str = ""
    severity: Severity | None = None
    """The worst finding of this line; None where all is well."""


class Report(Value):
    """What a read found.

    `summary` alone must be true and complete enough for a phone's notification: state, counts,
    the worst hosts. `brief`: the summary says it all, so surfaces leave the table out.
    `rows` and `findings` come worst first.
    """

    title: Phrase
    summary: Phrase
    columns: tuple[Column, ...] = ()
    rows: tuple[Row, ...] = ()
    findings: tuple[Finding, ...] = ()
    brief: bool = False
    taken_at: AwareDatetime | None = None
    next: tuple[str, ...] = ()
    """Words worth typing next, without `/flatnet`."""

    @property
    def unreached(self) -> tuple[str, ...]:
        """Hosts of which nothing, or not everything, is known."""
        return tuple(sorted({finding.host for finding in self.findings if not finding.reached}))
