"""Sections of the monthly report on changes, approvals and schedules. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence

from adapters.phrase import Phrase
from bot.model.change import ApprovalState, BreakGlass, State
from bot.reports.month import Month
from bot.security.untrusted_text import cut
from bot.store.operations import Ended
from bot.store.schedule_runs import Outcome
from bot.store.schedules import KEPT, Tally
from commands.model.report import Section

NAMED = 10
"""Maximum number of changes that are listed; more are only counted."""

WORDS = 100
"""Characters of a command that a line repeats."""

_ENDS = {
    State.DONE: Phrase("done"),
    State.UNDONE: Phrase("not done, everything was put back"),
    State.FAILED: Phrase("failed"),
    State.UNKNOWN: Phrase("outcome unknown"),
    State.CLOSED: Phrase("never begun"),
}
_BAD = frozenset({State.UNDONE, State.FAILED, State.UNKNOWN})

_APPROVALS = {
    ApprovalState.USED: Phrase("given"),
    ApprovalState.DENIED: Phrase("denied"),
    ApprovalState.EXPIRED: Phrase("expired"),
    ApprovalState.WITHDRAWN: Phrase("withdrawn"),
    ApprovalState.SUPERSEDED: Phrase("superseded, for the hosts had changed"),
    ApprovalState.REFUSED: Phrase("void, for a right was gone"),
}

_NOT_RUN = frozenset({Outcome.MISSED, Outcome.SKIPPED})
_FAILED = frozenset({Outcome.FAILED, Outcome.REFUSED})


def of_changes(changes: Sequence[Ended] | None) -> Iterator[Section]:
    """Builds the sections: changes by outcome and by requester, approvals by state, and break-glass changes."""
    heading = Phrase("Changes that ended")
    if changes is None:
        yield Section(heading=heading, lines=(_hidden(),))
        return
    yield Section(heading=heading, lines=tuple(_changes(changes)) or (Phrase("none"),))
    yield Section(heading=Phrase("Approvals"), lines=tuple(_approvals(changes)) or (Phrase("none"),))
    glass = [_without(each, each.break_glass) for each in changes if each.break_glass is not None]
    if glass:
        yield Section(heading=Phrase("Without approval (break-glass)"), lines=tuple(_first(glass)))


def of_schedules(runs: Sequence[Tally] | None, month: Month) -> Section:
    """Builds the section of missed due times and failed runs."""
    heading = Phrase("Schedules that did not run or failed")
    if runs is None:
        return Section(heading=heading, lines=(_hidden(),))
    if month.begin < month.now - KEPT:
        old = Phrase("not known: runs are remembered for {n} days", n=KEPT.days)
        return Section(heading=heading, lines=(old,))
    by_name: dict[str, list[Tally]] = {}
    for each in runs:
        by_name.setdefault(each.schedule, []).append(each)
    lines = tuple(line for name, tallies in by_name.items() for line in _runs(name, tallies))
    return Section(heading=heading, lines=lines or (Phrase("none") if runs else Phrase("no run is known"),))


def _hidden() -> Phrase:
    return Phrase("not shown: whoever asked for this report may not see them")


def _changes(changes: Sequence[Ended]) -> Iterator[Phrase]:
    states = Counter(each.state for each in changes)
    for state, name in _ENDS.items():
        if states[state]:
            yield Phrase("{what}: {n}", what=name, n=states[state])
    for who, n in Counter(each.requester for each in changes).most_common():
        yield Phrase("asked for by {who}: {n}", who=who, n=n)
    yield from _first([_ended(each) for each in changes if each.state in _BAD])


def _ended(change: Ended) -> Phrase:
    return Phrase(
        "{words} by {who}, {operation}: {what}",
        words=cut(change.words, WORDS),
        who=change.requester,
        operation=change.operation,
        what=_ENDS[change.state],
    )


def _approvals(changes: Sequence[Ended]) -> Iterator[Phrase]:
    states = Counter(each.approval for each in changes)
    for state, name in _APPROVALS.items():
        if states[state]:
            yield Phrase("{what}: {n}", what=name, n=states[state])


def _without(change: Ended, glass: BreakGlass | None) -> Phrase:
    words = cut(change.words, WORDS)
    if glass is None or not glass.reviewed_by:
        return Phrase(
            "{words} by {who}, {operation}: to be reviewed", words=words, who=change.requester, operation=change.operation
        )
    return Phrase(
        "{words} by {who}, {operation}: reviewed by {reviewer}",
        words=words,
        who=change.requester,
        operation=change.operation,
        reviewer=glass.reviewed_by,
    )


def _runs(name: str, tallies: Sequence[Tally]) -> Iterator[Phrase]:
    total = sum(each.count + each.missed for each in tallies)
    not_run = sum(each.missed + (each.count if each.outcome in _NOT_RUN else 0) for each in tallies)
    failed = sum(each.count for each in tallies if each.outcome in _FAILED)
    if not_run:
        yield Phrase("{name}: {n} of {total} times nobody ran it", name=name, n=not_run, total=total)
    if failed:
        yield Phrase("{name}: {n} of {total} times it failed", name=name, n=failed, total=total)


def _first(lines: Sequence[Phrase]) -> Iterator[Phrase]:
    yield from lines[:NAMED]
    if len(lines) > NAMED:
        yield Phrase("… and {n} more", n=len(lines) - NAMED)
