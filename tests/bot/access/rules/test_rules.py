"""Grants and approval rules: what is granted to whom, where; and how many must approve."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from adapters.inventory import Host
from bot.access.people import Person, UserGroup
from bot.access.policy import Actor, Permit, Policy, Refusal, make_actor
from bot.access.rules import ApprovalRequirement, ApprovalRule, ApprovalSettings, Grant, matches_pattern
from bot.model.change import Approval, ApprovalState
from bot.model.request import Identity, Membership, SlackIdentity, SystemIdentity
from commands.model.operation import Operation, Risk, Role
from tests.bot.team import (
    ADMINISTRATOR,
    BARE,
    CATALOGUE,
    DEVELOPER,
    OPERATOR,
    OSAKA,
    SECURITY,
    TOKYO,
    VIEWER,
    Apply,
    Restart,
    Rotate,
    Services,
    Yes,
    actor,
    person,
)

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("pattern", "operations"),
    [
        ("service restart", [Restart]),
        ("service *", [Restart]),
        ("service", [Services]),
        ("* restart", [Restart]),
        ("forwarding set", [Apply]),
        ("*", list(CATALOGUE)),
        ("ca", []),
        ("restart", []),
    ],
)
def test_a_pattern_names_operations_by_their_whole_words(pattern: str, operations: list[type[Operation]]) -> None:
    """`*` stands for words; a bare noun is the bare noun; an alias is a name, too."""
    assert operations == [operation for operation in CATALOGUE if matches_pattern(pattern, operation)]


GRANTS = (
    Grant(operations=("service *",), roles=frozenset({DEVELOPER}), labels=("tokyo",)),
    Grant(operations=("service restart",), roles=frozenset({DEVELOPER, OPERATOR}), labels=("osaka",), channels=("C0OPS",)),
    Grant(operations=("forwarding apply",), roles=frozenset({OPERATOR}), channels=("C0OPS", "shell")),
)
GRANTED = Policy(grants=GRANTS)

DEV, OPS, ADMIN = actor("dev", DEVELOPER), actor("ops", OPERATOR), actor("admin", ADMINISTRATOR)


@pytest.mark.parametrize(
    ("who", "operation", "hosts", "channel", "rule"),
    [
        (DEV, Restart, (TOKYO,), "shell", "role developer by grants[1]"),
        (DEV, Restart, (TOKYO,), "", "role developer by grants[1]"),
        (DEV, Restart, (TOKYO,), "C0OTHER", "role developer by grants[1]"),
        (DEV, Restart, (OSAKA,), "C0OPS", "role developer by grants[2]"),
        (DEV, Restart, (TOKYO, OSAKA), "C0OPS", "role developer by grants[1]; role developer by grants[2]"),
        (OPS, Restart, (OSAKA,), "C0OPS", "role operator by grants[2]"),
        (OPS, Apply, (BARE,), "C0OPS", "role operator by grants[3]"),
        (OPS, Apply, (BARE,), "shell", "role operator by grants[3]"),
        (ADMIN, Rotate, (TOKYO, OSAKA, BARE), "", "role administrator"),
        (DEV, Services, (BARE,), "", "role developer"),
    ],
)
def test_what_a_grant_allows(
    who: Actor, operation: type[Operation], hosts: tuple[Host, ...], channel: str, rule: str
) -> None:
    """Any that fits; every host must be covered; an operation without a grant keeps its own roles."""
    assert Permit(rule) == GRANTED.judge(who, operation, hosts, channel)


@pytest.mark.parametrize(
    ("who", "operation", "hosts", "channel", "rule", "reason"),
    [
        (ADMIN, Restart, (TOKYO,), "C0OPS", "role",
         "service restart requires one of these roles: developer, operator (yours: administrator). "
         "Ask an administrator"),
        (OPS, Restart, (OSAKA,), "C0OTHER", "channel", "service restart is only allowed in C0OPS. Use it there"),
        (OPS, Restart, (OSAKA,), "shell", "channel", "service restart is only allowed in C0OPS. Use it there"),
        (OPS, Restart, (OSAKA,), "", "channel", "service restart is only allowed in C0OPS. Use it there"),
        (OPS, Apply, (BARE,), "", "channel", "forwarding apply is only allowed in C0OPS, the terminal. Use it there"),
        (OPS, Apply, (BARE,), "C0OTHER", "channel", "forwarding apply is only allowed in C0OPS, the terminal. Use it there"),
        (DEV, Restart, (TOKYO, OSAKA, BARE), "", "label",
         "service restart is only allowed on hosts labeled tokyo, not on host-b, host-c. Ask an administrator"),
        (DEV, Restart, (TOKYO, BARE), "C0OPS", "label",
         "service restart is only allowed on hosts labeled osaka, tokyo, not on host-c. Ask an administrator"),
        (DEV, Apply, (BARE,), "C0OPS", "role",
         "forwarding apply requires one of these roles: operator (yours: developer). Ask an administrator"),
    ],
)  # fmt: skip
def test_what_a_grant_refuses(
    who: Actor, operation: type[Operation], hosts: tuple[Host, ...], channel: str, rule: str, reason: str
) -> None:
    """A grant stands in place of the usual roles, administrators' too; the reason says what would do."""
    verdict = GRANTED.judge(who, operation, hosts, channel)
    assert isinstance(verdict, Refusal)
    assert (rule, reason) == (verdict.rule, str(verdict.reason))


