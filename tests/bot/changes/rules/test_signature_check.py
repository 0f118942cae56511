"""At the start nobody counts but who counts by today's rules, and whose decision the audit log tells of."""

import dataclasses

import pytest

from adapters.errors import Refused
from adapters.phrase import Phrase
from bot.access.rules import ApprovalRule
from bot.audit_log.log import EventKind
from bot.model.change import ChangeState
from bot.store.records import OperationRecord
from commands.model.operation import Risk
from commands.values.arguments import Target
from tests.bot.changes.rules.test_admission import ready
from tests.bot.changes.workflow_team import ADMINISTRATOR, ANA, BEN, CAI, DEE, Bot, Uproot


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (ApprovalRule(risk=Risk.DISRUPT, approvers=2), "too few people"),
        (ApprovalRule(risk=Risk.DISRUPT, roles=ADMINISTRATOR), "approver role"),
        (ApprovalRule(risk=Risk.DISRUPT, approvers=5), "approvals.rules[1]: 3 of 5"),
    ],
)
async def test_rules_that_became_stricter_after_the_approval_count_at_the_start(
    bot: Bot, rule: ApprovalRule, why: str
) -> None:
    await ready(bot, "host-a")
    bot.rules(rule)
    refused = await bot.dispatch.check_still_allowed(await bot.stored("op-1"))
    assert refused is not None
    assert why == refused.rule


async def test_an_approval_that_the_audit_log_does_not_tell_of_counts_for_nothing(bot: Bot) -> None:
    """One row more in the table of reviews, and the state set to ready, would start anything."""
    await ready(bot, "host-a")
    bot.log.forget("op-1", EventKind.REVIEW)
    refused = await bot.dispatch.check_still_allowed(await bot.stored("op-1"))
    assert refused is not None
    assert ("not recorded", True) == (
        refused.rule,
        "the audit log has no record of this decision by ben" in str(refused.reason),
    )


async def test_an_approval_of_another_plan_counts_for_nothing(bot: Bot) -> None:
    await ready(bot, "host-a")
    record = dataclasses.replace(await bot.stored("op-1"), digest="another digest")
    refused = await bot.dispatch.check_still_allowed(record)
    assert refused is not None
    assert "not recorded" == refused.rule


async def test_a_denial_is_no_approval_whatever_the_row_says(bot: Bot) -> None:
    await ready(bot, "host-a")
    data = bot.log.last(EventKind.REVIEW)
    bot.log.forget("op-1", EventKind.REVIEW)
    await bot.log.record(EventKind.REVIEW, "ben", "op-1", {**data, "approves": False})
    assert await bot.dispatch.check_still_allowed(await bot.stored("op-1")) is not None


async def critical(bot: Bot) -> OperationRecord:
    """op-1, a critical change that ben and cai approved after they had opened its plan."""
    await bot.workflow.propose("op-1", Uproot(target=Target(parts=("host-a",)), reason="retired"), bot.by(ANA))
    await bot.open("op-1", BEN, CAI)
    for person in (BEN, CAI):
        await bot.workflow.approve("op-1", bot.by(person), "host-a")
    return await bot.stored("op-1")


@pytest.mark.parametrize("risk", [Risk.CRITICAL, Risk.CHANGE], ids=["as stored", "a lower risk in the row"])
@pytest.mark.parametrize(
    ("opened", "rule"),
    [
        (("ben", "cai"), ""),
        (("ben",), "plan not opened"),
        ((), "plan not opened"),
    ],
)
async def test_an_approver_of_a_critical_change_who_has_not_opened_its_plan_counts_for_nothing(
    bot: Bot, risk: Risk, opened: tuple[str, ...], rule: str
) -> None:
    """An approval that came while the row said that the change is not critical would else count."""
    record = await critical(bot)
    bot.log.forget("op-1", EventKind.OPENED)
    await bot.log.record(EventKind.OPENED, "cai", "op-1", {"digest": "another digest"})
    for person in opened:
        await bot.log.record(EventKind.OPENED, person, "op-1", {"digest": record.digest})
    refused = await bot.dispatch.check_still_allowed(await bot.edit_risk("op-1", risk))
    assert rule == ("" if refused is None else refused.rule)


async def test_who_has_not_opened_the_plan_is_named(bot: Bot) -> None:
    await critical(bot)
    bot.log.forget("op-1", EventKind.OPENED)
    refused = await bot.dispatch.check_still_allowed(await bot.stored("op-1"))
    assert refused is not None
    told = "the audit log has no record that ben opened the plan of this critical change. Submit it again"
    assert told == str(refused.reason)


async def test_who_asked_does_not_count_under_another_identity_in_the_row(bot: Bot) -> None:
    """Whoever exchanges the row's identity of who asked would else approve their own request."""
    await ready(bot, "host-a")
    record = dataclasses.replace(await bot.stored("op-1"), requester="ben")
    refused = await bot.dispatch.check_still_allowed(record)
    assert refused is not None
    assert "own request" == refused.rule


async def test_nobody_goes_without_approval_where_the_audit_log_does_not_tell_that_the_glass_was_broken(bot: Bot) -> None:
    """Or an approval that is deleted from an administrator's row would be none that is needed."""
    await bot.ask("op-1", person=DEE)
    record = dataclasses.replace(await bot.stored("op-1"), approval=None)
    refused = await bot.dispatch.check_still_allowed(record)
    assert refused is not None
    assert "not recorded" == refused.rule


async def test_nobody_decides_while_the_audit_log_is_in_doubt(bot: Bot) -> None:
    """What cannot be vouched for later is not taken."""
    await bot.ask("op-1")
    bot.log.trouble = Phrase("the log was cut")
    for decision in (bot.workflow.approve("op-1", bot.by(BEN)), bot.workflow.deny("op-1", bot.by(BEN), "no")):
        with pytest.raises(Refused, match="changes are blocked while the audit log is inconsistent: the log was cut"):
            await decision
    assert ChangeState.WAITING is (await bot.stored("op-1")).state
