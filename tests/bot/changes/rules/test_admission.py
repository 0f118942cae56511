"""What is ready starts when its hosts are free, in order; what runs is really carried out, or is unknown."""

import asyncio
from datetime import timedelta

import pytest

from adapters import action_registry
from adapters.phrase import Phrase
from bot.access.policy import Permit, Refusal
from bot.access.rules import ApprovalRule
from bot.audit_log.log import EventKind
from bot.changes.services.engine import WorkflowStatus
from bot.model.change import ApprovalState, Change, ChangeState
from bot.model.request import Membership, derive_operation_id
from commands.model.operation import Risk, Role
from commands.model.plan import Result
from commands.values.arguments import Target
from tests.bot.changes.workflow_team import ANA, BEN, CAI, DEE, EVERYBODY, Bot, Turn, Uproot
from tests.commands.canned import host


async def ready(bot: Bot, *targets: str) -> None:
    """op-1, op-2 …: asked and approved a minute after another."""
    for number, target in enumerate(targets, start=1):
        await bot.ask_and_approve(f"op-{number}", target)
        bot.pass_by(minutes=1)


async def states(bot: Bot) -> dict[str, ChangeState]:
    return {change.operation: change.state for change in await bot.workflow.list_recent(100)}


async def test_changes_of_different_hosts_run_side_by_side_and_those_of_one_host_after_another(bot: Bot) -> None:
    await ready(bot, "host-a", "host-b", "host-a")

    assert ["op-1", "op-2"] == bot.engine.enqueued
    assert "op-1, running on host-a" == str((await bot.workflow.find_change("op-3")).waits_for)

    await bot.dispatch.finish_run("op-1", ChangeState.DONE, None)
    change = await bot.workflow.find_change("op-3")
    assert (ChangeState.RUNNING, None, ["op-1", "op-2", "op-3"]) == (change.state, change.waits_for, bot.engine.enqueued)


async def test_until_slack_is_reached_changes_of_people_there_wait_and_those_of_the_terminal_start(bot: Bot) -> None:
    """Nobody could say whether they may still ask and approve; refused, they would have to be approved anew."""
    bot.slack_reached = False
    await bot.ask_and_approve("op-1", "host-a")
    change = await bot.workflow.find_change("op-1")
    assert (ChangeState.READY, "Slack, to check the permissions of requester and approvers") == (
        change.state,
        str(change.waits_for),
    )

    await bot.workflow.propose("op-2", Turn(target=Target(parts=("host-a",))), bot.by(ANA, terminal=True))
    await bot.workflow.approve("op-2", bot.by(BEN, terminal=True))
    assert ["op-2"] == bot.engine.enqueued

    bot.slack_reached = True
    await bot.dispatch.finish_run("op-2", ChangeState.DONE, None)
    assert ["op-2", "op-1"] == bot.engine.enqueued


async def test_the_lighthouse_is_claimed_too_where_it_signs(bot: Bot) -> None:
    for operation, target in (("op-1", "host-a"), ("op-2", "host-b")):
        asked = Uproot(target=Target(parts=(target,)), reason="retired")
        await bot.workflow.propose(operation, asked, bot.by(ANA))
        await bot.open(operation, BEN, CAI)
        for person in (BEN, CAI):
            await bot.workflow.approve(operation, bot.by(person), target)

    assert {"host-a", "lighthouse"} == set(await bot.operations.find_claims())
    assert "op-1, running on lighthouse" == str((await bot.workflow.find_change("op-2")).waits_for)


async def test_a_large_change_is_not_overtaken_for_ever_by_small_ones(bot: Bot) -> None:
    """op-2 needs both hosts; op-3 could start on host-b now, but op-2 was ready before."""
    await ready(bot, "host-a", "host-a,host-b", "host-b", "host-c")

    assert ["op-1", "op-4"] == bot.engine.enqueued
    assert "op-2, queued first on host-b" == str((await bot.workflow.find_change("op-3")).waits_for)
    await bot.dispatch.finish_run("op-1", ChangeState.DONE, None)
    assert ["op-1", "op-4", "op-2"] == bot.engine.enqueued
    await bot.dispatch.finish_run("op-2", ChangeState.DONE, None)
    assert ["op-1", "op-4", "op-2", "op-3"] == bot.engine.enqueued


async def test_what_waits_for_a_person_keeps_no_other_host(bot: Bot) -> None:
    """op-1 ended unknown and op-2 waits for its host: that may take days, so op-3 goes on."""
    await ready(bot, "host-a")
    await bot.dispatch.finish_run("op-1", ChangeState.UNKNOWN, Phrase("lost"))
    await bot.ask_and_approve("op-2", "host-a,host-b")
    await bot.ask_and_approve("op-3", "host-b")

    assert ["op-1", "op-3"] == bot.engine.enqueued
    waits = str((await bot.workflow.find_change("op-2")).waits_for)
    assert "a check of host-a, reported with op resolve (result of op-1 unknown)" == waits


