"""The weekly report: disks, log rotation and certificates of all hosts, findings first. Pure.

    disks, health, certificates of all hosts, read at once ─▶ WeeklyInput ─▶ Report

It is not compared with an earlier one: a finding is repeated until it is fixed. If the fleet is healthy, it is one line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.phrase import Listing, Phrase
from bot.reports.digest import joined, soonest, standing
from commands.certs.operations import TABLE
from commands.checks.log_rotation import COLUMN as ROTATION
from commands.disks.assessment import COLUMNS as DISKS
from commands.model.finding import Finding, next_commands, rank_of, worst_by_host, worst_first
from commands.model.phrases import some
from commands.model.report import Cell, Column, Mark, Report, Row, Section
from commands.values.units import size_of

FULLEST = 5
"""Maximum number of listed hosts with the fullest disks."""

NEXT = 5
"""Maximum number of suggested commands."""

_PLACES = ("drive", "wsl_disk")
"""Columns of the `disk` report that show a disk."""

COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    *(column for column in DISKS if column.key in _PLACES),
    ROTATION.model_copy(update={"detail": False}),
    *(column for column in TABLE if column.key == "days"),
)


@dataclass(frozen=True)
class Week:
    """Input of a weekly report: the reports on all hosts, with details."""

    at: datetime
    health: Report
    disks: Report
    certificates: Report


def composed(week: Week) -> Report:
    """Composes the report."""
    findings = _findings(week)
    return Report(
        title=Phrase("Weekly report"),
        summary=Phrase("in this week's report {summary}", summary=_summary(week, findings)),
        columns=COLUMNS,
        rows=_rows(week, findings),
        findings=findings,
        sections=tuple(section for section in _sections(week) if section.lines) if findings else (),
        brief=not findings,
        taken_at=week.at,
        next=next_commands(findings, NEXT),
    )


def _findings(week: Week) -> tuple[Finding, ...]:
    """Collects the findings on disks, logs and certificates. An unreachable host is reported once."""
    logs = (finding.model_copy(update={"next": f"health {finding.host} --details"}) for finding in week.health.further)
    found = [*week.disks.findings, *logs]
    for report in (week.health, week.certificates):
        silent = _silent(found)
        wanted = _unread(report) if report is week.health else report.findings
        found += [finding for finding in wanted if finding.reached or finding.host not in silent]
    return worst_first(tuple(found))


def _silent(findings: Sequence[Finding]) -> frozenset[str]:
    """Returns the hosts whose Windows side is already reported as unreachable."""
    sides = ("host", "windows")
    return frozenset(finding.host for finding in findings if not finding.reached and finding.subject in sides)


def _unread(health: Report) -> list[Finding]:
    """Returns the health findings that explain unread logs. Other health findings are not part of this report."""
    return [finding for finding in health.findings if finding.host in _silent([finding])]


def _rows(week: Week, findings: Sequence[Finding]) -> tuple[Row, ...]:
    """Builds the rows, worst first, then those with the fullest disks."""
    worst = worst_by_host(findings)
    logs, ends = week.health.by_host, week.certificates.by_host
    rows = []
    for host, disks in week.disks.by_host.items():
        known = {**disks, ROTATION.key: logs[host][ROTATION.key], "days": ends[host]["days"]}
        rows.append(Row(host=host, cells=tuple(known[column.key] for column in COLUMNS), severity=worst.get(host)))
    return tuple(sorted(rows, key=lambda row: rank_of(row.severity)))


def _summary(week: Week, findings: tuple[Finding, ...]) -> Phrase:
    return standing(findings, len(week.disks.rows), week.disks.summary) if findings else _all_well(week)


def _all_well(week: Week) -> Phrase:
    if not week.disks.rows:
        return week.disks.summary
    return joined([week.disks.summary, _logs_well(week), week.certificates.summary])


def _logs_well(week: Week) -> Phrase:
    """States that all logs are rotated, but only if every host proves it."""
    marks = {cells[ROTATION.key].mark for cells in week.health.by_host.values()} - {Mark.ABSENT}
    return Phrase("all logs are rotated") if marks == {Mark.WELL} else Phrase("no log is too large")


def _sections(week: Week) -> Iterator[Section]:
    yield Section(heading=Phrase("Disks, the fullest"), lines=tuple(_fullest(week)))
    yield Section(heading=Phrase("Logs that need somebody, the largest"), lines=tuple(_logs(week)))
    yield soonest(week.certificates, week.at)


def _fullest(week: Week) -> Iterator[Phrase]:
    cells = {host: [disks[key] for key in _PLACES] for host, disks in week.disks.by_host.items()}
    known = [(each.value, host, each) for host, places in cells.items() for each in places if isinstance(each.value, int)]
    fullest: dict[str, Cell] = {}
    for _, host, cell in sorted(known, key=lambda each: (-each[0], each[1])):
        fullest.setdefault(host, cell)
    for host, cell in list(fullest.items())[:FULLEST]:
        yield Phrase("{host}: {what}", host=host, what=cell.text)
    yield from _unknown(host for host, places in cells.items() if any(each.mark is Mark.UNKNOWN for each in places))


def _logs(week: Week) -> Iterator[Phrase]:
    wrong: dict[str, list[Phrase]] = {}
    for finding in week.health.further:
        wrong.setdefault(finding.host, []).append(finding.short or finding.why)
    sizes = {host: disks["logs"].value for host, disks in week.disks.by_host.items()}
    for host in sorted(wrong, key=lambda host: (-_bytes(sizes.get(host)), host)):
        what, size = Listing(tuple(wrong[host])), sizes.get(host)
        if isinstance(size, int):
            yield Phrase("{host}: {what}; all its logs take {size}", host=host, what=what, size=size_of(size))
        else:
            yield Phrase("{host}: {what}", host=host, what=what)
    yield from _unknown(
        host for host, cells in week.health.by_host.items() if cells[ROTATION.key].mark is Mark.UNKNOWN and host not in wrong
    )


def _bytes(size: object) -> int:
    return size if isinstance(size, int) else 0


def _unknown(hosts: Iterator[str]) -> Iterator[Phrase]:
    names = sorted(hosts)
    if names:
        yield Phrase("not known: {hosts}", hosts=some(names))
