"""A change is planned, written down and asked for; what could never be approved is refused at once."""

import asyncio
import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from adapters.errors import Refused
from adapters.phrase import Phrase
from bot.audit_log.log import EventKind
from bot.changes.rules.approval import NotAllowed, ReasonMissing
from bot.changes.services.lifecycle import MAX_OPEN_REQUESTS
from bot.changes.services.planner import HoldsSecret, NothingToDo
from bot.changes.services.repository import NoSuchOperation
from bot.model.change import ApprovalState, ChangeState
from bot.store.database import Database
from commands.values.arguments import Target
from tests.bot.changes.workflow_team import ANA, BEGINNING, BEN, DEE, VAL, Bot, Uproot
from tests.commands.canned import host


async def test_a_change_is_planned_written_down_and_waits_for_people(bot: Bot) -> None:
    change = await bot.ask("op-1", "host-a,host-b", reason="disk swap")

    assert (ChangeState.WAITING, "turn host-a,host-b", "ana", "U1ANA", "C1", "disk swap") == (
        change.state,
        change.words,
        change.requester,
        change.mention,
        change.channel,
        change.reason,
    )
    assert ("host-a", "host-b") == change.plan.hosts
    assert change.approval is not None
    assert (ApprovalState.PENDING, 1, ("ben", "cai", "dee"), BEGINNING + timedelta(hours=1)) == (
        change.approval.state,
        change.approval.needed,
        change.approval.may,
        change.approval.expires_at,
    )
    assert [("plan", "ana"), ("approval", "ana")] == bot.log.told("op-1")
    assert change.digest == bot.log.last(EventKind.PLAN)["digest"]
    assert [change] == bot.seen
    assert change == await bot.workflow.find_change("op-1")


async def test_a_replayed_request_gets_what_is_stored_and_is_planned_once(bot: Bot) -> None:
    first = await bot.ask("op-1")
    again, beside = await asyncio.gather(bot.ask("op-1"), bot.ask("op-1"))

    assert first == again == beside
    assert [("plan", "ana"), ("approval", "ana")] == bot.log.told("op-1")


async def test_a_dry_run_leaves_one_audit_event_and_no_row(bot: Bot) -> None:
    change = await bot.ask("op-1", dry_run=True)

    assert (ChangeState.PLANNED, True, None) == (change.state, change.dry_run, change.approval)
    assert [("plan", "ana")] == bot.log.told("op-1")
    assert True is bot.log.last(EventKind.PLAN)["dry_run"]
    assert [] == bot.seen
    with pytest.raises(NoSuchOperation):
        await bot.workflow.find_change("op-1")


async def test_a_plan_without_steps_is_nothing_to_do_and_says_why(bot: Bot) -> None:
    bot.hosts(host("host-a", 1, labels=("broken",)))

    with pytest.raises(NothingToDo, match="nothing to do: host-a: broken"):
        await bot.ask("op-1")
    assert [] == bot.log.told("op-1")


async def test_a_plan_that_holds_a_secret_is_refused(bot: Bot) -> None:
    with pytest.raises(HoldsSecret):
        await bot.ask("op-1", reason="the password is hunter2")
    assert await bot.ledger.find("op-1") is None


async def test_while_the_audit_log_is_in_doubt_nothing_is_asked_but_dry_runs(bot: Bot) -> None:
    bot.log.trouble = Phrase("the database was copied back")

    with pytest.raises(Refused, match="copied back"):
        await bot.ask("op-1")
    assert ChangeState.PLANNED is (await bot.ask("op-2", dry_run=True)).state


async def test_critical_changes_need_a_reason_and_two_approvals(bot: Bot) -> None:
    uproot = Uproot(target=Target(parts=("host-a",)))

    with pytest.raises(ReasonMissing):
        await bot.workflow.propose("op-1", uproot, bot.by(ANA))
    change = await bot.workflow.propose("op-2", uproot.model_copy(update={"reason": "retired"}), bot.by(ANA))

    assert change.approval is not None
    assert 2 == change.approval.needed
    assert ("host-a", "lighthouse") == change.plan.hosts


async def test_a_team_of_one_is_refused_at_once_and_may_break_the_glass(database: Database) -> None:
    alone = Bot(database, (DEE,))

    with pytest.raises(NotAllowed, match="--break-glass"):
        await alone.ask("op-1", person=DEE)
    assert [("refusal", "dee")] == alone.log.told("op-1")
    assert await alone.ledger.find("op-1") is None

    change = await alone.ask("op-2", person=DEE, break_glass=True, reason="the gateway is down")
    assert ChangeState.RUNNING is change.state


