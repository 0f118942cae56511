"""A change from its question to its end, through everything but Slack and real hosts."""

import shutil
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from bot.audit_log.files import verify_files
from bot.changes.rules.transitions import add_review
from bot.model.change import ApprovalState, ChangeState, Review
from bot.store.audit_chain import MIN_KEY_BYTES, AuditKey
from bot.store.schema.tables import OPERATIONS
from commands.model.plan import Result
from commands.values.arguments import Target
from tests.bot.whole import DURABLE, Whole, whole
from tests.bot.world import World


@pytest.fixture
async def bot(used_before: Path, tmp_path: Path) -> AsyncIterator[Whole]:
    shutil.copy(used_before, tmp_path / DURABLE)
    async with whole(tmp_path, World()) as running:
        yield running


async def test_a_change_is_asked_approved_carried_out_and_told_step_by_step(bot: Whole) -> None:
    await bot.ask("op-1", "host-a,host-b")
    await bot.approve("op-1")
    change = await bot.until("op-1")
    assert (ChangeState.DONE, None, "") == (change.state, change.why, change.running)
    assert [Result.DONE] * 12 == [result.result for result in change.results]
    assert change.approval is not None
    assert ApprovalState.USED is change.approval.state
    told = [one.running for one in bot.seen if one.state is ChangeState.RUNNING and one.running]
    assert [step.key for step in change.plan.steps] == told
    found = verify_files(bot.house.database.path, bot.house.folder / "head.jsonl", [AuditKey(b"k" * MIN_KEY_BYTES)])
    assert found.intact


async def test_two_changes_of_one_host_run_one_after_the_other(bot: Whole) -> None:
    for operation in ("op-1", "op-2"):
        await bot.ask(operation)
        await bot.approve(operation)
    assert ChangeState.READY is (await bot.workflow.find_change("op-2")).state
    assert ChangeState.DONE is (await bot.until("op-1")).state
    assert ChangeState.DONE is (await bot.until("op-2")).state


async def test_a_lock_that_comes_after_the_approval_lets_nothing_begin(bot: Whole) -> None:
    await bot.ask("op-1")
    await bot.locks.add("op-9", Target.parse(("all",)), timedelta(hours=1), "stop", "ben")
    assert ChangeState.READY is (await bot.approve("op-1")).state
    assert [] == bot.world.asked


async def test_a_proof_that_does_not_come_has_it_put_back_and_says_what_is_where(bot: Whole) -> None:
    bot.world.handshakes = False
    await bot.ask("op-1", "host-a,host-b")
    await bot.approve("op-1")
    change = await bot.until("op-1")
    assert ChangeState.UNDONE is change.state
    assert str(change.why).endswith("host-a is back to its previous state, not started on host-b")
    assert "reverted" == bot.world.state()


async def test_what_its_hosts_were_claimed_for_is_free_at_the_end(bot: Whole) -> None:
    bot.world.handshakes = False
    await bot.ask("op-1")
    await bot.approve("op-1")
    await bot.until("op-1")
    bot.world.handshakes = True
    await bot.ask("op-2")
    await bot.approve("op-2")
    assert ChangeState.DONE is (await bot.until("op-2")).state


async def test_hosts_that_changed_after_the_approval_are_left_alone_and_a_new_question_is_asked(bot: Whole) -> None:
    await bot.ask("op-1")
    bot.ground = replace(bot.ground, fleet=bot.world.fleet("moved"))
    await bot.approve("op-1")
    change = await bot.until("op-1")
    assert change.approval is not None
    assert (ChangeState.CLOSED, ApprovalState.SUPERSEDED) == (change.state, change.approval.state)
    assert [] == bot.world.asked
    again = await bot.workflow.find_change(change.after)
    assert (ChangeState.WAITING, "op-1") == (again.state, again.before)


async def test_an_approval_that_is_written_into_the_database_starts_nothing(bot: Whole) -> None:
    """Whoever can write rows cannot sign what the audit log must tell of."""
    await bot.ask("op-1")
    forged = Review(person="ben", approves=True, at=bot.world.time.now())
    await bot.operations.change("op-1", add_review(forged, bot.by("ben").identity))
    await bot.dispatch.start_ready()
    change = await bot.until("op-1")
    assert (ChangeState.CLOSED, []) == (change.state, bot.world.asked)
    assert "the audit log has no record of this decision by ben" in str(change.why)


async def test_a_plan_that_is_exchanged_in_the_database_is_not_carried_out(bot: Whole) -> None:
    await bot.ask("op-1")
    other = (await bot.ask("op-2", "host-b")).plan
    plan = zlib.compress(other.model_dump_json().encode())
    exchange = update(OPERATIONS).where(OPERATIONS.c.operation == "op-1").values(plan=plan)
    await bot.house.database.run(lambda connection: connection.execute(exchange).rowcount)
    await bot.approve("op-1")
    change = await bot.until("op-1")
    assert (ChangeState.CLOSED, []) == (change.state, bot.world.asked)
    assert "the stored plan does not match the audit log" in str(change.why)