@pytest.mark.parametrize(
    ("who", "operations"),
    [(DEV, (Restart, Services, Yes)), (OPS, (Restart, Apply, Services, Yes)), (ADMIN, (Rotate, Services, Yes))],
)
def test_help_and_menus_show_what_may_be_asked_of_some_host_in_some_channel(
    who: Actor, operations: tuple[type[Operation], ...]
) -> None:
    assert operations == GRANTED.list_permitted(who, CATALOGUE)


PRODUCTION = ApprovalRule(risk=Risk.DISRUPT, labels=("production",), approvers=3)
EASY = ApprovalRule(risk=Risk.DISRUPT, labels=("tokyo",), approvers=1)
GENERAL = ApprovalRule(risk=Risk.DISRUPT, approvers=2)
CRITICAL = ApprovalRule(risk=Risk.CRITICAL, approvers=1)
LAX = ApprovalRule(risk=Risk.CRITICAL, labels=("tokyo",), approvers=1, roles=frozenset({SECURITY}))
GUARDED = ApprovalRule(risk=Risk.DISRUPT, labels=("production",), roles=frozenset({SECURITY, ADMINISTRATOR}), ping=("sec",))
MANY = ApprovalRule(risk=Risk.DISRUPT, approvers=3, ping=("ops", "sec"))


@pytest.mark.parametrize(
    ("rules", "risk", "hosts", "name", "approvers"),
    [
        ((), Risk.CHANGE, (TOKYO,), "the usual rule", 1),
        ((), Risk.DISRUPT, (TOKYO,), "the usual rule", 1),
        ((), Risk.CRITICAL, (TOKYO,), "the usual rule", 2),
        ((PRODUCTION,), Risk.DISRUPT, (TOKYO,), "the usual rule", 1),
        ((PRODUCTION,), Risk.CHANGE, (OSAKA,), "the usual rule", 1),
        ((PRODUCTION,), Risk.DISRUPT, (OSAKA,), "approvals.rules[1]", 3),
        ((PRODUCTION,), Risk.DISRUPT, (TOKYO, OSAKA, BARE), "approvals.rules[1]", 3),
        ((PRODUCTION, GENERAL), Risk.DISRUPT, (OSAKA,), "approvals.rules[1], approvals.rules[2]", 3),
        ((PRODUCTION, GENERAL), Risk.DISRUPT, (TOKYO,), "approvals.rules[2]", 2),
        ((EASY, GENERAL), Risk.DISRUPT, (TOKYO,), "approvals.rules[1], approvals.rules[2]", 2),
        ((GENERAL, EASY), Risk.DISRUPT, (TOKYO,), "approvals.rules[1], approvals.rules[2]", 2),
        ((EASY,), Risk.DISRUPT, (TOKYO,), "approvals.rules[1]", 1),
        ((CRITICAL,), Risk.CRITICAL, (TOKYO,), "approvals.rules[1]", 1),
        ((LAX,), Risk.CRITICAL, (TOKYO,), "the usual rule, approvals.rules[1]", 2),
        ((), Risk.CHANGE, (), "the usual rule", 1),
    ],
)
def test_as_many_approve_as_the_rule_wants_that_wants_most(
    rules: tuple[ApprovalRule, ...], risk: Risk, hosts: tuple[Host, ...], name: str, approvers: int
) -> None:
    """One labelled host makes it count; a rule without labels stands in place of the usual; one with labels only adds."""
    found, rule = ApprovalSettings(rules=rules).combine_rules(risk, hosts)
    assert (name, approvers) == (found, rule.approvers)


