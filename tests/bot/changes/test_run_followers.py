"""Followers of runs: they get signed outcomes of an approved plan, also when the end of a run is repeated."""

import pytest

from adapters.phrase import Phrase
from bot.audit_log.log import EventKind
from bot.changes.rules.trail import AuditTrail
from bot.model.change import ChangeState
from bot.store.errors import DatabaseUnavailable
from bot.store.records import OperationRecord
from commands.model.plan import Result, StepResult
from tests.bot.changes.workflow_team import BEGINNING, Bot

KEY = "turn host-a"


async def run(bot: Bot, operation: str = "op-1") -> None:
    """A run whose one step is done."""
    await bot.ask_and_approve(operation)
    bot.came(operation, host_a=Result.DONE)
    result = StepResult(key=KEY, result=Result.DONE, began_at=BEGINNING, ended_at=BEGINNING).model_dump(mode="json")
    await bot.log.record(EventKind.OUTCOME, "ana", operation, {"undo": False, "touched": True, "result": result})


async def test_a_follower_gets_the_signed_outcomes_at_the_end(bot: Bot) -> None:
    await run(bot)
    await bot.dispatch.finish_run("op-1", ChangeState.DONE, None)

    ((operation, trail),) = bot.runs
    assert ("op-1", {KEY: Result.DONE}) == (operation, {key: each.result for key, each in trail.results.items()})


async def test_what_is_not_signed_is_no_outcome(bot: Bot) -> None:
    await run(bot)
    bot.log.forget("op-1", EventKind.OUTCOME)
    await bot.dispatch.finish_run("op-1", ChangeState.DONE, None)

    assert [("op-1", {})] == [(operation, trail.results) for operation, trail in bot.runs]


async def test_a_plan_that_is_not_the_approved_one_reaches_no_follower(bot: Bot) -> None:
    await run(bot)
    await bot.damage_plan("op-1")
    await bot.dispatch.finish_run("op-1", ChangeState.FAILED, None)

    assert [] == bot.runs


class Failing:
    """A follower whose table cannot be written once."""

    def __init__(self) -> None:
        self.broken = True

    async def follow_run(self, record: OperationRecord, trail: AuditTrail) -> None:
        if self.broken:
            self.broken = False
            raise DatabaseUnavailable(Phrase("the disk is gone"))


async def test_a_run_whose_follower_fails_does_not_end_before_that_is_repeated(bot: Bot) -> None:
    bot.followers.append(Failing())
    await run(bot)
    with pytest.raises(DatabaseUnavailable):
        await bot.dispatch.finish_run("op-1", ChangeState.DONE, None)
    assert ChangeState.RUNNING is (await bot.stored("op-1")).state

    await bot.dispatch.finish_run("op-1", ChangeState.DONE, None)
    assert ChangeState.DONE is (await bot.stored("op-1")).state
    assert 2 == len(bot.runs)
