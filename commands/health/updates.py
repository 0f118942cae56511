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
from adapters.windows.updates import UnreadUpdates, Update, WindowsUpdates
from adapters.wsl.podman import UnreadPart
from adapters.wsl.updates import Package, WslUpdates
from commands.health.assessment import (
    Judgment,
    Remark,
    SideAnswers,
    make_absent_checks,
    make_unanswered_checks,
    merge_judgments,
    merge_silent_sides,
)
from commands.model.finding import Severity, list_some
from commands.model.report import Cell, Column, Mark
from commands.values.arguments import shorten_argument

MAX_AGE = timedelta(days=7)
"""Maximum age of a search. Both sides search daily by themselves; a week without a search is a fault."""

MAX_NAMED = 30
"""Maximum updates or packages shown by name; more are counted. The data has all of them."""

CELL_COLUMNS = (
    Column(key="windows", heading=Phrase("Windows")),
    Column(key="windows_scan", heading=Phrase("Windows last checked")),
    Column(key="wsl", heading=Phrase("WSL2")),
    Column(key="wsl_lists", heading=Phrase("WSL2 last checked")),
    Column(key="restart", heading=Phrase("Restart")),
    Column(key="windows_updates", heading=Phrase("Windows updates"), detail=True),
    Column(key="wsl_packages", heading=Phrase("WSL2 packages"), detail=True),
)


@dataclass(frozen=True)
class UpdateAnswers(SideAnswers):
    """Answers of both sides of a host; None for a side that it does not have."""

    host: Host
    windows: WindowsUpdates | HostError | None
    wsl: WslUpdates | HostError | None

    @property
    def answers(self) -> tuple[object, ...]:
        return self.windows, self.wsl


@dataclass(frozen=True)
class UpdateSide:
    """Keys and texts of one side: its name, and how to install updates, search again and restart."""

    key: str
    age_key: str
    names_key: str
    name: Phrase
    install: Phrase
    refresh: Phrase
    restart: Phrase


WINDOWS_SIDE = UpdateSide(
    key="windows",
    age_key="windows_scan",
    names_key="windows_updates",
    name=Phrase("Windows"),
    install=Phrase("Install on the host under Settings > Windows Update"),
    refresh=Phrase(
        "To check again, run on the host as an administrator: (New-Object -ComObject "
        "Microsoft.Update.AutoUpdate).DetectNow()"
    ),
    restart=Phrase("Windows: restart required to finish updates. Restart the host when it is not in use"),
)
WSL_SIDE = UpdateSide(
    key="wsl",
    age_key="wsl_lists",
    names_key="wsl_packages",
    name=Phrase("WSL2"),
    install=Phrase("To install, run in WSL2: sudo apt upgrade"),
    refresh=Phrase("To check again, run in WSL2: sudo apt update"),
    restart=Phrase(
        "WSL2: restart required to finish updates. When the containers are not in use, run on the host: wsl --shutdown"
    ),
)


@dataclass(frozen=True)
class NamedUpdate:
    """Names of one update, short and full; `critical`: a worm could exploit the vulnerability that it fixes."""

    short: str
    full: str
    critical: bool = False


@dataclass(frozen=True)
class PendingUpdates:
    """Pending updates of one side as of `known_at`; None if that time is unknown.

    `unlisted` counts updates without a name, which are not for security; `kept_back` those not to be installed yet.
    """

    security: Sequence[NamedUpdate]
    other: Sequence[NamedUpdate]
    known_at: datetime | None
    unlisted: int = 0
    kept_back: int = 0

    @property
    def other_count(self) -> int:
        """Number of updates that are not for security."""
        return len(self.other) + self.unlisted


def judge_updates(looked: UpdateAnswers, now: datetime) -> Judgment:
    """Judges the updates of one host."""
    judged = merge_judgments(
        judge_windows_updates(looked.windows, now), judge_wsl_updates(looked.wsl, now), judge_restart(looked)
    )
    return merge_silent_sides(looked.errors, judged) if looked.silent else judged