@pytest.mark.parametrize("rules", [(GUARDED, MANY), (MANY, GUARDED)])
def test_a_rule_keeps_its_roles_where_another_needs_more_people(rules: tuple[ApprovalRule, ...]) -> None:
    """Three of the roles that both name, and everybody is called whom either calls."""
    _, rule = ApprovalSettings(rules=rules).combine_rules(Risk.DISRUPT, (OSAKA,))
    assert (3, frozenset({ADMINISTRATOR}), {"sec", "ops"}) == (rule.approvers, rule.roles, set(rule.ping))


def test_a_rule_with_labels_says_who_approves_and_never_fewer_than_usual() -> None:
    _, rule = ApprovalSettings(rules=(LAX,)).combine_rules(Risk.CRITICAL, (TOKYO,))
    assert (2, frozenset({SECURITY})) == (rule.approvers, rule.roles)


def test_hosts_whose_rules_have_no_common_role_are_asked_for_one_by_one() -> None:
    east = ApprovalRule(risk=Risk.DISRUPT, labels=("tokyo",), roles=frozenset({SECURITY}))
    west = ApprovalRule(risk=Risk.DISRUPT, labels=("osaka",), roles=frozenset({OPERATOR}))
    policy = Policy(TEAM, (LENDING,), approvals=ApprovalSettings(rules=(east, west)))
    asker = actor("bo", ADMINISTRATOR)
    refused = policy.assess_approval(asker, Risk.DISRUPT, (TOKYO, OSAKA))

    assert isinstance(refused, Refusal)
    assert str(refused.reason).endswith("Request them separately")
    for alone in (TOKYO, OSAKA):
        assert isinstance(policy.assess_approval(asker, Risk.DISRUPT, (alone,)), ApprovalRequirement)


def test_broken_glass_on_hosts_whose_rules_have_no_common_role_is_told_to_and_reviewed_by_whoever_keeps_the_bot() -> None:
    east = ApprovalRule(risk=Risk.DISRUPT, labels=("tokyo",), roles=frozenset({DEVELOPER}))
    west = ApprovalRule(risk=Risk.DISRUPT, labels=("osaka",), roles=frozenset({OPERATOR}))
    policy = Policy(TEAM, approvals=ApprovalSettings(rules=(east, west)))

    assert ("U0CHRIS",) == policy.find_alert_recipients(actor("bo", ADMINISTRATOR), Risk.DISRUPT, (TOKYO, OSAKA))
    verdicts = {each.name: policy.may_review(make_actor(each), Risk.DISRUPT, (TOKYO, OSAKA), "bo") for each in TEAM}
    assert {"chris"} == {name for name, verdict in verdicts.items() if isinstance(verdict, Permit)}


def test_who_reviews_is_who_could_have_approved_and_nobody_else() -> None:
    """By today's rules, and never whoever broke the glass, under whatever name."""
    policy = Policy(TEAM, approvals=ApprovalSettings(rules=(GUARDED,)))
    verdicts = {each.name: policy.may_review(make_actor(each), Risk.DISRUPT, (OSAKA,), "bo") for each in TEAM}
    assert {"chris"} == {name for name, verdict in verdicts.items() if isinstance(verdict, Permit)}
    assert {"ana": "approver role", "bo": "own request"} == {
        name: verdict.rule for name, verdict in verdicts.items() if name in ("ana", "bo")
    }


@pytest.mark.parametrize(
    ("identity", "asked_as", "called"),
    [("U1ANA", "slack:T1/U1ANA", "ana"), ("U1ANA", "anna", "ana"), ("U7", "slack:T1/U7", "slack:T1/U7")],
)
def test_whoever_asked_is_known_by_the_identity_they_came_with(identity: str, asked_as: str, called: str) -> None:
    """Configured, or renamed, since."""
    assert called == MERGED.find_current_name(slack(identity), asked_as)


ANA, BO, CHRIS = person("ana", OPERATOR), person("bo", ADMINISTRATOR), person("chris", OPERATOR, SECURITY)
VIC, DAN = person("vic", VIEWER), person("dan", DEVELOPER)
GHOST = Person(name="ghost", roles=frozenset({OPERATOR}))
TEAM = (ANA, BO, CHRIS, VIC, DAN, GHOST)


