"""Judgments of hosts: answers become cells and remarks, in the same way for every check."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from adapters.errors import AuthenticationFailed, DeadlineExceeded, HostError, HostIdentityError, NotAsked, Unreachable
from adapters.gateway.api import GatewaySystem
from adapters.inventory import Host
from adapters.phrase import Listing, Phrase
from adapters.windows.system import ServiceStatus, WindowsSystem
from adapters.wsl.system import WslSystem
from commands.model.finding import Finding, Grade, Severity, list_some
from commands.model.report import Cell, Mark

CHECKS = {
    "nebula": Phrase("Nebula"),
    "gateway": Phrase("Gateway"),
    "api": Phrase("API"),
    "containers": Phrase("Containers"),
    "bridge": Phrase("Bridge"),
    "forwarding": Phrase("Forwarding"),
}
"""The checks by key, in the operators' order, with their headings."""


@dataclass(frozen=True)
class Remark:
    """One problem of a host, in a few words (`short`) and in a sentence with the fix (`why`).

    `reached` is False if the side did not answer. `parts` are the remarks that it summarizes. `next` is the command that
    fixes it or shows more. `checked_at` and `cause` as in `Finding`. `effect` is what it does to other hosts, for headlines.
    """

    subject: str
    severity: Severity
    short: Phrase
    why: Phrase
    reached: bool = True
    parts: "tuple[Remark, ...]" = ()
    next: str | None = None
    checked_at: datetime | None = None
    cause: str = ""
    effect: Phrase | None = None

    @property
    def grade(self) -> Grade:
        """The place of the remark in the order of every answer."""
        return Grade.of(self.severity, reached=self.reached)

    @property
    def headline(self) -> Phrase:
        """The problem in a few words, with its effect on other hosts."""
        if self.effect is None:
            return self.short
        return Phrase("{what} ({effect})", what=self.short, effect=self.effect)

    def build_finding(self, host: str, words: str | None = None) -> Finding:
        """Builds the finding for this host; `words` is the next command."""
        return Finding(
            severity=self.severity,
            host=host,
            subject=self.subject,
            why=self.why,
            next=words,
            reached=self.reached,
            short=self.short,
            checked_at=self.checked_at,
            cause=self.cause,
        )


class SideAnswers:
    """Answers of a host's sides; base of the answers to each read of several sides."""

    @property
    def answers(self) -> tuple[object, ...]:
        """Each side's answer or `HostError`, None for a side that the host does not have."""
        raise NotImplementedError

    @property
    def errors(self) -> tuple[HostError, ...]:
        """The errors of the sides that did not answer."""
        return tuple(said for said in self.answers if isinstance(said, HostError))

    @property
    def silent(self) -> bool:
        """True if the host has a side and none of its sides answered."""
        return bool(self.errors) and all(said is None or isinstance(said, HostError) for said in self.answers)

    @property
    def askable(self) -> bool:
        """True unless the bot itself lacked the resources to ask every side that did not answer (`NotAsked`)."""
        return not self.errors or not all(isinstance(error, NotAsked) for error in self.errors)


class ServiceStates(Protocol):
    """States of a Windows host's services, as several reads have them."""

    @property
    def nebula(self) -> ServiceStatus: ...

    @property
    def gateway(self) -> ServiceStatus: ...

    @property
    def nginx_processes(self) -> int: ...


class HostAnswers(Protocol):
    """Answers of a host's three sides, as far as the daily check judges them (`HealthAnswers`, `WatchAnswers`)."""

    @property
    def host(self) -> Host: ...

    @property
    def windows(self) -> ServiceStates | HostError | None: ...

    @property
    def wsl(self) -> WslSystem | HostError | None: ...

    @property
    def gateway(self) -> GatewaySystem | HostError | None: ...

    @property
    def ahead(self) -> float | None: ...

    @property
    def errors(self) -> tuple[HostError, ...]: ...

    @property
    def silent(self) -> bool: ...


