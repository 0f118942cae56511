"""Comparison of a digest with the one before: earlier findings against current ones. Pure.

    then ─┬─ gone, and the host was read ─▶ fixed
          ├─ gone, and the host could not be read ─▶ unverified: kept for the next comparison
          └─ still there ─▶ unchanged, worse, or better
    now ─── was not there ─▶ new
    in between ─ unhealthy in some observations, healthy then and now ─▶ recovered by itself

Two findings are the same if their hosts and subjects are equal.

Certificates that expire first, in the digest and the weekly report. Pure.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pydantic import AwareDatetime, ValidationError

from adapters.phrase import Moment, Phrase
from adapters.value import Value
from bot.model.alert import CA_PREFIX
from bot.store.observations import Observation
from commands.certificates.rotation.column import is_replaced
from commands.certificates.table import format_days_left
from commands.health.assessment import CHECKS
from commands.health.disks import DISK_SUBJECTS
from commands.health.log_rotation import LOG_SUBJECT
from commands.health.verdict import UPDATE_PREFIX
from commands.model.chart import CertificateExpiry
from commands.model.check import Area
from commands.model.finding import Finding, Severity, list_some
from commands.model.report import Mark, Report, Section
from commands.values.arguments import shorten_argument

FindingKey = tuple[str, str]
"""Identity of a finding: host and subject."""

WINDOWS_SUBJECTS = frozenset({"clock", LOG_SUBJECT})
"""Subjects of health findings that Windows reports."""

SIDE_SUBJECTS = frozenset({"host", "windows", "wsl"}) | WINDOWS_SUBJECTS
"""Subjects of health findings that are not checks. An unreachable host is silent in all."""


class KnownFinding(Value):
    """One finding of a digest, with a short text."""

    host: str
    subject: str
    severity: Severity
    short: Phrase

    @property
    def key(self) -> FindingKey:
        """The identity of the finding."""
        return self.host, self.subject

    @classmethod
    def from_finding(cls, finding: Finding) -> "KnownFinding":
        return cls(
            host=finding.host,
            subject=finding.subject,
            severity=finding.severity,
            short=finding.short or Phrase("{subject}", subject=finding.subject),
        )


class Baseline(Value):
    """Stored result of a digest: time, hosts of the inventory, and their findings."""

    at: AwareDatetime
    hosts: tuple[str, ...]
    known: tuple[KnownFinding, ...]

    @classmethod
    def from_json(cls, document: str | None) -> "Baseline | None":
        """Parses the stored JSON; None if there is none, or none that this version can read."""
        try:
            return None if document is None else cls.model_validate_json(document)
        except ValidationError:
            return None


@dataclass(frozen=True)
class Visibility:
    """Readability of the hosts now: the marks of the checks, unreachable sides, and hosts of which an area is unknown.

    `muted` are hosts, and `hidden` findings, that maintenance hides. They are neither reported nor resolved.
    """

    marks: Mapping[FindingKey, Mark]
    silent: frozenset[FindingKey]
    unread: Mapping[Area, frozenset[str]]
    muted: frozenset[str] = frozenset()
    hidden: frozenset[FindingKey] = frozenset()

    @classmethod
    def from_reports(
        cls, health: Report, certificates: Report, unread: Mapping[Area, frozenset[str]] | None = None
    ) -> "Visibility":
        keys = [column.key for column in health.columns]
        return cls(
            marks={
                (row.host, key): cell.mark
                for row in health.rows
                for key, cell in zip(keys, row.cells, strict=True)
                if key in CHECKS
            },
            silent=frozenset((each.host, each.subject) for each in health.findings if not each.reached),
            unread={**(unread or {}), Area.CERTIFICATES: frozenset(certificates.unreached_hosts)},
        )

    def hide(self, muted: frozenset[str], hidden: frozenset[FindingKey]) -> "Visibility":
        """Returns the readability without what maintenance hides."""
        return replace(self, muted=muted, hidden=hidden)

    def is_visible(self, host: str, subject: str) -> bool:
        """Returns whether this finding would be visible now if it still existed."""
        if (host, subject) in self.hidden or (host in self.muted and not subject.startswith(CA_PREFIX)):
            return False
        mark = self.marks.get((host, subject))
        if mark is not None:
            return mark is not Mark.UNKNOWN
        if subject in SIDE_SUBJECTS:
            telling = {"host", subject, "windows"} if subject in WINDOWS_SUBJECTS else {"host", subject}
            return not any((host, each) in self.silent for each in telling)
        if subject.startswith(CA_PREFIX):
            return not self.unread[Area.CERTIFICATES]  # any host may be the one that still trusts it
        return host not in self.unread.get(_find_area(subject), ())


def _find_area(subject: str) -> Area:
    """Finds the area that a finding belongs to by its subject."""
    if subject.startswith(UPDATE_PREFIX):
        return Area.UPDATES
    return Area.DISKS if subject in DISK_SUBJECTS else Area.CERTIFICATES


@dataclass(frozen=True)
class DigestChanges:
    """Changes between two digests. `unverified` are earlier findings that could not be checked again."""

    new: tuple[KnownFinding, ...] = ()
    worse: tuple[KnownFinding, ...] = ()
    better: tuple[KnownFinding, ...] = ()
    fixed: tuple[KnownFinding, ...] = ()
    unverified: tuple[KnownFinding, ...] = ()
    added_hosts: tuple[str, ...] = ()
    removed_hosts: tuple[str, ...] = ()
    recovered: tuple[Phrase, ...] = ()

    @property
    def lines(self) -> tuple[Phrase, ...]:
        """The changes as sentences, the most important first. Hosts with the same change share a line."""
        return (
            *(Phrase("new: {hosts}: {what}", hosts=hosts, what=what) for hosts, what in _group_by_text(self.new)),
            *(Phrase("worsened: {hosts}: {what}", hosts=hosts, what=what) for hosts, what in _group_by_text(self.worse)),
            *(Phrase("resolved: {hosts}: {what}", hosts=hosts, what=what) for hosts, what in _group_by_text(self.fixed)),
            *(Phrase("improved: {hosts}: {what}", hosts=hosts, what=what) for hosts, what in _group_by_text(self.better)),
            *self.recovered,
            *(Phrase("{host} was added to the configuration", host=host) for host in self.added_hosts),
            *(Phrase("{host} was removed from the configuration", host=host) for host in self.removed_hosts),
        )

    @property
    def counts(self) -> tuple[Phrase, ...]:
        """The numbers of changes, for a phone's notification."""
        return tuple(
            phrase
            for n, phrase in (
                (len(self.new), Phrase("{n} new", n=len(self.new))),
                (len(self.worse), Phrase("{n} worsened", n=len(self.worse))),
                (len(self.fixed), Phrase("{n} resolved", n=len(self.fixed))),
            )
            if n
        )