async def test_a_team_of_two_can_do_what_one_approval_allows_and_no_more(database: Database) -> None:
    two = Bot(database, (ANA, BEN))

    change = await two.ask_and_approve("op-1")
    assert ChangeState.RUNNING is change.state
    with pytest.raises(NotAllowed):
        await two.workflow.propose("op-2", Uproot(target=Target(parts=("host-b",)), reason="retired"), two.by(ANA))


async def test_break_glass_replaces_the_approvals_and_waits_for_a_review(bot: Bot) -> None:
    change = await bot.ask("op-1", person=DEE, break_glass=True, reason="the gateway is down")

    assert (ChangeState.RUNNING, None) == (change.state, change.approval)
    assert change.break_glass is not None
    assert [("plan", "dee"), ("break_glass", "dee")] == bot.log.told("op-1")
    assert ["op-1"] == bot.engine.enqueued
    assert ["op-1"] == [waiting.operation for waiting in await bot.workflow.list_waiting()]


@pytest.mark.parametrize(("person", "reason"), [(ANA, "it burns"), (VAL, "it burns")])
async def test_only_administrators_break_the_glass(bot: Bot, person: object, reason: str) -> None:
    with pytest.raises(NotAllowed, match="only administrators can skip approval"):
        await bot.ask("op-1", person=person, break_glass=True, reason=reason)  # type: ignore[arg-type]
    assert "refusal" == bot.log.told("op-1")[0][0]


async def test_break_glass_needs_a_reason(bot: Bot) -> None:
    with pytest.raises(ReasonMissing, match="--reason"):
        await bot.ask("op-1", person=DEE, break_glass=True)


async def test_break_glass_that_waits_for_hosts_too_long_expires(bot: Bot) -> None:
    await bot.ask_and_approve("op-1")
    waiting = await bot.ask("op-2", person=DEE, break_glass=True, reason="it burns")
    assert (ChangeState.READY, "op-1, running on host-a") == (waiting.state, str(waiting.waits_for))

    bot.pass_by(hours=1)
    await bot.dispatch.tick()
    assert ChangeState.CLOSED is (await bot.workflow.find_change("op-2")).state


async def test_one_person_asks_for_no_more_than_anybody_looks_after(bot: Bot) -> None:
    """What ended makes room; others, dry runs and broken glass are not held up."""
    for number in range(MAX_OPEN_REQUESTS):
        await bot.ask(f"op-{number}", person=DEE)
    with pytest.raises(NotAllowed, match="you have reached the limit of 20 waiting requests"):
        await bot.ask("op-more", person=DEE)
    assert "too many open" == bot.log.last(EventKind.REFUSAL)["rule"]
    assert ChangeState.PLANNED is (await bot.ask("op-dry", person=DEE, dry_run=True)).state
    assert ChangeState.WAITING is (await bot.ask("op-ana", person=ANA)).state
    assert ChangeState.RUNNING is (await bot.ask("op-now", person=DEE, break_glass=True, reason="it burns")).state

    await bot.workflow.cancel("op-3", bot.by(DEE))
    assert ChangeState.WAITING is (await bot.ask("op-more", person=DEE)).state


async def test_what_a_locked_host_waits_for_is_said_when_it_is_asked(bot: Bot) -> None:
    await bot.locks.add("op-l", Target(parts=("host-a",)), timedelta(hours=2), "disk swap", "dee")

    change = await bot.ask("op-1")

    assert "the lock 1 to end: dee has locked host-a until 2026-01-31 11:00:00 UTC: disk swap" == str(change.waits_for)
    assert ChangeState.WAITING is change.state


async def test_the_newest_changes_come_first(bot: Bot) -> None:
    for number in (1, 2, 3):
        await bot.ask(f"op-{number}", f"host-{'abc'[number - 1]}")
        bot.pass_by(minutes=1)

    assert ["op-3", "op-2"] == [change.operation for change in await bot.workflow.list_recent(2)]
    assert ["op-1", "op-2", "op-3"] == [change.operation for change in await bot.workflow.list_waiting()]


@pytest.mark.parametrize("given", [{"kind": "turn over"}, {"arguments": {"host": "host-a"}}])
async def test_what_an_older_version_asked_in_other_words_is_refused_in_words(bot: Bot, given: dict[str, Any]) -> None:
    await bot.ask("op-1")
    record = dataclasses.replace(await bot.stored("op-1"), **given)
    with pytest.raises(Refused, match="this version of the bot does not support"):
        bot.planner.load_operation(record)
