"""Situation of the object of a plan, such as where a container runs now, from the recorded results of its steps. Pure.

plan.situation ─ step done ─▶ step.situation ─ rolled back ─▶ the one before
                    └ unknown ─▶ one of both
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from adapters.phrase import Moment, Phrase
from commands.model.plan import Part, Plan, Result, Step, StepResult


@dataclass(frozen=True)
class Situation:
    """Situation, and the time from which it holds; None if it held before the change. `or_else`: perhaps it is that one."""

    phrase: Phrase
    since: datetime | None = None
    or_else: Phrase | None = None

    def describe(self) -> Phrase:
        """Describes it in one sentence."""
        if self.or_else is not None:
            return Phrase("unknown: {one}, or {other}. Check the hosts", one=self.phrase, other=self.or_else)
        if self.since is None:
            return self.phrase
        return Phrase("{situation}, since {at}", situation=self.phrase, at=Moment(self.since))


def tell_situations(plan: Plan, before: Phrase, told: Mapping[str, Phrase]) -> Plan:
    """Returns the plan with the situation `before` it, and those that hold once steps are done, by their keys."""

    def tell(step: Step) -> Step:
        return step.model_copy(update={"situation": told[step.key]}) if step.key in told else step

    parts = tuple(Part(host=part.host, steps=tuple(map(tell, part.steps))) for part in plan.parts)
    return plan.model_copy(update={"parts": parts, "situation": before})


def find_situation(plan: Plan, results: Mapping[str, StepResult], reported: Result | None = None) -> Situation | None:
    """Finds the present situation; None for a plan that tells none. The result of a rollback replaces that of its step.

    `reported`: what a person reported of the step whose result was unknown.
    """
    if plan.situation is None:
        return None
    phrase, times, doubt = plan.situation, list[datetime](), None
    for step in plan.steps:
        result = results.get(step.key)
        if result is None or step.situation is None:
            continue
        seen = reported if result.result is Result.UNKNOWN and reported is not None else result.result
        if seen.successful:
            phrase = step.situation
        if seen.successful or seen is Result.UNDONE:
            times.append(result.ended_at)
        doubt = step.situation if seen is Result.UNKNOWN else doubt
    return Situation(phrase, max(times, default=None), doubt)
