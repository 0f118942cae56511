"""What changes labels is judged by the old and the new ones: when it is asked for, when it is approved, when it starts."""

import dataclasses
from collections.abc import Mapping
from datetime import timedelta

import pytest

from bot.access.people import Person
from bot.access.policy import Policy, Refusal
from bot.access.rules import ApprovalRule, ApprovalSettings, Grant
from bot.changes.rules.approval import NotAllowed
from bot.model.change import ChangeState
from commands.model.operation import Risk, Role
from commands.values.arguments import Target
from tests.bot.changes.workflow_team import ANA, BEN, EVERYBODY, OPERATOR, Bot, Relabel
from tests.commands.canned import host

TOKYO, OSAKA = (
    ApprovalRule(risk=Risk.DISRUPT, labels=(label,), approvers=approvers, roles=frozenset({Role.OPERATOR}))
    for label, approvers in (("tokyo", 2), ("osaka", 3))
)
RELABEL = Relabel(target=Target(parts=("host-a",)))
SOMEBODY = Person(name="eve", slack=("U6EVE",), roles=OPERATOR)


@pytest.mark.parametrize(
    ("rules", "needed"), [((TOKYO,), 2), ((OSAKA,), 3), ((TOKYO, OSAKA), 3), ((), 1)], ids=["new", "old", "both", "neither"]
)
async def test_the_rules_of_old_and_new_labels_decide_who_must_approve(
    bot: Bot, rules: tuple[ApprovalRule, ...], needed: int
) -> None:
    bot.hosts(host("host-a", 1, labels=("osaka",)))
    bot.ground = dataclasses.replace(
        bot.ground, policy=Policy((*EVERYBODY, SOMEBODY), approvals=ApprovalSettings(rules=rules))
    )
    change = await bot.workflow.propose("op-1", RELABEL, bot.by(ANA))
    assert change.approval is not None
    assert needed == change.approval.needed


GRANTS: Mapping[str, tuple[tuple[str, ...], bool]] = {
    "for both": (("osaka", "tokyo"), True),
    "for the old one alone": (("osaka",), False),
    "for the new one alone": (("tokyo",), False),
}


@pytest.mark.parametrize("story", GRANTS)
def test_a_requester_needs_the_right_for_the_host_as_it_is_and_as_it_will_be(bot: Bot, story: str) -> None:
    labels, permitted = GRANTS[story]
    bot.hosts(host("host-a", 1, labels=("osaka",)))
    grants = tuple(Grant(operations=("relabel",), roles=OPERATOR, labels=(label,)) for label in labels)
    policy = Policy(EVERYBODY, grants=grants)
    hosts = RELABEL.resolve_hosts(bot.planner.inventory)
    verdict = policy.judge_request(bot.by(ANA).actor, RELABEL, hosts, "C1")
    assert permitted is not isinstance(verdict, Refusal)


async def test_a_rule_of_the_new_label_that_came_meanwhile_counts_at_the_start(bot: Bot) -> None:
    await bot.locks.add("op-l", Target(parts=("host-a",)), timedelta(hours=1), "wait", "dee")
    await bot.workflow.propose("op-1", RELABEL, bot.by(ANA))
    await bot.workflow.approve("op-1", bot.by(BEN))
    bot.rules(TOKYO)
    refusal = await bot.dispatch.check_still_allowed(await bot.stored("op-1"))
    assert refusal is not None
    assert "approved by 1 person, but the current rules require 2. Submit it again" == str(refusal.reason)


async def test_it_is_refused_where_the_new_label_can_never_get_enough_approvers(bot: Bot) -> None:
    bot.rules(ApprovalRule(risk=Risk.DISRUPT, labels=("tokyo",), approvers=5))
    with pytest.raises(NotAllowed):
        await bot.workflow.propose("op-1", RELABEL, bot.by(ANA))
    assert ChangeState.WAITING is (await bot.ask("op-2")).state