def test_who_may_approve_is_everybody_with_the_role_but_the_requester() -> None:
    """Not whoever has no identity by which they could ever come."""
    assert ApprovalRequirement(
        rule="the usual rule: disrupt needs 1",
        needed=1,
        may=("bo", "chris"),
        groups=(),
        ping=(),
        lifetime=timedelta(hours=1),
        roles=(ADMINISTRATOR, OPERATOR),
    ) == Policy(TEAM).assess_approval(actor("ana", OPERATOR), Risk.DISRUPT, (TOKYO,))


def test_a_rule_says_who_may_approve_and_apart_from_that_who_is_called() -> None:
    """Nobody is called for their own request, and nobody can be called without a Slack id."""
    rule = ApprovalRule(
        risk=Risk.DISRUPT, labels=("tokyo",), approvers=1, roles=frozenset({SECURITY}), ping=("vic", "ana", "ghost")
    )
    policy = Policy(TEAM, approvals=ApprovalSettings(rules=(rule,), expire=timedelta(minutes=30)))
    assert ApprovalRequirement(
        rule="approvals.rules[1]: disrupt needs 1",
        needed=1,
        may=("chris",),
        groups=(),
        ping=("U0VIC",),
        lifetime=timedelta(minutes=30),
        roles=(SECURITY,),
    ) == policy.assess_approval(actor("ana", OPERATOR), Risk.DISRUPT, (TOKYO, BARE))


def test_a_person_counts_once_however_many_identities_they_have() -> None:
    many = Person(name="bo", slack=("U0BO", "W0BO"), system=("bo", "root"), roles=frozenset({ADMINISTRATOR}))
    refused = Policy((ANA, many)).assess_approval(actor("ana", OPERATOR), Risk.CRITICAL, (TOKYO,))
    assert isinstance(refused, Refusal)
    assert "the usual rule: 1 of 2" == refused.rule


LENDING = UserGroup(slack="S0OPS", roles=frozenset({OPERATOR}))
OTHER = UserGroup(slack="S0VIEW", roles=frozenset({VIEWER}))


@pytest.mark.parametrize(
    ("people", "groups", "asker", "risk", "enough"),
    [
        ((BO,), (), BO, Risk.CHANGE, False),
        ((BO,), (), BO, Risk.CRITICAL, False),
        ((BO,), (LENDING,), BO, Risk.CRITICAL, True),
        ((BO,), (OTHER,), BO, Risk.CHANGE, False),
        ((BO, VIC), (), BO, Risk.CHANGE, False),
        ((BO, GHOST), (), BO, Risk.CHANGE, False),
        ((ANA, BO), (), BO, Risk.CHANGE, True),
        ((ANA, BO), (), ANA, Risk.DISRUPT, True),
        ((ANA, BO), (), BO, Risk.CRITICAL, False),
        ((ANA, BO, CHRIS), (), BO, Risk.CRITICAL, True),
        ((ANA, BO), (LENDING,), BO, Risk.CRITICAL, True),
    ],
)
def test_what_can_never_be_approved_is_refused_at_once(
    people: tuple[Person, ...], groups: tuple[UserGroup, ...], asker: Person, risk: Risk, enough: bool
) -> None:
    """One person, two people, three, and user groups of which nobody knows who is in them."""
    verdict = Policy(people, groups).assess_approval(actor(asker.name, *asker.roles), risk, (TOKYO,))
    assert enough is isinstance(verdict, ApprovalRequirement)


TOO_FEW = (
    "approval needs 2 other people with one of the roles administrator, operator (available: only ana). An administrator "
    "can assign the role under [[people]], or lower the number under [[approvals.rules]]"
)


@pytest.mark.parametrize(
    ("asker", "reason"),
    [
        (
            actor("bo", ADMINISTRATOR),
            f"{TOO_FEW}. In an emergency, --break-glass with a reason skips approval (everyone is notified)",
        ),
        (actor("sec", SECURITY), TOO_FEW),
    ],
)
def test_the_refusal_says_what_to_configure_and_names_break_glass_to_those_who_may(asker: Actor, reason: str) -> None:
    refused = Policy((ANA,)).assess_approval(asker, Risk.CRITICAL, (TOKYO,))
    assert isinstance(refused, Refusal)
    assert reason == str(refused.reason)


