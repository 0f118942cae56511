"""A stage's name is in the keys of its steps, and wherever its steps name one another."""

from adapters.phrase import Phrase
from adapters.windows.nebula import NotePosition
from commands.changes.host_plan import name_stage
from commands.model.plan import Check, Part, PlannedAction, Product, Step, TransferSource, list_actions

NOTE = PlannedAction.of(NotePosition(log="nebula.log"))
AFTER = NOTE.model_copy(update={"products": {"log": Product(step="host-a/note", field="log")}})
CHECK = Check(host="host-a", deed=AFTER, expect={})
PART = Part(
    host="host-a",
    steps=(
        Step(key="host-a/note", host="host-a", deed=NOTE, phrase=Phrase("record the end of Nebula's log")),
        Step(
            key="host-b/use",
            host="host-b",
            deed=AFTER,
            phrase=Phrase("record the end of Nebula's log"),
            verify=CHECK,
            undo=AFTER,
            undone=(CHECK,),
            source=TransferSource(host="host-a", deed=AFTER),
        ),
    ),
)


def test_keys_have_the_name_of_the_stage_once() -> None:
    named = name_stage(PART, "host-a/peers")
    assert ["host-a/peers/note", "host-a/peers/host-b/use"] == [step.key for step in named.steps]
    assert named == name_stage(named, "host-a/peers")


def test_every_action_finds_what_earlier_steps_of_the_stage_produce() -> None:
    actions = list_actions(name_stage(PART, "host-a/peers").steps[1])
    assert ["host-a/peers/note"] * 5 == [action.products["log"].step for action in actions]
