"""Reports: what a read brings back, as a value that every surface can show.

One shape for all operations, so that there is one renderer per surface (`bot.rendering`): a
sentence, a table, findings. Phrases are for people; `Cell.value` is the same as data, for
`--json` and `--csv`.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime

from adapters.phrase import Moment, Phrase
from adapters.value import Value
from commands.loglines.excerpt import Excerpt
from commands.model.chart import Chart
from commands.model.finding import Finding, Severity, worst, worst_first


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
    """One column: its key in JSON and CSV, and its heading for people. `detail`: for those who want to know more."""

    key: str
    heading: Phrase
    detail: bool = False


_DETAILS = "--details"
"""What asks for all details, in words worth typing next."""

FACTS = (Column(key="fact", heading=Phrase("What")), Column(key="value", heading=Phrase("Value")))
"""The columns of a report on one thing: each row is one fact, named by its first cell."""


class Cell(Value):
    """One cell: for people, as data, and how to take it. `text` may be foreign and is escaped where it is shown."""

    text: Phrase | str
    value: str | int | float | bool | None = None
    mark: Mark = Mark.PLAIN

    @classmethod
    def of(cls, text: Phrase | str) -> "Cell":
        """The same for people and as data; of a phrase the data is English."""
        return cls(text=text, value=str(text))

    @classmethod
    def moment(cls, at: datetime) -> "Cell":
        """A point in time."""
        return cls(text=Phrase("{at}", at=Moment(at)), value=at.isoformat())


class Row(Value):
    """One line, with a cell for each column. `host` is "" where the line is not about a host."""

    cells: tuple[Cell, ...]
    host: str = ""
    severity: Severity | None = None
    """The worst finding of this line; None where all is well."""


class File(Value):
    """A file that is the answer itself: its name, and its text, which is the same for every reader."""

    name: str
    text: str


class Form(StrEnum):
    """How a report can be written into a file: to be read, or to be counted with."""

    MARKDOWN = "md"
    CSV = "csv"
    LINES = "txt"
    """The lines of its excerpt, all of them."""


class Copy(Value):
    """A report as a file, in the words of whoever reads it; surfaces write it (`bot.rendering.files`).

    `of` is another report than the one that has the file, None for that one; `words` are those that ask for it.
    """

    name: str
    form: Form
    of: "Report | None" = None
    words: str = ""


class Bundle(Value):
    """Several files as one, packed; surfaces pack it."""

    name: str
    members: tuple[File | Copy, ...]


class Section(Value):
    """A part of a report that is no table: a heading, and sentences, each of which is whole by itself."""

    heading: Phrase
    lines: tuple[Phrase, ...]


class Channel(Value):
    """A channel by its id, for surfaces that can lead there, and its name where that is known."""

    id: str
    name: str = ""


class Report(Value):
    """What a read found.

    `summary` alone must be true and complete enough for a phone's notification: state, counts,
    the worst hosts. `brief`: the summary says it all, so surfaces leave the table out.
    `rows` and `findings` come worst first. A report always has its details; `details` only says
    that they are shown at first.
    """

    title: Phrase
    summary: Phrase
    columns: tuple[Column, ...] = ()
    rows: tuple[Row, ...] = ()
    findings: tuple[Finding, ...] = ()
    further: tuple[Finding, ...] = ()
    """Findings that only those are shown who look at the details; what the summary says holds without them."""
    news: Section | None = None
    """What changed since the last such report; it comes before everything else."""
    sections: tuple[Section, ...] = ()
    """What else there is to say; it comes after the findings."""
    brief: bool = False
    details: bool = False
    taken_at: AwareDatetime | None = None
    channel: Channel | None = None
    """Where it goes on, for readers who are elsewhere."""
    next: tuple[str, ...] = ()
    """Words worth typing next, without `/flatnet`."""
    files: tuple[File | Copy | Bundle, ...] = ()
    """What was asked for as files; the rest says what is in them."""
    excerpt: Excerpt | None = None
    """Lines of logs; surfaces show the newest ones, and all of them as a file."""
    chart: Chart | None = None
    """Drawn where pictures can be shown, said in words elsewhere (`commands.model.chart.alt_text`)."""

    @property
    def detailed(self) -> bool:
        """Whether there is more to show than what comes without details."""
        return any(column.detail for column in self.columns)

    @property
    def by_host(self) -> Mapping[str, Mapping[str, Cell]]:
        """The cells of each host, by the keys of their columns."""
        keys = [column.key for column in self.columns]
        return {row.host: dict(zip(keys, row.cells, strict=True)) for row in self.rows if row.host}

    @property
    def first(self) -> "Report":
        """As it is shown at first."""
        return self.seen(details=self.details)

    def seen(self, *, details: bool) -> "Report":
        """What is shown of it with its details, or without; with them, `next` no longer leads to details."""
        if not self.detailed:
            return self
        if details:
            return self._in_full()
        kept = [index for index, column in enumerate(self.columns) if not column.detail]
        rows = tuple(row.model_copy(update={"cells": tuple(row.cells[index] for index in kept)}) for row in self.rows)
        columns = tuple(self.columns[index] for index in kept)
        return self.model_copy(update={"details": False, "columns": columns, "rows": rows, "further": ()})

    def _in_full(self) -> "Report":
        parts = tuple(part for finding in self.findings for part in finding.parts or (finding,))
        rows = tuple(row.model_copy(update={"severity": worst(row.severity, self._further(row))}) for row in self.rows)
        shown = {"rows": rows, "findings": worst_first(parts + self.further), "further": (), "summary": self._full_summary}
        onward = tuple(words for words in self.next if _DETAILS not in words.split())
        return self.model_copy(update={"details": True, "brief": False, "next": onward} | shown)

    def _further(self, row: Row) -> tuple[Severity, ...]:
        return tuple(finding.severity for finding in self.further if row.host and finding.host == row.host)

    @property
    def _full_summary(self) -> Phrase:
        if not self.further:
            return self.summary
        return Phrase(
            "{summary}; the details have {n} more finding",
            plural="{summary}; the details have {n} more findings",
            summary=self.summary,
            n=len(self.further),
        )

    @classmethod
    def of_facts(cls, title: Phrase, summary: Phrase, facts: Iterable[tuple[Phrase, Phrase | str]]) -> "Report":
        """What is known of one thing: names and values."""
        rows = tuple(Row(cells=(Cell.of(name), Cell.of(value))) for name, value in facts)
        return cls(title=title, summary=summary, columns=FACTS, rows=rows)

    def offering(self, may: Callable[[str], bool]) -> "Report":
        """The same, offering only words that the reader may use."""
        findings = tuple(finding.offering(may) for finding in self.findings)
        further = tuple(finding.offering(may) for finding in self.further)
        return self.model_copy(update={"next": tuple(filter(may, self.next)), "findings": findings, "further": further})

    @property
    def unreached(self) -> tuple[str, ...]:
        """Hosts of which nothing, or not everything, is known."""
        return tuple(sorted({finding.host for finding in self.findings if not finding.reached}))
