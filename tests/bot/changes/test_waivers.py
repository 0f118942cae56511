"""Changes that a rule lets start without approval: at once, and for nothing else than the rule names."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from adapters.errors import Refused
from adapters.phrase import Phrase
from bot.access.policy import Policy
from bot.access.rules import ApprovalRule, ApprovalSettings, ApprovalWaiver
from bot.audit_log.log import EventKind
from bot.changes.rules.approval import NotAllowed
from bot.changes.services.lifecycle import MAX_OPEN_REQUESTS
from bot.model.change import ApprovalState, Change, ChangeState
from bot.model.request import Membership, SlackIdentity, Surface
from bot.store.records import OperationRecord
from bot.store.schema.tables import OPERATIONS
from commands.model.operation import FleetChange, Risk
from commands.model.plan import PlannedChange
from commands.values.arguments import Target
from tests.bot.changes.workflow_team import ANA, BEN, DEE, EVERYBODY, HOSTS, VAL, Bot, Start, Turn

WAIVER = ApprovalWaiver(operations=("service start",), approvers=0, ping=("ana", "ben"))


@pytest.fixture(autouse=True)
def waived(bot: Bot) -> None:
    bot.rules(WAIVER, channel="C0OPS")


async def start(bot: Bot, operation: str = "op-1", target: str = "host-a", **requester: Any) -> Change:
    """Asked by ana."""
    asked = Start(target=Target.parse((target,)))
    return await bot.workflow.propose(operation, asked, dataclasses.replace(bot.by(ANA), **requester))


async def refused(bot: Bot, record: OperationRecord) -> str:
    """The rule that forbids its start."""
    found = await bot.dispatch.check_still_allowed(record)
    return "" if found is None else found.rule


async def test_it_starts_at_once_is_recorded_and_shown_where_others_notice_it(bot: Bot) -> None:
    change = await start(bot)
    assert change.approval is not None
    assert (ChangeState.RUNNING, True, "approvals.rules[1]", ("U2BEN",)) == (
        change.state,
        change.approval.waived,
        change.approval.rule,
        change.approval.ping,
    )
    assert "C0OPS" == change.channel
    assert [("plan", "ana"), ("waiver", "ana")] == bot.log.told("op-1")
    assert change.digest == bot.log.last(EventKind.WAIVER)["digest"]
    assert "" == await refused(bot, await bot.stored("op-1"))


async def test_it_waits_for_hosts_and_locks_like_any_change(bot: Bot) -> None:
    await bot.ask_and_approve("op-1")
    waiting = await start(bot, "op-2")
    assert (ChangeState.READY, "op-1, running on host-a") == (waiting.state, str(waiting.waits_for))

    bot.pass_by(hours=1)
    await bot.dispatch.tick()
    ended = await bot.workflow.find_change("op-2")
    assert ended.approval is not None
    assert (ChangeState.CLOSED, ApprovalState.EXPIRED) == (ended.state, ended.approval.state)


@pytest.mark.parametrize(
    ("operation", "requester"),
    [
        (Turn, {}),
        (Start, {"surface": Surface.SCHEDULE}),
    ],
    ids=["another operation", "a schedule"],
)
async def test_anything_else_waits_for_approval(bot: Bot, operation: type[Turn], requester: dict[str, Any]) -> None:
    """A schedule is no person who saw that the service is stopped."""
    asked = operation(target=Target.parse(("host-a",)))
    change = await bot.workflow.propose("op-1", asked, dataclasses.replace(bot.by(ANA), **requester))
    assert (ChangeState.WAITING, 1) == (change.state, change.approval and change.approval.needed)


async def test_the_remainder_of_another_change_waits_for_approval(bot: Bot) -> None:
    """`op continue` is one click, and its words do not say what starts."""
    await start(bot, target="host-a,host-b")
    await bot.dispatch.finish_run("op-1", ChangeState.FAILED, None)
    change = await bot.workflow.continue_change("op-2", "op-1", bot.by(ANA))
    assert ChangeState.WAITING is change.state


async def test_in_an_outage_it_starts_whatever_else_its_requester_waits_for(bot: Bot) -> None:
    """What turns out to need approval is one more card to decide on, and is refused like any other."""
    bot.hosts(*(host.model_copy(update={"labels": ("tokyo",)}) if host.name == "host-b" else host for host in HOSTS))
    bot.rules(WAIVER, ApprovalRule(risk=Risk.CHANGE, labels=("tokyo",)), channel="C0OPS")
    for number in range(MAX_OPEN_REQUESTS):
        await bot.ask(f"op-waiting-{number}", "host-c")
    assert ChangeState.RUNNING is (await start(bot, "op-1")).state
    with pytest.raises(NotAllowed, match="you have reached the limit of 20 waiting requests"):
        await start(bot, "op-2", "host-a,host-b")
    with pytest.raises(NotAllowed, match="you have reached the limit"):
        await start(bot, "op-3", surface=Surface.SCHEDULE)
    assert ["too many open"] * 2 == [data["rule"] for kind, _, _, data in bot.log.events if kind is EventKind.REFUSAL]
    assert MAX_OPEN_REQUESTS + 1 == len(await bot.workflow.list_recent(99))


@pytest.mark.parametrize(
    "stricter",
    [
        ApprovalRule(risk=Risk.CHANGE),
        ApprovalRule(risk=Risk.CHANGE, labels=("tokyo",)),
        ApprovalRule(risk=Risk.CHANGE, labels=("tokyo",), approvers=2),
    ],
)
@pytest.mark.parametrize("first", [True, False], ids=["waiver first", "waiver last"])
async def test_a_rule_that_applies_to_any_of_its_hosts_wins_in_any_order(
    bot: Bot, stricter: ApprovalRule, first: bool
) -> None:
    bot.hosts(*(host.model_copy(update={"labels": ("tokyo",)}) if host.name == "host-b" else host for host in HOSTS))
    bot.rules(*((WAIVER, stricter) if first else (stricter, WAIVER)), channel="C0OPS")
    change = await start(bot, target="host-a,host-b")
    assert (ChangeState.WAITING, stricter.approvers) == (change.state, change.approval and change.approval.needed)


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ((), "no waiver"),
        ((WAIVER, ApprovalRule(risk=Risk.CHANGE)), "no waiver"),
        ((ApprovalRule(risk=Risk.DISRUPT), WAIVER), ""),
    ],
    ids=["removed", "overruled", "moved"],
)
async def test_a_reload_between_request_and_start_counts(bot: Bot, rules: tuple[Any, ...], why: str) -> None:
    await start(bot)
    bot.rules(*rules, channel="C0OPS")
    assert why == await refused(bot, await bot.stored("op-1"))


async def test_a_right_that_is_gone_counts(bot: Bot) -> None:
    await start(bot)
    others = tuple(person for person in EVERYBODY if person is not ANA)
    approvals = ApprovalSettings(rules=(WAIVER,), channel="C0OPS")
    bot.ground = dataclasses.replace(bot.ground, policy=Policy(others, approvals=approvals))
    assert "role" == await refused(bot, await bot.stored("op-1"))


async def test_a_request_that_waits_is_not_released_by_a_later_waiver(bot: Bot) -> None:
    """It was shown to approvers, and another message would be announced."""
    bot.rules(channel="C0OPS")
    await start(bot)
    bot.rules(WAIVER, channel="C0OPS")
    await bot.dispatch.tick()
    assert ChangeState.WAITING is (await bot.stored("op-1")).state


def waive(record: OperationRecord) -> OperationRecord:
    """As if the row said that no approval is needed."""
    assert record.approval is not None
    approval = record.approval.model_copy(update={"needed": 0, "state": ApprovalState.APPROVED})
    return dataclasses.replace(record, state=ChangeState.READY, approval=approval)


@pytest.mark.parametrize(
    ("operation", "why"), [(Turn, "no waiver"), (Start, "not recorded")], ids=["never waived", "asked before the waiver"]
)
async def test_a_row_that_says_no_approval_is_needed_proves_nothing(
    bot: Bot, operation: Callable[..., FleetChange], why: str
) -> None:
    bot.rules(channel="C0OPS")
    await bot.workflow.propose("op-1", operation(target=Target.parse(("host-a",))), bot.by(ANA))
    bot.rules(WAIVER, channel="C0OPS")
    assert why == await refused(bot, waive(await bot.stored("op-1")))


@pytest.mark.parametrize(
    ("edited", "why"),
    [
        ({"digest": "another digest"}, "not recorded"),
        ({"requester": "ben"}, "not recorded"),
        ({"identity": SlackIdentity("T1", "U2BEN", Membership.MEMBER)}, "not recorded"),
        ({"kind": "turn"}, "no waiver"),
    ],
    ids=["another plan", "another requester", "another identity", "another operation"],
)
async def test_a_waiver_is_for_one_plan_of_one_requester(bot: Bot, edited: dict[str, Any], why: str) -> None:
    await start(bot)
    assert why == await refused(bot, dataclasses.replace(await bot.stored("op-1"), **edited))


async def test_a_waiver_that_the_audit_log_does_not_tell_of_counts_for_nothing(bot: Bot) -> None:
    await start(bot)
    bot.log.forget("op-1", EventKind.WAIVER)
    assert "not recorded" == await refused(bot, await bot.stored("op-1"))


async def test_fewer_than_no_approvals_are_not_a_waiver(bot: Bot) -> None:
    """A row may hold any number."""
    await start(bot)
    record = await bot.stored("op-1")
    assert record.approval is not None
    assert "too few people" == await refused(
        bot, dataclasses.replace(record, approval=record.approval.model_copy(update={"needed": -1}))
    )


@pytest.mark.parametrize("person", [BEN, VAL, DEE])
async def test_there_is_nothing_to_approve_or_to_deny(bot: Bot, person: Any) -> None:
    await start(bot)
    for decision in (bot.workflow.approve("op-1", bot.by(person)), bot.workflow.deny("op-1", bot.by(person), "no")):
        with pytest.raises(Refused, match="the configuration allows this without approval"):
            await decision


async def test_another_plan_at_the_start_runs_neither_at_once_nor_later(bot: Bot) -> None:
    """Nobody has seen that one."""
    await start(bot)
    record = await bot.stored("op-1")
    planned, _ = await bot.dispatch.replan(record)
    closed = await bot.dispatch.supersede(record, planned)
    assert (ChangeState.CLOSED, "") == (closed.state, closed.after)
    assert str(closed.why).endswith("check the hosts, then submit the request again")
    assert 1 == len(await bot.workflow.list_recent(9))


async def test_a_service_that_came_up_meanwhile_leaves_nothing_to_do(bot: Bot) -> None:
    await start(bot)
    record = await bot.stored("op-1")
    left = record.plan.model_copy(update={"parts": ()})
    closed = await bot.dispatch.supersede(record, PlannedChange(arguments=record.arguments, plan=left))
    assert (ChangeState.CLOSED, True) == (closed.state, str(closed.why).endswith("nothing left to do"))


async def test_while_the_audit_log_is_in_doubt_nothing_starts(bot: Bot) -> None:
    bot.log.trouble = Phrase("the log was cut")
    with pytest.raises(Refused, match="changes are blocked"):
        await start(bot)


async def test_what_is_edited_in_the_database_does_not_change_what_was_waived(bot: Bot) -> None:
    """The row of one that waits for approval is set to ready, as the one before it."""
    await bot.workflow.propose("op-1", Turn(target=Target.parse(("host-a",))), bot.by(ANA))
    edited = {
        "state": "ready",
        "approval_state": "approved",
        "approval": '{"needed": 0, "rule": "approvals.rules[1]", "expires_at": "2026-01-31T10:00:00Z"}',
        "ready_at": bot.at,
    }
    statement = update(OPERATIONS).where(OPERATIONS.c.operation == "op-1").values(edited)
    await bot.database.run(lambda connection: connection.execute(statement).rowcount)
    assert "no waiver" == await refused(bot, await bot.stored("op-1"))
