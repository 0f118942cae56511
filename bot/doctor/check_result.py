"""Results of the checks of `doctor`, and the report made of them. Pure.

    CheckResult* ─▶ one line for each place, with its state; a finding for each problem

A place is a host, or a part of the bot: `bot.database`. Hosts cannot have such a name, because host names have no dot.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.phrase import Phrase
from commands.model.finding import Finding, Severity, find_worst, list_some, sort_worst_first
from commands.model.report import Cell, Column, Mark, Report, Row

MAX_NAMED_PLACES = 3
"""Number of places that the summary names: a notification is read on a phone."""

COLUMNS = (Column(key="host", heading=Phrase("Host")), Column(key="seen", heading=Phrase("Result")))


@dataclass(frozen=True)
class CheckResult:
    """Result for one place: its state in a few words, and its problems."""

    place: str
    seen: Phrase
    findings: tuple[Finding, ...] = ()

    @property
    def rank(self) -> int:
        """Sort key: 0 is the worst, a place without findings comes last."""
        return find_worst(finding.grade for finding in self.findings).rank


def make_problem(place: str, subject: str, why: Phrase, severity: Severity = Severity.HIGH) -> Finding:
    """Make a finding for something that was checked and is wrong."""
    return Finding(severity=severity, host=place, subject=subject, why=why)


def make_unknown(place: str, subject: str, why: Phrase) -> Finding:
    """Make a finding for something that could not be checked."""
    return Finding(severity=Severity.HIGH, host=place, subject=subject, why=why, reached=False)


def build_report(examined: Sequence[CheckResult], at: datetime) -> Report:
    """Build the report of all results, worst first."""
    ranked = sorted(examined, key=lambda each: each.rank)
    troubled = [each for each in ranked if each.findings]
    return Report(
        title=Phrase("Doctor"),
        summary=_summarize(len(ranked), [each.place for each in troubled]),
        columns=COLUMNS,
        rows=tuple(_build_row(each) for each in ranked),
        findings=sort_worst_first(finding for each in troubled for finding in each.findings),
        brief=not troubled,
        taken_at=at,
    )


def _summarize(total: int, troubled: Sequence[str]) -> Phrase:
    if not troubled:
        return Phrase("{n} check passed", plural="all {n} checks passed", n=total)
    return Phrase(
        "{n} of {total} checks found a problem: {worst}",
        plural="{n} of {total} checks found problems: {worst}",
        n=len(troubled),
        total=total,
        worst=list_some(troubled, MAX_NAMED_PLACES),
    )


def _build_row(examined: CheckResult) -> Row:
    cells = (
        Cell.of(examined.place),
        Cell(text=examined.seen, value=str(examined.seen), mark=_choose_mark(examined)),
    )
    return Row(cells=cells, host=examined.place).rate(next(iter(sort_worst_first(examined.findings)), None))


def _choose_mark(examined: CheckResult) -> Mark:
    """Choose the mark of a result. Beside findings it is plain information: a host that answers may need a rehearsal."""
    if not examined.findings:
        return Mark.WELL
    return Mark.PLAIN if any(finding.reached for finding in examined.findings) else Mark.UNKNOWN
