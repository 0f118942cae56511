"""Steps of plans on simulated hosts, without a bot: each action is answered by its twin, and its expectation is compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Network

from pydantic import JsonValue

from adapters.action import BOT_NAME
from adapters.windows.action import WindowsAction
from commands.model.plan import Part, PlannedAction, Step
from tests.commands.canned import NOW
from tests.lab.windows.disks import Disk, Expiry, lay_out
from tests.lab.windows.mesh import Member, Mesh
from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import ScriptError
from tests.lab.windows.twins import answer

OVERLAY = IPv4Network("10.100.0.0/16")


@dataclass
class Stage:
    """A lighthouse and its hosts with Nebula, at a time that each step moves on."""

    states: Mapping[str, WindowsState]
    now: datetime = NOW
    produced: dict[str, Mapping[str, JsonValue]] = field(default_factory=dict)
    mesh: Mesh = field(init=False)

    @classmethod
    def of(cls, *names: str) -> "Stage":
        """Hosts with ids in their order, the lighthouse first, that run since long ago."""
        states = {name: WindowsState.healthy(number, name) for number, name in enumerate(names)}
        lay_out([Disk(number, name, state) for number, (name, state) in enumerate(states.items())], Expiry(), NOW)
        stage = cls(states)
        stage.mesh = Mesh({name: Member(state) for name, state in states.items()}, lambda: stage.now)
        stage.mesh.begin(NOW, [(name, names[0]) for name in names[1:]])
        return stage

    def play(self, part: Part) -> list[str]:
        """Play the steps of a part to the first that does not do what it must; its key and what came, or nothing."""
        for step in part.steps:
            if step.host == BOT_NAME or step.source is not None:
                continue
            said = self.perform(step.host, step.deed)
            if "failed" in said:
                return [step.key, str(said["failed"])]
            self.produced[step.key] = said
            checks = [(step.host, step.deed, step.expect)] if step.expect else []
            if step.verify is not None:
                checks.append((step.verify.host, step.verify.deed, step.verify.expect))
            for host, deed, expected in checks:
                said = self.perform(host, deed)
                if differs := {name: said.get(name) for name in expected if said.get(name) != expected[name]}:
                    return [step.key, *(f"{name}: {value}" for name, value in differs.items())]
        return []

    def perform(self, host: str, deed: PlannedAction) -> Mapping[str, JsonValue]:
        """Answer an action by its twin, as JSON; a failure has its code as `failed`."""
        self.now += timedelta(seconds=3)
        action = deed.build_action(self.produced)
        assert isinstance(action, WindowsAction)
        try:
            said = answer(action.script, action.build_arguments(), self.states[host], self.now)
        except ScriptError as error:
            return {"failed": error.id, "says": error.message}
        understood: Mapping[str, JsonValue] = action.parse(said).model_dump(mode="json")
        return understood

    def undo(self, steps: Sequence[Step]) -> list[str]:
        """Roll steps back, the newest first; the keys of those whose rollback is not proven."""
        unproven = []
        for step in reversed(steps):
            if step.undo is None:
                continue
            self.perform(step.host, step.undo)
            self.now += timedelta(seconds=300)
            self.states[step.host].settle(self.now)
            if not all(check.is_met(self.perform(check.host, check.deed)) for check in step.undone):
                unproven.append(step.key)
        return unproven
