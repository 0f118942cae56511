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

from pydantic import JsonValue

from adapters.errors import ActionFailed, AuthenticationFailed, HostError, HostIdentityError
from adapters.fleet import Fleet
from adapters.phrase import Phrase
from bot.changes.intent_log import Entry, Journal, Trail
from bot.changes.step_binding import Answer, CannotCarryOut, Meant, Order, Produced, known_whole
from bot.runtime.clock import Clock
from bot.security.untrusted_text import cut
from commands.model.plan import Check, Result, Step, StepResult

POLL = 2.0
"""Seconds between two observations of a host that is not yet as expected: a service takes some seconds to start."""

DELIVERY = 30.0
"""Seconds in which a host may come back to receive a rollback: longer than a restart of Nebula takes."""

SHOWN = 100
"""Characters of an answer that a sentence repeats."""

Forbidding = Callable[[], Awaitable[Phrase | None]]
"""Returns the reason for which no step may start at this moment; None where it may."""


async def nothing_forbids() -> None:
    """Allow every step: neither a lock nor a request to stop."""


@dataclass(frozen=True)
class _Look:
    """Observation of a host: `met` is None where there was no answer. `hopeless`: a repetition would give the same."""

    met: bool | None
    answer: Answer = field(default_factory=dict)
    why: Phrase | None = None
    error: HostError | None = None
    hopeless: bool = False


@dataclass(frozen=True)
class _Came:
    """Outcome of a step. `touched`: its host may be different now."""

    result: Result
    why: Phrase | None = None
    product: Answer = field(default_factory=dict)
    touched: bool = False


class Runner:
    """Runs steps on the fleet as it is configured now."""

    def __init__(self, fleet: Callable[[], Fleet], intent_log: Journal, clock: Clock) -> None:
        self._fleet = fleet
        self._intent_log = intent_log
        self._clock = clock

    async def do(self, run: Order, key: str, forbidden: Forbidding = nothing_forbids) -> StepResult:
        """Run a step, once. Raises a `DatabaseError` or `HeadUnavailable` where that could not be recorded.

        Where it is forbidden before the host is asked, it is SKIPPED. A step that began earlier is settled all the same.
        """
        trail = await self._intent_log.read(run.operation)
        if key in trail.results:
            return trail.results[key]
        step, began = run.step(key), self._clock.now()
        outcome = await self._come_of(run, step, trail, forbidden)
        result = StepResult(
            key=key,
            result=outcome.result,
            why=outcome.why,
            product=outcome.product if run.needs(key) else {},  # an unused answer could only be too large, or a secret
            began_at=began,
            ended_at=self._clock.now(),
        )
        return await self._intent_log.outcome(_entry(run, key), result, touched=outcome.touched)

    async def undo(self, run: Order, key: str) -> StepResult:
        """Roll a step back, once. A step without a rollback is only checked: its effect may be absent after all."""
        trail = await self._intent_log.read(run.operation)
        if key in trail.undone:
            return trail.undone[key]
        step, began = run.step(key), self._clock.now()
        try:
            why = await self._not_taken_back(run, step, trail)
        except CannotCarryOut as error:
            why = error.phrase
        result = StepResult(
            key=key,
            result=Result.UNDONE if why is None else Result.UNKNOWN,
            why=why,
            began_at=began,
            ended_at=self._clock.now(),
        )
        return await self._intent_log.outcome(_entry(run, key, undo=True), result)

    async def _come_of(self, run: Order, step: Step, trail: Trail, forbidden: Forbidding) -> _Came:
        begun, produced = step.key in trail.begun, _produced(trail)
        if not begun and (why := await forbidden()) is not None:
            return _Came(Result.SKIPPED, why)
        try:
            bound = run.means(self._fleet(), step.host, step.deed, produced)
            known_whole(step)  # no step begins that could be neither proven nor rolled back
        except CannotCarryOut as error:
            return _Came(Result.UNKNOWN if begun else Result.FAILED, error.phrase, touched=begun)
        if begun and bound.action.changes:
            return await self._settled(run, bound, step, produced, Phrase("the bot was stopped while this was under way"))
        if not begun:
            await self._intent_log.intent(_entry(run, step.key), step.host, step.deed.kind)
            if (why := await forbidden()) is not None:  # recording the intent took its time
                return _Came(Result.SKIPPED, why)
        if not bound.action.changes:
            return _proven(await self._look(run, step.proof, produced, _met))
        try:
            answer = await bound.answer()
        except ActionFailed as error:
            return await self._failed(run, step, produced, error)
        except HostError as error:
            if error.maybe_ran:
                return await self._settled(run, bound, step, produced, error.phrase)
            return _Came(Result.UNREACHABLE, error.phrase)
        return await self._verified(run, step, produced, answer, changed=answer.get("changed") is not False)

    async def _verified(self, run: Order, step: Step, produced: Produced, answer: Answer, *, changed: bool) -> _Came:
        """Verify a step that its host reports as done."""
        good = Result.DONE if changed else Result.UNCHANGED
        if step.verify is None:
            return _Came(good, product=answer, touched=changed)
        observed = await self._look(run, step.verify, {**produced, step.key: answer}, _met)
        if observed.met:
            return _Came(good, product=answer, touched=changed)
        return _Came(Result.UNKNOWN if observed.met is None else Result.FAILED, observed.why, answer, touched=changed)

    async def _failed(self, run: Order, step: Step, produced: Produced, error: ActionFailed) -> _Came:
        """Settle a step that its host reports as failed: its effect may be there all the same."""
        if not error.maybe_ran or step.verify is None:
            return _Came(Result.FAILED, error.phrase, touched=error.maybe_ran)
        observed = await self._glance(run, step.verify, produced)
        if observed.met:
            return _Came(Result.DONE, touched=True)
        result = Result.UNKNOWN if observed.met is None else Result.FAILED
        return _Came(result, error.phrase, touched=not _unbegun(step, observed))

    async def _settled(self, run: Order, bound: Meant, step: Step, produced: Produced, why: Phrase) -> _Came:
        """Settle a step whose answer was lost, for the reason `why`.

        The lost request may still arrive after the observation: an absent effect is rolled back, which forbids it.
        """
        repeatable, unknown = bound.action.repeatable, _Came(Result.UNKNOWN, why, touched=True)
        if step.verify is not None:
            observed = await self._look(run, step.verify, produced, _answered if repeatable else _met)
            if observed.met and not (repeatable and run.needs(step.key)):
                return _Came(Result.DONE, touched=True)
            if observed.met is None:
                return unknown
        if not repeatable:
            return unknown
        try:
            answer = await bound.answer()
        except ActionFailed as error:
            outcome = await self._failed(run, step, produced, error)
            return _Came(outcome.result, outcome.why, touched=True)
        except HostError:
            return unknown
        return await self._verified(run, step, produced, answer, changed=True)

    async def _not_taken_back(self, run: Order, step: Step, trail: Trail) -> Phrase | None:
        """Roll a step back; None where that is proven, else the reason."""
        produced = _produced(trail)
        if step.undo is None:
            seen = _Look(None) if step.verify is None else await self._glance(run, step.verify, produced)
            return None if seen.met is False else seen.why or _UNPROVEN
        bound = run.means(self._fleet(), step.host, step.undo, produced)
        begun = step.key in trail.undo_begun
        if not begun:
            await self._intent_log.intent(_entry(run, step.key, undo=True), step.host, step.undo.kind)
        arrived = begun and not bound.action.repeatable
        why = _UNPROVEN if arrived else None
        ends = self._clock.monotonic() + max([DELIVERY, *(check.patience for check in step.undone)])
        while True:
            if not arrived:
                why, arrived = await _asked(bound)
            observations = [await self._glance(run, check, produced) for check in step.undone]
            if all(observed.met for observed in observations) and (observations or (arrived and why is None)):
                return None
            over = self._clock.monotonic() >= ends or (arrived and not observations)
            if over or any(observed.hopeless for observed in observations):
                return why or next((observed.why for observed in observations if not observed.met), None) or _UNPROVEN
            await self._clock.sleep(POLL)

    async def _look(self, run: Order, check: Check, produced: Produced, enough: Callable[[_Look], bool]) -> _Look:
        """Observe until that is enough, or the check's patience is over."""
        ends = self._clock.monotonic() + check.patience
        while True:
            observed = await self._glance(run, check, produced)
            if enough(observed) or observed.hopeless or self._clock.monotonic() >= ends:
                return observed
            await self._clock.sleep(POLL)

    async def _glance(self, run: Order, check: Check, produced: Produced) -> _Look:
        """Observe once. Never share an observation: it might have begun before the effect that it is to prove."""
        try:
            answer = await run.means(self._fleet(), check.host, check.deed, produced).answer()
        except CannotCarryOut as error:
            return _Look(None, why=error.phrase, hopeless=True)
        except HostError as error:
            hopeless = isinstance(error, AuthenticationFailed | HostIdentityError)
            return _Look(None, why=error.phrase, error=error, hopeless=hopeless)
        met = check.met(answer)
        return _Look(met, answer, None if met else _differs(check, answer), hopeless=check.hopeless(answer))


