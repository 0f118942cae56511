"""Reports: the result of a read, as a value that every surface can render.

All operations share one shape (a sentence, a table, findings), so there is one renderer per surface (`bot.rendering`).
Phrases are for people; `Cell.value` is the same as data, for `--json` and `--csv`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime, Field, JsonValue

from adapters.phrase import Phrase
from adapters.value import Value
from commands.log_lines.excerpt import Excerpt
from commands.model.finding import Finding, Grade, OfferJudge, Severity, find_worst_by_host, relate_moment, sort_worst_first
from commands.model.lanes import Drawing


class Mark(StrEnum):
    """Judgment of a cell. Never shown by color alone."""

    WELL = "well"
    BAD = "bad"
    UNKNOWN = "unknown"
    """Could not be read: neither good nor bad."""
    ABSENT = "absent"
    """This host does not have it: n/a."""
    PLAIN = "plain"
    """Information without a judgment."""


class Column(Value):
    """One column: its key in JSON and CSV, and its heading for people. `detail`: shown with details only.

    `plain`: its values explain themselves, and stand without the heading in a line of several.
    """

    key: str
    heading: Phrase
    detail: bool = False
    plain: bool = False


_DETAILS_OPTION = "--details"
"""Option that requests all details, in next commands."""

FACT_COLUMNS = (Column(key="fact", heading=Phrase("What")), Column(key="value", heading=Phrase("Value")))
"""The columns of a report on one thing: each row is one fact, named by its first cell."""


class Cell(Value):
    """One cell: its text for people, its value as data, its judgment. Untrusted `text` is escaped where it is shown."""

    text: Phrase | str
    value: str | int | float | bool | None = None
    mark: Mark = Mark.PLAIN

    @classmethod
    def of(cls, text: Phrase | str) -> "Cell":
        """Makes a cell with the same text for people and as data. The data of a phrase is English."""
        return cls(text=text, value=str(text))

    @classmethod
    def of_moment(cls, at: datetime, now: datetime) -> "Cell":
        """Makes the cell of a point in time, with its distance from now for people."""
        return cls(text=relate_moment(at, now), value=at.isoformat())


class Row(Value):
    """One row, with a cell for each column. `host` is "" if the row is not about a host.

    `subject` is that of its findings, for one of several things of its host, such as a container. Its first cell names it.
    """

    cells: tuple[Cell, ...]
    host: str = ""
    subject: str = ""
    severity: Severity | None = None
    """Severity of the row's worst finding; None if it has none."""
    reached: bool = True
    """False if that finding says that the host could not be read."""

    @property
    def grade(self) -> Grade:
        """The place of the row in the order of every answer."""
        return Grade.of(self.severity, reached=self.reached)

    def rate(self, worst: Finding | None) -> "Row":
        """Returns the row with the severity of this finding, None for a row without one."""
        if worst is None:
            return self.model_copy(update={"severity": None, "reached": True})
        return self.model_copy(update={"severity": worst.severity, "reached": worst.reached})


def rate_rows(rows: Iterable[Row], findings: Iterable[Finding]) -> tuple[Row, ...]:
    """Gives each row the severity of its host's worst finding, and sorts the rows in the order of these findings.

    The findings must be sorted worst first. Rows without a finding come last and keep their order.
    """
    worst = find_worst_by_host(findings)
    places = {host: place for place, host in enumerate(worst)}
    rated = (row.rate(worst.get(row.host)) for row in rows)
    return tuple(sorted(rated, key=lambda row: places.get(row.host, len(places))))


class TextFile(Value):
    """A file with a fixed text, the same for every reader."""

    name: str
    text: str


class FileFormat(StrEnum):
    """Format of a report as a file."""

    MARKDOWN = "md"
    CSV = "csv"
    LINES = "txt"
    """All lines of its excerpt."""
    JSON = "json"
    """Its document."""


class ReportFile(Value):
    """A report as a file, in the reader's language. Surfaces render it (`bot.answers.data`).

    `of` is the report of the file; None for the report that the file belongs to. `words` is the command that requests it.
    """

    name: str
    form: FileFormat
    of: "Report | None" = None
    words: str = ""


class Bundle(Value):
    """Several files as one archive. Surfaces pack it."""

    name: str
    members: tuple[TextFile | ReportFile, ...]


