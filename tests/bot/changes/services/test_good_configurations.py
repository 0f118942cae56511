"""Good configurations: what a run proves of a host's gateway, and which row stays."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Text, literal, update

from adapters.phrase import Phrase
from adapters.windows.configuration import HashedFile
from bot.backups.tables import BackupTable
from bot.changes.rules.trail import AuditTrail
from bot.changes.services.planner import add_nothing
from bot.changes.services.planning_memory import PlanningMemory, derive_good
from bot.changes.services.step_binding import OwnActions
from bot.store.schema.tables import GOOD_CONFIGURATIONS
from commands.changes.commit_confirm import build_confirm_step
from commands.changes.configuration_edit import build_keep_step
from commands.model.plan import Part, Result, StepResult
from commands.model.proven_configuration import ProvenConfiguration
from tests.bot.changes.workflow_team import BEGINNING, Bot
from tests.commands.canned import host, view

SHA = "a" * 64
FOLDER = r"C:\ProgramData\flatnet-bot\good\files"
A = host("host-a", 1)
FILES = (HashedFile(file=r"F:\flatnet\config\nginx.conf", sha256="b" * 64),)
PART = Part(host="host-a", steps=(build_keep_step(A, r"F:\flatnet\config", SHA, FILES), build_confirm_step(A, "op-1")))
KEEP, CONFIRM = (step.key for step in PART.steps)


def proven(**given: Any) -> ProvenConfiguration:
    usual = {"host": "host-a", "sha256": SHA, "folder": FOLDER, "operation": "op-1", "at": BEGINNING}
    return ProvenConfiguration.model_validate(usual | given)


def outcome(key: str, result: Result = Result.DONE) -> StepResult:
    product = {"folder": FOLDER, "sha256": SHA} if key == KEEP else {}
    return StepResult(key=key, result=result, why=Phrase("no"), product=product, began_at=BEGINNING, ended_at=BEGINNING)


def trail(*results: StepResult, undone: tuple[str, ...] = ()) -> AuditTrail:
    reverted = {key: outcome(key, Result.UNDONE) for key in undone}
    return AuditTrail(started=True, results={each.key: each for each in results}, undone=reverted)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param(trail(outcome(KEEP), outcome(CONFIRM)), proven(), id="kept and confirmed"),
        pytest.param(trail(outcome(KEEP, Result.UNCHANGED), outcome(CONFIRM)), proven(), id="kept before"),
        pytest.param(trail(outcome(KEEP)), None, id="not confirmed yet"),
        pytest.param(trail(outcome(KEEP), outcome(CONFIRM, Result.FAILED)), None, id="not confirmed"),
        pytest.param(trail(outcome(KEEP), outcome(CONFIRM, Result.UNKNOWN)), None, id="in doubt"),
        pytest.param(trail(outcome(KEEP, Result.FAILED)), None, id="not kept"),
        pytest.param(trail(outcome(KEEP), outcome(CONFIRM), undone=(CONFIRM,)), None, id="rolled back after all"),
        pytest.param(trail(), None, id="not begun"),
    ],
)
def test_a_configuration_is_good_where_a_whole_part_is_done(seen: AuditTrail, expected: ProvenConfiguration | None) -> None:
    assert expected == derive_good("op-1", PART, seen)


async def test_a_newer_row_takes_the_place_of_an_older_one_and_never_the_other_way_round(bot: Bot) -> None:
    newer = proven(at=BEGINNING + timedelta(days=1), sha256="c" * 64)
    await bot.good.store([newer, proven(host="host-b")])
    await bot.good.store([proven()])
    assert {"host-a": newer, "host-b": proven(host="host-b")} == await bot.good.list_gateways()


async def test_an_odd_folder_stays_as_it_was_said_and_nothing_is_stored_for_nothing(bot: Bot) -> None:
    await bot.good.store([])
    assert {} == await bot.good.list_gateways()
    odd = proven(folder="C:\\'; DROP TABLE good_configurations; -- \u202e")
    await bot.good.store([odd])
    assert {"host-a": odd} == await bot.good.list_gateways()


async def test_a_damaged_row_hides_no_other_row(bot: Bot) -> None:
    await bot.good.store([proven(), proven(host="host-b")])
    damage = update(GOOD_CONFIGURATIONS).where(GOOD_CONFIGURATIONS.c.host == "host-a").values({"at": literal("x", Text)})
    await bot.database.run(lambda connection: connection.execute(damage).rowcount)
    assert {"host-b": proven(host="host-b")} == await bot.good.list_gateways()


async def test_a_plan_knows_them_and_how_secrets_are_removed(bot: Bot) -> None:
    await bot.good.store([proven()])
    memory = PlanningMemory(
        bot.owed,
        bot.good,
        bot.operations,
        BackupTable(bot.database),
        str.upper,
        bot.identities.read_known,
        add_nothing,
        OwnActions().perform,
    )
    seen = await memory.complete(view(A))
    assert ({"host-a": proven()}, "X") == (seen.good_configurations, seen.redact("x"))
