"""Progress of a change in one language, before a surface gives it a shape: its state, and its steps with their signs. Pure.

    ○ awaited   ▸ running   ✓ done   = unchanged   ✗ failed, unreachable   ? unknown   ↶ rolled back   – skipped
    ✎ unknown, reported by a person

A step has a sign, and words unless it is awaited or done, so that color never carries the meaning alone. In a plan for
several hosts most hosts have one line each. Nothing is escaped yet.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from adapters.phrase import Phrase, Span, Texts, render_value
from bot.model.change import ApprovalState, Change, ChangeState
from commands.model.finding import list_some
from commands.model.operation import Risk
from commands.model.plan import Part, Result, StepResult

MAX_HOSTS_IN_FULL = 3
"""Maximum number of hosts whose steps are shown one by one. The others have one line each."""

_MIN_SHOWN_SECONDS = 1.0
"""Shortest duration of a step that is shown, in seconds."""


class Stage(StrEnum):
    """Stage of a step, or of all steps on one host."""

    AWAITED = "awaited"
    RUNNING = "running"
    DONE = "done"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"
    REPORTED = "reported"
    UNDONE = "undone"
    SKIPPED = "skipped"


STAGE_SIGNS = {
    Stage.AWAITED: "○",
    Stage.RUNNING: "▸",
    Stage.DONE: "✓",
    Stage.UNCHANGED: "=",
    Stage.FAILED: "✗",
    Stage.UNREACHABLE: "✗",
    Stage.UNKNOWN: "?",
    Stage.REPORTED: "✎",
    Stage.UNDONE: "↶",
    Stage.SKIPPED: "–",
}

_STAGE_PHRASES = {
    Stage.RUNNING: Phrase("running", context="step"),
    Stage.UNCHANGED: Phrase("already in place"),
    Stage.FAILED: Phrase("failed"),
    Stage.UNREACHABLE: Phrase("unreachable"),
    Stage.UNKNOWN: Phrase("unknown whether it ran"),
    Stage.UNDONE: Phrase("rolled back"),
    Stage.SKIPPED: Phrase("not run"),
}

_NOTABLE_STAGES = (
    Stage.UNKNOWN,
    Stage.REPORTED,
    Stage.FAILED,
    Stage.UNREACHABLE,
    Stage.RUNNING,
    Stage.UNDONE,
)
"""Stages that represent a host whose steps differ, in this order. In a long plan such hosts come first."""

_HARMLESS_RESULTS = (Result.DONE, Result.UNCHANGED, Result.UNDONE, Result.SKIPPED)

_RISK_PHRASES = {
    Risk.READ: Phrase("no change"),
    Risk.CHANGE: Phrase("makes changes"),
    Risk.DISRUPT: Phrase("interrupts running services"),
    Risk.CRITICAL: Phrase("critical change"),
}

_CLOSED_PHRASES = {
    ApprovalState.DENIED: Phrase("Denied"),
    ApprovalState.WITHDRAWN: Phrase("Withdrawn"),
    ApprovalState.EXPIRED: Phrase("Expired"),
    ApprovalState.SUPERSEDED: Phrase("Superseded: the plan changed"),
    ApprovalState.REFUSED: Phrase("Could not start"),
}

_ENDED_PHRASES = {
    ChangeState.DONE: Phrase("Done"),
    ChangeState.UNDONE: Phrase("Rolled back to the previous state"),
    ChangeState.FAILED: Phrase("Failed"),
    ChangeState.UNKNOWN: Phrase("Result unknown, host check required"),
}

_REPORT_PHRASES = {
    ChangeState.DONE: Phrase("reported by {who} as done", who=""),
    ChangeState.UNDONE: Phrase("reported by {who} as rolled back", who=""),
    ChangeState.FAILED: Phrase("reported by {who} as failed", who=""),
}
"""What stands at a step whose result was unknown, by the state that a person reported."""


@dataclass(frozen=True)
class ProgressLine:
    """One step, or one host with all its steps: its text, and details on its result, or ""."""

    stage: Stage
    text: str
    detail: str = ""

    @property
    def is_complete(self) -> bool:
        """True if the step, or every step of the host, ended well."""
        return self.stage in (Stage.DONE, Stage.UNCHANGED)

    def __str__(self) -> str:
        return f"{STAGE_SIGNS[self.stage]} {self.text}{f' — {self.detail}' if self.detail else ''}"


@dataclass(frozen=True)
class HostProgress:
    """The steps of one host, one by one."""

    host: str
    lines: tuple[ProgressLine, ...]


def describe_risk(change: Change) -> Phrase:
    """Describes the effect on users. A disruptive change may have nothing to interrupt, such as a stopped service."""
    if change.risk is Risk.DISRUPT and not change.plan.disrupts:
        return Phrase("no interruption")
    return _RISK_PHRASES[change.risk]


def describe_state(change: Change) -> Phrase:
    """Describes the state in words."""
    approval = change.approval
    if change.dry_run:
        return Phrase("Dry run: no approval requested, nothing is changed")
    match change.state:
        case ChangeState.WAITING if approval is not None:
            if approval.approvals >= approval.needed:
                return Phrase("Waiting for an approval from a terminal")
            return Phrase("Waiting for approval: {have} of {needed}", have=approval.approvals, needed=approval.needed)
        case ChangeState.READY if approval is None or approval.waived:
            return Phrase("Waiting for hosts")
        case ChangeState.READY:
            return Phrase("Approved, waiting for hosts")
        case ChangeState.RUNNING if change.stopping:
            return Phrase("Stopping before the next step")
        case ChangeState.RUNNING:
            number = min(len({result.key for result in change.results}) + 1, len(change.plan.steps))
            return Phrase("Running: step {number} of {count}", number=number, count=len(change.plan.steps))
        case ChangeState.UNDONE | ChangeState.FAILED if was_stopped(change):
            return Phrase("Stopped and rolled back") if change.state is ChangeState.UNDONE else Phrase("Stopped")
        case ChangeState.CLOSED if approval is not None and approval.state in _CLOSED_PHRASES:
            return _CLOSED_PHRASES[approval.state]
        case ChangeState.CLOSED:
            return Phrase("Closed")
        case ChangeState.DONE if change.owed_hosts:
            return Phrase("Done, except {hosts} (owed)", hosts=list_some(change.owed_hosts))
        case ChangeState.DONE | ChangeState.UNDONE | ChangeState.FAILED | ChangeState.UNKNOWN:
            return _ENDED_PHRASES[change.state]
        case _:
            return Phrase("Plan only")


def find_reason(change: Change) -> Phrase | None:
    """Returns the reason for the outcome. A denial has none here, because its review shows the reason."""
    denied = change.approval is not None and change.approval.state is ApprovalState.DENIED
    return None if denied else change.why


def describe_duration(change: Change, at: datetime | None) -> Phrase | None:
    """Describes how long it has run by the time `at`, or ran; None if it has not started."""
    if change.started_at is None:
        return None
    if change.ended_at is not None:
        return Phrase("took {span}", span=_make_span(change.started_at, change.ended_at))
    return None if at is None else Phrase("{span} elapsed", span=_make_span(change.started_at, at))


def build_host_progress(change: Change, texts: Texts, at: datetime | None) -> tuple[HostProgress, ...]:
    """Builds the plan step by step."""
    return tuple(HostProgress(part.host, tuple(_build_step_lines(part, change, texts, at))) for part in change.plan.parts)


def build_folded_lines(change: Change, texts: Texts, at: datetime | None) -> tuple[ProgressLine, ...]:
    """Builds the plan with one line for each host."""
    return tuple(fold_steps(leg, texts) for leg in build_host_progress(change, texts, at))


def choose_opened(legs: Sequence[HostProgress]) -> tuple[HostProgress, ...]:
    """Chooses the hosts whose steps are shown: those with notable steps; before the start, only the first host."""
    if len(legs) == 1:
        return tuple(legs)
    moving = [leg for leg in legs if any(line.stage in _NOTABLE_STAGES for line in leg.lines)]
    if not moving and all(line.stage is Stage.AWAITED for leg in legs for line in leg.lines):
        return tuple(legs[:1])
    return tuple(moving[:MAX_HOSTS_IN_FULL])


def sort_by_interest(lines: Iterable[ProgressLine]) -> list[ProgressLine]:
    """Sorts notable lines before the others."""
    return sorted(lines, key=lambda line: line.stage not in _NOTABLE_STAGES)


def was_stopped(change: Change) -> bool:
    """Returns whether it ended because of a request to stop, and not because of a failure."""
    return bool(change.stopping) and all(result.result in _HARMLESS_RESULTS for result in change.results)


def has_remaining_hosts(change: Change) -> bool:
    """Returns whether it ended with hosts that are not done and for which there is no new request."""
    return bool(_list_remaining_parts(change))


def find_retried_host(change: Change) -> str | None:
    """Finds the only host that a continuation would change, if it was begun before; None if others wait for their turn."""
    remaining = _list_remaining_parts(change)
    if len(remaining) != 1 or change.plan.left_out:
        return None
    begun = {result.key for result in change.results if result.result is not Result.SKIPPED}
    return remaining[0].host if any(step.key in begun for step in remaining[0].steps) else None


def _list_remaining_parts(change: Change) -> list[Part]:
    if change.state not in (ChangeState.FAILED, ChangeState.UNDONE) or change.after:
        return []
    good = {result.key for result in change.results if result.result.successful}
    return [part for part in change.plan.parts if any(step.key not in good for step in part.steps)]


def _build_step_lines(part: Part, change: Change, texts: Texts, at: datetime | None) -> Iterable[ProgressLine]:
    results = {result.key: result for result in change.results}
    for step in part.steps:
        what = step.phrase if step.host == part.host else Phrase("{host}: {what}", host=step.host, what=step.phrase)
        result = results.get(step.key)
        if change.state is ChangeState.RUNNING and change.running == step.key:
            yield ProgressLine(Stage.RUNNING, what.render(texts), _describe_running(change, texts, at))
        elif result is not None and result.result is Result.UNKNOWN and change.reporter:
            reported = _REPORT_PHRASES[change.state].with_values(who=change.reporter)
            yield ProgressLine(Stage.REPORTED, what.render(texts), reported.render(texts))
        elif result is not None:
            yield ProgressLine(Stage(result.result.value), what.render(texts), _describe_result(result, texts))
        elif change.state.ended and not change.dry_run:
            yield ProgressLine(Stage.SKIPPED, what.render(texts), _STAGE_PHRASES[Stage.SKIPPED].render(texts))
        else:
            yield ProgressLine(Stage.AWAITED, what.render(texts))


def _describe_running(change: Change, texts: Texts, at: datetime | None) -> str:
    """Describes the running time of the running step, which began when the step before it ended."""
    if change.transfer is not None:
        moved, size = (f"{number / 2**20:.1f}" for number in (change.transfer.moved, change.transfer.size))
        if 0 < change.transfer.moved == change.transfer.size:
            return Phrase("{size} MB transferred, waiting for the target to finish", size=size).render(texts)
        if change.transfer.moved >= change.transfer.size:  # its size is not known, or was estimated too low
            return Phrase("{moved} MB transferred", moved=moved).render(texts)
        return Phrase("{moved} of {size} MB transferred", moved=moved, size=size).render(texts)
    began = max((result.ended_at for result in change.results), default=change.started_at)
    if at is None or began is None or (at - began).total_seconds() < _MIN_SHOWN_SECONDS:
        return _STAGE_PHRASES[Stage.RUNNING].render(texts)
    return Phrase("running for {span}", span=_make_span(began, at)).render(texts)


def _describe_result(result: StepResult, texts: Texts) -> str:
    stage = Stage(result.result.value)
    words = [_STAGE_PHRASES[stage].render(texts)] if stage in _STAGE_PHRASES else []
    if stage is Stage.DONE and (result.ended_at - result.began_at).total_seconds() >= _MIN_SHOWN_SECONDS:
        words.append(render_value(_make_span(result.began_at, result.ended_at), texts))
    if result.why is not None:
        words.append(result.why.render(texts))
    return ": ".join(words)


def fold_steps(leg: HostProgress, texts: Texts) -> ProgressLine:
    """Folds all steps of a host to one line: its most notable step, or the number of steps."""
    count = len(leg.lines)
    for stage in _NOTABLE_STAGES:
        for number, line in enumerate(leg.lines, 1):
            if line.stage is stage:
                where = Phrase("step {number} of {count}: {what}", number=number, count=count, what=line.text)
                return ProgressLine(stage, leg.host, " — ".join([where.render(texts), line.detail]))
    stages = [line.stage for line in leg.lines]
    steps = Phrase("{n} step", plural="{n} steps", n=count)
    if all(stage is Stage.UNCHANGED for stage in stages):
        return ProgressLine(Stage.UNCHANGED, leg.host, _STAGE_PHRASES[Stage.UNCHANGED].render(texts))
    if all(stage in (Stage.DONE, Stage.UNCHANGED) for stage in stages):
        return ProgressLine(Stage.DONE, leg.host, steps.render(texts))
    begun = sum(stage in (Stage.DONE, Stage.UNCHANGED) for stage in stages)
    if begun:
        said = Phrase("{number} of {count} steps done", number=begun, count=count)
        return ProgressLine(Stage.SKIPPED if Stage.SKIPPED in stages else Stage.RUNNING, leg.host, said.render(texts))
    if Stage.SKIPPED in stages:
        return ProgressLine(Stage.SKIPPED, leg.host, _STAGE_PHRASES[Stage.SKIPPED].render(texts))
    return ProgressLine(Stage.AWAITED, leg.host, steps.render(texts))


def _make_span(began: datetime, ended: datetime) -> Span:
    """Makes the span between two times, in whole seconds from one second on."""
    seconds = max(0.0, (ended - began).total_seconds())
    return Span(seconds if seconds < _MIN_SHOWN_SECONDS else float(round(seconds)))
