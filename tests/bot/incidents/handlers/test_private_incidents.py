"""An incident in a private channel does not exist for others: not in lists, not by its number, not in a refusal."""

from dataclasses import replace

import pytest

from bot.access.people import Person
from bot.access.policy import Policy
from bot.incidents.services.registry import PRIVACY_CACHE
from bot.model.request import Failure, Surface
from bot.store.database import Database
from commands.model.operation import Role
from commands.model.report import Report
from tests.bot.incidents.handlers.test_show import Office

PEOPLE = (
    Person(name="ana", slack=("U1ANA",), roles=frozenset({Role.OPERATOR})),
    Person(name="ben", slack=("U1BEN",), roles=frozenset({Role.OPERATOR})),
    Person(name="vera", slack=("U1VERA",), roles=frozenset({Role.VIEWER})),
    Person(name="adam", slack=("U1ADAM",), roles=frozenset({Role.ADMINISTRATOR})),
    Person(name="sara", slack=("U1SARA",), roles=frozenset({Role.SECURITY, Role.VIEWER})),
)
PRIVATE, PUBLIC, ELSEWHERE = "C0SECRET", "C0INC", "C0OPS"


@pytest.fixture
async def office(database: Database) -> Office:
    """Ana opened one incident in a private channel and one in a public one."""
    office = Office(database, Policy(PEOPLE))
    office.channels.private.add(PRIVATE)
    await office.ask('incident open "stolen key" host-a --results everyone', channel=PRIVATE)
    await office.ask('incident open "slow" host-b --results everyone', channel=PUBLIC)
    return office


async def shown(office: Office, words: str, user: str, channel: str = ELSEWHERE, *, in_public: bool = False) -> str:
    """All that somebody is shown: the whole answer as data."""
    await office.ask("version", user, channel)
    request = replace(office.last, key=f"{office.last.key}.again", text=words, answered_in_public=in_public)
    return (await office.work(request)).model_dump_json()


@pytest.mark.parametrize("user", ["U1BEN", "U1VERA"])
async def test_others_elsewhere_see_the_public_one_alone(office: Office, user: str) -> None:
    """The list, the channel of the public one, which names others, and its number."""
    for words, channel in (("incident", ELSEWHERE), ("incident", PUBLIC), ("incident show 2", ELSEWHERE)):
        answer = await shown(office, words, user, channel)
        assert "slow" in answer
        assert "stolen key" not in answer
    refused = await office.ask("incident show 1", user, ELSEWHERE)
    assert isinstance(refused.body, Failure)
    assert "no incident 1. Run incident for the list" == str(refused.body.phrase)


@pytest.mark.parametrize("user", ["U1ANA", "U1ADAM", "U1SARA"])
async def test_its_opener_administrators_and_security_see_it_everywhere_unless_others_read_the_answer(
    office: Office, user: str
) -> None:
    assert "stolen key" in await shown(office, "incident", user)
    assert "stolen key" in await shown(office, "incident show 1", user)
    for words, in_public in (("incident --here", False), ("incident", True), ("incident show 1", True)):
        assert "stolen key" not in await shown(office, words, user, in_public=in_public)


HIDDEN, OTHERS_READ = (
    "incidents in private channels, unless you opened or lead them, or were invited",
    "because others read this result",
)


@pytest.mark.parametrize(
    ("user", "channel", "in_public", "summary", "hidden"),
    [
        ("U1BEN", ELSEWHERE, False, "no open incident in this channel. In another one: incident 2, slow", HIDDEN),
        ("U1ANA", ELSEWHERE, False, "no open incident in this channel, 2 in others", HIDDEN),
        ("U1ADAM", ELSEWHERE, False, "no open incident in this channel, 2 in others", ""),
        ("U1ADAM", ELSEWHERE, True, "no open incident in this channel. In another one: incident 2, slow", OTHERS_READ),
        ("U1BEN", "", False, "incident 2, slow", HIDDEN),
    ],
)
async def test_a_list_says_what_it_leaves_out(
    office: Office, user: str, channel: str, in_public: bool, summary: str, hidden: str
) -> None:
    await office.ask("version", user, channel)
    request = replace(office.last, key=f"{office.last.key}.again", text="incident", answered_in_public=in_public)
    report = (await office.work(request)).body
    assert isinstance(report, Report)
    assert str(report.summary).startswith(summary)
    lines = [str(line) for part in report.sections for line in part.lines]
    assert [hidden for _ in lines] == [hidden for line in lines if hidden in line]
    assert bool(hidden) == bool(lines)


