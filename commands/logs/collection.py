"""Reads logs on their hosts: the side of each log, and the lines of one log of one host.

host, source ─▶ action of its side ─▶ text or error ─ clock ─▶ lines with time and level
       └ the host's clock is off, and the query has times: read again, by that clock
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from adapters.action import Action
from adapters.errors import ActionFailed, AuthenticationFailed, DeadlineExceeded, HostError, HostIdentityError, Unreachable
from adapters.fleet import Seen
from adapters.host_clock import HostZone
from adapters.inventory import Host
from adapters.logs import LINES_LIMIT, Cut, LogText, Search
from adapters.phrase import Phrase
from adapters.windows.log_files import LOGS as WINDOWS
from adapters.windows.logs import ReadLog
from adapters.wsl.logs import NO_CONTAINER, ReadCni, ReadContainer, ReadPodman
from commands.checks.assessment import ahead, reason_of, why_silent
from commands.checks.gather import look_at_all
from commands.loglines.formats import Level
from commands.loglines.lines import CONTAINER, Line, Log, Origin, parse
from commands.loglines.merge import filtered, newest_within
from commands.loglines.patterns import within
from commands.loglines.redacted import without_secrets
from commands.model.finding import Finding, Severity
from commands.model.operation import View

SOURCES = (*WINDOWS, "cni", "podman")

MARGIN = timedelta(seconds=60)
"""Clock difference up to which `since` needs no second read: this much more is read, and older lines are dropped here.

`until` always needs one, because hosts return their newest lines, and too new ones would take the place of others.
"""

LOOKED = 50_000
"""Newest lines of all hosts together that are filtered here: by level, which hosts do not know, or by pattern, which may
match a secret only."""

_HANGING = 2
"""Consecutive timeouts after which no more logs of a side are read."""

JITTER = 1.0
"""Measuring error of a clock's offset, in seconds."""


@dataclass(frozen=True)
class Wanted:
    """Query for lines, by the bot's clock.

    `scanned_lines`: number of each host's newest lines that are filtered here, of which the newest `tail` matches are kept;
    0: `tail` lines are read. `max_bytes`: limit of the text that one log keeps, of its newest lines; None: no limit.
    """

    tail: int
    pattern: str = ""
    fixed: bool = False
    case: bool = False
    since: datetime | None = None
    until: datetime | None = None
    level: Level | None = None
    brought: int = 0
    room: int | None = None

    def misses(self, ahead: float) -> bool:
        """Returns whether a read misses lines if it ignores that the host's clock is this many seconds ahead."""
        far = self.since is not None and abs(ahead) > MARGIN.total_seconds()
        return far or (self.until is not None and ahead != 0)

    def search(self, ahead: float) -> Search:
        """Builds the search for a host whose clock is this many seconds ahead."""
        far = timedelta(seconds=ahead)
        return Search(
            tail=max(self.tail, self.brought),
            pattern=self.pattern,
            fixed=self.fixed,
            case=self.case,
            since=None if self.since is None else self.since + far - MARGIN,
            until=None if self.until is None else self.until + far,
        )


@dataclass(frozen=True)
class Got:
    """One log of one host, or its error; neither if the host has no such log.

    `dropped`: lines beyond `max_bytes`. `silent`: the whole side failed.
    """

    host: Host
    source: str
    log: Log | None = None
    error: HostError | None = None
    dropped: int = 0
    silent: bool = False


async def read_all(hosts: Iterable[Host], sources: Sequence[str], wanted: Wanted, view: View) -> tuple[Got, ...]:
    """Reads these logs on these hosts, all hosts concurrently. Results are in the order of hosts, then sources."""

    turn = asyncio.Lock()

    async def look(host: Host) -> list[Got]:
        async def read(source: str) -> Got:
            return await _read(host, source, wanted, view, turn)

        windows = [each for each in sources if _on_windows(each)]
        async with asyncio.TaskGroup() as group:
            in_turn = group.create_task(_in_turn(host, windows, read))
            at_once = [group.create_task(read(each)) for each in sources if each not in windows]
        found = (*in_turn.result(), *(task.result() for task in at_once))
        return sorted(found, key=lambda got: sources.index(got.source))

    return _without_strangers(tuple(got for each in await look_at_all(hosts, look, view) for got in each))