@dataclass(frozen=True)
class HealthAnswers(SideAnswers):
    """Answers of a host's sides to `health`; None for a side that it does not have.

    `ahead`: seconds that the Windows clock is at least ahead of the bot's (negative: behind), given the time that the
    answer took; None if Windows did not answer.
    """

    host: Host
    windows: WindowsSystem | HostError | None
    wsl: WslSystem | HostError | None
    gateway: GatewaySystem | HostError | None
    ahead: float | None = None

    @property
    def answers(self) -> tuple[object, ...]:
        return self.windows, self.wsl, self.gateway


@dataclass(frozen=True)
class Judgment:
    """Judgment of a side or of a host: a cell for each check, and remarks."""

    cells: Mapping[str, Cell]
    remarks: tuple[Remark, ...] = ()

    @property
    def worst(self) -> tuple[Remark, ...]:
        """The remarks, worst first."""
        return tuple(sorted(self.remarks, key=lambda remark: remark.grade.rank))

    @property
    def causes(self) -> tuple[Remark, ...]:
        """The remarks that no other host's outage, and no other remark, explains; worst first."""
        return tuple(remark for remark in self.worst if not remark.cause)

    @property
    def severity(self) -> Severity | None:
        """Severity of the worst remark; None if there is none."""
        return self.worst[0].severity if self.remarks else None

    @property
    def reached(self) -> bool:
        """False if the worst remark says that something could not be read."""
        return not self.remarks or self.worst[0].reached

    @property
    def rank(self) -> int:
        """Rank of the worst remark: 0 is the worst. A judgment without remarks ranks last."""
        return Grade.of(self.severity, reached=self.reached).rank

    def suggest(self, command: str | None) -> "Judgment":
        """Returns the same judgment with `command` as the next one of every remark."""
        return replace(self, remarks=tuple(replace(remark, next=command) for remark in self.remarks))


def build_findings(host: str, remarks: Iterable[Remark], words: str) -> Iterator[Finding]:
    """Builds one finding for each remark, with the command that shows more. Details show the parts of a summary."""
    for remark in remarks:
        parts = tuple(part.build_finding(host, part.next) for part in remark.parts or (remark,))
        yield remark.build_finding(host, remark.next or words).model_copy(update={"parts": parts})


def make_healthy_check(key: str, text: Phrase, value: str) -> Judgment:
    """Makes the judgment of a healthy check."""
    return Judgment({key: Cell(text=text, value=value, mark=Mark.WELL)})


def make_unhealthy_check(key: str, text: Phrase, value: str, severity: Severity, why: Phrase) -> Judgment:
    """Makes the judgment of an unhealthy check, with its remark."""
    return make_remarked_check(key, Cell(text=text, value=value, mark=Mark.BAD), severity, why)


def make_unread_check(key: str, why: Phrase, what: Phrase | None = None) -> Judgment:
    """Makes the judgment of a check that could not be read although its side answered. `what` names it if it is not in
    `CHECKS`.
    """
    cell = Cell(text=Phrase("unavailable"), value="unread", mark=Mark.UNKNOWN)
    return make_remarked_check(key, cell, Severity.MEDIUM, why, what)


def make_remarked_check(key: str, cell: Cell, severity: Severity, why: Phrase, what: Phrase | None = None) -> Judgment:
    """Makes a check with a remark. `what` names it if it is not in `CHECKS`."""
    short = Phrase("{what} {state}", what=what or CHECKS[key], state=cell.text)
    return Judgment({key: cell}, (Remark(key, severity, short, why),))


def make_absent_checks(*keys: str) -> Judgment:
    """Makes the judgment of checks that do not apply to the host (N/A)."""
    return Judgment(dict.fromkeys(keys, Cell(text=Phrase("N/A"), mark=Mark.ABSENT)))


