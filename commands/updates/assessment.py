"""Judges pending updates: the answers of both sides become cells and remarks. Pure.

| subject | good |
| --- | --- |
| windows, wsl | no security update is pending |
| windows-scan, wsl-lists | searched at most 7 days ago: older results do not cover newer updates |
| windows-restart, wsl-restart | none is pending |
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.errors import HostError
from adapters.inventory import Host
from adapters.phrase import Listing, Phrase, Span
from adapters.windows.updates import Unsearched, Update, WindowsUpdates
from adapters.wsl.podman import Unread
from adapters.wsl.updates import Package, WslUpdates
from commands.checks.assessment import Answers, Judged, Remark, absent, silent, together, unanswered
from commands.model.finding import Severity
from commands.model.phrases import some
from commands.model.report import Cell, Column, Mark
from commands.values.arguments import shown

FRESH = timedelta(days=7)
"""Maximum age of a search. Both sides search daily by themselves; a week without a search is a fault."""

NAMES_LIMIT = 30
"""Maximum updates or packages shown by name; more are counted. The data has all of them."""

CELLS = (
    Column(key="windows", heading=Phrase("Windows")),
    Column(key="windows_scan", heading=Phrase("Windows looked")),
    Column(key="wsl", heading=Phrase("WSL2")),
    Column(key="wsl_lists", heading=Phrase("WSL2 looked")),
    Column(key="restart", heading=Phrase("Restart")),
    Column(key="windows_updates", heading=Phrase("Windows updates"), detail=True),
    Column(key="wsl_packages", heading=Phrase("WSL2 packages"), detail=True),
)


@dataclass(frozen=True)
class Looked(Answers):
    """Answers of both sides of a host; None for a side that it does not have."""

    host: Host
    windows: WindowsUpdates | HostError | None
    wsl: WslUpdates | HostError | None

    @property
    def said(self) -> tuple[object, ...]:
        return self.windows, self.wsl


@dataclass(frozen=True)
class Side:
    """Keys and texts of one side: its name, and how to install updates, search again and restart."""

    key: str
    age: str
    names: str
    name: Phrase
    install: Phrase
    refresh: Phrase
    restart: Phrase


WINDOWS = Side(
    key="windows",
    age="windows_scan",
    names="windows_updates",
    name=Phrase("Windows"),
    install=Phrase("to install, on the host: Settings, Windows Update"),
    refresh=Phrase(
        "to look again, on the host as an administrator: (New-Object -ComObject Microsoft.Update.AutoUpdate).DetectNow()"
    ),
    restart=Phrase("Windows: a restart is awaited to finish updates; restart the host when nobody needs it"),
)
WSL = Side(
    key="wsl",
    age="wsl_lists",
    names="wsl_packages",
    name=Phrase("WSL2"),
    install=Phrase("to install, in WSL2: sudo apt upgrade"),
    refresh=Phrase("to look again, in WSL2: sudo apt update"),
    restart=Phrase(
        "WSL2: a restart is awaited to finish updates; when nobody needs the containers, on the host: wsl --shutdown"
    ),
)


@dataclass(frozen=True)
class Named:
    """Names of one update, short and full; `critical`: a worm could exploit the vulnerability that it fixes."""

    short: str
    full: str
    critical: bool = False


@dataclass(frozen=True)
class Pending:
    """Pending updates of one side as of `known_at`; None if that time is unknown.

    `unlisted` counts updates without a name, which are not for security; `kept_back` those not to be installed yet.
    """

    security: Sequence[Named]
    other: Sequence[Named]
    known_at: datetime | None
    unlisted: int = 0
    kept: int = 0

    @property
    def others(self) -> int:
        """Number of updates that are not for security."""
        return len(self.other) + self.unlisted


def judge(looked: Looked, now: datetime) -> Judged:
    """Judges the updates of one host."""
    judged = together(judge_windows(looked.windows, now), judge_wsl(looked.wsl, now), judge_restart(looked))
    return silent(looked.errors, judged) if looked.silent else judged


def judge_windows(said: WindowsUpdates | HostError | None, now: datetime) -> Judged:
    """Judges the result of Windows Update."""
    if not isinstance(said, WindowsUpdates):
        return _no_answer(WINDOWS, said)
    if isinstance(said.updates, Unsearched):
        return _unread(WINDOWS, said.updates.phrase, _age(said.searched_at, now))
    security = sorted(map(_update, (each for each in said.updates if each.security)), key=lambda each: not each.critical)
    other = [_update(each) for each in said.updates if not each.security]
    unlisted = max(said.total - len(said.updates), 0)
    return _pending(WINDOWS, Pending(security, other, said.searched_at, unlisted=unlisted), now)


def judge_wsl(said: WslUpdates | HostError | None, now: datetime) -> Judged:
    """Judges the upgrades of apt."""
    if not isinstance(said, WslUpdates):
        return _no_answer(WSL, said)
    if isinstance(said.packages, Unread):
        return _unread(WSL, said.packages.phrase, _age(said.listed_at, now))
    security = [_package(each) for each in said.packages if each.security]
    other = [_package(each) for each in said.packages if not each.security]
    return _pending(WSL, Pending(security, other, said.listed_at, kept=said.kept), now)


def judge_restart(looked: Looked) -> Judged:
    """Judges pending restarts. That of a side that did not answer is unknown."""
    told = {
        side: None if isinstance(said, HostError) else said.restart
        for side, said in ((WINDOWS, looked.windows), (WSL, looked.wsl))
        if said is not None
    }
    awaiting = [side for side, restart in told.items() if restart]
    if awaiting:
        text = Phrase("{sides}", sides=Listing(tuple(side.name for side in awaiting)))
        cell = Cell(text=text, value=" ".join(side.key for side in awaiting), mark=Mark.BAD)
        return Judged({"restart": cell}, tuple(map(_restart, awaiting)))
    if not told:
        return absent("restart")
    if None in told.values():
        return Judged({"restart": Cell(text=Phrase("not known"), mark=Mark.UNKNOWN)})
    return Judged({"restart": Cell(text=Phrase("no"), value="", mark=Mark.WELL)})


def _restart(side: Side) -> Remark:
    return Remark(f"{side.key}-restart", Severity.LOW, Phrase("restart awaited ({side})", side=side.name), side.restart)


def _update(update: Update) -> Named:
    articles = " ".join(f"KB{article}" for article in update.articles)
    return Named(articles or shown(update.title), update.title, update.rating == "Critical")


def _package(package: Package) -> Named:
    return Named(package.name, f"{package.name} {package.candidate}")


def _no_answer(side: Side, error: HostError | None) -> Judged:
    keys = (side.key, side.age, side.names)
    return absent(*keys) if error is None else unanswered(side.key, side.name, keys, error)


def _unread(side: Side, why: Phrase, age: float | None) -> Judged:
    """Judges a side that answered, but could not read its pending updates: unknown, never none."""
    unknown = Cell(text=Phrase("could not be read"), value="unread", mark=Mark.UNKNOWN)
    short = Phrase("updates could not be read ({side})", side=side.name)
    why = Phrase("{side}: pending updates could not be read: {why}", side=side.name, why=why)
    cells = {side.key: unknown, side.age: _age_cell(age), side.names: unknown}
    return Judged(cells, (Remark(side.key, Severity.MEDIUM, short, why),))


def _pending(side: Side, pending: Pending, now: datetime) -> Judged:
    age = _age(pending.known_at, now)
    stale = age is None or age > FRESH.total_seconds()
    cells = {side.key: _count_cell(pending, stale=stale), side.age: _age_cell(age), side.names: _names_cell(pending)}
    remarks = (*_waiting(side, pending.security), *([_stale(side, age)] if stale else []))
    return Judged(cells, remarks)


def _waiting(side: Side, security: Sequence[Named]) -> Iterator[Remark]:
    if not security:
        return
    n = len(security)
    why = Phrase(
        "{side}: {n} security update is pending: {names}; {install}",
        plural="{side}: {n} security updates are pending: {names}; {install}",
        side=side.name,
        n=n,
        names=some([_critical(each, each.short) for each in security]),
        install=side.install,
    )
    short = Phrase("{n} security update ({side})", plural="{n} security updates ({side})", n=n, side=side.name)
    critical = any(each.critical for each in security)
    yield Remark(side.key, Severity.HIGH if critical else Severity.MEDIUM, short, why)


def _stale(side: Side, age: float | None) -> Remark:
    subject = side.age.replace("_", "-")
    if age is None:
        why = Phrase(
            "{side}: when updates were last looked for is not known; {refresh}", side=side.name, refresh=side.refresh
        )
        return Remark(subject, Severity.LOW, Phrase("age of its updates not known ({side})", side=side.name), why)
    why = Phrase(
        "{side}: updates were last looked for {age} ago, so newer ones are not known; {refresh}",
        side=side.name,
        age=Span(age),
        refresh=side.refresh,
    )
    short = Phrase("updates last looked for {age} ago ({side})", age=Span(age), side=side.name)
    return Remark(subject, Severity.LOW, short, why)


def _age(known_at: datetime | None, now: datetime) -> float | None:
    """Computes the age in seconds, at least 0: a host's clock may be ahead."""
    return None if known_at is None else max((now - known_at).total_seconds(), 0.0)


