"""One verdict: folds stored checks into an answer that did not read these areas itself. Pure.

report of a read ─ collect_checks ─▶ StoredCheck* ─ stored ─▶ KnownChecks ─┬─ fold_checks ─▶ findings with their age
                                                                           └─ build_unchecked_section ─▶ one line

What was never checked, or too long ago, is unknown: never counted as healthy, and no finding of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from adapters.phrase import Listing, Phrase, Span
from commands.health.assessment import Remark
from commands.model.check import AREA_NAMES, Area, KnownChecks, StoredCheck
from commands.model.finding import Finding, list_some, round_distance
from commands.model.report import Cell, Mark, Report, Section

STORED_AREAS = (Area.DISKS, Area.CERTIFICATES, Area.UPDATES)
"""Areas whose read takes seconds, so that the daily round takes them from the newest check."""

READ_COMMANDS = {Area.SERVICES: "health", Area.DISKS: "disk", Area.CERTIFICATES: "cert", Area.UPDATES: "update"}
"""Command that checks an area."""

RECENT = timedelta(minutes=2)
"""Age from which a check is shown with its age."""

UPDATE_PREFIX = "update-"
"""Prefix of the subjects of updates in other answers, where the name of a side alone means its connection."""

MAX_FINDINGS = 20
"""Maximum findings of a stored check, the worst ones."""

_READ_LIVE = frozenset({"clock"})
"""Subjects of other areas that every answer about services reads itself."""


def collect_checks(area: Area, report: Report, began: datetime) -> tuple[StoredCheck, ...]:
    """Collects the checks from a report on hosts. A host of which nothing was read has none, so an earlier check stays."""
    found: dict[str, list[Finding]] = {row.host: [] for row in report.rows if row.host}
    for finding in report.findings:
        if finding.host in found and finding.checked_at is None:
            found[finding.host].append(finding)
    judged = {row.host for row in report.rows if any(cell.mark in (Mark.WELL, Mark.BAD) for cell in row.cells)}
    ends = _find_ends(report) if area is Area.CERTIFICATES else {}
    return tuple(
        _make_check(area, host, findings, began).model_copy(update={"ends_at": ends.get(host)})
        for host, findings in found.items()
        if host in judged or all(finding.reached for finding in findings)
    )


def _find_ends(report: Report) -> Mapping[str, datetime | None]:
    """Finds when the hosts' certificates expire, in a report of `cert`; None where that is unknown."""
    return {host: _parse_end(cells.get("ends_at")) for host, cells in report.cells_by_host.items()}


def _parse_end(cell: Cell | None) -> datetime | None:
    """Parses the data of a cell. That of a host that did not answer is no time."""
    try:
        return None if cell is None else datetime.fromisoformat(str(cell.value))
    except ValueError:
        return None


def _make_check(area: Area, host: str, findings: Sequence[Finding], began: datetime) -> StoredCheck:
    read = [finding for finding in findings if finding.reached and finding.subject not in _READ_LIVE]
    return StoredCheck(
        host=host,
        area=area,
        at=began,
        findings=tuple(_make_storable(area, finding) for finding in read[:MAX_FINDINGS]),
        complete=all(finding.reached for finding in findings),
    )


def _make_storable(area: Area, finding: Finding) -> Finding:
    """Makes the finding of a check, as other answers show it."""
    subject = f"{UPDATE_PREFIX}{finding.subject}" if area is Area.UPDATES else finding.subject
    return finding.model_copy(update={"subject": subject, "parts": ()})


def fold_checks(host: str, known: KnownChecks, now: datetime) -> tuple[Finding, ...]:
    """Returns the findings of a host's newest checks, as far as these still count, with their age."""
    checks = (known.find_fresh(host, area, now) for area in known.areas)
    return tuple(_add_age(finding, check.at, now) for check in checks if check is not None for finding in check.findings)


def _add_age(finding: Finding, at: datetime, now: datetime) -> Finding:
    """Adds the age of a check to its finding, rounded down, unless it is as good as new."""
    if now - at < RECENT:
        return finding.model_copy(update={"checked_at": at})
    age = Span(round_distance(now - at).total_seconds())
    short = Phrase("{subject}", subject=finding.subject) if finding.short is None else finding.short
    return finding.model_copy(
        update={
            "checked_at": at,
            "why": Phrase("checked {age} ago: {why}", age=age, why=finding.why),
            "short": Phrase("{what} (checked {age} ago)", what=short, age=age),
        }
    )


def make_remark(finding: Finding) -> Remark:
    """Makes the remark of a finding that was folded in."""
    return Remark(
        subject=finding.subject,
        severity=finding.severity,
        short=finding.short or finding.why,
        why=finding.why,
        reached=finding.reached,
        next=finding.next,
        checked_at=finding.checked_at,
    )


def list_responding(report: Report) -> tuple[str, ...]:
    """Lists the hosts of a health report that respond. Of others everything is unknown, and their finding says so."""
    silent = {finding.host for finding in report.findings if finding.subject == "host" and not finding.reached}
    return tuple(row.host for row in report.rows if row.host not in silent)


def build_unchecked_section(hosts: Sequence[str], known: KnownChecks, now: datetime) -> Section | None:
    """Builds the section of what is unknown, one line for areas that lack the same hosts; None if all is known."""
    lines = tuple(_describe_unchecked(hosts, known, now))
    return (
        Section(heading=Phrase("Unknown: no full check in the last 26 h, or since the last change"), lines=lines)
        if lines
        else None
    )


def _describe_unchecked(hosts: Sequence[str], known: KnownChecks, now: datetime) -> Iterator[Phrase]:
    alike: dict[tuple[str, ...], list[Area]] = {}
    for area in known.areas:
        unknown = known.list_unknown(hosts, area, now)
        alike.setdefault(tuple(host for host in hosts if host in unknown), []).append(area)
    for names, areas in alike.items():
        what = Listing(tuple(AREA_NAMES[area] for area in areas))
        if len(names) == len(hosts):
            yield Phrase("{items}", items=what)
        elif names:
            yield Phrase("{areas}: {hosts}", areas=what, hosts=list_some(names))


def suggest_checks(hosts: Sequence[str], known: KnownChecks, now: datetime) -> tuple[str, ...]:
    """Suggests the commands that check what is unknown: of a single host, or of all."""
    target = f" {hosts[0]}" if len(hosts) == 1 else ""
    return tuple(f"{READ_COMMANDS[area]}{target}" for area in known.areas if known.list_unknown(hosts, area, now))
