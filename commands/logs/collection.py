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
from adapters.fleet import ReadResult
from adapters.host_clock import HostZone, compute_clock_offset
from adapters.inventory import Host
from adapters.logs import LINES_LIMIT, LogSearch, LogText, Truncation
from adapters.phrase import Phrase
from adapters.windows.log_files import LOGS as WINDOWS
from adapters.windows.logs import ReadLog
from adapters.wsl.logs import NO_CONTAINER, ReadCni, ReadContainer, ReadPodman
from commands.health.assessment import describe_no_answer, explain_no_answer
from commands.health.fleet_report import read_all_hosts
from commands.log_lines.formats import Level
from commands.log_lines.groups import filter_lines, take_newest
from commands.log_lines.lines import CONTAINER_PREFIX, HostLog, LogLine, LogOrigin, count_podman_time, parse_log
from commands.log_lines.patterns import make_part_matcher
from commands.log_lines.redaction import redact_and_filter
from commands.model.finding import Finding, Severity
from commands.model.operation import FleetView

LOG_SOURCES = (*WINDOWS, "cni", "podman")

CLOCK_MARGIN = timedelta(seconds=60)
"""Clock difference up to which `since` needs no second read: this much more is read, and older lines are dropped here.

`until` always needs one, because hosts return their newest lines, and too new ones would take the place of others.
"""

SCANNED_LINES_LIMIT = 50_000
"""Newest lines of all hosts together that are filtered here.

Levels are filtered here because hosts do not know them, patterns because they may match a secret only.
"""

_MAX_TIMEOUTS = 2
"""Consecutive timeouts after which no more logs of a side are read."""

CLOCK_JITTER = 1.0
"""Measuring error of a clock's offset, in seconds."""


@dataclass(frozen=True)
class LogQuery:
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
    scanned_lines: int = 0
    max_bytes: int | None = None

    def misses_lines(self, ahead: float) -> bool:
        """Returns whether a read misses lines if it ignores that the host's clock is this many seconds ahead."""
        far = self.since is not None and abs(ahead) > CLOCK_MARGIN.total_seconds()
        return far or (self.until is not None and ahead != 0)

    def build_search(self, ahead: float) -> LogSearch:
        """Builds the search for a host whose clock is this many seconds ahead."""
        far = timedelta(seconds=ahead)
        return LogSearch(
            tail=max(self.tail, self.scanned_lines),
            pattern=self.pattern,
            fixed=self.fixed,
            case=self.case,
            since=None if self.since is None else self.since + far - CLOCK_MARGIN,
            until=None if self.until is None else self.until + far,
        )


@dataclass(frozen=True)
class CollectedLog:
    """One log of one host, or its error; neither if the host has no such log.

    `dropped`: lines beyond `max_bytes`. `silent`: the whole side failed.
    """

    host: Host
    source: str
    log: HostLog | None = None
    error: HostError | None = None
    dropped: int = 0
    silent: bool = False


async def read_logs(
    hosts: Iterable[Host], sources: Sequence[str], wanted: LogQuery, view: FleetView
) -> tuple[CollectedLog, ...]:
    """Reads these logs on these hosts, all hosts concurrently. Results are in the order of hosts, then sources."""

    turn = asyncio.Lock()

    async def look(host: Host) -> list[CollectedLog]:
        async def read(source: str) -> CollectedLog:
            return await _read_log(host, source, wanted, view, turn)

        windows = [each for each in sources if _is_windows_source(each)]
        async with asyncio.TaskGroup() as group:
            in_turn = group.create_task(_read_in_turn(host, windows, read))
            at_once = [group.create_task(read(each)) for each in sources if each not in windows]
        found = (*in_turn.result(), *(task.result() for task in at_once))
        return sorted(found, key=lambda got: sources.index(got.source))

    return _drop_foreign_containers(tuple(got for each in await read_all_hosts(hosts, look, view) for got in each))