@pytest.mark.parametrize(
    ("user", "channel", "summary"),
    [
        ("U1BEN", ELSEWHERE, "no open incident in this channel"),
        ("U1BEN", "", "no open incidents are listed here"),
        ("U1ADAM", "", "no open incidents"),
    ],
)
async def test_a_list_without_an_incident_says_the_same_whether_one_is_hidden(
    database: Database, user: str, channel: str, summary: str
) -> None:
    """Or the words would reveal it. Those who see all are told that there is none."""
    office = Office(database, Policy(PEOPLE))
    office.channels.private.add(PRIVATE)
    assert summary == await office.told("incident", user, channel)
    await office.ask('incident open "stolen key" host-a --results everyone', channel=PRIVATE)
    hidden = await office.told("incident", user, channel)
    assert ("stolen key" in hidden) == (user == "U1ADAM")
    assert (summary == hidden) == (user != "U1ADAM")


@pytest.mark.parametrize("user", ["U1BEN", "U1VERA"])
async def test_in_its_own_channel_everyone_sees_it(office: Office, user: str) -> None:
    for words in ("incident", "incident show", "incident show 1"):
        assert "stolen key" in await shown(office, words, user, PRIVATE, in_public=True)


async def test_others_elsewhere_cannot_resolve_it_and_learn_nothing(office: Office) -> None:
    refused = await office.ask('incident resolve "found it" --incident 1', "U1BEN", ELSEWHERE)
    assert isinstance(refused.body, Failure)
    assert "no incident 1. Run incident for the list" == str(refused.body.phrase)
    await office.ask('incident resolve "rotated" --incident 1', "U1ANA", ELSEWHERE)
    again = await shown(office, 'incident resolve "found it" --incident 1', "U1BEN")
    assert "rotated" not in again
    assert "no incident {number}" in again


async def test_a_private_one_with_the_same_hosts_is_not_named(office: Office) -> None:
    """A second one is opened; for who may see the first one, it is not."""
    assert "Join it" in await shown(office, 'incident open "stolen key" host-a --new', "U1ADAM")
    answer = await shown(office, 'incident open "stolen key" host-a --new', "U1BEN")
    assert "Join it" not in answer
    assert ["stolen key · host-a"] == [new.topic for new in office.channels.asked]


@pytest.mark.parametrize(
    ("channel", "option", "private"),
    [
        (PRIVATE, "", True),
        (PRIVATE, " --public --agree", False),
        (PUBLIC, "", True),
        (PUBLIC, " --public --agree", False),
        ("C0UNKNOWN", "", True),
        ("D0BEN", "", True),
    ],
)
async def test_a_new_channel_is_private_unless_its_opener_agreed_that_all_read_it(
    office: Office, channel: str, option: str, private: bool
) -> None:
    office.channels.unknown.add("C0UNKNOWN")
    await office.ask(f'incident open "odd" host-b --new --another{option}', "U1BEN", channel)
    assert [private] == [new.private for new in office.channels.asked]
    assert ("odd" in office.channels.asked[0].name) is not private
    assert ("odd" in await shown(office, "incident", "U1VERA")) is not private


async def test_before_a_public_channel_is_made_its_opener_is_shown_who_will_read_what(office: Office) -> None:
    for results, what in (("", ", the results of commands there"), (" --results requester", "")):
        words = f"incident open odd host-b{results} --new --public"
        answer = await office.ask(f"{words} --another", "U1BEN", PRIVATE)
        assert isinstance(answer.body, Failure)
        assert (
            "not opened yet. In a public channel all members of the workspace can read the title, the hosts, the timeline"
            f"{what}. Add --agree to agree, or leave --public out for a private channel"
        ) == str(answer.body.phrase)
        assert (f"{words} --agree --another", f"{words.removesuffix(' --public')} --another") == answer.body.suggestions
        assert (False, []) == (answer.here, office.channels.asked)


async def test_an_incident_of_before_is_private_until_slack_says_what_its_channel_is(
    office: Office, database: Database
) -> None:
    await database.run(lambda connection: connection.exec_driver_sql("UPDATE incidents SET private = NULL") and None)
    office.channels.unknown |= {PRIVATE, PUBLIC}
    answer = await shown(office, "incident", "U1VERA")
    assert "slow" not in answer
    assert "stolen key" not in answer
    office.channels.unknown.clear()
    answer = await shown(office, "incident", "U1VERA")
    assert "slow" in answer
    assert "stolen key" not in answer
    assert {1: True, 2: False} == {each.number: each.private for each in await office.book.list_incidents()}


