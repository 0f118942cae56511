"""Steps on the bot itself: bound, performed, proven and rolled back as those on hosts, also after a crash."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from adapters import action_registry
from adapters.action import BOT_NAME, Effect
from adapters.endpoint import BOT_ENDPOINT, Endpoint
from adapters.inventory import Inventory
from adapters.local.action import LocalAction
from adapters.local.spool import ReadSpool, ReadSpoolState, RemoveSpool, WriteSpool
from adapters.phrase import Phrase
from adapters.transfer import PIECE_BYTES
from bot.app.spool import SpoolActions
from bot.changes.rules.outcome import compute_outcome
from bot.changes.services.step_binding import OwnActions, PlanRun
from bot.model.change import ChangeState
from commands.model.plan import Check, Part, Plan, PlannedAction, Result, Step, TransferSource
from commands.model.plan_endpoints import collect_endpoints
from tests.bot.running import House
from tests.bot.world import OPERATION, World


class Note(BaseModel):
    text: str


class ReadNote(LocalAction[Note]):
    pass


class WriteNote(LocalAction[Note]):
    effect: ClassVar = Effect.CHANGE

    text: str


class Notebook:
    """What the bot keeps, and how often it was written."""

    def __init__(self, house: House) -> None:
        self.text, self.writes, self.house = "old", 0, house

    async def read(self, action: ReadNote) -> Note:
        return Note(text=self.text)

    async def write(self, action: WriteNote) -> Note:
        self.house.world.at_effect("before")
        self.text, self.writes = action.text, self.writes + 1
        self.house.world.at_effect("after")
        return Note(text=self.text)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    opened = await House(tmp_path, World()).open()
    yield opened
    await opened.aclose()


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (ReadNote, WriteNote):
        monkeypatch.setitem(action_registry._BY_KIND, action_registry.get_kind(kind), kind)


def plan(expected: str = "new", roads: tuple[Endpoint, ...] | None = None) -> Plan:
    def reads(text: str) -> Check:
        return Check(host=BOT_NAME, deed=PlannedAction.of(ReadNote()), expect={"text": text})

    step = Step(
        key="write",
        host=BOT_NAME,
        deed=PlannedAction.of(WriteNote(text="new")),
        phrase=Phrase("write it down"),
        verify=reads(expected),
        undo=PlannedAction.of(WriteNote(text="old")),
        undone=(reads("old"),),
    )
    parts = (Part(host=BOT_NAME, steps=(step,)),)
    return Plan(parts=parts, roads=tuple(collect_endpoints(parts, Inventory())) if roads is None else roads)


def equip(house: House) -> Notebook:
    notebook = Notebook(house)
    house.own.add(ReadNote, notebook.read)
    house.own.add(WriteNote, notebook.write)
    return notebook


async def test_a_step_on_the_bot_is_done_and_proven(house: House) -> None:
    notebook = equip(house)
    assert ChangeState.DONE == (await house.carry_out(plan())).state
    assert ("new", 1) == (notebook.text, notebook.writes)


def test_a_plan_names_and_claims_the_bot_once() -> None:
    assert ((BOT_ENDPOINT,), (BOT_NAME,)) == (plan().roads, plan().hosts)


async def test_a_step_on_the_bot_that_is_not_proven_is_rolled_back(house: House) -> None:
    notebook = equip(house)
    assert ChangeState.UNDONE == (await house.carry_out(plan(expected="newer"))).state
    assert "old" == notebook.text


@pytest.mark.parametrize("at", range(1, 12))
async def test_a_bot_that_is_killed_finishes_its_own_step(house: House, at: int) -> None:
    notebook = equip(house)
    outcome = await house.killed_and_carried_out(plan(), at) or await house.carry_out(plan())
    assert (ChangeState.DONE, "new") == (outcome.state, notebook.text)


async def test_a_process_that_cannot_do_it_changes_nothing(house: House) -> None:
    """`flatnet-bot do` without a running bot has no performers."""
    house.own = OwnActions()
    run = PlanRun(OPERATION, "ana", plan())
    result = await house.runner().run_step(run, "write")
    said = "only a running bot can do this. Start flatnet-bot, then try again"
    assert (Result.UNREACHABLE, said) == (result.result, str(result.why))
    trail = await house.journal().read_trail(OPERATION)
    assert ChangeState.FAILED == compute_outcome(OPERATION, run.plan, trail).state


@pytest.mark.parametrize("roads", [(), (Endpoint(host="host-a", side="bot", address=""),)])
async def test_a_plan_that_was_not_approved_for_the_bot_does_not_act_there(house: House, roads: Any) -> None:
    notebook = equip(house)
    assert ChangeState.FAILED == (await house.carry_out(plan(roads=roads))).state
    assert 0 == notebook.writes


def transferring(pieces: int) -> tuple[Plan, bytes]:
    """A plan that moves a file of that many pieces from one folder of the bot to another."""
    content = b"x" * (PIECE_BYTES * pieces - 1)
    sink = WriteSpool(operation="op-2", name="a.tar", size=len(content), sha256=hashlib.sha256(content).hexdigest())
    state = PlannedAction.of(ReadSpoolState(operation="op-2", name="a.tar", sha256=sink.sha256))
    step = Step(
        key="move",
        host=BOT_NAME,
        deed=PlannedAction.of(sink),
        source=TransferSource(host=BOT_NAME, deed=PlannedAction.of(ReadSpool(operation="op-1", name="a.tar"))),
        phrase=Phrase("move it"),
        verify=Check(host=BOT_NAME, deed=state, expect={"whole": True}),
        undo=PlannedAction.of(RemoveSpool(operation="op-2", name="a.tar")),
        undone=(Check(host=BOT_NAME, deed=state, expect={"received": 0}),),
    )
    parts = (Part(host=BOT_NAME, steps=(step,)),)
    return Plan(parts=parts, roads=tuple(collect_endpoints(parts, Inventory()))), content


class Crashing(OwnActions):
    """What the bot does on itself, killed before or after it."""

    def __init__(self, house: House) -> None:
        super().__init__()
        self.house = house

    async def perform(self, action: LocalAction[Any]) -> BaseModel:
        self.house.world.at_effect("before")
        done = await super().perform(action)
        self.house.world.at_effect("after")
        return done


@pytest.mark.parametrize("at", [*range(1, 16), None])
async def test_a_transfer_is_done_whole_or_leaves_nothing(house: House, tmp_path: Path, at: int | None) -> None:
    """Killed at any moment. After that it is done if the file is complete, else it is rolled back, never sent again."""
    plan, content = transferring(pieces=2)
    house.own = Crashing(house)
    SpoolActions(tmp_path / "data").add_to(house.own)
    (tmp_path / "data/changes/op-1").mkdir(parents=True)
    (tmp_path / "data/changes/op-1/a.tar").write_bytes(content)
    killed = None if at is None else await house.killed_and_carried_out(plan, at)
    outcome = killed or await house.carry_out(plan)
    file = tmp_path / "data/changes/op-2/a.tar"
    left = sorted(path.name for path in (tmp_path / "data/changes").rglob("op-2/*"))
    assert (outcome.state, left) in [(ChangeState.DONE, ["a.tar"]), (ChangeState.UNDONE, [])]
    assert not file.exists() or file.read_bytes() == content
    assert at is not None or outcome.state is ChangeState.DONE