def compare_findings(earlier: Baseline, now: Baseline, sight: Visibility, since: Mapping[str, Observation]) -> DigestChanges:
    """Compares two digests; `since` are the observations in between, by host."""
    then, today = _find_worst(earlier.known), _find_worst(now.known)
    both = [(then[key], each) for key, each in today.items() if key in then]
    went = tuple(host for host in earlier.hosts if host not in now.hosts)
    gone = [each for key, each in then.items() if key not in today and each.host not in went]
    return DigestChanges(
        new=tuple(each for key, each in today.items() if key not in then),
        worse=tuple(each for before, each in both if each.severity.rank < before.severity.rank),
        better=tuple(each for before, each in both if each.severity.rank > before.severity.rank),
        fixed=tuple(each for each in gone if sight.is_visible(*each.key)),
        unverified=tuple(each for each in gone if not sight.is_visible(*each.key)),
        added_hosts=tuple(host for host in now.hosts if host not in earlier.hosts),
        removed_hosts=went,
        recovered=tuple(
            line
            for host in now.hosts
            if host in since
            for line in _describe_recovered(since[host], {**then, **today}, sight)
        ),
    )


def build_news(earlier: Baseline, changed: DigestChanges) -> Section | None:
    """Builds the section of news; None if nothing changed."""
    lines = changed.lines
    return Section(heading=Phrase("Changes since {at}", at=Moment(earlier.at)), lines=lines) if lines else None


def _describe_recovered(
    seen: Observation, told_of: Mapping[FindingKey, KnownFinding], sight: Visibility
) -> Iterator[Phrase]:
    """Describes trouble in between that no digest reported, because it was over."""
    host, looks = seen.host, seen.observation_count
    if seen.unreached and (host, "host") not in told_of:
        n = seen.unreached
        yield Phrase("{host}: unreachable in {n} of {looks} checks, now responding", host=host, n=n, looks=looks)
    for check, heading in CHECKS.items():
        n = seen.failed.get(check, 0)
        if n and sight.marks.get((host, check)) is Mark.WELL and (host, check) not in told_of:
            yield Phrase(
                "{host}: {check} unhealthy in {n} of {looks} checks, now healthy",
                host=host,
                check=heading,
                n=n,
                looks=looks,
            )


def _find_worst(known: Iterable[KnownFinding]) -> Mapping[FindingKey, KnownFinding]:
    """Returns the worst finding for each host and subject."""
    worst: dict[FindingKey, KnownFinding] = {}
    for each in sorted(known, key=lambda each: (each.severity.rank, each.key)):
        worst.setdefault(each.key, each)
    return worst


def _group_by_text(known: Sequence[KnownFinding]) -> Iterator[tuple[Phrase, Phrase]]:
    """Groups hosts by the text of their findings."""
    hosts: dict[Phrase, list[str]] = {}
    for each in known:
        hosts.setdefault(each.short, []).append(each.host)
    for short, names in hosts.items():
        yield list_some(list(dict.fromkeys(names))), short


MAX_CERTIFICATES = 5
"""Maximum number of listed certificates."""


def list_time_left(certificates: Report, at: datetime) -> tuple[CertificateExpiry, ...]:
    """Lists the remaining time of each certificate whose expiry is known, soonest first.

    A CA that is being replaced is left out: the alert on its change says when its end matters.
    """
    keys = [column.key for column in certificates.columns]
    cells = [dict(zip(keys, row.cells, strict=True)) for row in certificates.rows]
    known = (
        CertificateExpiry(
            name=shorten_argument(str(each["host"].value)),
            authority=each["kind"].value == "ca",
            days=(datetime.fromisoformat(ends) - at) / timedelta(days=1),
        )
        for each in cells
        if each["ends_at"].mark is Mark.PLAIN and isinstance(ends := each["ends_at"].value, str) and not is_replaced(each)
    )
    return tuple(sorted(known, key=lambda each: (each.days, each.name)))


def build_expiry_section(certificates: Report, at: datetime) -> Section:
    """Builds the section of the certificates that expire first, and of the hosts whose certificates are unknown."""
    return Section(heading=Phrase("Next certificates to expire"), lines=tuple(_describe_soonest(certificates, at)))


def _describe_soonest(certificates: Report, at: datetime) -> Iterator[Phrase]:
    for each in list_time_left(certificates, at)[:MAX_CERTIFICATES]:
        name = Phrase("CA {name}", name=each.name) if each.authority else each.name
        yield Phrase("{name}: {left}", name=name, left=format_days_left(timedelta(days=each.days)))
    if certificates.unreached_hosts:
        yield Phrase("unknown: {hosts}", hosts=list_some(certificates.unreached_hosts))