def merge_judgments(*judged: Judgment) -> Judgment:
    """Merges judgments: all cells and all remarks."""
    cells = {key: cell for each in judged for key, cell in each.cells.items()}
    return Judgment(cells, tuple(remark for each in judged for remark in each.remarks))


def make_unanswered_checks(subject: str, side: Phrase, keys: Sequence[str], error: HostError) -> Judgment:
    """Makes the judgment of a side that did not answer: all its checks are unknown, with one remark for all."""
    cell = Cell(text=_describe_failure(error), value=error.kind, mark=Mark.UNKNOWN)
    short = Phrase("{what} {state}", what=side, state=cell.text)
    return Judgment(
        dict.fromkeys(keys, cell), (Remark(subject, Severity.HIGH, short, explain_no_answer(side, error), reached=False),)
    )


def merge_silent_sides(errors: Sequence[HostError], sides: Judgment) -> Judgment:
    """Merges the remarks of a host of which no side answered into one."""
    states = tuple(dict.fromkeys(_describe_failure(error) for error in errors))
    short = states[0] if len(states) == 1 else Phrase("no response")
    why = sides.remarks[0].why if len(sides.remarks) == 1 else _explain_silent_host(errors)
    return Judgment(sides.cells, (Remark("host", Severity.HIGH, short, why, reached=False, parts=sides.remarks),))


def summarize_troubled(troubled: Sequence[tuple[Host, Judgment]], total: int, most: int) -> Phrase:
    """Summarizes how many of all hosts need attention, and the worst remark of the first few."""
    named = [Phrase("{host} {short}", host=host.name, short=_summarize_worst(judged)) for host, judged in troubled]
    return Phrase(
        "{n} of {total} hosts needs attention: {worst}",
        plural="{n} of {total} hosts need attention: {worst}",
        n=len(troubled),
        total=total,
        worst=list_some(named, most),
    )


def _summarize_worst(judged: Judgment) -> Phrase:
    """Summarizes the worst remark. One from a stored check never hides that the host does not respond now."""
    named = judged.causes or judged.worst
    worst, unread = named[0], next((remark for remark in named if not remark.reached), None)
    if worst.checked_at is None or unread is None:
        return worst.headline
    return list_some([unread.short, worst.short])


def _describe_failure(error: HostError) -> Phrase:
    """Describes in a word or two why a side did not answer."""
    match error:
        case Unreachable() | DeadlineExceeded():
            return Phrase("unreachable")
        case AuthenticationFailed():
            return Phrase("login rejected")
        case HostIdentityError():
            return Phrase("identity not verified")
        case NotAsked():
            return Phrase("not checked")
        case _:
            return Phrase("invalid response")


def describe_no_answer(error: HostError) -> Phrase:
    """Describes why a side did not answer, in words that stand alone."""
    match error:
        case Unreachable():
            return Phrase("no connection")
        case DeadlineExceeded():
            return Phrase("timed out")
        case _:
            return _describe_failure(error)


def explain_no_answer(side: Phrase, error: HostError) -> Phrase:
    """Explains why a side did not answer, in the words of its connection."""
    if isinstance(error, HostIdentityError):
        return Phrase("warning: {side} may not be the configured machine: {why}", side=side, why=error.phrase)
    return Phrase("{side}: {why}", side=side, why=error.phrase)


def _explain_silent_host(errors: Sequence[HostError]) -> Phrase:
    """Explains why no side answered, each cause once."""
    if all(isinstance(error, NotAsked) for error in errors):
        return Phrase("the host was not checked: {why}", why=errors[0].phrase)
    reasons = Listing(tuple(dict.fromkeys(describe_no_answer(error) for error in errors)))
    if all(isinstance(error, Unreachable | DeadlineExceeded) for error in errors):
        return Phrase("the host is not responding: {reasons}. Check that it is up and on the network", reasons=reasons)
    return Phrase("the host is not responding: {reasons}. Use --details to see each connection", reasons=reasons)
