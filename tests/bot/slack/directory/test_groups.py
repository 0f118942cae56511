"""Who is in which user group, for how long that is believed, and that it fails closed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.slack.directory.groups import CACHE_SECONDS, RECENT_SECONDS, RETRY_SECONDS, GroupDirectory
from tests.bot.slack.conftest import House
from tests.lab.workspace.faults import Failing, RateLimited, ServerError, Slow
from tests.lab.workspace.seed import GROUPS

OPERATORS = next(group for group in GROUPS if group.id == "S0OPERATORS")
WANTED = ("S0OPERATORS", "S0ADMINS")


@pytest.fixture
async def groups(house: House) -> AsyncIterator[GroupDirectory]:
    async with house.api() as api:
        yield GroupDirectory(api, lambda: WANTED, house.time.monotonic)


def asked(house: House) -> int:
    return len(house.workspace.calls("usergroups.users.list"))


async def test_membership_is_what_slack_says(groups: GroupDirectory) -> None:
    assert {"S0OPERATORS"} == await groups.find_groups("U0OPERATOR")
    assert {"S0ADMINS"} == await groups.find_groups("U0ADMIN")
    assert frozenset() == await groups.find_groups("U0VIEWER")


async def test_only_groups_that_give_roles_are_asked_for(house: House, groups: GroupDirectory) -> None:
    await groups.find_groups("U0VIEWER")
    assert {"S0OPERATORS", "S0ADMINS"} == {
        str(call.arguments["usergroup"]) for call in house.workspace.calls("usergroups.users.list")
    }


async def test_slack_is_asked_once_in_five_minutes(house: House, groups: GroupDirectory) -> None:
    for user in ("U0OPERATOR", "U0ADMIN", "U0OPERATOR"):
        await groups.find_groups(user)
    assert 2 == asked(house)
    house.time.move(CACHE_SECONDS)
    await groups.find_groups("U0OPERATOR")
    assert 4 == asked(house)


async def test_a_role_is_lost_when_the_event_comes_and_at_the_latest_after_five_minutes(
    house: House, groups: GroupDirectory
) -> None:
    assert {"S0OPERATORS"} == await groups.find_groups("U0OPERATOR")
    house.workspace.change_group(replace(OPERATORS, users=frozenset()))
    assert {"S0OPERATORS"} == await groups.find_groups("U0OPERATOR")
    groups.invalidate("S0OPERATORS")
    assert frozenset() == await groups.find_groups("U0OPERATOR")


async def test_where_a_change_starts_a_lost_event_costs_half_a_minute_and_not_five(
    house: House, groups: GroupDirectory
) -> None:
    assert {"S0OPERATORS"} == await groups.find_groups("U0OPERATOR")
    house.workspace.change_group(replace(OPERATORS, users=frozenset()))
    house.time.move(RECENT_SECONDS)
    assert {"S0OPERATORS"} == await groups.find_groups("U0OPERATOR")
    assert frozenset() == await groups.find_groups("U0OPERATOR", RECENT_SECONDS)
    assert frozenset() == await groups.find_groups("U0OPERATOR")


async def test_all_who_are_looked_at_for_one_start_cost_one_question_a_group(house: House, groups: GroupDirectory) -> None:
    for user in ("U0OPERATOR", "U0ADMIN", "U0OPERATOR"):
        await groups.find_groups(user, RECENT_SECONDS)
    assert 2 == asked(house)


async def test_a_deleted_group_has_nobody(house: House, groups: GroupDirectory) -> None:
    """Slack never deletes one: it is disabled, and its list of members is refused."""
    house.workspace.change_group(replace(OPERATORS, disabled=True))
    assert frozenset() == await groups.find_groups("U0OPERATOR")


@pytest.mark.parametrize("fault", [Failing("missing_scope"), ServerError(500), Failing("fatal_error")], ids=str)
async def test_where_slack_does_not_say_nobody_is_a_member(
    house: House, groups: GroupDirectory, fault: Failing | ServerError
) -> None:
    """Even who was one a moment ago; Slack is asked again soon, not at once."""
    await groups.find_groups("U0OPERATOR")
    house.workspace.faults.switch_on("usergroups.users.list", fault)
    house.time.move(CACHE_SECONDS)
    assert frozenset() == await groups.find_groups("U0OPERATOR")
    before = asked(house)
    assert frozenset() == await groups.find_groups("U0OPERATOR")
    assert before == asked(house)
    house.workspace.faults.switch_off("usergroups.users.list")
    house.time.move(RETRY_SECONDS)
    assert {"S0OPERATORS"} == await groups.find_groups("U0OPERATOR")


async def test_a_limited_rate_is_kept(house: House, groups: GroupDirectory) -> None:
    house.workspace.faults.switch_on("usergroups.users.list", RateLimited(40), times=2)
    assert frozenset() == await groups.find_groups("U0OPERATOR")
    house.time.move(39)
    assert frozenset() == await groups.find_groups("U0OPERATOR")
    house.time.move(1)
    assert {"S0OPERATORS"} == await groups.find_groups("U0OPERATOR")


async def test_what_slack_said_before_an_event_is_not_kept(house: House, groups: GroupDirectory) -> None:
    """An answer that was on its way when the group changed may be the old one."""
    house.workspace.faults.switch_on("usergroups.users.list", Slow(0.05), times=2)
    asking = asyncio.create_task(groups.find_groups("U0OPERATOR"))
    await asyncio.sleep(0.01)
    groups.invalidate("S0OPERATORS")
    await asking
    before = asked(house)
    await groups.find_groups("U0OPERATOR")
    assert before + 1 == asked(house)
