"""`op confirm` on the bot itself: an unknown critical change is recorded as done, also after a crash."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.phrase import Phrase
from bot.app.build_changes import add_change_actions
from bot.backups.tables import BackupTable
from bot.changes.services.planner import add_nothing
from bot.changes.services.planning_memory import PlanningMemory
from bot.changes.services.step_binding import OwnActions
from bot.model.change import ChangeState
from commands.changes.confirm import OperationConfirm
from commands.model.operation import CannotPlan
from commands.model.plan import Plan
from commands.values.arguments import Target
from tests.bot.changes.workflow_team import ANA, BEN, CAI, DEE, HOSTS, Bot, Turn, Uproot
from tests.bot.running import House
from tests.bot.world import OPERATION, World
from tests.commands.canned import host, view

UNKNOWN = "op-00000000aaaa"
SILENT = host("host-e", 5, labels=("silent",))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    opened = await House(tmp_path, World()).open()
    yield opened
    await opened.aclose()


@pytest.fixture
def bot(house: House) -> Bot:
    """A bot that can confirm changes in steps on itself."""
    made = Bot(house.database)
    add_change_actions(house.own, made.workflow)
    made.hosts(*HOSTS, SILENT)
    return made


async def plan_confirmation(bot: Bot) -> Plan:
    memory = PlanningMemory(
        bot.owed,
        bot.good,
        bot.operations,
        BackupTable(bot.database),
        str,
        bot.identities.read_known,
        add_nothing,
        OwnActions().perform,
    )
    seen = replace(await memory.complete(view(*HOSTS)), operation_id=OPERATION)
    return (await OperationConfirm(id=UNKNOWN).plan(seen)).plan


async def leave_unknown(bot: Bot) -> Plan:
    """A critical change of host-a and host-e, which was silent, has an unknown outcome; the plan to confirm it."""
    asked = Uproot(target=Target.parse(("host-a,host-e",)), reason="retired")
    await bot.workflow.propose(UNKNOWN, asked, bot.by(ANA))
    await bot.open(UNKNOWN, BEN, CAI)
    for person in (BEN, CAI):
        await bot.workflow.approve(UNKNOWN, bot.by(person), "host-a")
    await bot.dispatch.finish_run(UNKNOWN, ChangeState.UNKNOWN, Phrase("the answer was lost"))
    confirming = Turn(target=Target(parts=("host-b",)), reason="host-a is turned")
    await bot.workflow.propose(OPERATION, confirming, bot.by(DEE))
    return await plan_confirmation(bot)


async def test_what_was_confirmed_is_done_releases_its_hosts_and_leaves_what_it_owes(bot: Bot, house: House) -> None:
    plan = await leave_unknown(bot)
    assert {"host-a", "lighthouse"} == set(await bot.operations.find_claims())
    outcome = await house.carry_out(plan)
    change = await bot.workflow.find_change(UNKNOWN)
    assert ChangeState.DONE is outcome.state
    assert (ChangeState.DONE, "dee reported: host-a is turned", "dee") == (change.state, str(change.why), change.reporter)
    assert set() == set(await bot.operations.find_claims())
    assert ["host-e"] == [note.host for note in (await bot.owed.find_known()).notes]


@pytest.mark.parametrize("at", range(1, 13))
async def test_killed_at_any_point_it_confirms_once(bot: Bot, house: House, at: int) -> None:
    outcome = await house.killed_and_carried_out(await leave_unknown(bot), at)
    assert outcome is None or ChangeState.DONE is outcome.state
    assert ChangeState.DONE is (await bot.workflow.find_change(UNKNOWN)).state
    assert 1 == bot.log.told(UNKNOWN).count(("end", "dee"))
    assert 1 == len((await bot.owed.find_known()).notes)


async def test_if_someone_reports_a_failure_meanwhile_that_stays_and_the_step_fails(bot: Bot, house: House) -> None:
    plan = await leave_unknown(bot)
    await bot.workflow.resolve(UNKNOWN, bot.by(BEN), "host-a is not turned", ChangeState.FAILED)
    assert ChangeState.DONE is not (await house.carry_out(plan)).state
    assert "ben" == (await bot.workflow.find_change(UNKNOWN)).reporter
    with pytest.raises(CannotPlan):
        await plan_confirmation(bot)


async def test_a_change_that_is_not_critical_cannot_be_confirmed(bot: Bot) -> None:
    await bot.ask_and_approve(UNKNOWN)
    await bot.dispatch.finish_run(UNKNOWN, ChangeState.UNKNOWN, Phrase("the answer was lost"))
    with pytest.raises(CannotPlan, match="is not a critical change whose result is unknown"):
        await plan_confirmation(bot)