def judge_windows_updates(said: WindowsUpdates | HostError | None, now: datetime) -> Judgment:
    """Judges the result of Windows Update."""
    if not isinstance(said, WindowsUpdates):
        return _judge_no_answer(WINDOWS_SIDE, said)
    if isinstance(said.updates, UnreadUpdates):
        return _judge_unread(WINDOWS_SIDE, said.updates.phrase, _compute_age(said.searched_at, now))
    security = sorted(
        map(_name_update, (each for each in said.updates if each.security)), key=lambda each: not each.critical
    )
    other = [_name_update(each) for each in said.updates if not each.security]
    unlisted = max(said.total - len(said.updates), 0)
    return _judge_pending(WINDOWS_SIDE, PendingUpdates(security, other, said.searched_at, unlisted=unlisted), now)


def judge_wsl_updates(said: WslUpdates | HostError | None, now: datetime) -> Judgment:
    """Judges the upgrades of apt."""
    if not isinstance(said, WslUpdates):
        return _judge_no_answer(WSL_SIDE, said)
    if isinstance(said.packages, UnreadPart):
        return _judge_unread(WSL_SIDE, said.packages.phrase, _compute_age(said.listed_at, now))
    security = [_name_package(each) for each in said.packages if each.security]
    other = [_name_package(each) for each in said.packages if not each.security]
    return _judge_pending(WSL_SIDE, PendingUpdates(security, other, said.listed_at, kept_back=said.kept), now)


def judge_restart(looked: UpdateAnswers) -> Judgment:
    """Judges pending restarts. That of a side that did not answer is unknown."""
    told = {
        side: None if isinstance(said, HostError) else said.restart
        for side, said in ((WINDOWS_SIDE, looked.windows), (WSL_SIDE, looked.wsl))
        if said is not None
    }
    awaiting = [side for side, restart in told.items() if restart]
    if awaiting:
        text = Phrase("{sides}", sides=Listing(tuple(side.name for side in awaiting)))
        cell = Cell(text=text, value=" ".join(side.key for side in awaiting), mark=Mark.BAD)
        return Judgment({"restart": cell}, tuple(map(_build_restart_remark, awaiting)))
    if not told:
        return make_absent_checks("restart")
    if None in told.values():
        return Judgment({"restart": Cell(text=Phrase("unknown"), mark=Mark.UNKNOWN)})
    return Judgment({"restart": Cell(text=Phrase("no", context="restart"), value="", mark=Mark.WELL)})


def _build_restart_remark(side: UpdateSide) -> Remark:
    return Remark(f"{side.key}-restart", Severity.LOW, Phrase("restart required ({side})", side=side.name), side.restart)


def _name_update(update: Update) -> NamedUpdate:
    articles = " ".join(f"KB{article}" for article in update.articles)
    return NamedUpdate(articles or shorten_argument(update.title), update.title, update.rating == "Critical")


def _name_package(package: Package) -> NamedUpdate:
    return NamedUpdate(package.name, f"{package.name} {package.candidate}")


def _judge_no_answer(side: UpdateSide, error: HostError | None) -> Judgment:
    keys = (side.key, side.age_key, side.names_key)
    return make_absent_checks(*keys) if error is None else make_unanswered_checks(side.key, side.name, keys, error)


def _judge_unread(side: UpdateSide, why: Phrase, age: float | None) -> Judgment:
    """Judges a side that answered, but could not read its pending updates: unknown, never none."""
    unknown = Cell(text=Phrase("unavailable"), value="unread", mark=Mark.UNKNOWN)
    short = Phrase("updates unavailable ({side})", side=side.name)
    why = Phrase("{side}: could not read pending updates: {why}", side=side.name, why=why)
    cells = {side.key: unknown, side.age_key: _build_age_cell(age), side.names_key: unknown}
    return Judgment(cells, (Remark(side.key, Severity.MEDIUM, short, why),))


