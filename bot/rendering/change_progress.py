"""Progress of a change in one language, before a surface gives it a shape: its state, and its steps with their signs. Pure.

    ○ awaited   ▸ running   ✓ done   = unchanged   ✗ failed, unreachable   ? unknown   ↶ rolled back   – skipped

A step has a sign, and words unless it is awaited or done, so that color never carries the meaning alone. In a plan for
several hosts most hosts have one line each. Nothing is escaped yet.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from adapters.phrase import Phrase, Span, Texts, show
from bot.model.change import ApprovalState, Change, State
from commands.model.operation import Risk
from commands.model.plan import Part, Result, StepResult

IN_FULL = 3
"""Maximum number of hosts whose steps are shown one by one. The others have one line each."""

_WORTH_SAYING = 1.0
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
    UNDONE = "undone"
    SKIPPED = "skipped"


SIGNS = {
    Stage.AWAITED: "○",
    Stage.RUNNING: "▸",
    Stage.DONE: "✓",
    Stage.UNCHANGED: "=",
    Stage.FAILED: "✗",
    Stage.UNREACHABLE: "✗",
    Stage.UNKNOWN: "?",
    Stage.UNDONE: "↶",
    Stage.SKIPPED: "–",
}

_WORDS = {
    Stage.RUNNING: Phrase("running"),
    Stage.UNCHANGED: Phrase("was so already"),
    Stage.FAILED: Phrase("failed"),
    Stage.UNREACHABLE: Phrase("not reached"),
    Stage.UNKNOWN: Phrase("not known whether it happened"),
    Stage.UNDONE: Phrase("taken back"),
    Stage.SKIPPED: Phrase("not done"),
}

_TROUBLE = (Stage.UNKNOWN, Stage.FAILED, Stage.UNREACHABLE, Stage.RUNNING, Stage.UNDONE)
"""Stages that represent a host whose steps differ, in this order. In a long plan such hosts come first."""

_CALM = (Result.DONE, Result.UNCHANGED, Result.UNDONE, Result.SKIPPED)

_RISKS = {
    Risk.READ: Phrase("changes nothing"),
    Risk.CHANGE: Phrase("changes something"),
    Risk.DISRUPT: Phrase("interrupts what people use"),
    Risk.CRITICAL: Phrase("critical: touches identities"),
}

_CLOSED = {
    ApprovalState.DENIED: Phrase("Denied"),
    ApprovalState.WITHDRAWN: Phrase("Withdrawn"),
    ApprovalState.EXPIRED: Phrase("Expired"),
    ApprovalState.SUPERSEDED: Phrase("Superseded: the plan is another now"),
    ApprovalState.REFUSED: Phrase("Could not start"),
}

_ENDED = {
    State.DONE: Phrase("Done"),
    State.UNDONE: Phrase("Not done: everything was put back"),
    State.FAILED: Phrase("Failed"),
    State.UNKNOWN: Phrase("Unknown: somebody must look at the host"),
}


@dataclass(frozen=True)
class Line:
    """One step, or one host with all its steps: its text, and details on its result, or ""."""

    stage: Stage
    text: str
    said: str = ""

    def __str__(self) -> str:
        return f"{SIGNS[self.stage]} {self.text}{f' — {self.said}' if self.said else ''}"


@dataclass(frozen=True)
class Leg:
    """The steps of one host, one by one."""

    host: str
    lines: tuple[Line, ...]


def risk(change: Change) -> Phrase:
    """Describes the effect on users. A disruptive change may have nothing to interrupt, such as a stopped service."""
    if change.risk is Risk.DISRUPT and not change.plan.disrupts:
        return Phrase("interrupts nothing that runs now")
    return _RISKS[change.risk]


def state(change: Change) -> Phrase:
    """Describes the state in words."""
    approval = change.approval
    if change.dry_run:
        return Phrase("Dry run: nobody was asked, and nothing happens")
    match change.state:
        case State.WAITING if approval is not None:
            return Phrase("Waiting for approval: {have} of {needed}", have=approval.approvals, needed=approval.needed)
        case State.READY:
            return Phrase("Waiting for its hosts") if change.break_glass else Phrase("Approved, waiting for its hosts")
        case State.RUNNING if change.stopping:
            return Phrase("Stopping before the next step")
        case State.RUNNING:
            number = min(len({result.key for result in change.results}) + 1, len(change.plan.steps))
            return Phrase("Running: step {number} of {count}", number=number, count=len(change.plan.steps))
        case State.UNDONE | State.FAILED if stopped(change):
            return Phrase("Stopped, and put back") if change.state is State.UNDONE else Phrase("Stopped")
        case State.CLOSED if approval is not None and approval.state in _CLOSED:
            return _CLOSED[approval.state]
        case State.CLOSED:
            return Phrase("Closed")
        case State.DONE | State.UNDONE | State.FAILED | State.UNKNOWN:
            return _ENDED[change.state]
        case _:
            return Phrase("Planned")


def why(change: Change) -> Phrase | None:
    """Returns the reason for the outcome. A denial has none here, because its review shows the reason."""
    denied = change.approval is not None and change.approval.state is ApprovalState.DENIED
    return None if denied else change.why


def took(change: Change, at: datetime | None) -> Phrase | None:
    """Describes how long it has run by the time `at`, or ran; None if it has not started."""
    if change.started_at is None:
        return None
    if change.ended_at is not None:
        return Phrase("took {span}", span=_span(change.started_at, change.ended_at))
    return None if at is None else Phrase("for {span}", span=_span(change.started_at, at))


def legs(change: Change, texts: Texts, at: datetime | None) -> tuple[Leg, ...]:
    """Builds the plan step by step."""
    return tuple(Leg(part.host, tuple(_steps(part, change, texts, at))) for part in change.plan.parts)


def folded(change: Change, texts: Texts, at: datetime | None) -> tuple[Line, ...]:
    """Builds the plan with one line for each host."""
    return tuple(fold(leg, texts) for leg in legs(change, texts, at))


def opened(legs: Sequence[Leg]) -> tuple[Leg, ...]:
    """Chooses the hosts whose steps are shown: those with notable steps; before the start, only the first host."""
    if len(legs) == 1:
        return tuple(legs)
    moving = [leg for leg in legs if any(line.stage in _TROUBLE for line in leg.lines)]
    if not moving and all(line.stage is Stage.AWAITED for leg in legs for line in leg.lines):
        return tuple(legs[:1])
    return tuple(moving[:IN_FULL])


def by_interest(lines: Iterable[Line]) -> list[Line]:
    """Sorts notable lines before the others."""
    return sorted(lines, key=lambda line: line.stage not in _TROUBLE)


def stopped(change: Change) -> bool:
    """Returns whether it ended because of a request to stop, and not because of a failure."""
    return bool(change.stopping) and all(result.result in _CALM for result in change.results)


def left(change: Change) -> bool:
    """Returns whether it ended with hosts that are not done and for which there is no new request."""
    if change.state not in (State.FAILED, State.UNDONE) or change.after:
        return False
    good = {result.key for result in change.results if result.result.good}
    return any(step.key not in good for step in change.plan.steps)


def _steps(part: Part, change: Change, texts: Texts, at: datetime | None) -> Iterable[Line]:
    results = {result.key: result for result in change.results}
    for step in part.steps:
        what = step.phrase if step.host == part.host else Phrase("{host}: {what}", host=step.host, what=step.phrase)
        result = results.get(step.key)
        if change.state is State.RUNNING and change.running == step.key:
            yield Line(Stage.RUNNING, what.render(texts), _running(change, texts, at))
        elif result is not None:
            yield Line(Stage(result.result.value), what.render(texts), _ended(result, texts))
        elif change.state.ended and not change.dry_run:
            yield Line(Stage.SKIPPED, what.render(texts), _WORDS[Stage.SKIPPED].render(texts))
        else:
            yield Line(Stage.AWAITED, what.render(texts))


def _running(change: Change, texts: Texts, at: datetime | None) -> str:
    """Describes the running time of the running step, which began when the step before it ended."""
    began = max((result.ended_at for result in change.results), default=change.started_at)
    if at is None or began is None or (at - began).total_seconds() < _WORTH_SAYING:
        return _WORDS[Stage.RUNNING].render(texts)
    return Phrase("running for {span}", span=_span(began, at)).render(texts)


def _ended(result: StepResult, texts: Texts) -> str:
    stage = Stage(result.result.value)
    words = [_WORDS[stage].render(texts)] if stage in _WORDS else []
    if stage is Stage.DONE and (result.ended_at - result.began_at).total_seconds() >= _WORTH_SAYING:
        words.append(show(_span(result.began_at, result.ended_at), texts))
    if result.why is not None:
        words.append(result.why.render(texts))
    return ": ".join(words)


def fold(leg: Leg, texts: Texts) -> Line:
    """Folds all steps of a host to one line: its most notable step, or the number of steps."""
    count = len(leg.lines)
    for stage in _TROUBLE:
        for number, line in enumerate(leg.lines, 1):
            if line.stage is stage:
                where = Phrase("step {number} of {count}: {what}", number=number, count=count, what=line.text)
                return Line(stage, leg.host, " — ".join([where.render(texts), line.said]))
    stages = [line.stage for line in leg.lines]
    steps = Phrase("{n} step", plural="{n} steps", n=count)
    if all(stage is Stage.UNCHANGED for stage in stages):
        return Line(Stage.UNCHANGED, leg.host, _WORDS[Stage.UNCHANGED].render(texts))
    if all(stage in (Stage.DONE, Stage.UNCHANGED) for stage in stages):
        return Line(Stage.DONE, leg.host, steps.render(texts))
    begun = sum(stage in (Stage.DONE, Stage.UNCHANGED) for stage in stages)
    if begun:
        said = Phrase("{number} of {count} steps done", number=begun, count=count)
        return Line(Stage.SKIPPED if Stage.SKIPPED in stages else Stage.RUNNING, leg.host, said.render(texts))
    if Stage.SKIPPED in stages:
        return Line(Stage.SKIPPED, leg.host, _WORDS[Stage.SKIPPED].render(texts))
    return Line(Stage.AWAITED, leg.host, steps.render(texts))


def _span(began: datetime, ended: datetime) -> Span:
    """Makes the span between two times, in whole seconds from one second on."""
    seconds = max(0.0, (ended - began).total_seconds())
    return Span(seconds if seconds < _WORTH_SAYING else float(round(seconds)))
