"""Whom to ask for what one may not do: by name, at most three, and never the person who asks."""

import pytest

from adapters.inventory import Host
from bot.access.people import Person, UserGroup, list_alternatives
from bot.access.policy import Policy, Refusal
from bot.access.rules import Grant
from bot.locale.texts import get_texts
from bot.model.change import Approval, ApprovalState
from bot.model.request import Membership, SlackIdentity
from commands.model.operation import Operation, Risk, Role
from tests.bot.rendering.changes import ASKED
from tests.bot.team import (
    ADMINISTRATOR,
    BARE,
    DEVELOPER,
    OPERATOR,
    OSAKA,
    SECURITY,
    TOKYO,
    VIEWER,
    Apply,
    Restart,
    Rotate,
    actor,
    person,
)

ANA, BO, CY, DEE, EVE = (person(name, OPERATOR) for name in ("ana", "bo", "cy", "dee", "eve"))
VIC = person("vic", VIEWER)
UNREACHABLE = Person(name="zoe", roles=frozenset({OPERATOR}))
OPS = UserGroup(slack="S0OPS", roles=frozenset({OPERATOR, DEVELOPER}))


@pytest.mark.parametrize(
    ("names", "english", "japanese"),
    [
        (("ana",), "ana", "ana"),
        (("ana", "bo"), "ana or bo", "ana または bo"),
        (("ana", "bo", "cy"), "ana, bo or cy", "ana、bo または cy"),
        (("ana", "bo", "cy", "dee", "eve"), "ana, bo, cy and 2 more", "ana、bo、cy、ほか 2 人"),
    ],
)
def test_at_most_three_people_are_named(names: tuple[str, ...], english: str, japanese: str) -> None:
    said = list_alternatives(names)
    assert (english, japanese) == tuple(said.render(get_texts(language, ASKED.tzinfo)) for language in ("en", "ja"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("people", "groups", "advice"),
    [
        ((ANA, VIC), (), "Ask ana"),
        ((ANA, BO, VIC), (OPS,), "Ask ana or bo"),
        ((UNREACHABLE, VIC), (), "Ask an administrator"),
        ((VIC,), (OPS,), "Ask a person with the role operator"),
    ],
    ids=["one", "named people before groups", "a person without an identity", "members of a group are unknown"],
)
def test_a_refusal_says_who_has_the_right(people: tuple[Person, ...], groups: tuple[UserGroup, ...], advice: str) -> None:
    refused = Policy(people, groups).judge(actor("vic", VIEWER), Restart, (TOKYO,))
    assert isinstance(refused, Refusal)
    assert advice == str(refused.reason).partition(". ")[2]


@pytest.mark.parametrize(
    ("operation", "hosts", "who"),
    [
        (Restart, (TOKYO,), "ana"),
        (Restart, (OSAKA,), "bo"),
        (Restart, (TOKYO, OSAKA), None),
        (Restart, (BARE,), None),
        (Apply, (BARE,), "ana or bo"),
        (Rotate, (), None),
    ],
)
def test_a_holder_may_do_it_on_all_of_the_hosts(
    operation: type[Operation], hosts: tuple[Host, ...], who: str | None
) -> None:
    """Named are the people whom their own grants would let through, on these very hosts."""
    grants = (
        Grant(operations=("service restart",), roles=frozenset({OPERATOR}), labels=("tokyo",)),
        Grant(operations=("service restart",), roles=frozenset({DEVELOPER}), labels=("osaka",), channels=("C0OPS",)),
        Grant(operations=("forwarding apply",), roles=frozenset({OPERATOR, DEVELOPER})),
    )
    policy = Policy((ANA, person("bo", DEVELOPER)), grants=grants)
    contacts = policy.describe_holders(actor("vic", VIEWER), operation, hosts)
    assert who == (None if contacts is None else str(contacts))


def test_the_person_who_asks_is_not_named() -> None:
    assert "bo" == str(Policy((ANA, BO)).describe_holders(actor("ana", OPERATOR), Restart, ()))


APPROVAL = Approval(state=ApprovalState.PENDING, needed=1, rule="", roles=(OPERATOR,), expires_at=ASKED)


@pytest.mark.parametrize(
    ("who", "roles", "requester", "reason"),
    [
        ("ana", {OPERATOR}, "ana", "you cannot approve your own request. Ask bo"),
        ("vic", {VIEWER}, "ana", "approving this requires one of the roles operator (yours: viewer). Ask bo"),
        ("sue", {SECURITY}, "slack:T1/U0ANA", "approving this requires one of the roles operator (yours: security). Ask bo"),
    ],
)
def test_whoever_may_not_approve_learns_who_may(who: str, roles: set[Role], requester: str, reason: str) -> None:
    """The requester is never named, also under the id that they had before they were configured."""
    refused = Policy((ANA, BO, VIC)).may_approve(actor(who, *roles), APPROVAL, requester)
    assert isinstance(refused, Refusal)
    assert reason == str(refused.reason)


def test_whoever_may_not_review_learns_who_may() -> None:
    refused = Policy((ANA, BO, VIC)).may_review(actor("ana", OPERATOR), Risk.DISRUPT, (TOKYO,), "ana")
    assert isinstance(refused, Refusal)
    assert "you cannot review your own emergency change. Ask bo" == str(refused.reason)


def test_the_only_approver_is_told_that_another_person_must_approve() -> None:
    refused = Policy((ANA, VIC)).may_approve(actor("ana", OPERATOR), APPROVAL, "ana")
    assert isinstance(refused, Refusal)
    assert "you cannot approve your own request. Another person must approve it" == str(refused.reason)


@pytest.mark.parametrize("standing", [Membership.GUEST, Membership.STRANGER, Membership.UNKNOWN])
def test_guests_and_strangers_learn_no_name(standing: Membership) -> None:
    refused = Policy((ANA, BO, person("cy", ADMINISTRATOR)), (OPS,)).identify(SlackIdentity("T1", "U0ANA", standing))
    assert isinstance(refused, Refusal)
    assert [] == [name for name in ("ana", "bo", "cy") if name in str(refused.reason).split()]
