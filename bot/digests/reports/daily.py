"""The digest: changes since the last one, current problems, certificates that expire first, pending requests. Pure.

    health and certificates of all hosts, stored checks ─┐
    locks, requests, audit log ─┬─────────────────────────┴─▶ DigestInput ─▶ Report
    last digest, observations ──┘

Later digests compare themselves with the built-in digest, and its reading of the hosts is stored as an observation. A digest
that a person requests or schedules is not stored. If the fleet is healthy, the digest is one line.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from adapters.inventory import RemovedHost
from adapters.phrase import Listing, Moment, Phrase, Span
from bot.alerts.reports.mutes import count_maintenance, is_in_maintenance
from bot.changes.reports.owed import build_owed_section
from bot.changes.rules.locks import describe_lock as told_of
from bot.digests.rules import (
    Baseline,
    DigestChanges,
    KnownFinding,
    Visibility,
    build_expiry_section,
    build_news,
    compare_findings,
    list_time_left,
)
from bot.hosts.reports import stages
from bot.model.alert import Mute
from bot.model.change import Change
from bot.model.lock import Lock
from bot.model.owed import OwedChange
from bot.security.untrusted_text import shorten
from bot.store.audit_head_file import Head
from bot.store.observations import Observation
from commands.health.fleet_report import MAX_NAMED
from commands.health.verdict import build_unchecked_section, fold_checks, list_responding, suggest_checks
from commands.model.chart import Chart
from commands.model.check import NO_CHECKS, Area, KnownChecks
from commands.model.finding import Finding, Severity, list_some, sort_worst_first
from commands.model.report import Report, Row, Section, rate_rows
from commands.model.suspension import Suspension

CHART_DAYS = 14
"""Days in the chart."""

MAX_COMMAND_LENGTH = 100
"""Characters of a command that a line repeats."""

MAX_NEXT_COMMANDS = 5
"""Maximum number of suggested commands."""


@dataclass(frozen=True)
class DigestInput:
    """Input of a digest. `earlier` is the last digest, `since` the observations of each host after it. `checks` are the
    newest ones of areas that it did not read. `maintenance` and `suspended` are the hosts whose problems are left out and
    counted, `muted` describes everything that hides alerts, `rotation` how far the change of the CA is. `removed` are the
    tombstones, `copies` the findings on copies of the bot that could not take over.

    `trouble` describes damage of the audit log, `head` is its newest event.
    """

    at: datetime
    hosts: tuple[str, ...]
    health: Report
    certificates: Report
    locks: tuple[Lock, ...] = ()
    waiting: tuple[Change, ...] = ()
    unknown: tuple[Change, ...] = ()
    owed: tuple[OwedChange, ...] = ()
    head: Head | None = None
    trouble: Phrase | None = None
    earlier: Baseline | None = None
    since: Mapping[str, Observation] | None = None
    chart: Chart | None = None
    checks: KnownChecks = NO_CHECKS
    maintenance: Mapping[str, Mute] = field(default_factory=dict)
    muted: Section | None = None
    rotation: Phrase | None = None
    suspended: Mapping[str, Suspension] = field(default_factory=dict)
    removed: tuple[RemovedHost, ...] = ()
    copies: tuple[Finding, ...] = ()

    @property
    def spared(self) -> frozenset[str]:
        """Hosts whose problems are left out and counted."""
        return frozenset({*self.maintenance, *self.suspended})


def compose_digest(seen: DigestInput) -> Report:
    """Composes the digest."""
    findings = _collect_findings(seen)
    changed = _find_changes(seen)
    well = not findings
    return Report(
        title=Phrase("Digest"),
        summary=_summarize_healthy(seen, changed) if well else _summarize(seen, findings, changed),
        columns=seen.health.show(details=False).columns,
        rows=_build_rows(seen, findings),
        findings=findings,
        news=_build_news(seen, changed, well),
        sections=tuple(section for section in _build_sections(seen, well) if section.lines),
        chart=seen.chart,
        brief=well,
        taken_at=seen.at,
        next=_suggest_next(seen, findings),
    )


def make_baseline(seen: DigestInput) -> Baseline:
    """Makes the baseline of the next digest: current findings, and earlier ones that could not be checked again."""
    known = tuple(KnownFinding.from_finding(finding) for finding in _collect_findings(seen) if finding.host)
    now = Baseline(at=seen.at, hosts=seen.hosts, known=known)
    if seen.earlier is None:
        return now
    return now.model_copy(update={"known": known + _compare(seen, seen.earlier, now).unverified})


def _find_changes(seen: DigestInput) -> DigestChanges:
    known = tuple(KnownFinding.from_finding(finding) for finding in _collect_findings(seen) if finding.host)
    if seen.earlier is None:
        return DigestChanges()
    return _compare(seen, seen.earlier, Baseline(at=seen.at, hosts=seen.hosts, known=known))


def _compare(seen: DigestInput, earlier: Baseline, now: Baseline) -> DigestChanges:
    unread = {area: seen.checks.list_unknown(seen.hosts, area, seen.at) for area in (Area.DISKS, Area.UPDATES)}
    sight = Visibility.from_reports(seen.health, seen.certificates, unread)
    hidden = frozenset((finding.host, finding.subject) for finding in _collect_hidden(seen))
    since = {host: looks for host, looks in (seen.since or {}).items() if host not in seen.spared}
    return compare_findings(earlier, now, sight.hide(seen.spared, hidden), since)


def _collect_findings(seen: DigestInput) -> tuple[Finding, ...]:
    """Collects the findings, without those that maintenance or a suspension hides."""
    return tuple(finding for finding in _collect_all(seen) if not is_in_maintenance(finding, seen.spared))


def _collect_hidden(seen: DigestInput) -> tuple[Finding, ...]:
    """Collects the findings that maintenance or a suspension hides."""
    spared = seen.spared
    return tuple(finding for finding in _collect_all(seen) if is_in_maintenance(finding, spared)) if spared else ()


def _collect_all(seen: DigestInput) -> tuple[Finding, ...]:
    """Collects the findings, each once: the certificate of an unreachable host is not reported separately."""
    health = seen.health.findings
    silent = {finding.host for finding in health if not finding.reached and finding.subject in ("host", "windows")}
    clocks = {finding.host for finding in health if finding.subject == "clock"}
    others = (
        finding
        for finding in seen.certificates.findings
        if (finding.reached or finding.host not in silent) and (finding.subject != "clock" or finding.host not in clocks)
    )
    folded = (finding for host in seen.hosts for finding in fold_checks(host, seen.checks, seen.at))
    return sort_worst_first((*_find_audit_problem(seen), *seen.copies, *health, *others, *folded))


def _find_audit_problem(seen: DigestInput) -> Iterator[Finding]:
    if seen.trouble is not None:
        short = Phrase("audit log inconsistent")
        yield Finding(severity=Severity.CRITICAL, host="", subject="audit", why=seen.trouble, short=short)


def _build_rows(seen: DigestInput, findings: Iterable[Finding]) -> tuple[Row, ...]:
    """Builds the rows of the health report; a certificate may raise the severity of a row.

    Suspended ones and those in maintenance have none: without their problems they would count as healthy.
    """
    rows = seen.health.show(details=False).rows
    return rate_rows((row for row in rows if row.host not in seen.spared), findings)


def _summarize_healthy(seen: DigestInput, changed: DigestChanges) -> Phrase:
    """Summarizes a healthy fleet in one line."""
    return join_clauses(
        [
            _summarize_health(seen),
            *_describe_counts(changed),
            *_describe_maintenance(seen),
            *_describe_first_expiry(seen),
            *_describe_head(seen),
        ]
    )


def _summarize_health(seen: DigestInput) -> Phrase:
    """Summarizes the health of the hosts. That of those in maintenance is left out if they have problems."""
    if not _collect_hidden(seen):
        return seen.health.summary
    others = len(seen.hosts) - len(seen.spared)
    if not others and seen.suspended:
        return Phrase("all hosts are suspended or in maintenance")
    if not others:
        return Phrase("all hosts are in maintenance")
    return Phrase("{n} other host is healthy", plural="all {n} other hosts are healthy", n=others)


def _describe_maintenance(seen: DigestInput) -> Iterator[Phrase]:
    hidden, suspended = _collect_hidden(seen), seen.suspended
    asleep = sum(is_in_maintenance(finding, suspended) for finding in hidden)
    if suspended:
        yield stages.count_suspended(len(suspended), asleep)
    if others := seen.spared.difference(suspended):
        yield count_maintenance(len(others), len(hidden) - asleep)


def _describe_counts(changed: DigestChanges) -> Iterator[Phrase]:
    if changed.counts:
        yield Phrase("{items}", items=Listing(changed.counts))


def _describe_first_expiry(seen: DigestInput) -> Iterator[Phrase]:
    for first in list_time_left(seen.certificates, seen.at)[:1]:
        yield Phrase(
            "the certificate of {name} expires first, in {n} day",
            plural="the certificate of {name} expires first, in {n} days",
            name=first.name,
            n=int(first.days),
        )


def _describe_head(seen: DigestInput) -> Iterator[Phrase]:
    if seen.head is not None:
        yield Phrase("audit log: event {n} ({mac})", n=seen.head.sequence, mac=seen.head.mac[:12])


def _describe_newest_event(seen: DigestInput) -> Iterator[Phrase]:
    if seen.head is not None:
        yield Phrase("latest event: {n} ({mac})", n=seen.head.sequence, mac=seen.head.mac[:12])


def _summarize(seen: DigestInput, findings: Sequence[Finding], changed: DigestChanges) -> Phrase:
    """Summarizes state, counts, the worst hosts and the number of changes, for a phone's notification."""
    doubts = [finding.short for finding in findings if not finding.host and finding.short is not None]
    attention = summarize_attention(findings, len(seen.hosts), _summarize_health(seen))
    return join_clauses([*doubts, attention, *_describe_counts(changed), *_describe_maintenance(seen)])


