"""What people may do with an owed change, and what the audit log says of it."""

import pytest

from adapters.errors import Refused
from adapters.phrase import Phrase
from bot.access.policy import Permit, Refusal
from bot.audit_log.log import EventKind
from bot.changes.services.owed import NoSuchOwed, OwedForbidden, OwedRegistry
from bot.model.owed import OwedChange
from commands.model.plan import Result
from commands.values.arguments import Target
from tests.bot.changes.services.owed.conftest import approve_and_run
from tests.bot.changes.workflow_team import ANA, HOSTS, Bot, Revoke
from tests.commands.canned import host


@pytest.fixture
def registry(bot: Bot) -> OwedRegistry:
    return OwedRegistry(bot.owed, bot.log, lambda: bot.at)


async def test_a_dropped_one_is_settled_with_its_reason_and_an_event(bot: Bot, registry: OwedRegistry) -> None:
    await registry.drop("op-9", await registry.find_open(1), "ben", "host-e was scrapped")
    (listed,) = await registry.list_recent()
    assert ((), "ben", "host-e was scrapped") == (await registry.list_open(), listed.settled_by, listed.reason)
    assert {
        "owed": "dropped",
        "items": [1],
        "host": "host-e",
        "words": "turn host-e",
        "reason": "host-e was scrapped",
    } == bot.log.last(EventKind.OWED)


async def test_a_settled_one_is_listed_for_a_week(bot: Bot, registry: OwedRegistry) -> None:
    await registry.drop("op-9", await registry.find_open(1), "ben", "scrapped")
    bot.pass_by(days=6)
    assert 1 == len(await registry.list_recent())
    bot.pass_by(days=2)
    assert () == await registry.list_recent()


async def test_only_an_open_one_is_found_by_its_number(registry: OwedRegistry) -> None:
    with pytest.raises(NoSuchOwed, match="no owed change 7"):
        await registry.find_open(7)
    await registry.drop("op-9", await registry.find_open(1), "ben", "scrapped")
    with pytest.raises(Refused, match="already settled"):
        await registry.find_open(1)


async def test_a_revocation_is_not_dropped_but_given_up_with_approvals(bot: Bot, registry: OwedRegistry) -> None:
    bot.hosts(*HOSTS, host("host-e", 5, labels=("silent",)))
    await bot.workflow.propose("op-2", Revoke(target=Target.parse(("host-a,host-e",))), bot.by(ANA))
    await approve_and_run(bot, "op-2", host_a=Result.DONE)
    with pytest.raises(Refused, match="owed abandon 2 --reason"):
        await registry.drop("op-9", await registry.find_open(2), "ben", "scrapped")
    assert [1, 2] == [owed.number for owed in await registry.list_open()]


async def test_a_person_without_the_right_is_refused_and_that_is_recorded(bot: Bot, registry: OwedRegistry) -> None:
    def judge(owed: OwedChange) -> Permit | Refusal:
        return Refusal("label", Phrase("not on {host}", host=owed.host))

    with pytest.raises(OwedForbidden, match="not on host-e"):
        await registry.authorize("op-9", await registry.find_open(1), "val", judge)
    assert {"rule": "label", "outcome": "not on host-e"} == bot.log.last(EventKind.REFUSAL)
