"""A step whose bytes travel as a stream: its result is what both ends and its check say, and it never runs twice."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.errors import ActionFailed, OutcomeUnknown, Unreachable
from adapters.fleet import Fleet
from adapters.inventory import Inventory
from adapters.phrase import Phrase
from adapters.wsl.images import LoadImage, ReadImage, SaveImage
from bot.changes.rules.trail import StepEntry
from bot.changes.services.step_binding import OwnActions, Places, PlanRun
from bot.changes.services.step_runner import StepRunner
from bot.runtime.clock import SYSTEM_CLOCK
from commands.model.plan import Check, Part, Plan, PlannedAction, Result, Step, TransferSource
from commands.model.plan_endpoints import collect_endpoints
from tests.bot.changes.services.test_stream import IMAGE, PIECE, Line, count, pieces
from tests.bot.running import House
from tests.bot.world import OPERATION, World

LOST = OutcomeUnknown(Phrase("the line broke"))
SILENT = Unreachable(Phrase("nothing answers"))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    opened = await House(tmp_path, World()).open()
    yield opened
    await opened.aclose()


def make_run(inventory: Inventory) -> PlanRun:
    step = Step(
        key="image",
        host="host-b",
        deed=PlannedAction.of(LoadImage(image=IMAGE, name="web:1")),
        source=TransferSource(host="host-a", deed=PlannedAction.of(SaveImage(image=IMAGE))),
        phrase=Phrase("move the image"),
        verify=Check(host="host-b", deed=PlannedAction.of(ReadImage(image=IMAGE)), expect={"present": True}),
    )
    parts = (Part(host="host-b", steps=(step,)),)
    return PlanRun(OPERATION, "ana", Plan(parts=parts, roads=tuple(collect_endpoints(parts, inventory))))


def make_inventory(folder: Path) -> Inventory:
    (folder / "id").touch()
    (folder / "known").touch()
    wsl = {"address": "192.0.2.1", "key_file": str(folder / "id"), "known_hosts_file": str(folder / "known")}
    return Inventory.model_validate(
        {"hosts": [{"name": f"host-{name}", "id": n, "wsl": wsl} for n, name in enumerate("ab", 1)]}
    )


def make_runner(house: House, inventory: Inventory, source: Line, sink: Line) -> StepRunner:
    lines = {"host-a": source, "host-b": sink}
    fleet = Fleet(inventory, lambda host, side: lines[host.name])
    return StepRunner(lambda: Places(fleet, OwnActions()), house.journal(), SYSTEM_CLOCK)


@pytest.mark.parametrize(
    ("source", "sink", "expected"),
    [
        pytest.param(Line(pieces(3)), Line(holds=True), Result.DONE, id="all is well"),
        pytest.param(Line(pieces(3)), Line(holds=False), Result.FAILED, id="it is not there afterwards"),
        pytest.param(Line(pieces(3)), Line(holds=SILENT), Result.UNKNOWN, id="it cannot be looked for"),
        pytest.param(Line(pieces(3)), Line(holds=True, counts=count(PIECE)), Result.FAILED, id="other bytes arrived"),
        pytest.param(Line(pieces(3)), Line(holds=True, fails_at={2: LOST}), Result.DONE, id="its answer is lost"),
        pytest.param(Line(pieces(3)), Line(holds=SILENT, fails_at={2: LOST}), Result.UNKNOWN, id="its host is lost"),
        pytest.param(Line([ActionFailed(Phrase("gone"))]), Line(holds=True), Result.FAILED, id="nothing to send"),
    ],
)
async def test_the_result_is_what_was_seen(house: House, tmp_path: Path, source: Line, sink: Line, expected: Result) -> None:
    inventory = make_inventory(tmp_path)
    result = await make_runner(house, inventory, source, sink).run_step(make_run(inventory), "image")
    assert (expected, expected is not Result.DONE) == (result.result, result.why is not None)


@pytest.mark.parametrize(
    ("holds", "expected"),
    [
        pytest.param(True, Result.DONE, id="it is there"),
        pytest.param(False, Result.FAILED, id="it is not"),
        pytest.param(SILENT, Result.UNKNOWN, id="no answer"),
    ],
)
async def test_a_stream_that_a_crash_broke_off_is_looked_for_and_never_sent_again(
    house: House, tmp_path: Path, holds: bool | Unreachable, expected: Result
) -> None:
    inventory, source, sink = make_inventory(tmp_path), Line(pieces(3)), Line(holds=holds)
    run = make_run(inventory)
    await house.journal().record_intent(StepEntry(OPERATION, "ana", "image", False), "host-b", "wsl.LoadImage")
    result = await make_runner(house, inventory, source, sink).run_step(run, "image")
    assert (expected, False, False) == (result.result, source.begun, sink.begun)