def test_the_refusal_says_that_there_is_nobody() -> None:
    refused = Policy((ANA,)).assess_approval(actor("ana", OPERATOR), Risk.CHANGE, (TOKYO,))
    assert isinstance(refused, Refusal)
    assert str(refused.reason).startswith("approval needs 1 other person with one of the roles administrator, operator")
    assert (
        "available: none). An administrator can assign the role under [[people]], or lower the number under "
        "[[approvals.rules]]"
    ) in str(refused.reason)


def approval(*roles: Role) -> Approval:
    return Approval(
        state=ApprovalState.PENDING, needed=1, rule="a rule", roles=roles, may=("ana", "bo", "dan"), expires_at=NOON
    )


def slack(user: str, *groups: str) -> SlackIdentity:
    return SlackIdentity(team="T1", user=user, standing=Membership.MEMBER, groups=frozenset(groups))


MERGED = Policy(
    (
        Person(name="ana", slack=("U1ANA", "W9ANA"), system=("ana",), roles=frozenset({ADMINISTRATOR, OPERATOR})),
        Person(name="bo", slack=("U2BO",), roles=frozenset({OPERATOR})),
        Person(name="dan", slack=("U3DAN",), roles=frozenset({DEVELOPER})),
    ),
    (LENDING,),
)


@pytest.mark.parametrize(
    ("identity", "requester", "rule"),
    [
        (slack("U1ANA"), "ana", "own request"),
        (slack("W9ANA"), "ana", "own request"),
        (SystemIdentity(uid=1, name="ana"), "ana", "own request"),
        (slack("U7", "S0OPS"), "slack:T1/U7", "own request"),
        (slack("U2BO"), "slack:T1/U2BO", "own request"),
        (slack("U3DAN"), "ana", "approver role"),
        (slack("U7"), "ana", "approver role"),
    ],
)
def test_who_may_not_approve(identity: Identity, requester: str, rule: str) -> None:
    """Administrators included; nor under another identity, nor when that became a person only afterwards.

    That somebody's name is among those who might have approved does not help once the role is gone.
    """
    who = MERGED.identify(identity)
    assert isinstance(who, Actor)
    verdict = MERGED.may_approve(who, approval(OPERATOR), requester)
    assert isinstance(verdict, Refusal)
    assert rule == verdict.rule


@pytest.mark.parametrize(
    ("identity", "rule"),
    [
        (slack("U2BO"), "role operator"),
        (slack("U3DAN", "S0OPS"), "role operator of group S0OPS"),
        (slack("U7", "S0OPS"), "role operator of group S0OPS"),
    ],
)
def test_who_may_approve(identity: Identity, rule: str) -> None:
    who = MERGED.identify(identity)
    assert isinstance(who, Actor)
    assert Permit(rule) == MERGED.may_approve(who, approval(OPERATOR), "ana")


def test_an_approval_that_names_no_roles_is_approved_by_nobody() -> None:
    assert isinstance(MERGED.may_approve(actor("bo", *Role), approval(), "ana"), Refusal)


@pytest.mark.parametrize(("role", "may"), [(role, role is ADMINISTRATOR) for role in Role])
def test_only_an_administrator_breaks_the_glass(role: Role, may: bool) -> None:
    assert may is isinstance(Policy().may_break_glass(actor("x", role)), Permit)


@pytest.mark.parametrize(
    "given",
    [
        {"operations": [], "roles": ["operator"]},
        {"operations": ["service restart"], "roles": []},
        {"operations": ["service restart"]},
        {"operations": ["Service"], "roles": ["operator"]},
        {"operations": ["service  restart"], "roles": ["operator"]},
        {"operations": ["serv*"], "roles": ["operator"]},
        {"operations": ["service restart"], "roles": ["operator"], "channels": ["ops"]},
        {"operations": ["service restart"], "roles": ["operator"], "hosts": ["host-a"]},
    ],
    ids=str,
)
def test_a_grant_cannot_be_written_otherwise(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Grant.model_validate(given)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"risk": "read"},
        {"risk": 1},
        {"risk": "disrupt", "approvers": 0},
        {"risk": "disrupt", "approvers": 6},
        {"risk": "disrupt", "roles": []},
        {"risk": "disrupt", "ping": ["Ana"]},
    ],
    ids=str,
)
def test_an_approval_rule_cannot_be_written_otherwise(given: dict[str, object]) -> None:
    """Above all not so that nobody needs to approve."""
    with pytest.raises(ValidationError):
        ApprovalRule.model_validate(given)
