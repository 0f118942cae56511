"""What is to be said of a host: what was seen becomes cells and remarks, one way for every check."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.errors import AuthenticationFailed, DeadlineExceeded, HostError, HostIdentityError, Unreachable
from adapters.gateway.api import GatewaySystem
from adapters.inventory import Host
from adapters.phrase import Listing, Phrase
from adapters.windows.system import WindowsSystem
from adapters.wsl.system import WslSystem
from commands.findings import Severity
from commands.report import Cell, Mark

CHECKS = {
    "nebula": Phrase("Nebula"),
    "gateway": Phrase("Gateway"),
    "api": Phrase("API"),
    "containers": Phrase("Containers"),
    "bridge": Phrase("Bridge"),
    "forwarding": Phrase("Forwarding"),
}
"""The checks by key, in the operators' order, with their headings."""

NAMED = 5
"""Containers or peers that a remark names; more are counted."""


@dataclass(frozen=True)
class Remark:
    """One thing that somebody should know of a host, in a few words and in a sentence.

    `reached` is False where the side did not answer.
    """

    subject: str
    severity: Severity
    short: Phrase
    why: Phrase
    reached: bool = True


@dataclass(frozen=True)
class Looked:
    """What the sides of a host said; None for a side that it does not have.

    `ahead`: seconds that the Windows clock is ahead of the bot's (negative: behind), as far as the
    time that the answer took allows to say; None where Windows did not answer.
    """

    host: Host
    windows: WindowsSystem | HostError | None
    wsl: WslSystem | HostError | None
    gateway: GatewaySystem | HostError | None
    ahead: float | None = None

    @property
    def silent(self) -> bool:
        """Nothing at all was heard of this host."""
        return all(said is None or isinstance(said, HostError) for said in (self.windows, self.wsl, self.gateway))


@dataclass(frozen=True)
class Judged:
    """What is to be said of a side, or of a host: a cell for each check, and remarks."""

    cells: Mapping[str, Cell]
    remarks: tuple[Remark, ...] = ()

    @property
    def worst(self) -> tuple[Remark, ...]:
        """The remarks, worst first."""
        return tuple(sorted(self.remarks, key=lambda remark: remark.severity.rank))

    @property
    def severity(self) -> Severity | None:
        """The worst remark's; None where all is well."""
        return self.worst[0].severity if self.remarks else None


def well(key: str, text: Phrase, value: str) -> Judged:
    return Judged({key: Cell(text=text, value=value, mark=Mark.WELL)})


def bad(key: str, text: Phrase, value: str, severity: Severity, why: Phrase) -> Judged:
    return remarked(key, Cell(text=text, value=value, mark=Mark.BAD), severity, why)


def unread(key: str, why: Phrase) -> Judged:
    """The side answered, and this part of it could not be read."""
    cell = Cell(text=Phrase("could not be read"), value="unread", mark=Mark.UNKNOWN)
    return remarked(key, cell, Severity.MEDIUM, why)


def remarked(key: str, cell: Cell, severity: Severity, why: Phrase) -> Judged:
    """A check that somebody should know of."""
    short = Phrase("{what} {state}", what=CHECKS[key], state=cell.text)
    return Judged({key: cell}, (Remark(key, severity, short, why),))


def absent(*keys: str) -> Judged:
    """Checks of what this host does not have."""
    return Judged(dict.fromkeys(keys, Cell(text=Phrase("n/a"), mark=Mark.ABSENT)))


def together(*judged: Judged) -> Judged:
    cells = {key: cell for each in judged for key, cell in each.cells.items()}
    return Judged(cells, tuple(remark for each in judged for remark in each.remarks))


def unanswered(subject: str, side: Phrase, keys: Sequence[str], error: HostError) -> Judged:
    """A side that did not answer: its checks are unknown, with one remark for all of them."""
    severity, state, why = _silence(side, error)
    cell = Cell(text=state, value=error.kind, mark=Mark.UNKNOWN)
    short = Phrase("{what} {state}", what=side, state=state)
    return Judged(dict.fromkeys(keys, cell), (Remark(subject, severity, short, why, reached=False),))


def some(items: Sequence[Phrase | str], most: int = NAMED) -> Phrase:
    """The first few, and how many more."""
    named = Listing(tuple(items[:most]))
    if len(items) <= most:
        return Phrase("{items}", items=named)
    return Phrase("{items} and {n} more", items=named, n=len(items) - most)


def _silence(side: Phrase, error: HostError) -> tuple[Severity, Phrase, Phrase]:
    """How bad it is that a side did not answer, in a word and in a sentence."""
    match error:
        case Unreachable() | DeadlineExceeded():
            why = Phrase("{side} was not reached: {why}", side=side, why=error.phrase)
            return Severity.HIGH, Phrase("not reached"), why
        case AuthenticationFailed():
            why = Phrase("{side} did not accept the bot's log-in: {why}", side=side, why=error.phrase)
            return Severity.HIGH, Phrase("log-in refused"), why
        case HostIdentityError():
            why = Phrase(
                "warning: {side} does not prove to be the machine that the bot knows; it may be another one: {why}",
                side=side,
                why=error.phrase,
            )
            return Severity.HIGH, Phrase("identity in doubt"), why
        case _:
            why = Phrase("{side} gave no answer that can be used: {why}", side=side, why=error.phrase)
            return Severity.MEDIUM, Phrase("no usable answer"), why
