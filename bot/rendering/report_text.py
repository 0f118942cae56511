"""A report as text in one language, before a surface gives it a shape. Pure.

Every surface for people shows the same lines: one for each row, with the findings of its host (or of its own subject there),
and one for each host that has further findings. Nothing is escaped yet.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace

from adapters.phrase import Phrase, Texts
from commands.model.finding import GRADE_NAMES, Finding, Grade, find_worst, list_next_commands
from commands.model.report import FACT_COLUMNS, Cell, Mark, Report, Row


@dataclass(frozen=True)
class ReportField:
    """One cell with its heading. `plain`: a line of several needs no heading."""

    heading: str
    text: str
    mark: Mark
    plain: bool = False


@dataclass(frozen=True)
class ReportLine:
    """One row with the findings on its host: reasons, and commands to type next.

    `asks` name the people to ask for commands that the reader may not run. `state` is its grade in words, "" if nothing is
    judged.
    """

    name: str
    state: str
    grade: Grade
    fields: tuple[ReportField, ...]
    reasons: tuple[str, ...]
    next: tuple[str, ...]
    asks: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReportText:
    """A report in words, its lines worst first. `subject` is the heading of their names, `headings` those of the fields.

    `judged`: the report judges health, so states are shown. `facts`: it describes one thing; each line with a field is one
    fact, without a state of its own. `by_host`: the lines are named by their hosts.
    """

    title: str
    summary: str
    subject: str
    headings: tuple[str, ...]
    lines: tuple[ReportLine, ...]
    judged: bool
    facts: bool = False
    by_host: bool = False

    @property
    def worst(self) -> Grade:
        """The worst grade of all lines."""
        return find_worst(line.grade for line in self.lines)

    @property
    def detailed(self) -> bool:
        """True if the report shows details beyond judged cells."""
        return any(field.mark is Mark.PLAIN for line in self.lines for field in line.fields)

    @property
    def bad(self) -> tuple[ReportLine, ...]:
        """The lines with findings, worst first."""
        return tuple(line for line in self.lines if line.grade is not Grade.WELL)

    @property
    def others(self) -> tuple[ReportLine, ...]:
        """The lines without findings."""
        return tuple(line for line in self.lines if line.grade is Grade.WELL)


def build_report_text(report: Report, texts: Texts) -> ReportText:
    """Builds the text of a report as it is shown at first, in the language and zone of `texts`.

    Rows are named by their hosts, rows without a host and those with a subject by their first cell. A brief report omits the
    lines without findings.
    """
    report = report.initial
    headings = tuple(column.heading.render_sentence(texts) for column in report.columns)
    facts = report.columns == FACT_COLUMNS
    by_host = any(row.host and not row.subject for row in report.rows) or not headings
    kept = [index for index, column in enumerate(report.columns) if (column.key != "host" if by_host else index > 0)]
    found, ourselves = _RowFindings(report), Phrase("the bot").render(texts)
    lines = []
    for row in report.rows:
        name = row.host if row.host and not row.subject else get_cell_text(row.cells[0], texts) if row.cells else ""
        fields = tuple(
            ReportField(
                headings[index],
                get_cell_text(row.cells[index], texts),
                row.cells[index].mark,
                plain=report.columns[index].plain,
            )
            for index in kept
        )
        lines.append(_build_line(name, fields, row.grade, found.take(row), texts))
    lines += [_build_line(host or ourselves, (), Grade.WELL, findings, texts) for host, findings in found.list_others()]
    lines.sort(key=lambda line: line.grade.rank)
    judged = any(line.state for line in lines)
    return ReportText(
        title=report.title.render_sentence(texts),
        summary=report.summary.render_sentence(texts),
        subject=Phrase("Host").render(texts) if by_host else headings[0],
        headings=tuple(headings[index] for index in kept),
        lines=tuple(_remove_state(line) if facts else line for line in lines if line.reasons or not report.brief),
        judged=judged,
        facts=facts,
        by_host=by_host,
    )


def group_lines(lines: Iterable[ReportLine], key: Callable[[ReportLine], Hashable]) -> list[list[ReportLine]]:
    """Groups lines with the same key, in the order of their first lines, so that nothing is repeated."""
    same: dict[Hashable, list[ReportLine]] = {}
    for line in lines:
        same.setdefault(key(line), []).append(line)
    return list(same.values())


def list_commands(lines: Iterable[ReportLine], most: int) -> list[str]:
    """Lists the commands to type next for these lines, each once, and at most so many."""
    return list(dict.fromkeys(words for line in lines for words in line.next))[:most]


def get_cell_text(cell: Cell, texts: Texts) -> str:
    """Returns the text of a cell."""
    return cell.text if isinstance(cell.text, str) else cell.text.render(texts)


class _RowFindings:
    """Findings of a report by the rows that they belong to. Each is taken once, by the first row of its host or subject."""

    def __init__(self, report: Report) -> None:
        own = {(row.host, row.subject) for row in report.rows if row.subject}
        self._found: dict[tuple[str, str], tuple[Finding, ...]] = {}
        for finding in report.findings:
            key = (finding.host, finding.subject)
            key = key if key in own else (finding.host, "")
            self._found[key] = (*self._found.get(key, ()), finding)

    def take(self, row: Row) -> tuple[Finding, ...]:
        """Takes the findings of a row."""
        return self._found.pop((row.host, row.subject), ()) if row.host else ()

    def list_others(self) -> Iterable[tuple[str, tuple[Finding, ...]]]:
        """Lists the findings that no row has taken, by host."""
        return [(host, findings) for (host, _), findings in self._found.items()]


def _build_line(
    name: str, fields: tuple[ReportField, ...], grade: Grade, findings: tuple[Finding, ...], texts: Texts
) -> ReportLine:
    worst = find_worst(finding.grade for finding in findings) if findings else grade
    marks = {field.mark for field in fields}  # a bad cell alone does not make a line healthy
    judged = worst is not Grade.WELL or bool(marks & {Mark.WELL, Mark.UNKNOWN})
    return ReportLine(
        name=name,
        state=GRADE_NAMES[worst].render(texts) if judged else "",
        grade=worst,
        fields=fields,
        reasons=tuple(finding.why.render_sentence(texts) for finding in findings),
        next=list_next_commands(findings),
        asks=tuple(dict.fromkeys(finding.ask.render_sentence(texts) for finding in findings if finding.ask is not None)),
    )


def _remove_state(line: ReportLine) -> ReportLine:
    """Removes the state of a fact: the mark of its value is enough."""
    return replace(line, state="") if line.fields else line
