"""Who may ask for what. Default deny."""

import pytest
from pydantic import ValidationError

from bot.access.people import Person, UserGroup
from bot.access.policy import Actor, Permit, Policy, Refusal, format_identity
from bot.access.rules import Grant
from bot.model.request import BotIdentity, Identity, Membership, SlackIdentity, SystemIdentity
from commands.catalogue import CATALOGUE
from commands.containers.run import ContainerRun
from commands.digests import Digest, MonthlyReport, WeeklyReport
from commands.logs.operations import LogCollect as Collected
from commands.model.operation import Operation, Role
from tests.commands.canned import host
from tests.commands.made_up import MADE_UP, LogCollect, LogRead

ANA = Person(
    name="ana", slack=("U1ANA", "W9ANA"), system=("ana", "ana-admin"), roles=frozenset({Role.OPERATOR, Role.SECURITY})
)
BO = Person(name="bo", slack=("U2BO",))
NOBODY = Person(name="nobody", system=("nobody",), roles=frozenset())
POLICY = Policy((ANA, BO, NOBODY))


def slack(user: str, standing: Membership = Membership.MEMBER, *groups: str) -> SlackIdentity:
    return SlackIdentity(team="T1", user=user, standing=standing, groups=frozenset(groups))


OPS = UserGroup(slack="S0OPS", roles=frozenset({Role.OPERATOR, Role.DEVELOPER}))
AUDITORS = UserGroup(slack="S0AUDIT", roles=frozenset({Role.SECURITY}))
WITH_GROUPS = Policy((ANA, BO, NOBODY), (OPS, AUDITORS))


@pytest.mark.parametrize(
    "identity",
    [slack("U1ANA"), slack("W9ANA"), SystemIdentity(uid=1000, name="ana"), SystemIdentity(uid=1001, name="ana-admin")],
)
def test_every_identity_of_one_person_is_one_actor(identity: Identity) -> None:
    assert Actor("ana", frozenset({Role.OPERATOR, Role.SECURITY}), "person ana") == POLICY.identify(identity)


def test_another_member_of_our_workspace_is_a_viewer() -> None:
    assert Actor("slack:T1/U7", frozenset({Role.VIEWER}), "member U7") == POLICY.identify(slack("U7"))


def test_a_person_without_named_roles_is_a_viewer() -> None:
    assert frozenset({Role.VIEWER}) == BO.roles


@pytest.mark.parametrize(
    ("identity", "rule", "advice"),
    [
        (slack("U7", Membership.GUEST), "guest", "Ask a workspace member to run the command for you"),
        (slack("U7", Membership.STRANGER), "stranger", "Ask one of them to run the command for you"),
        (slack("U7", Membership.UNKNOWN), "unknown", "Try again in a minute"),
        (slack("U1ANA", Membership.GUEST), "guest", "Ask a workspace member to run the command for you"),
        (slack("U1ANA", Membership.STRANGER), "stranger", "Ask one of them to run the command for you"),
        (slack("U1ANA", Membership.UNKNOWN), "unknown", "Try again in a minute"),
        (SystemIdentity(uid=0, name="root"), "system user without a person", "Ask an administrator to add it"),
        (SystemIdentity(uid=1000, name="U1ANA"), "system user without a person", "Ask an administrator to add it"),
    ],
)
def test_everybody_else_is_refused_and_told_what_to_do(identity: Identity, rule: str, advice: str) -> None:
    """A configured id does not help where Slack does not vouch for the person."""
    refused = POLICY.identify(identity)

    assert isinstance(refused, Refusal)
    assert rule == refused.rule
    assert advice in str(refused.reason)


VIEWER = Actor("bo", frozenset({Role.VIEWER}), "person bo")
OPERATOR = Actor("ana", frozenset({Role.OPERATOR, Role.SECURITY}), "person ana")
WITHOUT = Actor("nobody", frozenset(), "person nobody")


def test_a_verdict_names_the_rule_that_it_rests_on() -> None:
    assert Permit("role viewer") == POLICY.judge(VIEWER, LogRead)
    assert Permit("role operator") == POLICY.judge(OPERATOR, LogCollect)


@pytest.mark.parametrize(
    ("actor", "reason"),
    [
        (VIEWER, "log collect requires one of these roles: operator (yours: viewer). Ask ana"),
        (WITHOUT, "log collect requires one of these roles: operator (yours: none). Ask ana"),
    ],
)
def test_a_refusal_says_which_role_is_needed(actor: Actor, reason: str) -> None:
    verdict = POLICY.judge(actor, LogCollect)

    assert isinstance(verdict, Refusal)
    assert reason == str(verdict.reason)


def test_roles_of_user_groups_are_added_and_the_rule_names_them() -> None:
    actor = WITH_GROUPS.identify(slack("U2BO", Membership.MEMBER, "S0OPS"))
    assert (
        Actor(
            "bo",
            frozenset({Role.VIEWER, Role.OPERATOR, Role.DEVELOPER}),
            "person bo, group S0OPS",
            {Role.DEVELOPER: "S0OPS", Role.OPERATOR: "S0OPS"},
        )
        == actor
    )
    assert Permit("role operator of group S0OPS") == WITH_GROUPS.judge(actor, LogCollect)
    assert Permit("role viewer") == WITH_GROUPS.judge(actor, LogRead)


def test_a_role_that_a_person_has_anyway_is_their_own() -> None:
    actor = WITH_GROUPS.identify(slack("U1ANA", Membership.MEMBER, "S0OPS", "S0AUDIT"))
    assert isinstance(actor, Actor)
    assert {Role.DEVELOPER: "S0OPS"} == actor.group_roles
    assert Permit("role operator") == WITH_GROUPS.judge(actor, LogCollect)


