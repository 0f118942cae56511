"""What has changed between two plans is told in sentences, the telling ones first, and never more than somebody reads."""

import pytest

from adapters.endpoint import Endpoint
from adapters.phrase import Phrase
from adapters.windows.commit_confirm import AbortChange, BeginChange, ConfirmChange, ReadChange, ServiceMove
from bot.changes.rules.plan_diff import MAX_SENTENCES, describe_differences, describe_upgrade
from commands.model.plan import Check, LeftOutHost, Part, Plan, PlannedAction, Premise, Step


def step(name: str, key: str = "stop", operation: str = "op-1", confirm: bool = False) -> Step:
    action = ConfirmChange(operation=operation) if confirm else AbortChange(operation=operation)
    return Step(key=f"{key} {name}", host=name, deed=PlannedAction.of(action), phrase=Phrase("stop {host}", host=name))


def plan(*hosts: str, **given: object) -> Plan:
    return Plan(parts=tuple(Part(host=name, steps=(step(name),)) for name in hosts)).model_copy(update=given)


def premise(value: str, what: str = "nebula") -> Premise:
    return Premise(host="host-a", what=what, value=value, phrase=Phrase("Nebula is {state}", state=value))


def road(address: str, identity: str = "k1") -> Endpoint:
    return Endpoint(host="host-a", side="windows", address=address, identity=identity)


def steps(*of_host: Step) -> Plan:
    return Plan(parts=(Part(host="host-a", steps=of_host),))


def guarded(seconds: int, **arguments: object) -> Step:
    """A step of a version whose time limits are all this long."""
    begin = BeginChange(
        operation="op-1", services=(ServiceMove(service="nebula", verb="restart"),), patience=seconds
    ).model_copy(update=arguments)
    check = Check(host="host-a", deed=PlannedAction.of(ReadChange(operation="op-1")), expect={}, patience=seconds)
    return step("host-a").model_copy(
        update={"deed": PlannedAction.of(begin), "patience": seconds, "verify": check, "undone": (check,)}
    )


def of_before(known: Step) -> Step:
    """The same step, stored by a version whose action had no time limit."""
    arguments = {name: value for name, value in known.deed.arguments.items() if name != "patience"}
    return known.model_copy(update={"deed": known.deed.model_copy(update={"arguments": arguments})})


A = plan("host-a")

UPGRADED = "flatnet-bot was upgraded after this was requested, and this version runs its steps differently"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (A, A, [UPGRADED]),
        (
            plan("host-a", premises=(premise("Running"),)),
            plan("host-a", premises=(premise("Stopped"),)),
            ["host-a: approved: Nebula is Running, now: Nebula is Stopped"],
        ),
        (plan("host-a", premises=(premise("Running"),)), A, ["host-a: no longer true: Nebula is Running"]),
        (A, plan("host-a", premises=(premise("Running"),)), ["host-a: new assumption: Nebula is Running"]),
        (
            plan("host-a", "host-b"),
            plan("host-a", left_out=(LeftOutHost(host="host-b", why=Phrase("no answer")),)),
            ["host-b is now excluded: no answer"],
        ),
        (plan("host-a", "host-b"), A, ["host-b is now excluded: nothing to do"]),
        (A, plan("host-a", "host-b"), ["host-b would also be changed"]),
        (plan("host-a", "host-b"), plan("host-b", "host-a"), ["the order is now host-b, host-a"]),
        (
            plan("host-a", roads=(road("192.0.2.1"),)),
            plan("host-a", roads=(road("192.0.2.9"),)),
            ["host-a (windows) address changed from 192.0.2.1 to 192.0.2.9"],
        ),
        (
            plan("host-a", roads=(road("192.0.2.1"),)),
            plan("host-a", roads=(road("192.0.2.1", "k2"),)),
            ["host-a (windows) has a different key or certificate than before"],
        ),
        (plan("host-a", roads=(road("192.0.2.1"),)), A, ["host-a (windows) is used in only one of the two plans"]),
        (steps(step("host-a"), step("host-a", "look")), A, ["host-a: step removed: stop host-a"]),
        (A, steps(step("host-a"), step("host-a", "look")), ["host-a: step added: stop host-a"]),
        (
            plan("host-a", "lighthouse"),
            Plan(parts=(*plan("host-a", "lighthouse").parts, Part(host="lighthouse", steps=(step("lighthouse", "wipe"),)))),
            ["lighthouse: step added: stop lighthouse"],
        ),
        (
            Plan(parts=(*plan("lighthouse").parts, Part(host="lighthouse", steps=(step("lighthouse", "wipe"),)))),
            Plan(
                parts=(
                    *plan("lighthouse").parts,
                    Part(host="lighthouse", steps=(step("lighthouse", "wipe", operation="op-2"),)),
                )
            ),
            ["lighthouse: stop lighthouse: operation changed from op-1 to op-2"],
        ),
        (
            A,
            steps(step("host-a", operation="op-2")),
            ["host-a: stop host-a: operation changed from op-1 to op-2"],
        ),
        (A, steps(step("host-a", confirm=True)), ["host-a: method changed: stop host-a"]),
        (steps(guarded(60)), steps(guarded(90)), [UPGRADED]),
        (steps(of_before(guarded(60))), steps(guarded(60)), [UPGRADED]),
        (
            steps(guarded(60)),
            steps(guarded(90, window=60)),
            ["host-a: stop host-a: window changed from 120 to 60"],
        ),
        (
            steps(of_before(guarded(60))),
            steps(guarded(60).model_copy(update={"expect": {"state": "applied"}})),
            ["host-a: method changed: stop host-a"],
        ),
        (
            steps(step("host-a"), step("host-a", "look")),
            steps(step("host-a", "look"), step("host-a")),
            ["host-a: the steps are in a different order"],
        ),
    ],
)
def test_what_differs_is_told(old: Plan, new: Plan, told: list[str]) -> None:
    assert told == [str(phrase) for phrase in describe_differences(old, new)]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (A, A, [UPGRADED]),
        (steps(step("host-a", operation="op-1")), steps(step("host-a", operation="op-2")), [UPGRADED]),
        (
            plan("host-a", premises=(premise("Running"),)),
            plan("host-a", "host-b", premises=(premise("Stopped"),)),
            [UPGRADED, "host-a: approved: Nebula is Running, now: Nebula is Stopped", "host-b would also be changed"],
        ),
    ],
)
def test_an_upgrade_is_told_first_with_what_changed_on_hosts_but_without_steps(
    old: Plan, new: Plan, told: list[str]
) -> None:
    assert told == [str(phrase) for phrase in describe_upgrade(old, new)]


def test_words_alone_are_no_difference() -> None:
    other = A.model_copy(update={"warnings": (Phrase("look out"),)})
    assert describe_differences(A, A) == describe_differences(A, other)


def test_many_differences_are_cut() -> None:
    new = plan("host-a", premises=tuple(premise("Stopped", str(number)) for number in range(MAX_SENTENCES + 2)))
    told = describe_differences(A, new)
    assert (MAX_SENTENCES + 1, "and 2 more differences") == (len(told), str(told[-1]))