def _judge_pending(side: UpdateSide, pending: PendingUpdates, now: datetime) -> Judgment:
    age = _compute_age(pending.known_at, now)
    stale = age is None or age > MAX_AGE.total_seconds()
    cells = {
        side.key: _build_count_cell(pending, stale=stale),
        side.age_key: _build_age_cell(age),
        side.names_key: _build_names_cell(pending),
    }
    remarks = (*_build_security_remarks(side, pending.security), *([_build_stale_remark(side, age)] if stale else []))
    return Judgment(cells, remarks)


def _build_security_remarks(side: UpdateSide, security: Sequence[NamedUpdate]) -> Iterator[Remark]:
    if not security:
        return
    n = len(security)
    why = Phrase(
        "{side}: {n} security update is pending: {names}. {install}",
        plural="{side}: {n} security updates are pending: {names}. {install}",
        side=side.name,
        n=n,
        names=list_some([_mark_critical(each, each.short) for each in security]),
        install=side.install,
    )
    short = Phrase("{n} security update ({side})", plural="{n} security updates ({side})", n=n, side=side.name)
    critical = any(each.critical for each in security)
    yield Remark(side.key, Severity.HIGH if critical else Severity.MEDIUM, short, why)


def _build_stale_remark(side: UpdateSide, age: float | None) -> Remark:
    subject = side.age_key.replace("_", "-")
    if age is None:
        why = Phrase("{side}: last update check unknown. {refresh}", side=side.name, refresh=side.refresh)
        return Remark(subject, Severity.LOW, Phrase("last update check unknown ({side})", side=side.name), why)
    why = Phrase(
        "{side}: updates last checked {age} ago, newer ones are unknown. {refresh}",
        side=side.name,
        age=Span(age),
        refresh=side.refresh,
    )
    short = Phrase("updates last checked {age} ago ({side})", age=Span(age), side=side.name)
    return Remark(subject, Severity.LOW, short, why)


def _compute_age(known_at: datetime | None, now: datetime) -> float | None:
    """Computes the age in seconds, at least 0: a host's clock may be ahead."""
    return None if known_at is None else max((now - known_at).total_seconds(), 0.0)


def _build_age_cell(age: float | None) -> Cell:
    if age is None:
        return Cell(text=Phrase("unknown"), mark=Mark.UNKNOWN)
    mark = Mark.BAD if age > MAX_AGE.total_seconds() else Mark.PLAIN
    return Cell(text=Phrase("{time} ago", time=Span(age)), value=round(age), mark=mark)


def _build_count_cell(pending: PendingUpdates, *, stale: bool) -> Cell:
    """Builds the cell with the number of updates, those for security as data. A stale search proves no absence."""
    n = len(pending.security)
    if n:
        return Cell(text=_describe_count(n, pending.other_count), value=n, mark=Mark.BAD)
    if stale:
        return Cell(text=Phrase("none found"), mark=Mark.UNKNOWN)
    return Cell(text=_describe_count(n, pending.other_count), value=n, mark=Mark.WELL)


def _describe_count(security: int, other: int) -> Phrase:
    if not other:
        return Phrase("{n} security", n=security) if security else Phrase("none")
    if not security:
        return Phrase("{n} other", n=other)
    return Phrase("{security} security, {other} other", security=security, other=other)


def _build_names_cell(pending: PendingUpdates) -> Cell:
    """Builds the cell with the names of updates, those for security first."""
    names = [*pending.security, *pending.other]
    value = ", ".join(each.short for each in names)
    text = list_some([_mark_critical(each, each.full) for each in names], MAX_NAMED) if names else Phrase("none")
    if pending.kept_back:
        text = Phrase("{names} ({n} more held back by apt)", names=text, n=pending.kept_back)
    return Cell(text=text, value=value)


def _mark_critical(update: NamedUpdate, name: str) -> Phrase | str:
    return Phrase("{update} (critical)", update=name) if update.critical else name