def summarize_attention(findings: Sequence[Finding], total: int, health: Phrase) -> Phrase:
    """Summarizes the hosts with a problem of their own. Returns `health` if there is none, or if no host is reachable."""
    hosts = {finding.host: finding for finding in reversed(findings) if finding.host and not finding.cause}
    silent = {finding.host for finding in findings if finding.subject == "host"}
    if len(silent) == total or not hosts:
        return health
    named = [
        Phrase("{host} {short}", host=finding.host, short=KnownFinding.from_finding(finding).short)
        for finding in findings
        if hosts.get(finding.host) is finding
    ]
    return Phrase(
        "{n} of {total} hosts needs attention: {worst}",
        plural="{n} of {total} hosts need attention: {worst}",
        n=len(hosts),
        total=total,
        worst=list_some(named, MAX_NAMED),
    )


def _build_news(seen: DigestInput, changed: DigestChanges, well: bool) -> Section | None:
    if seen.earlier is None:
        nothing = Phrase("no earlier digest to compare with")
        return Section(heading=Phrase("What changed"), lines=(nothing,))
    if not changed.lines and not well:
        return Section(heading=Phrase("Changes since {at}", at=Moment(seen.earlier.at)), lines=(Phrase("no changes"),))
    return build_news(seen.earlier, changed)


