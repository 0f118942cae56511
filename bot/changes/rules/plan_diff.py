"""Describes the differences between two plans of one operation: the reasons for which the approved one may not run."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import JsonValue

from adapters.endpoint import Endpoint
from adapters.phrase import Listing, Phrase
from bot.security.untrusted_text import shorten
from commands.model.plan import Plan, Premise, Step

MAX_VALUE_LENGTH = 80
"""Characters of a value that a sentence repeats."""

MAX_SENTENCES = 10
"""Most sentences; a longer list is read in the new plan itself."""

_TIME_LIMIT = "patience"
"""The field and the argument of a time limit. Only a version of the bot sets it, and no operator knows it by that name."""

_NO_EFFECT: Mapping[str, Any] = {
    "phrase": True,
    "undo_phrase": True,
    "recorded": True,
    _TIME_LIMIT: True,
    "deed": {"arguments": {_TIME_LIMIT}},
    "verify": {_TIME_LIMIT},
    "undone": {"__all__": {_TIME_LIMIT}},
}
"""Fields of a step beside its effect."""

_UPGRADED = Phrase("flatnet-bot was upgraded after this was requested, and this version runs its steps differently")


def describe_differences(old: Plan, new: Plan) -> tuple[Phrase, ...]:
    """Describe the differences of plans whose digests differ, in at least one sentence.

    Premises, hosts and endpoints; steps where those are equal. Where steps are equal as well, another version runs them.
    """
    return _limit(tuple(_compare_fleet(old, new)) or tuple(_compare_steps(old, new)) or (_UPGRADED,))


def describe_upgrade(old: Plan, new: Plan) -> tuple[Phrase, ...]:
    """Describe the differences from a plan of another version, which may also be those of the hosts.

    Steps are not compared. They differ in technical arguments that come from the version, and the new request shows them.
    """
    return _limit((_UPGRADED, *_compare_fleet(old, new)))


def _limit(sentences: tuple[Phrase, ...]) -> tuple[Phrase, ...]:
    if len(sentences) <= MAX_SENTENCES:
        return sentences
    more = len(sentences) - MAX_SENTENCES
    return *sentences[:MAX_SENTENCES], Phrase("and {n} more difference", plural="and {n} more differences", n=more)


def _compare_fleet(old: Plan, new: Plan) -> Iterable[Phrase]:
    return (*_compare_premises(old, new), *_compare_hosts(old, new), *_compare_endpoints(old, new))


def _compare_premises(old: Plan, new: Plan) -> Iterator[Phrase]:
    before, after = _index_by_subject(old.premises), _index_by_subject(new.premises)
    for subject, premise in before.items():
        now = after.get(subject)
        if now is None:
            yield Phrase("{host}: no longer true: {premise}", host=premise.host, premise=premise.phrase)
        elif now.value != premise.value:
            yield Phrase(
                "{host}: approved: {before}, now: {after}", host=premise.host, before=premise.phrase, after=now.phrase
            )
    for subject, premise in after.items():
        if subject not in before:
            yield Phrase("{host}: new assumption: {premise}", host=premise.host, premise=premise.phrase)


def _compare_hosts(old: Plan, new: Plan) -> Iterator[Phrase]:
    before, after = (list(dict.fromkeys(part.host for part in plan.parts)) for plan in (old, new))
    reasons = {left.host: left.why for left in new.left_out}
    for host in (host for host in before if host not in after):
        yield Phrase("{host} is now excluded: {why}", host=host, why=reasons.get(host, Phrase("nothing to do")))
    added = tuple(host for host in after if host not in before)
    if added:
        yield Phrase("{hosts} would also be changed", hosts=Listing(added))
    if not added and sorted(before) == sorted(after) and before != after:
        yield Phrase("the order is now {hosts}", hosts=Listing(tuple(after)))


def _compare_endpoints(old: Plan, new: Plan) -> Iterator[Phrase]:
    before, after = _index_by_side(old.roads), _index_by_side(new.roads)
    for key in sorted(before.keys() & after.keys()):
        was, now = before[key], after[key]
        if was.address != now.address:
            yield Phrase(
                "{host} ({side}) address changed from {before} to {after}",
                host=now.host,
                side=now.side,
                before=was.address,
                after=now.address,
            )
        elif was.identity != now.identity:
            yield Phrase("{host} ({side}) has a different key or certificate than before", host=now.host, side=now.side)
    for key in sorted(before.keys() ^ after.keys()):
        road = {**before, **after}[key]
        yield Phrase("{host} ({side}) is used in only one of the two plans", host=road.host, side=road.side)


def _compare_steps(old: Plan, new: Plan) -> Iterator[Phrase]:
    """Compare the steps of hosts that are in both plans. A host may have several parts."""
    before, after = _index_steps(old), _index_steps(new)
    for host, steps in before.items():
        if host in after:
            yield from _compare_host_steps(host, steps, after[host])


def _index_steps(plan: Plan) -> Mapping[str, Mapping[str, Step]]:
    """Index the steps of a plan by the hosts of their parts, and by their keys."""
    steps: dict[str, dict[str, Step]] = {}
    for part in plan.parts:
        steps.setdefault(part.host, {}).update({step.key: step for step in part.steps})
    return steps


def _compare_host_steps(host: str, before: Mapping[str, Step], after: Mapping[str, Step]) -> Iterator[Phrase]:
    for key in (key for key in before if key not in after):
        yield Phrase("{host}: step removed: {step}", host=before[key].host, step=before[key].phrase)
    for key in after:
        if key not in before:
            yield Phrase("{host}: step added: {step}", host=after[key].host, step=after[key].phrase)
        elif _dump_effect(before[key]) != _dump_effect(after[key]):
            yield _describe_changed_step(before[key], after[key])
    if [key for key in before if key in after] != [key for key in after if key in before]:
        yield Phrase("{host}: the steps are in a different order", host=host)


def _describe_changed_step(before: Step, after: Step) -> Phrase:
    """Describe the first argument of a step that differs; the step alone where none does, or only one version has it."""
    was, now = before.deed.arguments, after.deed.arguments
    names = sorted(name for name in was.keys() & now.keys() if was[name] != now[name] and name != _TIME_LIMIT)
    if before.deed.kind != after.deed.kind or not names:
        return Phrase("{host}: method changed: {step}", host=after.host, step=after.phrase)
    name = names[0]
    return Phrase(
        "{host}: {step}: {argument} changed from {before} to {after}",
        host=after.host,
        step=after.phrase,
        argument=name,
        before=_shorten(was[name]),
        after=_shorten(now[name]),
    )


def _dump_effect(step: Step) -> Mapping[str, JsonValue]:
    """Dump what a step does. Its phrases and time limits do not count: they may differ where its effect does not."""
    return step.model_dump(mode="json", exclude=_NO_EFFECT)


def _index_by_subject(premises: tuple[Premise, ...]) -> Mapping[tuple[str, str], Premise]:
    return {(premise.host, premise.what): premise for premise in premises}


def _index_by_side(roads: tuple[Endpoint, ...]) -> Mapping[tuple[str, str], Endpoint]:
    return {(road.host, road.side): road for road in roads}


def _shorten(value: JsonValue) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return shorten(text, MAX_VALUE_LENGTH)