async def test_a_lock_forbids_starting_and_its_end_starts_what_waited(bot: Bot) -> None:
    await bot.locks.add("op-l", Target(parts=("host-a",)), timedelta(minutes=30), "disk swap", "dee")
    change = await bot.ask_and_approve("op-1")
    assert ChangeState.READY is change.state
    assert str(change.waits_for).startswith("the lock 1 to end: dee has locked host-a until")

    bot.pass_by(minutes=29)
    await bot.dispatch.tick()
    assert [] == bot.engine.enqueued
    bot.pass_by(minutes=1)
    await bot.dispatch.tick()
    assert ["op-1"] == bot.engine.enqueued


async def test_removing_a_lock_starts_what_waited_at_once(bot: Bot) -> None:
    lock = await bot.locks.add("op-l", Target(parts=("all",)), timedelta(days=1), "emergency", "dee")
    await bot.ask_and_approve("op-1")
    await bot.locks.remove("op-m", lock.number, "ben", lambda _: Permit("a rule"))
    assert ["op-1"] == bot.engine.enqueued
    assert ChangeState.RUNNING is bot.seen[-1].state


async def test_what_waits_for_people_loses_what_it_says_of_a_lock_that_went(bot: Bot) -> None:
    lock = await bot.locks.add("op-l", Target(parts=("all",)), timedelta(days=1), "emergency", "dee")
    assert (await bot.ask("op-1")).waits_for is not None
    await bot.locks.remove("op-m", lock.number, "dee", lambda _: Permit("a rule"))
    assert (await bot.workflow.find_change("op-1")).waits_for is None


async def test_what_was_approved_and_could_not_start_in_time_expires(bot: Bot) -> None:
    await ready(bot, "host-a", "host-a")
    bot.pass_by(hours=1)
    await bot.dispatch.tick()

    change = await bot.workflow.find_change("op-2")
    assert (ChangeState.CLOSED, "expired while waiting for op-1, running on host-a. Submit it again") == (
        change.state,
        str(change.why),
    )
    assert change.approval is not None
    assert ApprovalState.EXPIRED is change.approval.state
    assert ("end", "ana") == bot.log.told("op-2")[-1]
    assert change == bot.seen[-1]


async def test_while_the_audit_log_is_in_doubt_nothing_starts_and_nothing_is_carried_on(bot: Bot) -> None:
    await ready(bot, "host-a", "host-a")
    bot.engine.fates.clear()
    bot.log.trouble = Phrase("copied back")
    await bot.dispatch.finish_run("op-1", ChangeState.DONE, None)
    await bot.dispatch.tick()
    assert (ChangeState.READY, ["op-1"]) == ((await bot.workflow.find_change("op-2")).state, bot.engine.enqueued)

    bot.log.trouble = None
    await bot.dispatch.tick()
    assert ["op-1", "op-2"] == bot.engine.enqueued


async def test_what_an_older_database_holds_open_is_never_carried_out(bot: Bot) -> None:
    """What runs there may have ended since; what waits or is approved there may have been done."""
    await ready(bot, "host-a", "host-a")
    await bot.ask("op-3", "host-b")

    await bot.dispatch.close_in_doubt(Phrase("the log was cut"))

    assert {"op-1": ChangeState.UNKNOWN, "op-2": ChangeState.CLOSED, "op-3": ChangeState.CLOSED} == await states(bot)
    assert {"host-a"} == set(await bot.operations.find_claims())
    assert "the log was cut" in str((await bot.workflow.find_change("op-1")).why)


async def test_an_engine_that_cannot_be_reached_gets_the_operation_at_the_next_tick(bot: Bot) -> None:
    bot.engine.broken = True
    change = await bot.ask_and_approve("op-1")
    assert (ChangeState.RUNNING, []) == (change.state, bot.engine.enqueued)

    bot.engine.broken = False
    await bot.dispatch.tick()
    await bot.dispatch.tick()
    assert ["op-1"] == bot.engine.enqueued


async def test_a_run_that_broke_off_is_unknown_and_keeps_its_hosts(bot: Bot) -> None:
    await ready(bot, "host-a")
    bot.came("op-1", host_a=Result.DONE)
    bot.engine.fates["op-1"] = WorkflowStatus(ended=True, reference="7f3a")
    await bot.dispatch.tick()

    change = await bot.workflow.find_change("op-1")
    assert ChangeState.UNKNOWN is change.state
    assert "reference 7f3a" in str(change.why)
    assert {"host-a"} == set(await bot.operations.find_claims())
    assert ("end", "ana") == bot.log.told("op-1")[-1]