def _age_cell(age: float | None) -> Cell:
    if age is None:
        return Cell(text=Phrase("not known"), mark=Mark.UNKNOWN)
    mark = Mark.BAD if age > FRESH.total_seconds() else Mark.PLAIN
    return Cell(text=Phrase("{time} ago", time=Span(age)), value=round(age), mark=mark)


def _count_cell(pending: Pending, *, stale: bool) -> Cell:
    """Builds the cell with the number of updates, those for security as data. A stale search proves no absence."""
    n = len(pending.security)
    if n:
        return Cell(text=_count(n, pending.others), value=n, mark=Mark.BAD)
    if stale:
        return Cell(text=Phrase("none known"), mark=Mark.UNKNOWN)
    return Cell(text=_count(n, pending.others), value=n, mark=Mark.WELL)


def _count(security: int, other: int) -> Phrase:
    if not other:
        return Phrase("{n} security", n=security) if security else Phrase("none")
    if not security:
        return Phrase("{n} other", n=other)
    return Phrase("{security} security, {other} other", security=security, other=other)


def _names_cell(pending: Pending) -> Cell:
    """Builds the cell with the names of updates, those for security first."""
    names = [*pending.security, *pending.other]
    value = ", ".join(each.short for each in names)
    text = some([_critical(each, each.full) for each in names], NAMES_LIMIT) if names else Phrase("none")
    if pending.kept:
        text = Phrase("{names}; {n} kept back by apt", names=text, n=pending.kept)
    return Cell(text=text, value=value)


def _critical(update: Named, name: str) -> Phrase | str:
    return Phrase("{update} (critical)", update=name) if update.critical else name
