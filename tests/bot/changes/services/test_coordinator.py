"""Ends that no person brings about: told in the audit log first, and nothing hangs on a start that broke off."""

from collections.abc import Awaitable, Callable
from typing import NoReturn

import pytest
from structlog.testing import capture_logs

from adapters.errors import Refused
from adapters.phrase import Phrase
from bot.access.policy import Refusal
from bot.changes.rules.approval import AlreadyDecided
from bot.changes.rules.trail import AuditTrail
from bot.changes.services.engine import WorkflowStatus
from bot.model.change import ChangeState
from bot.store.errors import TooLarge
from commands.model.check import Area, StoredCheck
from commands.model.plan import Result
from tests.bot.changes.rules.test_admission import ready, states
from tests.bot.changes.workflow_team import BEN, Bot

CHECKED = ("host-a", "host-b")


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


async def end_as_reported(bot: Bot) -> None:
    await bot.dispatch.finish_run("op-1", ChangeState.DONE, None)


async def lose_the_run(bot: Bot) -> None:
    bot.engine.fates["op-1"] = WorkflowStatus(ended=True)
    await bot.dispatch.tick()


async def doubt_the_audit_log(bot: Bot) -> None:
    await bot.dispatch.close_in_doubt(Phrase("the log was cut"))


async def resolve_it_later(bot: Bot) -> None:
    """A check came between the end of the run and the moment in which the host reverted by itself."""
    await bot.dispatch.finish_run("op-1", ChangeState.UNKNOWN, None)
    bot.pass_by(minutes=1)
    await store_checks(bot)
    bot.pass_by(minutes=1)
    await bot.workflow.resolve("op-1", bot.by(BEN), "the old one is in place", ChangeState.UNDONE)


async def store_checks(bot: Bot) -> None:
    """Both hosts are checked now, in all areas."""
    await bot.checks.store(
        [StoredCheck(host=host, area=area, at=bot.at, complete=True) for host in CHECKED for area in Area]
    )


async def find_checked_areas(bot: Bot) -> dict[str, set[Area]]:
    """The areas of both hosts whose checks count."""
    known = await bot.checks.find_by_host(CHECKED)
    return {name: {area for (host, area), check in known.items() if host == name and check.complete} for name in CHECKED}


@pytest.mark.parametrize("end", [end_as_reported, lose_the_run, doubt_the_audit_log, resolve_it_later])
async def test_after_a_run_the_checks_of_its_hosts_from_before_no_longer_count(
    bot: Bot, end: Callable[[Bot], Awaitable[None]]
) -> None:
    await store_checks(bot)
    await ready(bot, "host-a")
    bot.pass_by(hours=1)
    bot.came("op-1", host_a=Result.DONE)
    await end(bot)
    assert {"host-a": set(), "host-b": set(Area)} == await find_checked_areas(bot)


async def test_a_report_that_does_not_count_forgets_no_check(bot: Bot) -> None:
    await ready(bot, "host-a")
    await end_as_reported(bot)
    bot.pass_by(minutes=1)
    await store_checks(bot)
    bot.pass_by(minutes=1)
    with pytest.raises(AlreadyDecided):
        await bot.workflow.resolve("op-1", bot.by(BEN), "looks good", ChangeState.DONE)
    assert {"host-a": set(Area), "host-b": set(Area)} == await find_checked_areas(bot)


async def test_what_is_approved_before_the_engine_is_launched_waits_without_an_alarm(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bot that took over tells claimed hosts its term first."""

    def require_engine() -> NoReturn:
        raise Refused(Phrase("no engine"))

    with monkeypatch.context() as early, capture_logs() as logs:
        early.setattr(bot.dispatch, "_engine", require_engine)
        await ready(bot, "host-a")
    assert [("info", ())] == [(each["log_level"], tuple(each.keys() & {"exc_info"})) for each in logs]
    await bot.dispatch.tick()
    assert ["op-1"] == bot.engine.enqueued
