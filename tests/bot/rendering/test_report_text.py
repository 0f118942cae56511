"""Lines of a report: rows with the findings that belong to them."""

from adapters.phrase import Phrase
from bot.rendering.report_text import ReportText, build_report_text
from commands.model.finding import Finding, Severity
from commands.model.report import Cell, Column, Report, Row
from tests.bot.rendering.examples import ENGLISH

COLUMNS = (Column(key="container", heading=Phrase("Container")), Column(key="address", heading=Phrase("Address")))


def row(name: str, severity: Severity | None = None) -> Row:
    """One of several containers of host-a."""
    cells = (Cell.of(f"host-a/{name}"), Cell.of("10.87.1.10"))
    return Row(cells=cells, host="host-a", subject=f"container/{name}", severity=severity)


def finding(subject: str, why: str) -> Finding:
    return Finding(severity=Severity.HIGH, host="host-a", subject=subject, why=Phrase("{why}", why=why))


def build(*findings: Finding) -> ReportText:
    rows = (row("web", Severity.HIGH), row("api"))
    report = Report(title=Phrase("Containers"), summary=Phrase("Containers"), columns=COLUMNS, rows=rows, findings=findings)
    return build_report_text(report, ENGLISH)


def test_a_row_with_a_subject_is_named_by_its_first_cell_and_has_the_findings_of_its_subject() -> None:
    text = build(finding("container/web", "stopped"), finding("helper", "away"))
    assert [(line.name, line.reasons) for line in text.lines] == [
        ("host-a/web", ("stopped",)),
        ("host-a", ("away",)),
        ("host-a/api", ()),
    ]


def test_its_first_cell_is_not_repeated_among_its_values() -> None:
    text = build()
    assert (text.subject, text.headings, text.by_host) == ("Container", ("Address",), False)
