"""Runs one step of a plan, or rolls it back, so that a repetition after a crash does no harm.

    own events ─┬─ outcome ──────────────▶ that outcome; the step is not run again
                ├─ intent alone ─────────▶ observe ─┬─ the effect is there ─────────▶ outcome
                │                                   ├─ it is not, or cannot be seen ─▶ ask again, where that is harmless
                │                                   └─ the host does not answer ────▶ UNKNOWN
                └─ neither ─▶ intent ─▶ ask ─▶ verify ─▶ outcome
                                          └─ the answer is lost ─▶ observe, as above

A rollback is asked for until it arrives, then proven, both within the patience of its checks; a host that was cut off
restores the old state by itself. A rollback that is not proven is UNKNOWN. Hosts are asked by the plan's endpoints alone.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from pydantic import JsonValue

from adapters.errors import ActionFailed, AuthenticationFailed, HostError, HostIdentityError, NotAsked
from adapters.phrase import Phrase
from bot.changes.rules.trail import AuditTrail, StepEntry
from bot.changes.services.intent_log import IntentLog
from bot.changes.services.step_binding import (
    BoundAction,
    HostAnswer,
    Places,
    PlanNotBindable,
    PlanRun,
    StepProducts,
    require_known_actions,
)
from bot.changes.services.stream import MISMATCH, Ends, carry_out_transfer
from bot.changes.services.transfer import ProgressReport, TransferReporter, TransferWatch, ignore_progress, ignore_unread
from bot.runtime.clock import Clock
from bot.security.untrusted_text import shorten
from commands.model.plan import Check, Result, Step, StepResult

POLL_SECONDS = 2.0
"""Seconds between two observations of a host that is not yet as expected: a service takes some seconds to start."""

DELIVERY_SECONDS = 30.0
"""Seconds in which a host may come back to receive a rollback: longer than a restart of Nebula takes."""

ATTEMPTS = 3
"""Attempts to get a turn at a host that the bot is reading from, and to get the answer of a step that may be repeated."""

MAX_SHOWN_LENGTH = 100
"""Characters of an answer that a sentence repeats."""

StopCheck = Callable[[], Awaitable[Phrase | None]]
"""Returns the reason for which no step may start at this moment; None where it may."""


async def never_stop() -> None:
    """Allow every step: neither a lock nor a request to stop."""


@dataclass(frozen=True)
class _Observation:
    """Observation of a host: `met` is None where there was no answer. `retry_useless`: a repetition would give the same."""

    met: bool | None
    answer: HostAnswer = field(default_factory=dict)
    why: Phrase | None = None
    error: HostError | None = None
    retry_useless: bool = False


@dataclass(frozen=True)
class _StepOutcome:
    """Outcome of a step. `touched`: its host may be different now."""

    result: Result
    why: Phrase | None = None
    product: HostAnswer = field(default_factory=dict)
    touched: bool = False


class StepRunner:
    """Runs steps on the fleet as it is configured now, and on the bot itself."""

    def __init__(
        self, places: Callable[[], Places], intent_log: IntentLog, clock: Clock, report: ProgressReport = ignore_progress
    ) -> None:
        self._places, self._intent_log = places, intent_log
        self._clock, self._report = clock, report

    async def run_step(self, run: PlanRun, key: str, forbidden: StopCheck = never_stop) -> StepResult:
        """Run a step, once. Raises a `DatabaseError` or `HeadUnavailable` where that could not be recorded.

        Where it is forbidden before the host is asked, it is SKIPPED. A step that began earlier is settled all the same.
        """
        trail = await self._intent_log.read_trail(run.operation)
        if key in trail.results:
            return trail.results[key]
        step, began = run.find_step(key), self._clock.now()
        outcome = await self._carry_out(run, step, trail, forbidden)
        result = StepResult(
            key=key,
            result=outcome.result,
            why=outcome.why,
            product=outcome.product
            if run.needs_product(key)
            else {},  # an unused answer could only be too large, or a secret
            began_at=began,
            ended_at=self._clock.now(),
        )
        return await self._intent_log.record_outcome(_make_entry(run, key), result, touched=outcome.touched)

    async def undo_step(self, run: PlanRun, key: str) -> StepResult:
        """Roll a step back, once. A step without a rollback is only checked: its effect may be absent after all."""
        trail = await self._intent_log.read_trail(run.operation)
        if key in trail.undone:
            return trail.undone[key]
        step, began = run.find_step(key), self._clock.now()
        try:
            why = await self._roll_back(run, step, trail)
        except PlanNotBindable as error:
            why = error.phrase
        result = StepResult(
            key=key,
            result=Result.UNDONE if why is None else Result.UNKNOWN,
            why=why,
            began_at=began,
            ended_at=self._clock.now(),
        )
        return await self._intent_log.record_outcome(_make_entry(run, key, undo=True), result)

    async def _carry_out(self, run: PlanRun, step: Step, trail: AuditTrail, forbidden: StopCheck) -> _StepOutcome:
        begun, produced = step.key in trail.begun, _collect_products(trail)
        if not begun and (why := await forbidden()) is not None:
            return _StepOutcome(Result.SKIPPED, why)
        try:
            bound = run.bind(self._places(), step.host, step.deed, produced)
            require_known_actions(step)  # no step begins that could be neither proven nor rolled back
        except PlanNotBindable as error:
            return _StepOutcome(Result.UNKNOWN if begun else Result.FAILED, error.phrase, touched=begun)
        if begun and step.source is not None:
            return await self._settle_broken_transfer(run, step, produced)
        if begun and bound.action.changes:
            return await self._settle_lost_answer(
                run, bound, step, produced, Phrase("the bot stopped while this was running")
            )
        if not begun:
            await self._intent_log.record_intent(_make_entry(run, step.key), step.host, step.deed.kind)
            if (why := await forbidden()) is not None:  # recording the intent took its time
                return _StepOutcome(Result.SKIPPED, why)
        if not bound.action.changes:
            return _judge_read(await self._observe_until(run, step.proof, produced, _is_met))
        try:
            answer = await self._act(run, step, bound, produced, forbidden)
        except ActionFailed as error:
            return await self._settle_failure(run, step, produced, error)
        except HostError as error:
            if error.maybe_ran:
                return await self._settle_lost_answer(run, bound, step, produced, error.phrase)
            return _StepOutcome(Result.UNREACHABLE, error.phrase)
        except PlanNotBindable as error:
            return _StepOutcome(Result.FAILED, error.phrase)
        return await self._verify(run, step, produced, answer, changed=answer.get("changed") is not False)

    async def _act(
        self, run: PlanRun, step: Step, bound: BoundAction, produced: StepProducts, forbidden: StopCheck
    ) -> HostAnswer:
        """Perform the action of a step, a transfer if it has a source. Raises a `HostError`, or `PlanNotBindable`."""
        if step.source is None:
            return await self._perform_in_turn(bound, forbidden)
        source = run.bind(self._places(), step.source.host, step.source.deed, produced)
        reporter = TransferReporter(self._clock, partial(self._report, run.operation, step.key))
        ends = Ends(source, step.source.host, bound, step.host)
        return await carry_out_transfer(ends, TransferWatch(ignore_unread(forbidden), reporter.report), self._clock)

    async def _perform_in_turn(self, bound: BoundAction, forbidden: StopCheck) -> HostAnswer:
        """Perform an action. Where the bot is still reading from that host, nothing was sent, so it waits for its turn."""
        for _ in range(ATTEMPTS - 1):
            try:
                return await bound.perform()
            except NotAsked:
                await self._clock.sleep(POLL_SECONDS)
                if await forbidden() is not None:
                    raise
        return await bound.perform()

    async def _settle_broken_transfer(self, run: PlanRun, step: Step, produced: StepProducts) -> _StepOutcome:
        """Settle a transfer that a crash broke off. The bot moved its bytes, so nothing moves on without it."""
        observed = _Observation(False) if step.verify is None else await self._observe(run, step.verify, produced)
        if observed.met:
            return _StepOutcome(Result.DONE, product=observed.answer, touched=True)
        result = Result.UNKNOWN if observed.met is None else Result.FAILED
        return _StepOutcome(result, Phrase("the bot stopped while this was running"), touched=True)

    async def _verify(
        self, run: PlanRun, step: Step, produced: StepProducts, answer: HostAnswer, *, changed: bool
    ) -> _StepOutcome:
        """Verify a step that its host reports as done."""
        good = Result.DONE if changed else Result.UNCHANGED
        if step.verify is None:
            return _StepOutcome(good, product=answer, touched=changed)
        observed = await self._observe_until(run, step.verify, {**produced, step.key: answer}, _is_met)
        if observed.met:
            return _StepOutcome(good, product=answer, touched=changed)
        return _StepOutcome(Result.UNKNOWN if observed.met is None else Result.FAILED, observed.why, answer, touched=changed)

    async def _settle_failure(self, run: PlanRun, step: Step, produced: StepProducts, error: ActionFailed) -> _StepOutcome:
        """Settle a step that its host reports as failed: its effect may be there all the same."""
        if not error.maybe_ran or step.verify is None or error.code == MISMATCH:
            return _StepOutcome(Result.FAILED, error.phrase, touched=error.maybe_ran)
        observed = await self._observe(run, step.verify, produced)
        if observed.met:
            return _StepOutcome(Result.DONE, touched=True)
        result = Result.UNKNOWN if observed.met is None else Result.FAILED
        return _StepOutcome(result, error.phrase, touched=not _has_not_begun(step, observed))

    async def _settle_lost_answer(
        self, run: PlanRun, bound: BoundAction, step: Step, produced: StepProducts, why: Phrase
    ) -> _StepOutcome:
        """Settle a step whose answer was lost, for the reason `why`.

        The lost request may still arrive after the observation. So a step without an observed effect is asked for again
        where that is harmless; otherwise it stays unknown, and its rollback forbids the late request.
        """
        unknown = _StepOutcome(Result.UNKNOWN, why, touched=True)
        for left in range(ATTEMPTS - 1 if bound.action.repeatable else 0, -1, -1):
            if step.verify is not None:
                observed = await self._observe_until(run, step.verify, produced, _has_answer if left else _is_met)
                if observed.met and not (bound.action.repeatable and run.needs_product(step.key)):
                    return _StepOutcome(Result.DONE, touched=True)
                if observed.met is None:
                    return unknown
            if not left:
                return unknown
            try:
                answer = await self._perform_in_turn(bound, never_stop)
            except ActionFailed as error:
                outcome = await self._settle_failure(run, step, produced, error)
                return _StepOutcome(outcome.result, outcome.why, touched=True)
            except HostError as error:
                if not error.maybe_ran:
                    return unknown
                continue  # this answer is lost as well, and its effect may be there
            return await self._verify(run, step, produced, answer, changed=True)
        return unknown

    async def _roll_back(self, run: PlanRun, step: Step, trail: AuditTrail) -> Phrase | None:
        """Roll a step back; None where that is proven, else the reason."""
        produced = _collect_products(trail)
        if step.undo is None:
            seen = _Observation(None) if step.verify is None else await self._observe(run, step.verify, produced)
            return None if seen.met is False else seen.why or _UNPROVEN_ROLLBACK
        bound = run.bind(self._places(), step.host, step.undo, produced)
        begun = step.key in trail.undo_begun
        if not begun:
            await self._intent_log.record_intent(_make_entry(run, step.key, undo=True), step.host, step.undo.kind)
        arrived = begun and not bound.action.repeatable
        why = _UNPROVEN_ROLLBACK if arrived else None
        ends = self._clock.monotonic() + max([DELIVERY_SECONDS, *(check.patience for check in step.undone)])
        while True:
            if not arrived:
                why, arrived = await _request_undo(bound)
            observations = [await self._observe(run, check, produced) for check in step.undone]
            if all(observed.met for observed in observations) and (observations or (arrived and why is None)):
                return None
            over = self._clock.monotonic() >= ends or (arrived and not observations)
            if over or any(observed.retry_useless for observed in observations):
                return (
                    why or next((observed.why for observed in observations if not observed.met), None) or _UNPROVEN_ROLLBACK
                )
            await self._clock.sleep(POLL_SECONDS)

    async def _observe_until(
        self, run: PlanRun, check: Check, produced: StepProducts, enough: Callable[[_Observation], bool]
    ) -> _Observation:
        """Observe until that is enough, or the check's patience is over."""
        ends = self._clock.monotonic() + check.patience
        while True:
            observed = await self._observe(run, check, produced)
            if enough(observed) or observed.retry_useless or self._clock.monotonic() >= ends:
                return observed
            await self._clock.sleep(POLL_SECONDS)

    async def _observe(self, run: PlanRun, check: Check, produced: StepProducts) -> _Observation:
        """Observe once. Never share an observation: it might have begun before the effect that it is to prove."""
        try:
            judged = await run.bind(self._places(), check.host, check.deed, produced).observe(self._clock.now)
        except PlanNotBindable as error:
            return _Observation(None, why=error.phrase, retry_useless=True)
        except HostError as error:
            hopeless = isinstance(error, AuthenticationFailed | HostIdentityError)
            return _Observation(None, why=error.phrase, error=error, retry_useless=hopeless)
        answer = judged.answer
        if not check.is_met(answer):
            why = judged.explanation or _describe_difference(check, answer)
            return _Observation(False, answer, why, retry_useless=check.is_hopeless(answer))
        return _Observation(judged.fault is None, answer, judged.fault, retry_useless=judged.fault is not None)