async def test_an_incident_becomes_private_with_its_channel(office: Office) -> None:
    """Slack is asked again some minutes later; while it does not say, its last answer counts."""
    assert "slow" in await shown(office, "incident", "U1VERA")
    office.channels.private.add(PUBLIC)
    office.channels.unknown.add(PUBLIC)
    office.time.move(office.time.now() + PRIVACY_CACHE)
    assert "slow" in await shown(office, "incident show 2", "U1VERA")
    office.channels.unknown.clear()
    assert "slow" not in await shown(office, "incident", "U1VERA")
    assert "slow" not in await shown(office, "incident show 2", "U1VERA")
    assert {1: True, 2: True} == {each.number: each.private for each in await office.book.list_incidents()}


async def test_slack_is_not_asked_at_each_request_whether_a_channel_is_public(office: Office) -> None:
    await shown(office, "incident", "U1VERA")
    office.channels.private.add(PUBLIC)
    assert "slow" in await shown(office, "incident", "U1VERA")


async def test_a_terminal_shows_them_to_who_may_see_them(office: Office) -> None:
    for user, seen in (("U1ANA", True), ("U1BEN", False)):
        body = (await office.ask("incident", user, "", Surface.SHELL)).body
        assert isinstance(body, Report)
        assert ("stolen key" in body.model_dump_json()) is seen


@pytest.mark.parametrize(("user", "words", "private"), [("U1ANA", "--incident 1", True), ("U1BEN", "--incident 2", False)])
async def test_what_is_posted_in_its_channel_is_marked_as_private(
    office: Office, user: str, words: str, private: bool
) -> None:
    """Where the channel does not take it, it must not go where everyone reads it."""
    await office.ask(f'incident resolve "rotated" {words}', user, ELSEWHERE)
    assert [private] == [each.private for each in office.channels.told]


async def test_a_new_private_channel_is_announced_as_private(office: Office) -> None:
    await office.ask('incident open "odd" --new --another', "U1ANA", PRIVATE)
    assert [True] == [each.private for each in office.channels.told]


async def test_a_schedule_shows_them_to_no_one(office: Office) -> None:
    """All in the schedule's channel read what it posts, whoever owns the schedule; and if the channel refuses it, others."""
    for channel in (ELSEWHERE, PRIVATE):
        await office.ask("version", "U1ADAM", channel)
        asked = replace(office.last, surface=Surface.SCHEDULE, answered_in_public=True)
        for words, seen in (("incident", True), ("incident show 1", False), ("incident show 2", True)):
            answer = (await office.work(replace(asked, key=f"{channel} {words}", text=words))).model_dump_json()
            assert (seen, False) == ("slow" in answer, "stolen key" in answer)


async def test_a_schedule_in_its_channel_means_it_by_no_command(database: Database) -> None:
    """It is the only one there is, so nothing else could be meant."""
    office = Office(database, Policy(PEOPLE))
    office.channels.private.add(PRIVATE)
    await office.ask('incident open "stolen key" host-a --results everyone', channel=PRIVATE)
    await office.ask("version", "U1ADAM", PRIVATE)
    asked = replace(office.last, surface=Surface.SCHEDULE, answered_in_public=True)
    for words in ("incident", "incident show", "incident report", "log collect host-a"):
        answer = await office.work(replace(asked, key=words, text=words))
        assert (words, False) == (words, "stolen key" in answer.model_dump_json())
    await office.ask('incident resolve "rotated"', channel=PRIVATE)
    answer = await office.work(replace(asked, key="ended", text="incident report"))
    assert "incident 1" not in answer.model_dump_json()


async def test_an_answer_that_others_read_says_of_a_new_private_channel_only_that_it_was_opened(office: Office) -> None:
    """A mention in a channel is answered there: no title, hosts, alerts or channel."""
    await office.ask("version", "U1BEN", ELSEWHERE)
    request = replace(office.last, key="new", text='incident open "odd" host-b --new --another', answered_in_public=True)
    body = (await office.work(request)).body
    assert isinstance(body, Report)
    assert ("opened by ben", (), None, ()) == (str(body.summary), body.rows, body.channel, body.sections)
    assert "odd" not in body.model_dump_json()