def test_a_member_without_a_person_has_the_roles_of_their_groups() -> None:
    actor = WITH_GROUPS.identify(slack("U7", Membership.MEMBER, "S0AUDIT"))
    assert isinstance(actor, Actor)
    assert (frozenset({Role.VIEWER, Role.SECURITY}), "member U7, group S0AUDIT") == (actor.roles, actor.rule)


@pytest.mark.parametrize("standing", [Membership.GUEST, Membership.STRANGER, Membership.UNKNOWN])
def test_a_group_helps_nobody_whom_slack_does_not_vouch_for(standing: Membership) -> None:
    assert isinstance(WITH_GROUPS.identify(slack("U7", standing, "S0OPS")), Refusal)


def test_a_group_that_is_not_configured_gives_nothing() -> None:
    assert POLICY.identify(slack("U7")) == WITH_GROUPS.identify(slack("U7", Membership.MEMBER, "S0OTHER"))


@pytest.mark.parametrize(
    "given", [{"slack": "ops", "roles": ["viewer"]}, {"slack": "S0OPS", "roles": []}, {"slack": "S0OPS"}], ids=str
)
def test_a_group_needs_its_id_and_a_role(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        UserGroup.model_validate(given)


def test_permitted_is_what_would_be_allowed() -> None:
    assert tuple(operation for operation in MADE_UP if operation is not LogCollect) == POLICY.list_permitted(VIEWER, MADE_UP)
    assert MADE_UP == POLICY.list_permitted(OPERATOR, MADE_UP)
    assert () == POLICY.list_permitted(WITHOUT, CATALOGUE)


def test_an_identity_without_a_person_has_a_name_in_the_audit() -> None:
    assert "slack:T1/U7" == format_identity(slack("U7"))
    assert "system:root" == format_identity(SystemIdentity(uid=0, name="root"))


@pytest.mark.parametrize(
    "given",
    [
        {"name": "slack:T1/U7"},
        {"name": "Ana"},
        {"name": "ana", "slack": ["ana"]},
        {"name": "ana", "system": ["a b"]},
        {"name": "ana", "roles": ["root"]},
        {"name": "ana", "role": ["viewer"]},
    ],
)
def test_a_person_cannot_be_configured_as_something_else(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Person.model_validate(given)


HOLDERS = (
    ("log", Collected),
    ("health", Collected),
    ("health", WeeklyReport),
    ("disk", WeeklyReport),
    ("cert", WeeklyReport),
    ("health", MonthlyReport),
    ("update", MonthlyReport),
    ("health", Digest),
    ("cert", Digest),
)
"""What is narrowed, and what would tell the same."""


@pytest.mark.parametrize(("narrowed", "holder"), HOLDERS)
def test_what_is_narrowed_by_itself_is_not_to_be_had_by_another_name(narrowed: str, holder: type[Operation]) -> None:
    """By role, label and place; the bot's own digest goes on, for whoever reads its channel."""
    osaka = host("host-b", 2, labels=("osaka",))
    grant = Grant(operations=(narrowed,), roles=frozenset({Role.OPERATOR}), labels=("osaka",), channels=("C0OPS",))
    policy = Policy((ANA, BO), grants=(grant,))
    assert isinstance(policy.judge(OPERATOR, holder, (osaka,), "C0OPS"), Permit)
    told = f"{' '.join(holder.words)} includes {narrowed}: "
    for actor, hosts, place, why in (
        (VIEWER, (osaka,), "C0OPS", f"{narrowed} requires one of these roles: operator"),
        (OPERATOR, (osaka, host("host-a", 1)), "C0OPS", f"{narrowed} is only allowed on hosts labeled"),
        (OPERATOR, (osaka,), "C0INC", f"{narrowed} is only allowed in C0OPS"),
    ):
        verdict = policy.judge(actor, holder, hosts, place)
        assert isinstance(verdict, Refusal)
        assert str(verdict.reason).startswith(told + why)
    assert (holder,) == policy.list_permitted(OPERATOR, (holder,))
    assert () == policy.list_permitted(VIEWER, (holder,))
    bot = policy.identify(BotIdentity("digest"))
    assert isinstance(bot, Actor)
    assert isinstance(policy.judge(bot, holder, (host("host-a", 1),), None), Permit)
    namesake = Actor(bot.name, frozenset({Role.VIEWER}), "person flatnet-bot")
    assert isinstance(policy.judge(namesake, holder), Refusal)


def test_a_role_that_a_request_needs_is_replaced_by_no_grant() -> None:
    """A free image is for administrators, also where a grant gives `container run` to others."""
    configured, free = ContainerRun(spec="shop"), ContainerRun(spec="docker.io/library/nginx:1.27")
    granted = Policy((ANA, BO), grants=(Grant(operations=("container *",), roles=frozenset({Role.DEVELOPER})),))
    developer = Actor("dan", frozenset({Role.DEVELOPER}), "person dan")
    administrator = Actor("ada", frozenset({Role.DEVELOPER, Role.ADMINISTRATOR}), "person ada")
    assert isinstance(granted.judge_request(developer, configured), Permit)
    refused = granted.judge_request(developer, free)
    assert isinstance(refused, Refusal)
    assert "container run requires one of these roles: administrator (yours: developer)" in str(refused.reason)
    assert isinstance(granted.judge_request(administrator, free), Permit)
    assert isinstance(granted.judge_request(Actor("ada", frozenset({Role.ADMINISTRATOR}), "person ada"), free), Refusal)
