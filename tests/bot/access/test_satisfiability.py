"""Rules by which somebody can never get approval: what `doctor` says to teams of one, two and more."""

import pytest

from bot.access.people import Person, UserGroup
from bot.access.policy import Policy
from bot.access.rules import ApprovalRule, ApprovalSettings, Grant
from bot.access.satisfiability import find_unsatisfiable_rules
from commands.model.operation import Operation, Risk
from tests.bot.team import (
    ADMINISTRATOR,
    DEVELOPER,
    INVENTORY,
    OPERATOR,
    SECURITY,
    VIEWER,
    Apply,
    Restart,
    Rotate,
    Services,
    Yes,
    person,
)

ALL: tuple[type[Operation], ...] = (Restart, Apply, Rotate, Services, Yes)
EVERYDAY: tuple[type[Operation], ...] = (Restart, Apply, Services)

ANA, BO = person("ana", ADMINISTRATOR, OPERATOR), person("bo", OPERATOR)
CHRIS, VIC, SEC = person("chris", ADMINISTRATOR), person("vic", VIEWER), person("sec", SECURITY)
GHOST = Person(name="ghost", roles=frozenset({OPERATOR}))
LENDING = UserGroup(slack="S0OPS", roles=frozenset({OPERATOR}))

ONE_FOR_CRITICAL = ApprovalSettings(rules=(ApprovalRule(risk=Risk.CRITICAL, approvers=1),))
BY_SECURITY = ApprovalSettings(rules=(ApprovalRule(risk=Risk.DISRUPT, labels=("production",), roles=frozenset({SECURITY})),))
TWO_ON_TOKYO = ApprovalSettings(rules=(ApprovalRule(risk=Risk.CHANGE, labels=("tokyo",), approvers=2),))

ANA_ALONE = (
    "ana is the only approver, so every change needs --break-glass and a reason. Add another person with one of the roles "
    "administrator, operator under [[people]]"
)
ANA_CRITICAL = (
    "ana cannot get the 2 approvals that the default rule requires for critical changes. Assign one of the roles "
    "administrator, operator to more people under [[people]], or set approvers = 1 for critical under [[approvals.rules]]"
)
NO_SECURITY = (
    "ana, bo cannot get approval for disrupt changes (approvals.rules[1]): no other person has one of the roles security. "
    "Assign one under [[people]]"
)
TOKYO_FOR_TWO = (
    "ana, bo cannot get the 2 approvals that approvals.rules[1] requires for change changes. Assign one of the roles "
    "administrator, operator to more people under [[people]], or set approvers = 1 for change under [[approvals.rules]]"
)


@pytest.mark.parametrize(
    ("policy", "catalogue", "said"),
    [
        (Policy((ANA,)), ALL, [ANA_ALONE]),
        (Policy((ANA, VIC, GHOST)), ALL, [ANA_ALONE]),
        (Policy((ANA,), (LENDING,)), ALL, []),
        (Policy((ANA, BO)), EVERYDAY, []),
        (Policy((ANA, BO)), ALL, [ANA_CRITICAL]),
        (Policy((ANA, BO), approvals=ONE_FOR_CRITICAL), ALL, []),
        (Policy((ANA, BO, CHRIS)), ALL, []),
        (Policy((ANA, BO), approvals=BY_SECURITY), EVERYDAY, [NO_SECURITY]),
        (Policy((ANA, BO, SEC), approvals=BY_SECURITY), EVERYDAY, []),
        (Policy((ANA, BO), approvals=TWO_ON_TOKYO), EVERYDAY, [TOKYO_FOR_TWO]),
        (Policy((VIC, SEC)), ALL, []),
        (Policy(), ALL, []),
        (Policy((ANA,)), (Services, Yes), []),
    ],
    ids=[
        "one person",
        "one person beside those who may not approve",
        "one person and a user group",
        "two people, everyday changes",
        "two people, critical changes",
        "two people who ask for one approval",
        "three people",
        "a role that nobody has",
        "a role that somebody has",
        "a label that asks for too many",
        "nobody who may ask",
        "nobody",
        "nothing to approve",
    ],
)
def test_what_can_never_be_approved_is_named_with_its_mend(
    policy: Policy, catalogue: tuple[type[Operation], ...], said: list[str]
) -> None:
    assert said == [str(phrase) for phrase in find_unsatisfiable_rules(policy, INVENTORY, catalogue)]


def test_only_those_count_who_may_ask_on_such_hosts() -> None:
    """A developer who may restart in Tokyo alone is not troubled by a rule for production."""
    dan = person("dan", DEVELOPER)
    grant = Grant(operations=("service restart",), roles=frozenset({DEVELOPER}), labels=("tokyo",))
    rule = ApprovalRule(risk=Risk.DISRUPT, labels=("production",), approvers=5)
    assert () == find_unsatisfiable_rules(
        Policy((dan, BO), (), (grant,), ApprovalSettings(rules=(rule,))), INVENTORY, (Restart,)
    )
