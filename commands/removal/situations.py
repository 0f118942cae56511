"""Situation of a host that is removed: how many of the hosts that must refuse it do, after each share. Pure."""

from collections.abc import Sequence

from adapters.phrase import Phrase
from commands.model.plan import Plan
from commands.planning.situations import tell_situations


def tell_refusals(plan: Plan, host: str, shares: Sequence[str], refusing: int, total: int) -> Plan:
    """Returns the plan with its situations. `shares` are the keys of the steps with which one more host refuses it, the last
    step of the plan removes it. `refusing` of the `total` hosts do so before.
    """
    told = {key: _describe_refusal(host, refusing + done, total) for done, key in enumerate(shares, start=1)}
    refused = _describe_refusal(host, refusing + len(shares), total)
    told[plan.steps[-1].key] = Phrase("{host} is removed: {refused}", host=host, refused=refused)
    return tell_situations(plan, _describe_refusal(host, refusing, total), told)


def _describe_refusal(host: str, count: int, total: int) -> Phrase:
    return Phrase("{n} of {total} hosts refuse {host}", n=count, total=total, host=host)