async def _request_undo(bound: BoundAction) -> tuple[Phrase | None, bool]:
    """Ask a host for a rollback; return the reason for a failure, and whether asking again is useless."""
    try:
        await bound.perform()
    except HostError as error:
        final = isinstance(error, ActionFailed | AuthenticationFailed | HostIdentityError)
        return error.phrase, final or (error.maybe_ran and not bound.action.repeatable)
    return None, True


_UNPROVEN_ROLLBACK = Phrase("could not verify the rollback. Check the host")


def _make_entry(run: PlanRun, key: str, *, undo: bool = False) -> StepEntry:
    return StepEntry(run.operation, run.actor, key, undo)


def _is_met(observed: _Observation) -> bool:
    return observed.met is True


def _has_not_begun(step: Step, observed: _Observation) -> bool:
    """Return whether an observation after a refusal shows that the step did not begin, so that no rollback is needed."""
    return bool(step.unbegun) and all(observed.answer.get(field) == value for field, value in step.unbegun.items())


def _has_answer(observed: _Observation) -> bool:
    return observed.met is not None


def _judge_read(observed: _Observation) -> _StepOutcome:
    """Judge a step that only reads."""
    if observed.met:
        return _StepOutcome(Result.DONE, product=observed.answer)
    unreachable = observed.error is not None and not isinstance(observed.error, ActionFailed)
    return _StepOutcome(Result.UNREACHABLE if unreachable else Result.FAILED, observed.why, product=observed.answer)


def _collect_products(trail: AuditTrail) -> StepProducts:
    return {key: result.product for key, result in trail.results.items()}


def _describe_difference(check: Check, answer: HostAnswer) -> Phrase:
    seen = {name: answer.get(name) for name in check.expect}
    return Phrase(
        "expected {expected}, but the host reports {seen}", expected=_format_fields(check.expect), seen=_format_fields(seen)
    )


def _format_fields(fields: Mapping[str, JsonValue]) -> str:
    text = ", ".join(f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in fields.items())
    return shorten(text, MAX_SHOWN_LENGTH)
