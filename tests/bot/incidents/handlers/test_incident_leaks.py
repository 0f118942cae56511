"""A private incident leaks through no surface: each command, as each role, says of it what it says of none."""

from dataclasses import replace

import pytest

from bot.access.people import Person
from bot.access.policy import Policy
from bot.model.request import Failure, FailureKind
from bot.store.database import Database
from commands.catalogue import CATALOGUE
from commands.model.operation import Operation, Role
from tests.bot.incidents.handlers.test_show import Office

SECRET, HOUSE_OF_IT, ELSEWHERE, MISSING = "stolen key", "C0SECRET", "C0OPS", "9"
OPENER = Person(name="ana", slack=("U1ANA",), roles=frozenset({Role.OPERATOR}))
PEOPLE: dict[Role, Person] = {
    role: Person(name=f"{role}-person", slack=(f"U1{role.upper()}",), roles=frozenset({role})) for role in Role
}
OTHERS = [role for role in Role if role not in (Role.ADMINISTRATOR, Role.SECURITY)]
"""Roles that do not see all incidents."""

NUMBERED = {
    "incident show": "incident show {n}",
    "incident report": "incident report {n}",
    "incident merge": "incident merge {n} --into 2",
    "incident severity": "incident severity low --incident {n}",
    "incident lead": "incident lead --incident {n}",
    "incident invite": "incident invite ana --incident {n}",
    "incident add": "incident add host-b --incident {n}",
    "incident correct": 'incident correct 1 "no" --incident {n}',
    "incident note": 'incident note "no" --incident {n}',
    "incident update": 'incident update "no" --incident {n}',
    "incident mitigated": "incident mitigated --incident {n}",
    "incident resolve": 'incident resolve "no" --incident {n}',
    "incident reopen": 'incident reopen "no" --incident {n}',
    "incident followup": 'incident followup "no" --incident {n}',
    "incident followup done": "incident followup done 1 --incident {n}",
    "incident later": "incident later --incident {n}",
    "incident call": "incident call --incident {n}",
}
"""Words by which each operation names an incident."""

UNNUMBERED = {"incident", "incident open"}
"""Operations that name none."""


@pytest.fixture
async def office(database: Database) -> Office:
    """Ana opened one incident in a private channel and one in a public one."""
    people = {person.name: person for person in (OPENER, *PEOPLE.values())}
    office = Office(database, Policy(tuple(people.values())))
    office.channels.private.add(HOUSE_OF_IT)
    await office.ask(f'incident open "{SECRET}" host-a --results everyone', channel=HOUSE_OF_IT)
    await office.ask('incident open "slow" host-b --results everyone', channel="C0INC")
    return office


async def say(office: Office, words: str, user: str, channel: str = ELSEWHERE, *, in_public: bool = False) -> str:
    """All that a person is shown, as data, without the id of the request. An answer that failed would show nothing."""
    await office.ask("version", user, channel)
    request = replace(office.last, key=f"{office.last.key}.again", text=words, answered_in_public=in_public)
    answer = await office.work(request)
    assert not (isinstance(answer.body, Failure) and answer.body.kind is FailureKind.INTERNAL)
    return answer.model_copy(update={"operation": ""}).model_dump_json()


def test_every_operation_on_incidents_is_tried() -> None:
    def name(operation: type[Operation]) -> str:
        return " ".join(operation.words)

    assert {*NUMBERED, *UNNUMBERED} == {name(each) for each in CATALOGUE if each.words[0] == "incident"}


@pytest.mark.parametrize("role", OTHERS, ids=str)
async def test_who_may_not_see_it_learns_from_no_command_that_it_exists(office: Office, role: Role) -> None:
    """Its number gives the same answer as a number that no incident has."""
    [user] = PEOPLE[role].slack
    for words in NUMBERED.values():
        of_it = await say(office, words.format(n="1"), user)
        of_none = await say(office, words.format(n=MISSING), user)
        assert SECRET not in of_it
        assert HOUSE_OF_IT not in of_it
        assert of_none.replace(MISSING, "1") == of_it.replace(MISSING, "1")


@pytest.mark.parametrize("role", OTHERS, ids=str)
async def test_no_list_and_no_search_shows_it(office: Office, role: Role) -> None:
    [user] = PEOPLE[role].slack
    for words in ("incident", "help incident", "op", "alert", f"audit search {SECRET}", "whoami"):
        for channel in (ELSEWHERE, "C0INC", ""):
            shown = await say(office, words, user, channel)
            understood = f'"understood":"audit search {SECRET}'
            assert SECRET not in shown.replace(understood, "")
            assert HOUSE_OF_IT not in shown


async def test_no_answer_that_others_read_shows_it_to_those_who_may_see_it(office: Office) -> None:
    [user] = PEOPLE[Role.ADMINISTRATOR].slack
    for words in ("incident", "incident show 1", "incident report 1", "incident report 1 --json"):
        assert SECRET not in await say(office, words, user, in_public=True)
        assert SECRET not in await say(office, f"{words} --here", user)


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.SECURITY], ids=str)
async def test_administrators_and_security_can_read_its_report_alone(office: Office, role: Role) -> None:
    [user] = PEOPLE[role].slack
    assert SECRET in await say(office, "incident report 1", user)
    assert SECRET in await say(office, "incident report 1", "U1ANA")