async def test_an_end_that_is_told_again_changes_nothing(bot: Bot) -> None:
    await ready(bot, "host-a")
    first = await bot.dispatch.finish_run("op-1", ChangeState.FAILED, Phrase("no room"))
    bot.pass_by(minutes=5)
    assert first == await bot.dispatch.finish_run("op-1", ChangeState.DONE, None)


async def test_progress_is_told_and_says_which_step_is_under_way(bot: Bot) -> None:
    await ready(bot, "host-a")
    await bot.dispatch.record_progress("op-1", "turn host-a")
    assert ("turn host-a", 4) == (bot.seen[-1].running, bot.seen[-1].version)
    await bot.dispatch.record_progress("op-1", "turn host-a")
    assert 4 == bot.seen[-1].version
    await bot.dispatch.finish_run("op-1", ChangeState.DONE, None)
    assert "" == bot.seen[-1].running
    await bot.dispatch.record_progress("op-1", "turn host-a")
    assert "" == bot.seen[-1].running


async def test_what_changed_while_nobody_watched_is_shown_later(bot: Bot) -> None:
    await ready(bot, "host-a", "host-b")
    for change in await bot.workflow.list_unshown():
        await bot.workflow.mark_shown(change.operation, change.version, f"card of {change.operation}")
    assert () == await bot.workflow.list_unshown()
    assert "card of op-1" == await bot.workflow.read_card_note("op-1")

    await bot.dispatch.finish_run("op-1", ChangeState.DONE, None)
    assert ["op-1"] == [change.operation for change in await bot.workflow.list_unshown()]
    await bot.workflow.mark_shown("op-1", 1, "card of op-1")
    assert ["op-1"] == [change.operation for change in await bot.workflow.list_unshown()]


async def test_many_approvals_at_once_never_start_two_changes_of_one_host(bot: Bot) -> None:
    for number in range(6):
        await bot.ask(f"op-{number}", "host-a,host-b" if number % 2 else "host-b,host-c")
    await asyncio.gather(*(bot.workflow.approve(f"op-{number}", bot.by(BEN)) for number in range(6)))

    running = [operation for operation, state in (await states(bot)).items() if state is ChangeState.RUNNING]
    assert 1 == len(running)
    assert running == bot.engine.enqueued


# at the start: rights again, plan again


async def test_nothing_stands_in_the_way_of_what_everybody_still_may(bot: Bot) -> None:
    await ready(bot, "host-a")
    assert await bot.dispatch.check_still_allowed(await bot.stored("op-1")) is None


@pytest.mark.parametrize(
    ("gone", "rule"),
    [
        (ANA, "role"),
        (BEN, "approver role"),
    ],
)
async def test_whoever_lost_the_right_meanwhile_stops_it_at_its_start(bot: Bot, gone: object, rule: str) -> None:
    await ready(bot, "host-a")
    bot.people(
        *(
            person.model_copy(update={"roles": frozenset({Role.VIEWER})}) if person is gone else person
            for person in EVERYBODY
        )
    )
    refused = await bot.dispatch.check_still_allowed(await bot.stored("op-1"))
    assert isinstance(refused, Refusal)
    assert rule == refused.rule


async def test_an_approver_who_left_the_workspace_no_longer_counts(bot: Bot) -> None:
    await ready(bot, "host-a")
    bot.standings["U2BEN"] = Membership.UNKNOWN
    refused = await bot.dispatch.check_still_allowed(await bot.stored("op-1"))
    assert refused is not None
    assert str(refused.reason).startswith(
        "ben approved this but no longer has permission: could not verify your workspace membership with Slack"
    )


async def test_one_approver_more_than_needed_makes_up_for_one_who_left(bot: Bot) -> None:
    await bot.workflow.propose("op-1", Uproot(target=Target(parts=("host-a",)), reason="retired"), bot.by(ANA))
    await bot.open("op-1", BEN, CAI)
    for person in (BEN, CAI):
        await bot.workflow.approve("op-1", bot.by(person), "host-a")
    record = await bot.stored("op-1")
    bot.standings["U2BEN"] = Membership.GUEST
    assert await bot.dispatch.check_still_allowed(record) is not None
    bot.rules(ApprovalRule(risk=Risk.CRITICAL, approvers=1))
    assert await bot.dispatch.check_still_allowed(record) is None


async def test_two_names_that_turn_out_to_be_one_person_count_once(bot: Bot) -> None:
    await bot.workflow.propose("op-1", Uproot(target=Target(parts=("host-a",)), reason="retired"), bot.by(ANA))
    await bot.open("op-1", BEN, CAI)
    for person in (BEN, CAI):
        await bot.workflow.approve("op-1", bot.by(person), "host-a")
    bot.people(ANA, DEE, BEN.model_copy(update={"slack": ("U2BEN", "U3CAI")}))
    refused = await bot.dispatch.check_still_allowed(await bot.stored("op-1"))
    assert refused is not None
    told = "approved by 1 person, but the current rules require 2. Submit it again"
    assert ("too few people", told) == (refused.rule, str(refused.reason))


