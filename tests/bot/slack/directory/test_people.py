"""Who a Slack user is, and for how long that is believed."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.model.request import Membership
from bot.slack.client.preflight import SCOPES
from bot.slack.directory.groups import CACHE_SECONDS as GROUPS_FRESH
from bot.slack.directory.people import CACHE_SECONDS, LANGUAGE_CACHE_SECONDS, LanguageDefaults, PeopleDirectory
from tests.bot.slack.conftest import House, manifest_with
from tests.lab.workspace import Workspace
from tests.lab.workspace.faults import Failing
from tests.lab.workspace.seed import PEOPLE, Kind, Seed

US = "T0FLATNET"
TOKYO, BERLIN = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin")


async def member_of(user: str, within: float = GROUPS_FRESH) -> frozenset[str]:
    """Only Alice is in a user group."""
    return frozenset({"S0ADMINS"} if user == "U0ADMIN" else ())


@pytest.fixture
async def people(house: House) -> AsyncIterator[PeopleDirectory]:
    async with house.api() as api:
        yield PeopleDirectory(api, US, LanguageDefaults("ja", TOKYO, {"C0DEV": "en"}), member_of, house.time.monotonic)


@pytest.mark.parametrize(
    ("user", "standing"),
    [
        ("U0ADMIN", Membership.MEMBER),
        ("U0GUEST", Membership.GUEST),
        ("U0VISITOR", Membership.GUEST),
        ("U0STRANGER", Membership.STRANGER),
        ("U0GONE", Membership.STRANGER),
        ("U0FLATNET", Membership.STRANGER),
        ("U0NOBODY", Membership.STRANGER),
    ],
)
async def test_the_standing_is_what_slack_says(people: PeopleDirectory, user: str, standing: Membership) -> None:
    assert standing is (await people.find_reader(US, user)).identity.standing


@pytest.mark.parametrize("team", [US, "T0SISTER", "E0ORG"])
async def test_the_team_that_a_payload_names_makes_nobody_a_member_or_a_stranger(people: PeopleDirectory, team: str) -> None:
    """In an organization it is any workspace of the person. The profile decides, and the audit log has our own team."""
    alice, zoe = await people.find_reader(team, "U0ADMIN"), await people.find_reader(team, "U0STRANGER")
    assert (US, Membership.MEMBER) == (alice.identity.team, alice.identity.standing)
    assert (team, Membership.STRANGER) == (zoe.identity.team, zoe.identity.standing)


@pytest.mark.parametrize(
    ("profile", "standing"),
    [
        ({"team_id": US}, Membership.MEMBER),
        ({"team_id": US, "enterprise_user": {"teams": []}}, Membership.MEMBER),
        ({"enterprise_user": {"teams": ["T0SISTER", US]}}, Membership.MEMBER),
        ({"team_id": "T0SISTER", "enterprise_user": {"teams": ["T0SISTER", US]}}, Membership.MEMBER),
        ({"enterprise_user": {"teams": [US]}, "is_restricted": True}, Membership.GUEST),
        ({"enterprise_user": {"teams": [US]}, "is_stranger": True}, Membership.STRANGER),
        ({"enterprise_user": {"teams": [US]}, "deleted": True}, Membership.STRANGER),
        ({"enterprise_user": {"teams": ["T0SISTER"]}}, Membership.STRANGER),
        ({"team_id": "T0OTHER", "enterprise_user": {"teams": ["T0OTHER"]}}, Membership.STRANGER),
        ({"team_id": "E0ORG", "enterprise_id": "E0ORG"}, Membership.STRANGER),
        ({"enterprise_user": US}, Membership.STRANGER),
        ({"enterprise_user": {"teams": US}}, Membership.STRANGER),
        ({"enterprise_user": {"id": US, "teams": [None, 7]}}, Membership.STRANGER),
        ({"teams": [US]}, Membership.STRANGER),
        ({}, Membership.STRANGER),
    ],
    ids=str,
)
async def test_only_a_profile_that_clearly_names_our_workspace_is_a_member(
    people: PeopleDirectory, profile: dict[str, Any], standing: Membership
) -> None:
    assert standing is people._parse("U0ADMIN", profile).identity.standing


@pytest.mark.parametrize(
    ("user", "standing"),
    [
        ("U0ADMIN", Membership.MEMBER),
        ("W0CHIEF", Membership.MEMBER),
        ("U0GUEST", Membership.GUEST),
        ("U0STRANGER", Membership.STRANGER),
        ("W0SISTER", Membership.STRANGER),
        ("U0GONE", Membership.STRANGER),
    ],
)
async def test_in_an_organization_the_list_of_workspaces_decides(
    house: House, tmp_path: Path, user: str, standing: Membership
) -> None:
    """A colleague in another workspace of the same organization is a stranger, as are other organizations."""
    house.workspace = Workspace(manifest_with(tmp_path, SCOPES), Seed().on_grid())
    await house.workspace.start()
    async with house.api() as api:
        people = PeopleDirectory(api, US, LanguageDefaults("ja", TOKYO), member_of, house.time.monotonic)
        assert standing is (await people.find_reader("T0SISTER", user)).identity.standing
    await house.workspace.stop()


async def test_language_and_zone_are_the_persons_own(people: PeopleDirectory) -> None:
    alice, kenji = await people.find_reader(US, "U0ADMIN"), await people.find_reader(US, "U0OPERATOR")
    assert ("en", BERLIN) == (alice.language, alice.zone)
    assert ("ja", TOKYO) == (kenji.language, kenji.zone)


@pytest.mark.parametrize("zone", ["", "Asia", "Nowhere/Atlantis", "../../etc/passwd", "\0"])
async def test_a_zone_or_language_that_we_do_not_have_becomes_the_usual_one(people: PeopleDirectory, zone: str) -> None:
    answer = {"team_id": US, "locale": "fi-FI", "tz": zone}
    reader = people._parse("U0ADMIN", answer)
    assert ("ja", TOKYO) == (reader.language, reader.zone)


async def test_a_person_without_name_locale_and_zone_is_known_all_the_same(people: PeopleDirectory) -> None:
    reader = people._parse("U0ADMIN", {"team_id": US})
    assert (Membership.MEMBER, "ja", TOKYO) == (reader.identity.standing, reader.language, reader.zone)


async def test_user_groups_belong_to_the_identity_of_members_only(house: House, people: PeopleDirectory) -> None:
    """Asked anew each time: they may change within the hour."""
    assert {"S0ADMINS"} == (await people.find_reader(US, "U0ADMIN")).identity.groups
    assert frozenset() == (await people.find_reader(US, "U0OPERATOR")).identity.groups
    house.workspace.change_person(replace(house.workspace.person("U0ADMIN"), kind=Kind.GUEST))
    house.time.move(CACHE_SECONDS)
    assert frozenset() == (await people.find_reader(US, "U0ADMIN")).identity.groups


def test_a_channel_reads_its_own_language_or_the_usual_one(people: PeopleDirectory) -> None:
    assert ("en", TOKYO) == people.get_channel_language("C0DEV")
    assert ("ja", TOKYO) == people.get_channel_language("C0OPS")


async def test_slack_is_asked_once_an_hour(house: House, people: PeopleDirectory) -> None:
    for _ in range(3):
        await people.find_reader(US, "U0ADMIN")
    assert 1 == len(house.workspace.calls("users.info"))
    house.time.move(CACHE_SECONDS)
    await people.find_reader(US, "U0ADMIN")
    assert 2 == len(house.workspace.calls("users.info"))


async def test_who_became_a_guest_is_one_within_the_hour(house: House, people: PeopleDirectory) -> None:
    await people.find_reader(US, "U0ADMIN")
    [alice] = [person for person in PEOPLE if person.id == "U0ADMIN"]
    house.workspace.change_person(replace(alice, kind=Kind.GUEST))
    house.time.move(CACHE_SECONDS)
    assert Membership.GUEST is (await people.find_reader(US, "U0ADMIN")).identity.standing


async def test_where_a_change_starts_slack_is_asked_however_fresh_the_answer_is(
    house: House, people: PeopleDirectory
) -> None:
    """And what it says then is what counts from then on."""
    await people.find_reader(US, "U0ADMIN")
    house.workspace.change_person(replace(house.workspace.person("U0ADMIN"), kind=Kind.GUEST))
    assert Membership.MEMBER is (await people.find_reader(US, "U0ADMIN")).identity.standing
    assert Membership.GUEST is (await people.refresh_reader(US, "U0ADMIN")).identity.standing
    assert Membership.GUEST is (await people.find_reader(US, "U0ADMIN")).identity.standing


async def test_where_a_change_starts_and_slack_does_not_answer_nobody_is_a_member(
    house: House, people: PeopleDirectory
) -> None:
    await people.find_reader(US, "U0ADMIN")
    house.workspace.faults.switch_on("users.info", Failing("internal_error"))
    assert Membership.UNKNOWN is (await people.refresh_reader(US, "U0ADMIN")).identity.standing
    assert Membership.UNKNOWN is (await people.refresh_reader("T0OTHER", "U0ADMIN")).identity.standing


async def test_when_slack_does_not_answer_the_standing_goes_and_the_language_stays_for_a_day(
    house: House, people: PeopleDirectory
) -> None:
    await people.find_reader(US, "U0ADMIN")
    house.workspace.faults.switch_on("users.info", Failing("internal_error"))
    house.time.move(CACHE_SECONDS)
    alice = await people.find_reader(US, "U0ADMIN")
    assert (Membership.UNKNOWN, "en", BERLIN) == (alice.identity.standing, alice.language, alice.zone)
    house.time.move(LANGUAGE_CACHE_SECONDS)
    alice = await people.find_reader(US, "U0ADMIN")
    assert (Membership.UNKNOWN, "ja", TOKYO) == (alice.identity.standing, alice.language, alice.zone)


async def test_a_sentence_that_cannot_wait_takes_what_is_remembered(house: House, people: PeopleDirectory) -> None:
    assert ("ja", TOKYO) == people.recall_language("U0ADMIN")
    await people.find_reader(US, "U0ADMIN")
    assert ("en", BERLIN) == people.recall_language("U0ADMIN")
    assert 1 == len(house.workspace.calls("users.info"))