def _build_sections(seen: DigestInput, well: bool) -> Iterator[Section]:
    """Builds the sections. The summary of a healthy fleet already contains its certificates and the audit log."""
    if seen.muted is not None:
        yield seen.muted
    if not well:
        yield build_expiry_section(seen.certificates, seen.at)
    yield Section(heading=Phrase("Suspended hosts"), lines=stages.describe_suspensions(seen.suspended.values()))
    active = (lock for lock in seen.locks if lock.ends_at > seen.at)
    unchecked = build_unchecked_section(list_responding(seen.health), seen.checks, seen.at)
    if unchecked is not None:
        yield unchecked
    yield Section(heading=Phrase("Locks"), lines=tuple(map(told_of, active)))
    yield Section(heading=Phrase("CA rotation"), lines=() if seen.rotation is None else (seen.rotation,))
    yield build_owed_section(seen.owed, seen.at)
    yield Section(heading=Phrase("Removed hosts"), lines=tuple(stages.list_open_removals(seen.removed, seen.owed)))
    yield Section(heading=Phrase("Pending"), lines=tuple(_describe_waiting(change, seen.at) for change in seen.waiting))
    yield Section(heading=Phrase("Result unknown"), lines=tuple(map(_describe_unknown, seen.unknown)))
    if not well:
        yield Section(heading=Phrase("Audit log"), lines=tuple(_describe_newest_event(seen)))


def _describe_waiting(change: Change, at: datetime) -> Phrase:
    words, age = shorten(change.words, MAX_COMMAND_LENGTH), Span(max((at - change.asked_at).total_seconds(), 0.0))
    if change.break_glass is not None:
        return Phrase(
            "{words}, {operation}: ran without approval and is waiting for review (requested by {who} {age} ago)",
            words=words,
            operation=change.operation,
            who=change.requester,
            age=age,
        )
    return Phrase(
        "{words}, {operation}: waiting for approval (requested by {who} {age} ago)",
        words=words,
        operation=change.operation,
        who=change.requester,
        age=age,
    )


def _describe_unknown(change: Change) -> Phrase:
    return Phrase(
        "{words}, {operation}: check the hosts, then report the result",
        words=shorten(change.words, MAX_COMMAND_LENGTH),
        operation=change.operation,
    )


def _suggest_next(seen: DigestInput, findings: Sequence[Finding]) -> tuple[str, ...]:
    """Suggests commands, the most urgent first."""
    unknown = [f"op show {change.operation}" for change in seen.unknown]
    waiting = [*(["approval"] if seen.waiting else []), *(["owed"] if seen.owed else [])]
    doubt = ["audit verify"] if seen.trouble is not None else []
    mend = [finding.next for finding in findings if finding.next]
    checks = suggest_checks(list_responding(seen.health), seen.checks, seen.at)
    return tuple(
        dict.fromkeys(
            [
                *doubt,
                *unknown[:1],
                *mend,
                *waiting,
                *stages.list_removal_commands(seen.removed),
                *stages.list_resumes(seen.suspended),
                *checks,
            ]
        )
    )[:MAX_NEXT_COMMANDS]


def join_clauses(clauses: Sequence[Phrase]) -> Phrase:
    """Joins clauses to one phrase."""
    first, *others = clauses
    for each in others:
        first = Phrase("{first}. {second}", first=first, second=each)
    return first
