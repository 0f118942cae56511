"""The weekly report: disks, log rotation and certificates of all hosts, findings first. Pure.

    disks, health, certificates of all hosts, read at once ─▶ WeeklyInput ─▶ Report

It is not compared with an earlier one: a finding is repeated until it is fixed. If the fleet is healthy, it is one line.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from adapters.phrase import Listing, Phrase
from bot.alerts.reports.mutes import build_maintenance_section
from bot.digests.reports.daily import join_clauses, summarize_attention
from bot.digests.rules import build_expiry_section
from bot.model.alert import Mute
from commands.certificates.operations import TABLE_COLUMNS
from commands.health.disks import COLUMNS as DISKS
from commands.health.log_rotation import LOG_SUBJECT
from commands.health.log_rotation import ROTATION_COLUMN as ROTATION
from commands.model.finding import Finding, list_next_commands, list_some, sort_worst_first
from commands.model.report import Cell, Column, Mark, Report, Row, Section, rate_rows
from commands.values.units import format_size

MAX_FULLEST_HOSTS = 5
"""Maximum number of listed hosts with the fullest disks."""

MAX_NEXT_COMMANDS = 5
"""Maximum number of suggested commands."""

_DISK_COLUMNS = ("drive", "wsl_disk")
"""Columns of the `disk` report that show a disk."""

COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    *(column for column in DISKS if column.key in _DISK_COLUMNS),
    ROTATION.model_copy(update={"detail": False}),
    *(column for column in TABLE_COLUMNS if column.key == "days"),
)


@dataclass(frozen=True)
class WeeklyInput:
    """Input of a weekly report: the reports on all hosts, with details, and the hosts in maintenance.

    Nothing is left out because of maintenance: a disk that is full for weeks outlasts it.
    """

    at: datetime
    health: Report
    disks: Report
    certificates: Report
    maintenance: Mapping[str, Mute] = field(default_factory=dict)


def compose_weekly_report(week: WeeklyInput) -> Report:
    """Composes the report."""
    findings = _collect_findings(week)
    return Report(
        title=Phrase("Weekly report"),
        summary=Phrase("weekly report: {summary}", summary=_summarize(week, findings)),
        columns=COLUMNS,
        rows=_build_rows(week, findings),
        findings=findings,
        sections=(*_list_maintenance(week), *(part for part in _build_sections(week) if findings and part.lines)),
        brief=not findings,
        taken_at=week.at,
        next=list_next_commands(findings, MAX_NEXT_COMMANDS),
    )


def _collect_findings(week: WeeklyInput) -> tuple[Finding, ...]:
    """Collects the findings on disks, logs and certificates. An unreachable host is reported once."""
    found = [*week.disks.findings, *_list_log_findings(week)]
    for report in (week.health, week.certificates):
        silent = _find_silent_hosts(found)
        wanted = _find_unread(report) if report is week.health else report.findings
        found += [finding for finding in wanted if finding.reached or finding.host not in silent]
    return sort_worst_first(found)


def _list_log_findings(week: WeeklyInput) -> list[Finding]:
    return [finding for finding in week.health.findings if finding.subject == LOG_SUBJECT]


def _find_silent_hosts(findings: Sequence[Finding]) -> frozenset[str]:
    """Returns the hosts whose Windows side is already reported as unreachable."""
    sides = ("host", "windows")
    return frozenset(finding.host for finding in findings if not finding.reached and finding.subject in sides)


def _find_unread(health: Report) -> list[Finding]:
    """Returns the health findings that explain unread logs. Other health findings are not part of this report."""
    return [finding for finding in health.findings if finding.host in _find_silent_hosts([finding])]


def _build_rows(week: WeeklyInput, findings: Sequence[Finding]) -> tuple[Row, ...]:
    """Builds the rows, worst first, then those with the fullest disks."""
    logs, ends = week.health.cells_by_host, week.certificates.cells_by_host
    rows = []
    for host, disks in week.disks.cells_by_host.items():
        known = {**disks, ROTATION.key: logs[host][ROTATION.key], "days": ends[host]["days"]}
        rows.append(Row(host=host, cells=tuple(known[column.key] for column in COLUMNS)))
    return rate_rows(rows, findings)


def _summarize(week: WeeklyInput, findings: tuple[Finding, ...]) -> Phrase:
    return summarize_attention(findings, len(week.disks.rows), week.disks.summary) if findings else _summarize_healthy(week)


def _summarize_healthy(week: WeeklyInput) -> Phrase:
    if not week.disks.rows:
        return week.disks.summary
    return join_clauses([week.disks.summary, _describe_healthy_logs(week), week.certificates.summary])


def _describe_healthy_logs(week: WeeklyInput) -> Phrase:
    """States that all logs are rotated, but only if every host proves it."""
    marks = {cells[ROTATION.key].mark for cells in week.health.cells_by_host.values()} - {Mark.ABSENT}
    return Phrase("all logs are rotated") if marks == {Mark.WELL} else Phrase("no log is too large")


def _list_maintenance(week: WeeklyInput) -> tuple[Section, ...]:
    section = build_maintenance_section(week.maintenance, week.disks.cells_by_host, week.at)
    return () if section is None else (section,)


def _build_sections(week: WeeklyInput) -> Iterator[Section]:
    yield Section(heading=Phrase("Fullest disks"), lines=tuple(_describe_fullest(week)))
    yield Section(heading=Phrase("Logs that need attention (largest first)"), lines=tuple(_describe_logs(week)))
    yield build_expiry_section(week.certificates, week.at)


def _describe_fullest(week: WeeklyInput) -> Iterator[Phrase]:
    cells = {host: [disks[key] for key in _DISK_COLUMNS] for host, disks in week.disks.cells_by_host.items()}
    known = [(each.value, host, each) for host, places in cells.items() for each in places if isinstance(each.value, int)]
    fullest: dict[str, Cell] = {}
    for _, host, cell in sorted(known, key=lambda each: (-each[0], each[1])):
        fullest.setdefault(host, cell)
    for host, cell in list(fullest.items())[:MAX_FULLEST_HOSTS]:
        yield Phrase("{host}: {what}", host=host, what=cell.text)
    yield from _describe_unknown(host for host, places in cells.items() if any(each.mark is Mark.UNKNOWN for each in places))


def _describe_logs(week: WeeklyInput) -> Iterator[Phrase]:
    wrong: dict[str, list[Phrase]] = {}
    for finding in _list_log_findings(week):
        wrong.setdefault(finding.host, []).append(finding.short or finding.why)
    sizes = {host: disks["logs"].value for host, disks in week.disks.cells_by_host.items()}
    for host in sorted(wrong, key=lambda host: (-_get_bytes(sizes.get(host)), host)):
        what, size = Listing(tuple(wrong[host])), sizes.get(host)
        if isinstance(size, int):
            yield Phrase("{host}: {what} (all logs: {size})", host=host, what=what, size=format_size(size))
        else:
            yield Phrase("{host}: {what}", host=host, what=what)
    yield from _describe_unknown(
        host
        for host, cells in week.health.cells_by_host.items()
        if cells[ROTATION.key].mark is Mark.UNKNOWN and host not in wrong
    )


def _get_bytes(size: object) -> int:
    return size if isinstance(size, int) else 0


def _describe_unknown(hosts: Iterator[str]) -> Iterator[Phrase]:
    names = sorted(hosts)
    if names:
        yield Phrase("unknown: {hosts}", hosts=list_some(names))