class Section(Value):
    """A text section of a report: a heading and independent sentences.

    `code`: the lines are commands for another machine. Surfaces show them whole, so that they can be copied.
    """

    heading: Phrase
    lines: tuple[Phrase, ...]
    code: bool = False


class ChannelLink(Value):
    """A channel by its id, for surfaces that can link to it, and its name if that is known."""

    id: str
    name: str = ""


class Report(Value):
    """The result of a read.

    `summary` alone must be true and complete enough for a phone's notification: state, counts, the worst hosts. `brief`:
    the summary is complete, so surfaces leave the table out. `rows` and `findings` come worst first. A report always has
    its details; `details`: they are shown at first.
    """

    title: Phrase
    summary: Phrase
    columns: tuple[Column, ...] = ()
    rows: tuple[Row, ...] = ()
    findings: tuple[Finding, ...] = ()
    news: Section | None = None
    """Changes since the last such report. They come before everything else."""
    sections: tuple[Section, ...] = ()
    """Further text, after the findings."""
    brief: bool = False
    details: bool = False
    taken_at: AwareDatetime | None = None
    channel: ChannelLink | None = None
    """Channel where the work continues, for readers in another one."""
    next: tuple[str, ...] = ()
    """Next commands, without `/flatnet`."""
    topics: Mapping[str, Phrase] = Field(default_factory=dict)
    """Topics of help with their summaries. Surfaces with menus show them as one, in place of the rows."""
    files: tuple[TextFile | ReportFile | Bundle, ...] = ()
    """Requested files. The other fields describe their content."""
    excerpt: Excerpt | None = None
    """Lines of logs. Surfaces show the newest ones, and all of them as a file."""
    chart: Drawing | None = None
    """Drawn where pictures can be shown, else described in words (`commands.model.lanes.describe_drawing`)."""
    document: Mapping[str, JsonValue] | None = None
    """The same as JSON with a schema of its own, for programs."""

    @property
    def has_details(self) -> bool:
        """True if the report has columns for details."""
        return any(column.detail for column in self.columns)

    @property
    def cells_by_host(self) -> Mapping[str, Mapping[str, Cell]]:
        """The cells of each host, by column key."""
        keys = [column.key for column in self.columns]
        return {row.host: dict(zip(keys, row.cells, strict=True)) for row in self.rows if row.host}

    @property
    def initial(self) -> "Report":
        """The report as it is shown at first."""
        return self.show(details=self.details)

    def show(self, *, details: bool) -> "Report":
        """Returns the report with or without its details. With them, `next` no longer requests details."""
        if not self.has_details:
            return self
        if details:
            return self._show_details()
        kept = [index for index, column in enumerate(self.columns) if not column.detail]
        rows = tuple(row.model_copy(update={"cells": tuple(row.cells[index] for index in kept)}) for row in self.rows)
        columns = tuple(self.columns[index] for index in kept)
        return self.model_copy(update={"details": False, "columns": columns, "rows": rows})

    def _show_details(self) -> "Report":
        parts = tuple(part for finding in self.findings for part in finding.parts or (finding,))
        onward = tuple(words for words in self.next if _DETAILS_OPTION not in words.split())
        return self.model_copy(update={"details": True, "brief": False, "next": onward, "findings": sort_worst_first(parts)})

    @classmethod
    def of_facts(cls, title: Phrase, summary: Phrase, facts: Iterable[tuple[Phrase, Phrase | str]]) -> "Report":
        """Makes a report on one thing from names and values."""
        rows = tuple(Row(cells=(Cell.of(name), Cell.of(value))) for name, value in facts)
        return cls(title=title, summary=summary, columns=FACT_COLUMNS, rows=rows)

    def filter_commands(self, judge: OfferJudge) -> "Report":
        """Returns the report with only those commands that the reader may run. Findings say whom to ask for another one."""
        findings = tuple(finding.filter_commands(judge) for finding in self.findings)
        offered = tuple(filter(judge.may_run, self.next))
        return self.model_copy(update={"next": offered, "findings": findings})

    def drop_commands(self) -> "Report":
        """Returns the report without commands, for an answer that another one replaces."""
        findings = tuple(finding.drop_commands() for finding in self.findings)
        return self.model_copy(update={"next": (), "findings": findings})

    @property
    def unreached_hosts(self) -> tuple[str, ...]:
        """Hosts that could not be read, or not completely."""
        return tuple(sorted({finding.host for finding in self.findings if not finding.reached}))