async def _read_in_turn(
    host: Host, sources: Sequence[str], read: Callable[[str], Awaitable[CollectedLog]]
) -> list[CollectedLog]:
    """Reads the logs of Windows one after the other, and stops after an error of the whole side.

    Those of WSL2 are read concurrently: they share one connection, which fails once for all of them.
    """
    got: list[CollectedLog] = []
    for source in sources:
        away = _find_blocking_error(got)
        has = make_read_action(host, source, LogSearch(tail=1)) is not None
        got.append(await read(source) if away is None or not has else CollectedLog(host, source, error=away))
    return got


def _is_windows_source(source: str) -> bool:
    return source in WINDOWS


def _find_blocking_error(got: Sequence[CollectedLog]) -> HostError | None:
    """Finds the error after which no more logs of a side are read; None if there is none.

    A single timeout may be a slow log, several in a row are a host that hangs.
    """
    for each in got:
        if each.silent:
            return each.error
    last = [each.error for each in got if each.log is not None or each.error is not None][-_MAX_TIMEOUTS:]
    hangs = len(last) == _MAX_TIMEOUTS and all(isinstance(error, DeadlineExceeded) for error in last)
    return last[-1] if hangs else None


def _is_side_silent(action: Action[LogText], error: HostError, age: float) -> bool:
    """Returns whether an error concerns the whole side rather than one log.

    That is a failed connection, or a timeout before the action's own deadline.
    """
    if isinstance(error, DeadlineExceeded):
        return age < action.deadline
    return isinstance(error, Unreachable | HostIdentityError | AuthenticationFailed)


def _drop_foreign_containers(got: tuple[CollectedLog, ...]) -> tuple[CollectedLog, ...]:
    """Drops errors of a missing container where another host has it. If no host has it, the errors are kept."""
    found = {each.source for each in got if each.log is not None}
    return tuple(
        CollectedLog(each.host, each.source) if each.source in found and _is_container_missing(each.error) else each
        for each in got
    )


def _is_container_missing(error: HostError | None) -> bool:
    return isinstance(error, ActionFailed) and error.code == NO_CONTAINER


def make_read_action(host: Host, source: str, search: LogSearch) -> Action[LogText] | None:
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
            name = source.removeprefix(CONTAINER_PREFIX)
            return ReadContainer.of(host.wsl, name, search) if host.wsl is not None else None


def build_finding(got: CollectedLog) -> Finding:
    """Builds the finding of a log that could not be read."""
    assert got.error is not None
    reached = isinstance(got.error, ActionFailed)
    return Finding(
        severity=Severity.MEDIUM if reached else Severity.HIGH,
        host=got.host.name,
        subject=f"log {got.source}",
        why=explain_no_answer(_name_side(got), got.error),
        next=None if reached else f"health {got.host.name} --details",
        reached=reached,
    )


def describe_unread(got: CollectedLog) -> Phrase:
    """Describes in short the error of a log, where its details are shown elsewhere."""
    assert got.error is not None
    why = got.error.phrase if isinstance(got.error, ActionFailed) else describe_no_answer(got.error)
    return Phrase("{side}: {why}", side=_name_side(got), why=why)


def is_reported_in(findings: Iterable[Finding], got: CollectedLog) -> bool:
    """Returns whether findings of health report already that this host, or this side of it, does not answer."""
    subjects = ("host", "windows" if _is_windows_source(got.source) else "wsl")
    return any(each.host == got.host.name and each.subject in subjects and not each.reached for each in findings)


def _name_side(got: CollectedLog) -> Phrase:
    return Phrase("Windows") if _is_windows_source(got.source) else Phrase("WSL2")


async def _read_log(host: Host, source: str, wanted: LogQuery, view: FleetView, turn: asyncio.Lock) -> CollectedLog:
    """Reads one log. `turn` lets one thread at a time parse lines; several would not be faster, and delay the event loop."""
    action = make_read_action(host, source, wanted.build_search(0.0))
    if action is None:
        return CollectedLog(host, source)
    text, far, silent = await _ask_host(host, action, view)
    if not isinstance(text, HostError) and wanted.misses_lines(far):
        again = make_read_action(host, source, wanted.build_search(far))
        assert again is not None
        text, far, silent = await _ask_host(host, again, view)
    if isinstance(text, HostError):
        return CollectedLog(host, source, error=text, silent=silent)
    origin = LogOrigin(host=host.name, source=source, now=view.now(), ahead=far, zone=_find_zone(text))
    async with turn:
        log = await asyncio.to_thread(
            _parse_text, text, origin, wanted, view.redact
        )  # half a megabyte takes a tenth of a second
    log = _select_newest(_select_interval(log, wanted), wanted)
    kept = log.lines if wanted.max_bytes is None else take_newest(log.lines, wanted.max_bytes, _count_bytes)
    return CollectedLog(host, source, log=log.model_copy(update={"lines": kept}), dropped=len(log.lines) - len(kept))


