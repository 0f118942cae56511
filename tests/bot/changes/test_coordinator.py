"""Ends that no person brings about: told in the audit log first, and nothing hangs on a start that broke off."""

import pytest

from adapters.phrase import Phrase
from bot.access.policy import Refusal
from bot.changes.engine import WorkflowStatus
from bot.changes.intent_log import AuditTrail
from bot.model.change import ChangeState
from bot.store.errors import TooLarge
from commands.model.check import Area, StoredCheck
from commands.model.plan import Result
from tests.bot.changes.test_admission import ready, states
from tests.bot.changes.workflow_team import Bot


async def test_a_start_that_broke_off_before_anything_ran_is_closed_and_frees_its_hosts(bot: Bot) -> None:
    """Nobody needs to look at a host that nobody was asked about."""
    await ready(bot, "host-a")
    bot.engine.fates["op-1"] = WorkflowStatus(ended=True, reference="7f3a")
    await bot.dispatch.tick()

    change = await bot.workflow.find_change("op-1")
    told = "interrupted before anything was changed (reference 7f3a). Submit it again"
    assert (ChangeState.CLOSED, told, {}) == (change.state, str(change.why), await bot.operations.find_claims())
    assert ("end", "ana") == bot.log.told("op-1")[-1]


@pytest.mark.parametrize(("ran", "state"), [(True, ChangeState.UNKNOWN), (False, ChangeState.CLOSED)])
async def test_a_plan_that_another_version_stored_does_not_hold_up_all_others(
    bot: Bot, ran: bool, state: ChangeState
) -> None:
    await ready(bot, "host-a")
    if ran:
        bot.came("op-1", host_a=Result.DONE)
    await bot.damage_plan("op-1")
    bot.engine.fates["op-1"] = WorkflowStatus(ended=True)
    await bot.dispatch.tick()
    await bot.ask_and_approve("op-2", "host-b")

    assert {"op-1": state, "op-2": ChangeState.RUNNING} == await states(bot)
    shown = (await bot.workflow.find_change("op-1")).plan.warnings
    assert ["this plan was stored by a different version of flatnet-bot and cannot be read"] == [str(one) for one in shown]


async def test_no_end_is_stored_that_the_audit_log_does_not_tell_of(bot: Bot) -> None:
    await ready(bot, "host-a", "host-a")
    bot.log.full = True
    with pytest.raises(TooLarge):
        await bot.dispatch.refuse(await bot.stored("op-1"), Refusal("role", Phrase("ana has left")))
    bot.pass_by(hours=1)
    with pytest.raises(TooLarge):
        await bot.dispatch.tick()
    assert {"op-1": ChangeState.RUNNING, "op-2": ChangeState.READY} == await states(bot)


async def test_an_end_that_was_told_before_a_crash_is_not_told_twice(bot: Bot) -> None:
    await ready(bot, "host-a")
    bot.trails["op-1"] = AuditTrail(ended=True)
    change = await bot.dispatch.refuse(await bot.stored("op-1"), Refusal("role", Phrase("ana has left")))
    assert (ChangeState.CLOSED, ("review", "ben")) == (change.state, bot.log.told("op-1")[-1])


async def test_after_a_run_the_checks_of_its_hosts_from_before_no_longer_count(bot: Bot) -> None:
    before = bot.at
    hosts = ("host-a", "host-b")
    await bot.checks.store([StoredCheck(host=host, area=area, at=before, complete=True) for host in hosts for area in Area])
    await ready(bot, "host-a")
    bot.pass_by(hours=1)
    bot.came("op-1", host_a=Result.DONE)
    await bot.dispatch.finish_run("op-1", ChangeState.DONE, None)

    known = await bot.checks.find_by_host(hosts)
    kept = {name: {area for (host, area), check in known.items() if host == name and check.complete} for name in hosts}
    assert {"host-a": set(), "host-b": set(Area)} == kept
