"""Situation of a host that is removed: how many of the hosts that must refuse it do, after each share. Pure."""

from collections.abc import Sequence

from adapters.action import BOT_NAME
from adapters.phrase import Phrase
from commands.model.plan import Part, Plan, Step


def tell_situations(plan: Plan, host: str, shares: Sequence[str], refusing: int, total: int) -> Plan:
    """Returns the plan with its situations. `shares` are the keys of the steps with which one more host refuses it.

    `refusing` of the `total` hosts do so before.
    """
    told = {key: _describe_refusal(host, refusing + done, total) for done, key in enumerate(shares, start=1)}
    refused = _describe_refusal(host, refusing + len(shares), total)
    last = Phrase("{host} is removed: {refused}", host=host, refused=refused)

    def tell(step: Step) -> Step:
        situation = last if step.host == BOT_NAME and step is plan.steps[-1] else told.get(step.key)
        return step if situation is None else step.model_copy(update={"situation": situation})

    parts = tuple(Part(host=part.host, steps=tuple(map(tell, part.steps))) for part in plan.parts)
    return plan.model_copy(update={"parts": parts, "situation": _describe_refusal(host, refusing, total)})


def _describe_refusal(host: str, count: int, total: int) -> Phrase:
    return Phrase("{n} of {total} hosts refuse {host}", n=count, total=total, host=host)
