"""Findings: problems of hosts by severity."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Protocol

from adapters.phrase import Phrase
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


def get_rank(severity: Severity | None) -> int:
    """Returns the rank of a severity; None (healthy) ranks last."""
    return len(Severity) if severity is None else severity.rank


def find_worst(known: Severity | None, others: Iterable[Severity]) -> Severity | None:
    """Finds the worst severity; None if there is none."""
    return min((each for each in (known, *others) if each is not None), key=lambda each: each.rank, default=None)


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
    command if the reader may not run it.
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

    def filter_commands(self, judge: OfferJudge) -> "Finding":
        """Returns the finding with only those commands that the reader may run. It says whom to ask for another one."""
        parts = tuple(part.filter_commands(judge) for part in self.parts)
        if self.next is None or judge.may_run(self.next):
            return self.model_copy(update={"parts": parts})
        return self.model_copy(update={"next": None, "ask": judge.explain_withheld(self.next), "parts": parts})


def sort_worst_first(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Sorts findings by severity, then host, then subject."""
    return tuple(sorted(findings, key=lambda finding: (finding.severity.rank, finding.host, finding.subject)))


def find_worst_by_host(findings: Iterable[Finding]) -> dict[str, Severity]:
    """Finds the worst severity of each host. The findings must be sorted worst first."""
    found: dict[str, Severity] = {}
    for finding in findings:
        found.setdefault(finding.host, finding.severity)
    return found


def list_next_commands(findings: Iterable[Finding], most: int | None = None) -> tuple[str, ...]:
    """Lists the commands that findings suggest, each once, in their order, and at most so many."""
    return tuple(dict.fromkeys(finding.next for finding in findings if finding.next))[:most]


SEVERITY_NAMES = {
    Severity.CRITICAL: Phrase("critical"),
    Severity.HIGH: Phrase("high"),
    Severity.MEDIUM: Phrase("medium"),
    Severity.LOW: Phrase("low"),
}