async def _in_turn(host: Host, sources: Sequence[str], read: Callable[[str], Awaitable[Got]]) -> list[Got]:
    """Reads the logs of Windows one after the other, and stops after an error of the whole side.

    Those of WSL2 are read concurrently: they share one connection, which fails once for all of them.
    """
    got: list[Got] = []
    for source in sources:
        away = _away(got)
        has = action_of(host, source, Search(tail=1)) is not None
        got.append(await read(source) if away is None or not has else Got(host, source, error=away))
    return got


def _on_windows(source: str) -> bool:
    return source in WINDOWS


def _away(got: Sequence[Got]) -> HostError | None:
    """Finds the error after which no more logs of a side are read; None if there is none.

    A single timeout may be a slow log, several in a row are a host that hangs.
    """
    for each in got:
        if each.silent:
            return each.error
    last = [each.error for each in got if each.log is not None or each.error is not None][-_HANGING:]
    hangs = len(last) == _HANGING and all(isinstance(error, DeadlineExceeded) for error in last)
    return last[-1] if hangs else None


def _silent(action: Action[LogText], error: HostError, age: float) -> bool:
    """Returns whether an error concerns the whole side rather than one log.

    That is a failed connection, or a timeout before the action's own deadline.
    """
    if isinstance(error, DeadlineExceeded):
        return age < action.deadline
    return isinstance(error, Unreachable | HostIdentityError | AuthenticationFailed)


def _without_strangers(got: tuple[Got, ...]) -> tuple[Got, ...]:
    """Drops errors of a missing container where another host has it. If no host has it, the errors are kept."""
    found = {each.source for each in got if each.log is not None}
    return tuple(Got(each.host, each.source) if each.source in found and _absent(each.error) else each for each in got)


def _absent(error: HostError | None) -> bool:
    return isinstance(error, ActionFailed) and error.code == NO_CONTAINER


def action_of(host: Host, source: str, search: Search) -> Action[LogText] | None:
    """Makes the action that reads a log of a host; None if the host has no such log."""
    match source:
        case "nebula":
            return ReadLog.of(host.windows, source, search) if host.windows is not None else None
        case "access" | "error":
            if host.windows is None or host.gateway is None:
                return None
            return ReadLog.of(host.windows, source, search)
        case "cni":
            return ReadCni.of(host.wsl, search) if host.wsl is not None else None
        case "podman":
            return ReadPodman.of(host.wsl, search) if host.wsl is not None else None
        case _:
            name = source.removeprefix(CONTAINER)
            return ReadContainer.of(host.wsl, name, search) if host.wsl is not None else None


def finding_of(got: Got) -> Finding:
    """Builds the finding of a log that could not be read."""
    assert got.error is not None
    reached = isinstance(got.error, ActionFailed)
    return Finding(
        severity=Severity.MEDIUM if reached else Severity.HIGH,
        host=got.host.name,
        subject=f"log {got.source}",
        why=why_silent(_side(got), got.error),
        next=None if reached else f"health {got.host.name} --details",
        reached=reached,
    )


def unread(got: Got) -> Phrase:
    """Describes in short the error of a log, where its details are shown elsewhere."""
    assert got.error is not None
    why = got.error.phrase if isinstance(got.error, ActionFailed) else reason_of(got.error)
    return Phrase("{side}: {why}", side=_side(got), why=why)


def told_by(findings: Iterable[Finding], got: Got) -> bool:
    """Returns whether findings of health report already that this host, or this side of it, does not answer."""
    subjects = ("host", "windows" if _on_windows(got.source) else "wsl")
    return any(each.host == got.host.name and each.subject in subjects and not each.reached for each in findings)


def _side(got: Got) -> Phrase:
    return Phrase("Windows") if _on_windows(got.source) else Phrase("WSL2")


