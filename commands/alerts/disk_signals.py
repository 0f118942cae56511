"""Disks as signals: from any report of `disk`: of its schedule, of a person, of the digest. Pure.

report ─ parse_usages: the cells that list all drives and file systems ─▶ DiskUse* ─ make_disk_checks ─▶ HostChecked

A disk is a problem from `disk_warning_percent`, and of high severity from `disk_critical_percent`. Its alert ends, and is of
medium severity again, `HYSTERESIS` points below. So one at a limit does not begin and end, or fire, again and again.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.phrase import Phrase
from commands.alerts.conditions import Condition, HostChecked, Signal
from commands.model.finding import Finding, Severity
from commands.model.report import Cell, Mark, Report
from commands.model.thresholds import Thresholds

HYSTERESIS = 3
"""Percentage points below a limit at which an alert ends, or has the lower severity."""

_USAGE = re.compile(r"(?P<places>.+?)=(?P<percent>\d{1,3})%/\d+(?:/(?P<inodes>\d{1,3})%)?(?: |$)")
_SIDES = (("drive", "drives", "windows"), ("wsl_disk", "file_systems", "wsl"))
"""Key of the cell that says whether all was read, key of the cell that lists all, and the side."""


@dataclass(frozen=True)
class DiskUse:
    """Use of one drive or file system: its place, the used percentage, and that of its inodes (0 without a limit)."""

    side: str
    place: str
    percent: int
    inode_percent: int = 0

    @property
    def subject(self) -> str:
        """Subject of its signals: `disk/windows/F:`, `disk/wsl//`."""
        return f"disk/{self.side}/{self.place}"

    @property
    def name(self) -> Phrase | str:
        """Its name in findings."""
        return self.place if self.side == "windows" else Phrase("WSL2 {place}", place=self.place)

    @property
    def worst_percent(self) -> int:
        """The higher one of both percentages."""
        return max(self.percent, self.inode_percent)


def make_disk_checks(report: Report, thresholds: Thresholds, at: datetime) -> tuple[HostChecked, ...]:
    """Makes the outcome for each host of which any disk was read. Disks that could not be read are not judged."""
    findings: dict[str, list[Finding]] = {}
    for finding in report.findings:
        findings.setdefault(finding.host, []).append(finding)
    return tuple(
        _check_host(host, cells, findings.get(host, ()), thresholds, at)
        for host, cells in report.cells_by_host.items()
        if parse_usages(cells)
    )


def parse_usages(cells: Mapping[str, Cell]) -> tuple[DiskUse, ...]:
    """Parses the use of all drives and file systems of a host from its cells."""
    return tuple(use for _, key, side in _SIDES for use in _parse_cell(cells[key], side))


def _parse_cell(cell: Cell, side: str) -> Iterator[DiskUse]:
    for found in _USAGE.finditer(cell.value) if isinstance(cell.value, str) else ():
        place = found["places"].split(", ")[0]  # file systems are listed with all their places
        yield DiskUse(side, place, int(found["percent"]), int(found["inodes"] or 0))


def _check_host(
    host: str, cells: Mapping[str, Cell], findings: Sequence[Finding], thresholds: Thresholds, at: datetime
) -> HostChecked:
    uses = parse_usages(cells)
    complete = all(cells[key].mark is not Mark.UNKNOWN for key, _, _ in _SIDES)
    signals = (_make_signal(host, use, findings, thresholds) for use in uses)
    return HostChecked(
        host=host,
        at=at,
        judged=frozenset({Condition.DISK}),
        signals=tuple(signal for signal in signals if signal is not None),
        subjects=None if complete else frozenset(use.subject for use in uses),
    )


def _make_signal(host: str, use: DiskUse, findings: Sequence[Finding], thresholds: Thresholds) -> Signal | None:
    """Makes the signal of one disk, with the words of its finding; None if it has room."""
    percent, warning, critical = use.worst_percent, thresholds.disk_warning_percent, thresholds.disk_critical_percent
    if percent <= warning - HYSTERESIS:
        return None
    short = _describe(use)
    found = next((each for each in findings if str(each.short) == str(short)), None)
    why = Phrase("{what}. The alert ends at {limit}%", what=short, limit=warning - HYSTERESIS)
    return Signal(
        host=host,
        subject=use.subject,
        condition=Condition.DISK,
        severity=Severity.HIGH if percent >= critical else Severity.MEDIUM,
        short=short,
        why=why if found is None else found.why,
        next=f"disk {host} --details",
        hovering=percent < warning,
        lingering=Severity.HIGH if critical - HYSTERESIS < percent < critical else None,
    )


def _describe(use: DiskUse) -> Phrase:
    if use.inode_percent > use.percent:
        return Phrase("{disk} {percent}% of inodes", disk=use.name, percent=use.inode_percent)
    return Phrase("{disk} {percent}% full", disk=use.name, percent=use.percent)
