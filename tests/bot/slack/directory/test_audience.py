"""Who does not see a channel, by Slack's list of its members; where that is not known, everybody counts as absent."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.slack.directory import audience as module
from bot.slack.directory.audience import CACHE_SECONDS, Audience
from bot.slack.directory.groups import GroupDirectory
from tests.bot.slack.conftest import House
from tests.lab.workspace.faults import Failing, RateLimited, ServerError, WebFault
from tests.lab.workspace.seed import BOT_USER

PEOPLE = ("U0OPERATOR", "U0STRANGER", "W0CHIEF")


@pytest.fixture
async def audience(house: House) -> AsyncIterator[Audience]:
    async with house.api() as api:
        yield Audience(api, GroupDirectory(api, tuple, house.time.monotonic), house.time.clock())


async def test_members_see_a_channel_and_others_do_not(audience: Audience) -> None:
    assert ("U0STRANGER", "W0CHIEF") == await audience.find_absent(PEOPLE, "C0OPS")


async def test_nobody_sees_what_is_in_no_channel(house: House, audience: Audience) -> None:
    assert PEOPLE == await audience.find_absent(PEOPLE, "")
    assert () == await audience.find_absent((), "C0OPS")
    assert () == house.workspace.calls("conversations.members")


async def test_user_groups_are_their_members_each_person_once(house: House, audience: Audience) -> None:
    house.workspace.change_group(replace(house.workspace.seed.groups[0], users=frozenset({"U0VIEWER", "U0ADMIN"})))
    assert ("U0ADMIN", "U0VIEWER", "U0OPERATOR") == await audience.expand(("U0ADMIN", "S0VIEWERS", "S0OPERATORS", "U0ADMIN"))


@pytest.mark.parametrize(
    "fault", [Failing("channel_not_found"), Failing("missing_scope"), RateLimited(60), ServerError(503)], ids=str
)
async def test_where_slack_does_not_say_it_all_count_as_absent_and_it_is_asked_again(
    house: House, audience: Audience, fault: WebFault
) -> None:
    house.workspace.faults.switch_on("conversations.members", fault)
    finding = asyncio.ensure_future(audience.find_absent(PEOPLE, "C0OPS"))
    await house.moving(finding.done)
    assert PEOPLE == finding.result()
    house.workspace.faults.switch_off("conversations.members")
    assert ("U0STRANGER", "W0CHIEF") == await audience.find_absent(PEOPLE, "C0OPS")


async def test_a_limited_rate_does_not_notify_everyone(house: House, audience: Audience) -> None:
    house.workspace.faults.switch_on("conversations.members", RateLimited(5), times=1)
    finding = asyncio.ensure_future(audience.find_absent(PEOPLE, "C0OPS"))
    await house.moving(finding.done)
    assert ("U0STRANGER", "W0CHIEF") == finding.result()


async def test_a_list_is_believed_for_a_minute(house: House, audience: Audience) -> None:
    await audience.find_absent(PEOPLE, "C0OPS")
    house.workspace.leave("U0OPERATOR", "C0OPS")
    assert "U0OPERATOR" not in await audience.find_absent(PEOPLE, "C0OPS")
    house.time.move(CACHE_SECONDS)
    assert "U0OPERATOR" in await audience.find_absent(PEOPLE, "C0OPS")


async def test_every_page_is_read_and_a_channel_that_is_too_large_counts_as_unknown(
    house: House, audience: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    everyone = frozenset({BOT_USER, *(f"U0CROWD{number}" for number in range(2_500))})
    for user in everyone:
        house.workspace.join(user, "C0DEV")
    assert ("U0GUEST",) == await audience.find_absent((*sorted(everyone), "U0GUEST"), "C0DEV")
    assert 3 == len(house.workspace.calls("conversations.members"))
    monkeypatch.setattr(module, "MAX_PAGES", 2)
    house.time.move(CACHE_SECONDS)
    for _ in range(2):
        assert everyone == frozenset(await audience.find_absent(sorted(everyone), "C0DEV"))
    assert 5 == len(house.workspace.calls("conversations.members"))