async def _read(host: Host, source: str, wanted: Wanted, view: View, turn: asyncio.Lock) -> Got:
    """Reads one log. `turn` lets one thread at a time parse lines; several would not be faster, and delay the event loop."""
    action = action_of(host, source, wanted.search(0.0))
    if action is None:
        return Got(host, source)
    text, far, silent = await _asked(host, action, view)
    if not isinstance(text, HostError) and wanted.misses(far):
        again = action_of(host, source, wanted.search(far))
        assert again is not None
        text, far, silent = await _asked(host, again, view)
    if isinstance(text, HostError):
        return Got(host, source, error=text, silent=silent)
    origin = Origin(host=host.name, source=source, now=view.now(), ahead=far, zone=_zone(text))
    async with turn:
        log = await asyncio.to_thread(_parsed, text, origin, wanted, view.clean)  # half a megabyte takes a tenth of a second
    log = _newest(_within(log, wanted), wanted)
    kept = log.lines if wanted.room is None else newest_within(log.lines, wanted.room, _bytes_of)
    return Got(host, source, log=log.model_copy(update={"lines": kept}), dropped=len(log.lines) - len(kept))


def _bytes_of(line: Line) -> int:
    return len(line.text.encode("utf-8", "surrogatepass"))


async def _asked(host: Host, action: Action[LogText], view: View) -> tuple[LogText | HostError, float, bool]:
    """Returns a host's answer, the seconds that its clock is ahead, and whether its whole side failed."""
    seen: Seen[LogText] = await view.fleet.look(host, action)
    if isinstance(seen.said, HostError):
        return seen.said, 0.0, _silent(action, seen.said, seen.age)
    return seen.said, _ahead(seen.said, seen.age, view), False


def _ahead(text: LogText, age: float, view: View) -> float:
    """Computes the seconds that the host's clock is ahead; 0 below `CLOCK_JITTER`."""
    far = 0.0 if text.clock is None else ahead(text.clock, view.now(), age)
    return far if abs(far) >= JITTER else 0.0


def _zone(text: LogText) -> tzinfo | None:
    """Returns the zone of local times in a text, from the host's own offsets; None if they are unknown."""
    return HostZone(text.offsets) if text.offsets else None


def _parsed(text: LogText, origin: Origin, wanted: Wanted, clean: Callable[[str], str]) -> Log:
    fits = within(wanted.pattern, fixed=wanted.fixed, case=wanted.case) if wanted.pattern else None
    lines = without_secrets(text.lines, clean, fits)
    encoding = "utf-8" if wanted.pattern else text.encoding  # otherwise the encoding could reveal dropped lines
    return parse(text.model_copy(update={"lines": lines, "cut": text.cut - {Cut.LONG}, "encoding": encoding}), origin)


def brought(hosts: int) -> int:
    """Computes the number of each host's lines that are filtered here."""
    return min(LINES_LIMIT, LOOKED // max(1, hosts))


def _newest(log: Log, wanted: Wanted) -> Log:
    """Selects the newest lines of the query's level from those that are filtered here."""
    if not wanted.brought:
        return log
    fitting = filtered(log.lines, wanted.level)
    if len(fitting) > wanted.tail:
        return log.model_copy(update={"lines": fitting[-wanted.tail :], "cut": log.cut - {Cut.BYTES} | {Cut.LINES}})
    if wanted.level is None or Cut.LINES not in log.cut:
        return log.model_copy(update={"lines": fitting})
    return log.model_copy(update={"lines": fitting, "cut": log.cut - {Cut.LINES} | {Cut.LEVEL}})


def _within(log: Log, wanted: Wanted) -> Log:
    """Drops lines outside of the query's times, which the margin added. Lines of unknown time are kept.

    If the first line is too old, no limit has cut off younger ones.
    """
    since, until = wanted.since, wanted.until
    young = tuple(line for line in log.lines if line.at is None or since is None or line.at >= since)
    kept = tuple(line for line in young if line.at is None or until is None or line.at <= until)
    whole = log.lines[:1] != young[:1]
    cut = log.cut - {Cut.LINES, Cut.BYTES} if whole else log.cut
    return log.model_copy(update={"lines": kept, "cut": cut})
