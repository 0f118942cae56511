"""Findings: problems of hosts by severity.

Phrases that several commands share.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import reduce
from typing import Protocol

from pydantic import AwareDatetime

from adapters.phrase import Listing, Moment, Phrase, Span
from adapters.value import Value


class Severity(StrEnum):
    """The operators' severities: critical is answered in 15 min, high in 1 h, medium in 4 h, low next day."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return list(Severity).index(self)


class Grade(StrEnum):
    """Grades of what a report judges, in the one order of every answer: the worst first.

    A state that could not be read is less urgent than a problem of high severity, and more than one of medium severity.
    """

    CRITICAL = "critical"
    HIGH = "high"
    UNKNOWN = "unknown"
    MEDIUM = "medium"
    LOW = "low"
    WELL = "well"

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return _RANKS[self]

    @classmethod
    def of(cls, severity: Severity | None, *, reached: bool = True) -> "Grade":
        """Returns the grade of a problem, or of something without one. `reached` is False if it could not be read."""
        if severity is None:
            return cls.WELL
        return cls(severity.value) if reached else cls.UNKNOWN


_RANKS = {grade: rank for rank, grade in enumerate(Grade)}


def find_worst(grades: Iterable[Grade]) -> Grade:
    """Finds the worst grade; `WELL` if there is none."""
    return min(grades, key=lambda grade: grade.rank, default=Grade.WELL)


class OfferJudge(Protocol):
    """Judge of the commands that an answer offers, on behalf of its reader."""

    def may_run(self, words: str) -> bool:
        """Returns whether the reader may run this command."""

    def explain_withheld(self, words: str) -> Phrase:
        """Explains whom the reader can ask to run this command."""


class Finding(Value):
    """One problem: its host, its severity, the reason, and the next command.

    `reached` is False if the host could not be read, so its state is unknown rather than bad. With details a report shows
    `parts` in place of the finding. `short` is the reason in a few words, if there is one. `ask` stands in place of the next
    command if the reader may not run it. `checked_at` is the time of the stored check that the finding was taken from; None
    if it was read for this answer. `cause` is the host whose outage explains it, "" if it is a problem of its own.
    """

    severity: Severity
    host: str
    subject: str
    why: Phrase
    next: str | None = None
    reached: bool = True
    parts: "tuple[Finding, ...]" = ()
    short: Phrase | None = None
    ask: Phrase | None = None
    checked_at: AwareDatetime | None = None
    cause: str = ""

    @property
    def grade(self) -> Grade:
        """The place of the finding in the order of every answer."""
        return Grade.of(self.severity, reached=self.reached)

    def filter_commands(self, judge: OfferJudge) -> "Finding":
        """Returns the finding with only those commands that the reader may run. It says whom to ask for another one."""
        parts = tuple(part.filter_commands(judge) for part in self.parts)
        if self.next is None or judge.may_run(self.next):
            return self.model_copy(update={"parts": parts})
        return self.model_copy(update={"next": None, "ask": judge.explain_withheld(self.next), "parts": parts})

    def drop_commands(self) -> "Finding":
        """Returns the finding without commands."""
        return self.model_copy(update={"next": None, "parts": tuple(part.drop_commands() for part in self.parts)})


def sort_worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sorts findings by grade. Those of the same grade keep their order, which is that of the rows."""
    return tuple(sorted(findings, key=lambda finding: finding.grade.rank))


def find_worst_by_host(findings: Iterable[Finding]) -> dict[str, Finding]:
    """Finds the worst finding of each host, the worst host first. The findings must be sorted worst first."""
    found: dict[str, Finding] = {}
    for finding in findings:
        found.setdefault(finding.host, finding)
    return found


def list_next_commands(findings: Iterable[Finding], most: int | None = None) -> tuple[str, ...]:
    """Lists the commands that findings suggest, each once, in their order, and at most so many."""
    return tuple(dict.fromkeys(finding.next for finding in findings if finding.next))[:most]


GRADE_NAMES = {
    Grade.CRITICAL: Phrase("critical"),
    Grade.HIGH: Phrase("high"),
    Grade.UNKNOWN: Phrase("unknown"),
    Grade.MEDIUM: Phrase("medium"),
    Grade.LOW: Phrase("low"),
    Grade.WELL: Phrase("healthy"),
}


NO_HOSTS = Phrase("no hosts configured. Add them to the configuration file")

MAX_LISTED = 5
"""Maximum containers or peers named in a remark; more are counted."""


_UNITS = tuple(timedelta(**{unit: 1}) for unit in ("days", "hours", "minutes"))
"""Units of a distance in time, the largest first."""


def round_distance(distance: timedelta) -> timedelta:
    """Rounds a distance in time down, to the largest unit of which there are at least two, else to a minute.

    A day and 23 hours do not become one day.
    """
    unit = next((unit for unit in _UNITS if distance >= 2 * unit), _UNITS[-1])
    return distance // unit * unit


def relate_moment(at: datetime, now: datetime) -> Phrase:
    """Relates a time to now: `2027-11-28 09:10 JST (in 20 days)`. Both are aware.

    Below a minute it is now. The distance stays as it is in a stored report, whose `taken_at` tells what it refers to.
    """
    span = Span(round_distance(abs(at - now)).total_seconds())
    if not span.seconds:
        return Phrase("{at} (now)", at=Moment(at))
    if at > now:
        return Phrase("{at} (in {span})", at=Moment(at), span=span)
    return Phrase("{at} ({span} ago)", at=Moment(at), span=span)


def list_some(items: Sequence[Phrase | str], most: int = MAX_LISTED) -> Phrase:
    """Lists the first few items and the number of further ones."""
    if len(items) <= most:
        return Phrase("{items}", items=Listing(tuple(items)))
    named = reduce(lambda before, item: Phrase("{before}, {item}", before=before, item=item), items[:most])
    return Phrase("{items} and {n} more", items=named, n=len(items) - most)