async def _asked(bound: Meant) -> tuple[Phrase | None, bool]:
    """Ask a host for a rollback; return the reason for a failure, and whether asking again is useless."""
    try:
        await bound.answer()
    except HostError as error:
        final = isinstance(error, ActionFailed | AuthenticationFailed | HostIdentityError)
        return error.phrase, final or (error.maybe_ran and not bound.action.repeatable)
    return None, True


_UNPROVEN = Phrase("nothing proves that it was taken back; look at the host")


def _entry(run: Order, key: str, *, undo: bool = False) -> Entry:
    return Entry(run.operation, run.actor, key, undo)


def _met(observed: _Look) -> bool:
    return observed.met is True


def _unbegun(step: Step, observed: _Look) -> bool:
    """Return whether an observation after a refusal shows that the step did not begin, so that no rollback is needed."""
    return bool(step.unbegun) and all(observed.answer.get(field) == value for field, value in step.unbegun.items())


def _answered(observed: _Look) -> bool:
    return observed.met is not None


def _proven(observed: _Look) -> _Came:
    """Judge a step that only reads."""
    if observed.met:
        return _Came(Result.DONE, product=observed.answer)
    unreachable = observed.error is not None and not isinstance(observed.error, ActionFailed)
    return _Came(Result.UNREACHABLE if unreachable else Result.FAILED, observed.why)


def _produced(trail: Trail) -> Produced:
    return {key: result.product for key, result in trail.results.items()}


def _differs(check: Check, answer: Answer) -> Phrase:
    seen = {name: answer.get(name) for name in check.expect}
    return Phrase("expected {expected}, but the host says {seen}", expected=_short(check.expect), seen=_short(seen))


def _short(fields: Mapping[str, JsonValue]) -> str:
    text = ", ".join(f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in fields.items())
    return cut(text, SHOWN)