async def test_broken_glass_is_asked_for_again_too(bot: Bot) -> None:
    await bot.ask("op-1", person=DEE, break_glass=True, reason="it burns")
    assert await bot.dispatch.check_still_allowed(await bot.stored("op-1")) is None
    bot.people(*EVERYBODY[:3], DEE.model_copy(update={"roles": frozenset({Role.OPERATOR})}))
    refused = await bot.dispatch.check_still_allowed(await bot.stored("op-1"))
    assert refused is not None
    assert "break-glass" == refused.rule


async def test_a_refused_start_changes_nothing_and_frees_the_hosts(bot: Bot) -> None:
    await ready(bot, "host-a", "host-a")
    change = await bot.dispatch.refuse(await bot.stored("op-1"), Refusal("role", Phrase("ana has left")))

    assert (ChangeState.CLOSED, "could not start: ana has left") == (change.state, str(change.why))
    assert change.approval is not None
    assert ApprovalState.REFUSED is change.approval.state
    assert ["op-1", "op-2"] == bot.engine.enqueued


async def superseded(bot: Bot) -> Change:
    """op-1 runs, and its host has changed since: the plan is made again."""
    bot.hosts(host("host-a", 1, labels=("tokyo",)))
    record = await bot.stored("op-1")
    planned, digest = await bot.dispatch.replan(record)
    assert digest != record.digest
    return await bot.dispatch.supersede(record, planned)


async def test_an_unchanged_host_gives_the_plan_that_was_approved(bot: Bot) -> None:
    await ready(bot, "host-a")
    record = await bot.stored("op-1")
    _, digest = await bot.dispatch.replan(record)
    assert record.digest == digest


async def test_another_plan_is_asked_for_again_with_the_difference(bot: Bot) -> None:
    await ready(bot, "host-a")
    change = await superseded(bot)

    again = derive_operation_id("op-1 again")
    assert (ChangeState.CLOSED, again) == (change.state, change.after)
    assert (
        f"the plan has changed (host-a: approved: 0 labels, now: 1 labels). Approval is requested again as {again}"
        == str(change.why)
    )
    assert change.approval is not None
    assert ApprovalState.SUPERSEDED is change.approval.state
    asked = await bot.workflow.find_change(again)
    assert (ChangeState.WAITING, "op-1", "turn host-a") == (asked.state, asked.before, asked.words)
    assert {} == await bot.operations.find_claims()
    assert [("plan", "ana"), ("approval", "ana")] == bot.log.told(again)
    assert ("end", "ana") == bot.log.told("op-1")[-1]

    await bot.workflow.approve(again, bot.by(BEN))
    record = await bot.stored(again)
    assert record.digest == (await bot.dispatch.replan(record))[1]


async def test_a_plan_of_edited_scripts_names_the_upgrade_and_what_changed_on_hosts(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ready(bot, "host-a")
    present = action_registry.hash_script
    monkeypatch.setattr(action_registry, "hash_script", lambda kind: f"{present(kind)} of the next release")
    change = await superseded(bot)
    assert str(change.why).startswith(
        "the plan has changed (flatnet-bot was upgraded after this was requested, and this version runs its steps "
        "differently, host-a: approved: 0 labels, now: 1 labels). Approval is requested again as "
    )


async def test_after_break_glass_nothing_asks_again(bot: Bot) -> None:
    await bot.ask("op-1", person=DEE, break_glass=True, reason="it burns")
    change = await superseded(bot)
    assert (ChangeState.CLOSED, "") == (change.state, change.after)
    assert str(change.why).endswith("check the hosts, then submit the request again")


async def test_where_nothing_is_left_to_be_done_nothing_asks_again(bot: Bot) -> None:
    await ready(bot, "host-a")
    bot.hosts(host("host-a", 1, labels=("broken",)))
    record = await bot.stored("op-1")
    planned, _ = await bot.dispatch.replan(record)
    change = await bot.dispatch.supersede(record, planned)
    assert (ChangeState.CLOSED, "") == (change.state, change.after)
    assert str(change.why).endswith("host-a is now excluded: broken): nothing left to do")


async def test_every_event_names_its_operation(bot: Bot) -> None:
    await ready(bot, "host-a")
    await superseded(bot)
    assert all(operation for _, _, operation, _ in bot.log.events)
    assert {EventKind.PLAN, EventKind.APPROVAL, EventKind.REVIEW, EventKind.END} == {
        kind for kind, _, _, _ in bot.log.events
    }
