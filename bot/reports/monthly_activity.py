"""Sections of the monthly report on changes, approvals and schedules. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence

from adapters.phrase import Phrase
from bot.model.change import APPROVAL_PHRASES, BreakGlass, ChangeState
from bot.reports.month import Month
from bot.security.untrusted_text import shorten
from bot.store.operations import EndedOperation
from bot.store.schedule_runs import RunOutcome
from bot.store.schedules import RETENTION, RunTally
from commands.model.report import Section

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
