"""People whom a request names: the same name as in their own requests, or a refusal with the nearest names."""

import pytest

from bot.access.people import Person
from bot.access.person_names import find_person_name, find_slack_id
from bot.access.policy import Actor, Policy
from bot.model.request import Identity, Membership, SlackIdentity, SystemIdentity
from commands.values.arguments import BadArgument

PEOPLE = (Person(name="alice", slack=("U0ALICE", "U1ALICE")), Person(name="bob", system=("bob",)))
ANA = SlackIdentity("T1", "U0ANA", Membership.MEMBER)
SHELL = SystemIdentity(1000, "bob")


@pytest.mark.parametrize(
    ("typed", "name", "slack"),
    [
        ("alice", "alice", "U0ALICE"),
        ("@U1ALICE", "alice", "U0ALICE"),
        ("bob", "bob", ""),
        ("@U0EVE", "slack:T1/U0EVE", "U0EVE"),
    ],
)
def test_a_person_has_one_name_however_it_is_typed(typed: str, name: str, slack: str) -> None:
    assert (name, slack) == (find_person_name(typed, PEOPLE, ANA), find_slack_id(name, PEOPLE))


def test_a_member_without_configuration_has_the_name_of_their_own_requests() -> None:
    eve = Policy(PEOPLE).identify(SlackIdentity("T1", "U0EVE", Membership.MEMBER))
    assert isinstance(eve, Actor)
    assert eve.name == find_person_name("@U0EVE", PEOPLE, ANA)


@pytest.mark.parametrize(
    ("typed", "requester", "nearest"),
    [("alise", ANA, ("alice",)), ("channel", ANA, ()), ("@U0EVE", SHELL, ())],
)
def test_an_unknown_person_is_refused_with_the_nearest_names(
    typed: str, requester: Identity, nearest: tuple[str, ...]
) -> None:
    with pytest.raises(BadArgument) as refused:
        find_person_name(typed, PEOPLE, requester)
    assert nearest == refused.value.nearest
