"""Incidents to which a person may add a message: that of its channel, else those that the person may see."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bot.access.people import Person
from bot.access.policy import Policy
from bot.access.rules import Grant
from bot.model.incident import Incident
from bot.model.request import Membership, SlackIdentity
from bot.requests.incident_context import NotePlaces
from commands.model.operation import Role
from tests.bot.keeping import Made
from tests.bot.requests.test_dispatcher import config
from tests.bot.requests.test_home import Incidents, incident

ANA = Person(name="ana", slack=("U1ANA",), roles=frozenset({Role.OPERATOR}))
BOSS = Person(name="boss", slack=("U1BOSS",), roles=frozenset({Role.ADMINISTRATOR}))
PEOPLE = Policy((ANA, BOSS))
ONLY_BOSSES = replace(PEOPLE, grants=(Grant(operations=("incident note",), roles=frozenset({Role.ADMINISTRATOR})),))
OPEN, HIDDEN = incident(3, private=False), incident(4, private=True)


class Working(Incidents):
    """Incidents in which people work."""

    async def list_working(self) -> tuple[Incident, ...]:
        return self.there

    async def find_acted(self, operation: str) -> Incident | None:
        return HIDDEN if operation == "op-noted" else None


def places(policy: Policy = PEOPLE) -> NotePlaces:
    return NotePlaces(Working(OPEN, HIDDEN), Made(), replace(config(), policy=policy))


@pytest.mark.parametrize(
    ("user", "channel", "policy", "numbers"),
    [
        ("U1ANA", "C0OTHER", PEOPLE, [3]),
        ("U1BOSS", "C0OTHER", PEOPLE, [3, 4]),
        ("U1BOSS", "C04", PEOPLE, [4]),
        ("U1ANA", "C04", PEOPLE, [4]),
        ("U1ANA", "C02", PEOPLE, [3]),
        ("U1ANA", "C0OTHER", ONLY_BOSSES, []),
        ("U1ANA", "C03", ONLY_BOSSES, [3]),
    ],
)
async def test_the_incident_of_the_channel_comes_first_else_those_that_the_person_may_see(
    user: str, channel: str, policy: Policy, numbers: Sequence[int]
) -> None:
    found = await places(policy).find(SlackIdentity("T1", user, Membership.MEMBER), channel, "op-new")
    assert numbers == [each.number for each in found]


@pytest.mark.parametrize("standing", [Membership.GUEST, Membership.STRANGER, Membership.UNKNOWN])
async def test_a_person_without_standing_is_shown_none(standing: Membership) -> None:
    assert () == await places().find(SlackIdentity("T1", "U1ANA", standing), "C03", "op-noted")


async def test_a_message_that_was_noted_before_a_crash_means_the_incident_that_has_the_note() -> None:
    found = await places().find(SlackIdentity("T1", "U1ANA", Membership.MEMBER), "C03", "op-noted")
    assert (HIDDEN,) == found


def test_an_author_is_named_as_in_the_configuration() -> None:
    assert ["ana", ""] == [places().name_author(user) for user in ("U1ANA", "U1NEW")]
