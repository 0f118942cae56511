"""Who a Slack user is, and for how long that is believed."""

from collections.abc import AsyncIterator
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from bot.model.request import Standing
from bot.slack.directory.groups import FRESH as GROUPS_FRESH
from bot.slack.directory.people import FRESH, STALE, People, Usual
from tests.bot.slack.conftest import House
from tests.lab.workspace.faults import Failing
from tests.lab.workspace.seed import PEOPLE, Kind

US = "T0FLATNET"
TOKYO, BERLIN = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin")


async def member_of(user: str, within: float = GROUPS_FRESH) -> frozenset[str]:
    """Only Alice is in a user group."""
    return frozenset({"S0ADMINS"} if user == "U0ADMIN" else ())


@pytest.fixture
async def people(house: House) -> AsyncIterator[People]:
    async with house.api() as api:
        yield People(api, US, Usual("ja", TOKYO, {"C0DEV": "en"}), member_of, house.time.monotonic)


@pytest.mark.parametrize(
    ("user", "standing"),
    [
        ("U0ADMIN", Standing.MEMBER),
        ("U0GUEST", Standing.GUEST),
        ("U0VISITOR", Standing.GUEST),
        ("U0STRANGER", Standing.STRANGER),
        ("U0GONE", Standing.STRANGER),
        ("U0FLATNET", Standing.STRANGER),
        ("U0NOBODY", Standing.STRANGER),
    ],
)
async def test_the_standing_is_what_slack_says(people: People, user: str, standing: Standing) -> None:
    assert standing is (await people.look(US, user)).identity.standing


async def test_who_comes_from_another_team_is_a_stranger_without_asking(house: House, people: People) -> None:
    assert Standing.STRANGER is (await people.look("T0OTHER", "U0ADMIN")).identity.standing
    assert () == house.workspace.calls("users.info")


async def test_language_and_zone_are_the_persons_own(people: People) -> None:
    alice, kenji = await people.look(US, "U0ADMIN"), await people.look(US, "U0OPERATOR")
    assert ("en", BERLIN) == (alice.language, alice.zone)
    assert ("ja", TOKYO) == (kenji.language, kenji.zone)


@pytest.mark.parametrize("zone", ["", "Asia", "Nowhere/Atlantis", "../../etc/passwd", "\0"])
async def test_a_zone_or_language_that_we_do_not_have_becomes_the_usual_one(people: People, zone: str) -> None:
    answer = {"team_id": US, "locale": "fi-FI", "tz": zone}
    reader = people._read("U0ADMIN", answer)
    assert ("ja", TOKYO) == (reader.language, reader.zone)


async def test_a_person_without_name_locale_and_zone_is_known_all_the_same(people: People) -> None:
    reader = people._read("U0ADMIN", {"team_id": US})
    assert (Standing.MEMBER, "ja", TOKYO) == (reader.identity.standing, reader.language, reader.zone)


async def test_user_groups_belong_to_the_identity_of_members_only(house: House, people: People) -> None:
    """Asked anew each time: they may change within the hour."""
    assert {"S0ADMINS"} == (await people.look(US, "U0ADMIN")).identity.groups
    assert frozenset() == (await people.look(US, "U0OPERATOR")).identity.groups
    house.workspace.change_person(replace(house.workspace.person("U0ADMIN"), kind=Kind.GUEST))
    house.time.move(FRESH)
    assert frozenset() == (await people.look(US, "U0ADMIN")).identity.groups


def test_a_channel_reads_its_own_language_or_the_usual_one(people: People) -> None:
    assert ("en", TOKYO) == people.read_in("C0DEV")
    assert ("ja", TOKYO) == people.read_in("C0OPS")


async def test_slack_is_asked_once_an_hour(house: House, people: People) -> None:
    for _ in range(3):
        await people.look(US, "U0ADMIN")
    assert 1 == len(house.workspace.calls("users.info"))
    house.time.move(FRESH)
    await people.look(US, "U0ADMIN")
    assert 2 == len(house.workspace.calls("users.info"))


async def test_who_became_a_guest_is_one_within_the_hour(house: House, people: People) -> None:
    await people.look(US, "U0ADMIN")
    [alice] = [person for person in PEOPLE if person.id == "U0ADMIN"]
    house.workspace.change_person(replace(alice, kind=Kind.GUEST))
    house.time.move(FRESH)
    assert Standing.GUEST is (await people.look(US, "U0ADMIN")).identity.standing


async def test_where_a_change_starts_slack_is_asked_however_fresh_the_answer_is(house: House, people: People) -> None:
    """And what it says then is what counts from then on."""
    await people.look(US, "U0ADMIN")
    house.workspace.change_person(replace(house.workspace.person("U0ADMIN"), kind=Kind.GUEST))
    assert Standing.MEMBER is (await people.look(US, "U0ADMIN")).identity.standing
    assert Standing.GUEST is (await people.look_anew(US, "U0ADMIN")).identity.standing
    assert Standing.GUEST is (await people.look(US, "U0ADMIN")).identity.standing


async def test_where_a_change_starts_and_slack_does_not_answer_nobody_is_a_member(house: House, people: People) -> None:
    await people.look(US, "U0ADMIN")
    house.workspace.faults.switch_on("users.info", Failing("internal_error"))
    assert Standing.UNKNOWN is (await people.look_anew(US, "U0ADMIN")).identity.standing
    assert Standing.STRANGER is (await people.look_anew("T0OTHER", "U0ADMIN")).identity.standing


async def test_when_slack_does_not_answer_the_standing_goes_and_the_language_stays_for_a_day(
    house: House, people: People
) -> None:
    await people.look(US, "U0ADMIN")
    house.workspace.faults.switch_on("users.info", Failing("internal_error"))
    house.time.move(FRESH)
    alice = await people.look(US, "U0ADMIN")
    assert (Standing.UNKNOWN, "en", BERLIN) == (alice.identity.standing, alice.language, alice.zone)
    house.time.move(STALE)
    alice = await people.look(US, "U0ADMIN")
    assert (Standing.UNKNOWN, "ja", TOKYO) == (alice.identity.standing, alice.language, alice.zone)


async def test_a_sentence_that_cannot_wait_takes_what_is_remembered(house: House, people: People) -> None:
    assert ("ja", TOKYO) == people.remembered("U0ADMIN")
    await people.look(US, "U0ADMIN")
    assert ("en", BERLIN) == people.remembered("U0ADMIN")
    assert 1 == len(house.workspace.calls("users.info"))