def _count_bytes(line: LogLine) -> int:
    return len(line.text.encode("utf-8", "surrogatepass"))


async def _ask_host(host: Host, action: Action[LogText], view: FleetView) -> tuple[LogText | HostError, float, bool]:
    """Returns a host's answer, the seconds that its clock is ahead, and whether its whole side failed."""
    seen: ReadResult[LogText] = await view.fleet.read(host, action)
    if isinstance(seen.outcome, HostError):
        return seen.outcome, 0.0, _is_side_silent(action, seen.outcome, seen.age)
    return seen.outcome, _compute_clock_offset(seen.outcome, seen.age, view), False


def _compute_clock_offset(text: LogText, age: float, view: FleetView) -> float:
    """Computes the seconds that the host's clock is ahead; 0 below `CLOCK_JITTER`."""
    far = 0.0 if text.clock is None else compute_clock_offset(text.clock, view.now(), age)
    return far if abs(far) >= CLOCK_JITTER else 0.0


def _find_zone(text: LogText) -> tzinfo | None:
    """Returns the zone of local times in a text, from the host's own offsets; None if they are unknown."""
    return HostZone(text.offsets) if text.offsets else None


def _parse_text(text: LogText, origin: LogOrigin, wanted: LogQuery, clean: Callable[[str], str]) -> HostLog:
    fits = make_part_matcher(wanted.pattern, fixed=wanted.fixed, case=wanted.case) if wanted.pattern else None
    skip = count_podman_time if origin.source.startswith(CONTAINER_PREFIX) else lambda line: 0
    kept = redact_and_filter(text.lines, clean, fits, skip)
    changes = {
        "lines": tuple(line for _, line in kept),
        "openings": tuple(text.openings[at] for at, _ in kept) if text.openings else (),
        "cut": text.cut - {Truncation.LONG},
        "encoding": "utf-8" if wanted.pattern else text.encoding,  # otherwise the encoding could reveal dropped lines
    }
    return parse_log(text.model_copy(update=changes), origin)


def compute_scanned_lines(hosts: int) -> int:
    """Computes the number of each host's lines that are filtered here."""
    return min(LINES_LIMIT, SCANNED_LINES_LIMIT // max(1, hosts))


def _select_newest(log: HostLog, wanted: LogQuery) -> HostLog:
    """Selects the newest lines of the query's level from those that are filtered here."""
    if not wanted.scanned_lines:
        return log
    fitting = filter_lines(log.lines, wanted.level)
    if len(fitting) > wanted.tail:
        return log.model_copy(
            update={"lines": fitting[-wanted.tail :], "cut": log.cut - {Truncation.BYTES} | {Truncation.LINES}}
        )
    if wanted.level is None or Truncation.LINES not in log.cut:
        return log.model_copy(update={"lines": fitting})
    return log.model_copy(update={"lines": fitting, "cut": log.cut - {Truncation.LINES} | {Truncation.LEVEL}})


def _select_interval(log: HostLog, wanted: LogQuery) -> HostLog:
    """Drops lines outside of the query's times, which the margin added. Lines of unknown time are kept.

    If the first line is too old, no limit has cut off younger ones.
    """
    since, until = wanted.since, wanted.until
    young = tuple(line for line in log.lines if line.at is None or since is None or line.at >= since)
    kept = tuple(line for line in young if line.at is None or until is None or line.at <= until)
    whole = log.lines[:1] != young[:1]
    cut = log.cut - {Truncation.LINES, Truncation.BYTES, Truncation.SEARCHED} if whole else log.cut
    return log.model_copy(update={"lines": kept, "cut": cut})
