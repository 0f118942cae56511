"""What a digest compares itself with: what was wrong then, and what has changed since. Pure.

    then ─┬─ gone, and the host was read ─▶ mended
          ├─ gone, and nobody could look ─▶ neither mended nor new: kept for the next comparison
          └─ still there ─▶ nothing, or worse, or better
    now ─── was not there ─▶ new
    in between ─ not well in some looks, and well then and now ─▶ healed by itself

Findings are the same where host and subject are.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import AwareDatetime, ValidationError

from adapters.phrase import Moment, Phrase
from adapters.value import Value
from bot.store.observations import Observation
from commands.checks.assessment import CHECKS
from commands.model.finding import Finding, Severity
from commands.model.phrases import some
from commands.model.report import Mark, Report, Section

Key = tuple[str, str]
"""A host and a subject."""

SIDES = frozenset({"host", "windows", "wsl", "clock"})
"""What health says beside its checks. A host of which no side answers is silent in all of them; Windows tells the clock."""


class Known(Value):
    """One thing that was wrong, in a few words."""

    host: str
    subject: str
    severity: Severity
    short: Phrase

    @property
    def key(self) -> Key:
        return self.host, self.subject

    @classmethod
    def of(cls, finding: Finding) -> "Known":
        return cls(
            host=finding.host,
            subject=finding.subject,
            severity=finding.severity,
            short=finding.short or Phrase("{subject}", subject=finding.subject),
        )


class Baseline(Value):
    """What a digest found at some time: the hosts that there were, and what was wrong with them."""

    at: AwareDatetime
    hosts: tuple[str, ...]
    known: tuple[Known, ...]

    @classmethod
    def read(cls, document: str | None) -> "Baseline | None":
        """From its JSON; None where there is none that this version of the bot can read."""
        try:
            return None if document is None else cls.model_validate_json(document)
        except ValidationError:
            return None


@dataclass(frozen=True)
class Sight:
    """What could be looked at now: the marks of the checks, and the sides and certificates of which nothing is known."""

    marks: Mapping[Key, Mark]
    silent: frozenset[Key]
    unread: frozenset[str]

    @classmethod
    def of(cls, health: Report, certificates: Report) -> "Sight":
        keys = [column.key for column in health.columns]
        return cls(
            marks={
                (row.host, key): cell.mark
                for row in health.rows
                for key, cell in zip(keys, row.cells, strict=True)
                if key in CHECKS
            },
            silent=frozenset((each.host, each.subject) for each in health.findings if not each.reached),
            unread=frozenset(certificates.unreached),
        )

    def reaches(self, host: str, subject: str) -> bool:
        """Whether it would be known now if this were still wrong."""
        mark = self.marks.get((host, subject))
        if mark is not None:
            return mark is not Mark.UNKNOWN
        if subject in SIDES:
            telling = {"host", subject, "windows"} if subject == "clock" else {"host", subject}
            return not any((host, each) in self.silent for each in telling)
        if subject.startswith("ca-"):
            return not self.unread  # any host may be the one that still trusts it
        return host not in self.unread


@dataclass(frozen=True)
class Changed:
    """What has changed between two digests; `open` is what nobody could look at again."""

    new: tuple[Known, ...] = ()
    worse: tuple[Known, ...] = ()
    better: tuple[Known, ...] = ()
    mended: tuple[Known, ...] = ()
    open: tuple[Known, ...] = ()
    came: tuple[str, ...] = ()
    went: tuple[str, ...] = ()
    healed: tuple[Phrase, ...] = ()

    @property
    def lines(self) -> tuple[Phrase, ...]:
        """In sentences, what matters most first; hosts of which the same is to be said together."""
        return (
            *(Phrase("new: {hosts}: {what}", hosts=hosts, what=what) for hosts, what in _alike(self.new)),
            *(Phrase("worse: {hosts}: {what}", hosts=hosts, what=what) for hosts, what in _alike(self.worse)),
            *(Phrase("mended: {hosts}: {what}", hosts=hosts, what=what) for hosts, what in _alike(self.mended)),
            *(Phrase("better: {hosts}: {what}", hosts=hosts, what=what) for hosts, what in _alike(self.better)),
            *self.healed,
            *(Phrase("{host} is new in the inventory", host=host) for host in self.came),
            *(Phrase("{host} is no longer in the inventory", host=host) for host in self.went),
        )

    @property
    def counts(self) -> tuple[Phrase, ...]:
        """How many, for a phone's notification."""
        return tuple(
            phrase
            for n, phrase in (
                (len(self.new), Phrase("{n} new", n=len(self.new))),
                (len(self.worse), Phrase("{n} worse", n=len(self.worse))),
                (len(self.mended), Phrase("{n} mended", n=len(self.mended))),
            )
            if n
        )


def compared(earlier: Baseline, now: Baseline, sight: Sight, since: Mapping[str, Observation]) -> Changed:
    """What has changed since `earlier`; `since` is what was seen in between, by host."""
    then, today = _worst(earlier.known), _worst(now.known)
    both = [(then[key], each) for key, each in today.items() if key in then]
    went = tuple(host for host in earlier.hosts if host not in now.hosts)
    gone = [each for key, each in then.items() if key not in today and each.host not in went]
    return Changed(
        new=tuple(each for key, each in today.items() if key not in then),
        worse=tuple(each for before, each in both if each.severity.rank < before.severity.rank),
        better=tuple(each for before, each in both if each.severity.rank > before.severity.rank),
        mended=tuple(each for each in gone if sight.reaches(*each.key)),
        open=tuple(each for each in gone if not sight.reaches(*each.key)),
        came=tuple(host for host in now.hosts if host not in earlier.hosts),
        went=went,
        healed=tuple(line for host in now.hosts if host in since for line in _healed(since[host], {**then, **today}, sight)),
    )


def told(earlier: Baseline, changed: Changed) -> Section | None:
    """The news; None where there is none."""
    lines = changed.lines
    return Section(heading=Phrase("Since {at}", at=Moment(earlier.at)), lines=lines) if lines else None


def _healed(seen: Observation, told_of: Mapping[Key, Known], sight: Sight) -> Iterator[Phrase]:
    """What was not well in between only: nobody was told of it."""
    host, looks = seen.host, seen.looks
    if seen.unreached and (host, "host") not in told_of:
        n = seen.unreached
        yield Phrase("{host}: not reached in {n} of {looks} looks, and answers now", host=host, n=n, looks=looks)
    for check, heading in CHECKS.items():
        n = seen.failed.get(check, 0)
        if n and sight.marks.get((host, check)) is Mark.WELL and (host, check) not in told_of:
            yield Phrase(
                "{host}: {check} was not well in {n} of {looks} looks, and is well now",
                host=host,
                check=heading,
                n=n,
                looks=looks,
            )


def _worst(known: Iterable[Known]) -> Mapping[Key, Known]:
    """One for each host and subject, the worst one."""
    worst: dict[Key, Known] = {}
    for each in sorted(known, key=lambda each: (each.severity.rank, each.key)):
        worst.setdefault(each.key, each)
    return worst


def _alike(known: Sequence[Known]) -> Iterator[tuple[Phrase, Phrase]]:
    """Hosts by what is to be said of them."""
    hosts: dict[Phrase, list[str]] = {}
    for each in known:
        hosts.setdefault(each.short, []).append(each.host)
    for short, names in hosts.items():
        yield some(list(dict.fromkeys(names))), short
