"""Sections of the monthly report on changes, approvals and schedules. Pure.

Requests of gateways in the monthly report, as their access logs count them. Pure.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from adapters.phrase import Phrase
from bot.model.change import APPROVAL_PHRASES, BreakGlass, ChangeState, EndedOperation
from bot.model.month import Month
from bot.model.schedule import RETENTION, RunOutcome, RunTally
from bot.security.untrusted_text import shorten
from commands.alerts.traffic import TrafficCount
from commands.model.finding import list_some
from commands.model.report import Cell, Column, Mark, Section

MAX_NAMED_CHANGES = 10
"""Maximum number of changes that are listed; more are only counted."""

MAX_COMMAND_LENGTH = 100
"""Characters of a command that a line repeats."""

_STATE_PHRASES = {
    ChangeState.DONE: Phrase("done"),
    ChangeState.UNDONE: Phrase("not done, rolled back"),
    ChangeState.FAILED: Phrase("failed"),
    ChangeState.UNKNOWN: Phrase("result unknown"),
    ChangeState.CLOSED: Phrase("never started"),
}
_BAD_STATES = frozenset({ChangeState.UNDONE, ChangeState.FAILED, ChangeState.UNKNOWN})

_NOT_RUN_OUTCOMES = frozenset({RunOutcome.MISSED, RunOutcome.SKIPPED})
_FAILED_OUTCOMES = frozenset({RunOutcome.FAILED, RunOutcome.REFUSED})


def build_change_sections(changes: Sequence[EndedOperation] | None) -> Iterator[Section]:
    """Builds the sections: changes by outcome and by requester, approvals by state, and break-glass changes."""
    heading = Phrase("Finished changes")
    if changes is None:
        yield Section(heading=heading, lines=(_explain_hidden(),))
        return
    yield Section(heading=heading, lines=tuple(_describe_changes(changes)) or (Phrase("none"),))
    yield Section(heading=Phrase("Approvals"), lines=tuple(_describe_approvals(changes)) or (Phrase("none"),))
    glass = [_describe_break_glass(each, each.break_glass) for each in changes if each.break_glass is not None]
    if glass:
        yield Section(heading=Phrase("Emergency changes (break-glass)"), lines=tuple(_limit_lines(glass)))


def build_schedule_section(runs: Sequence[RunTally] | None, month: Month) -> Section:
    """Builds the section of missed due times and failed runs."""
    heading = Phrase("Schedules that did not run or failed")
    if runs is None:
        return Section(heading=heading, lines=(_explain_hidden(),))
    if month.begin < month.now - RETENTION:
        old = Phrase("unknown: runs are kept for {n} days", n=RETENTION.days)
        return Section(heading=heading, lines=(old,))
    by_name: dict[str, list[RunTally]] = {}
    for each in runs:
        by_name.setdefault(each.schedule, []).append(each)
    lines = tuple(line for name, tallies in by_name.items() for line in _describe_runs(name, tallies))
    return Section(heading=heading, lines=lines or (Phrase("none") if runs else Phrase("no runs recorded"),))


def _explain_hidden() -> Phrase:
    return Phrase("not shown: the person requesting this report has no access")


def _describe_changes(changes: Sequence[EndedOperation]) -> Iterator[Phrase]:
    states = Counter(each.state for each in changes)
    for state, name in _STATE_PHRASES.items():
        if states[state]:
            yield Phrase("{what}: {n}", what=name, n=states[state])
    for who, n in Counter(each.requester for each in changes).most_common():
        yield Phrase("requested by {who}: {n}", who=who, n=n)
    yield from _limit_lines([_describe_ended_change(each) for each in changes if each.state in _BAD_STATES])


def _describe_ended_change(change: EndedOperation) -> Phrase:
    return Phrase(
        "{words} by {who}, {operation}: {what}",
        words=shorten(change.words, MAX_COMMAND_LENGTH),
        who=change.requester,
        operation=change.operation,
        what=_STATE_PHRASES[change.state],
    )


def _describe_approvals(changes: Sequence[EndedOperation]) -> Iterator[Phrase]:
    states = Counter(each.approval for each in changes)
    for state, name in APPROVAL_PHRASES.items():
        if states[state]:
            yield Phrase("{what}: {n}", what=name, n=states[state])


def _describe_break_glass(change: EndedOperation, glass: BreakGlass | None) -> Phrase:
    words = shorten(change.words, MAX_COMMAND_LENGTH)
    if glass is None or not glass.reviewed_by:
        return Phrase(
            "{words} by {who}, {operation}: waiting for review",
            words=words,
            who=change.requester,
            operation=change.operation,
        )
    return Phrase(
        "{words} by {who}, {operation}: reviewed by {reviewer}",
        words=words,
        who=change.requester,
        operation=change.operation,
        reviewer=glass.reviewed_by,
    )


def _describe_runs(name: str, tallies: Sequence[RunTally]) -> Iterator[Phrase]:
    total = sum(each.count + each.missed for each in tallies)
    not_run = sum(each.missed + (each.count if each.outcome in _NOT_RUN_OUTCOMES else 0) for each in tallies)
    failed = sum(each.count for each in tallies if each.outcome in _FAILED_OUTCOMES)
    if not_run:
        yield Phrase("{name}: did not run {n} of {total} times", name=name, n=not_run, total=total)
    if failed:
        yield Phrase("{name}: failed {n} of {total} times", name=name, n=failed, total=total)


def _limit_lines(lines: Sequence[Phrase]) -> Iterator[Phrase]:
    yield from lines[:MAX_NAMED_CHANGES]
    if len(lines) > MAX_NAMED_CHANGES:
        yield Phrase("… and {n} more", n=len(lines) - MAX_NAMED_CHANGES)


TRAFFIC_COLUMNS = (
    Column(key="requests", heading=Phrase("Requests")),
    Column(key="errors_percent", heading=Phrase("Server errors (5xx)")),
    Column(key="request_ms", heading=Phrase("Request time (mean)")),
    Column(key="slowest_ms", heading=Phrase("Slowest request")),
)

MAX_NAMED = 10
"""Maximum number of gateways that the section names. The table has all."""

NO_DATA = Cell(text=Phrase("no data"), mark=Mark.UNKNOWN)
ABSENT = Cell(text=Phrase("N/A"), mark=Mark.ABSENT)


def add_traffic(days: Iterable[Mapping[str, TrafficCount]]) -> Mapping[str, TrafficCount]:
    """Adds the counts of several days, by host."""
    total: dict[str, TrafficCount] = {}
    for day in days:
        for host, count in day.items():
            total[host] = _add(total[host], count) if host in total else count
    return total


def build_traffic_cells(count: TrafficCount | None, *, gateway: bool) -> tuple[Cell, ...]:
    """Builds the cells of one host. Without any count nothing is known of its gateway."""
    if count is None:
        return (NO_DATA if gateway else ABSENT,) * len(TRAFFIC_COLUMNS)
    return (
        _build_requests_cell(count),
        _build_errors_cell(count),
        _build_time_cell(None if count.mean_ms is None else round(count.mean_ms)),
        _build_time_cell(count.slowest_ms if count.timed else None),
    )


def build_traffic_section(found: Mapping[str, TrafficCount], gateways: Mapping[str, bool]) -> Section:
    """Builds the section of gateways, those with the largest share of 5xx first."""
    counted = sorted(found.items(), key=lambda each: (-each[1].share, -each[1].requests, each[0]))
    lines = [_describe_traffic(host, count) for host, count in counted[:MAX_NAMED]]
    if len(counted) > MAX_NAMED:
        lines.append(Phrase("… and {n} more", n=len(counted) - MAX_NAMED))
    unknown = [host for host, gateway in gateways.items() if gateway and host not in found]
    if unknown:
        lines.append(Phrase("no data: {hosts}", hosts=list_some(unknown)))
    return Section(heading=Phrase("Traffic of gateways"), lines=tuple(lines) or (Phrase("none"),))


def compute_error_percent(count: TrafficCount) -> int | float:
    """Computes the share of 5xx in percent with two decimals, rounded up: only a gateway without any has 0."""
    percent = -(-count.errors * 10_000 // count.requests) / 100
    return int(percent) if percent.is_integer() else percent


def _describe_traffic(host: str, count: TrafficCount) -> Phrase:
    if not count.requests:
        return Phrase("{host}: {what}", host=host, what=Phrase("no requests"))
    counts = Phrase(
        "{host}: {n} requests, {percent}% with server errors (5xx)",
        host=host,
        n=_describe_number(count),
        percent=compute_error_percent(count),
    )
    if count.mean_ms is None:
        return counts
    mean, slowest = round(count.mean_ms), count.slowest_ms
    return Phrase("{counts}, {mean} ms on average, {slowest} ms at most", counts=counts, mean=mean, slowest=slowest)


def _describe_number(count: TrafficCount) -> Phrase:
    """Describes the number of requests. Where a part of the log was skipped, there were more."""
    return Phrase("at least {n}", n=count.requests) if count.partial else Phrase("{n}", n=count.requests)


def _build_requests_cell(count: TrafficCount) -> Cell:
    return Cell(text=_describe_number(count), value=count.requests)


def _build_errors_cell(count: TrafficCount) -> Cell:
    if not count.requests:
        return Cell(text=Phrase("no requests"))
    percent = compute_error_percent(count)
    text = Phrase("{percent}% ({n})", percent=percent, n=count.errors) if count.errors else Phrase("0%")
    return Cell(text=text, value=percent)


def _build_time_cell(milliseconds: int | None) -> Cell:
    """Builds the cell of a time; the log may have none."""
    return NO_DATA if milliseconds is None else Cell(text=Phrase("{n} ms", n=milliseconds), value=milliseconds)


def _add(one: TrafficCount, other: TrafficCount) -> TrafficCount:
    return replace(
        one,
        ends=other.ends,
        requests=one.requests + other.requests,
        errors=one.errors + other.errors,
        timed=one.timed + other.timed,
        time_ms=one.time_ms + other.time_ms,
        slowest_ms=max(one.slowest_ms, other.slowest_ms),
        partial=one.partial or other.partial,
    )
