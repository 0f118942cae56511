"""Steps that start, stop and restart one container, and prove it. Pure."""

from dataclasses import dataclass
from typing import Literal

from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.wsl.container_reads import ReadRestart
from adapters.wsl.containers import ListedContainer, MoveContainer, ReadContainerState
from commands.containers.serving_proof import SETTLING, ServingProof, Witness
from commands.model.plan import Check, PlannedAction, Product, Step

START_TIMEOUT = 15.0
"""Seconds in which podman must show a started container as running."""

STOP_TIMEOUT = 15.0
"""Seconds in which podman must show a stopped container as ended, beyond the time that it has to end by itself."""


@dataclass(frozen=True)
class ContainerMove:
    """Moves of one container. `witness` is a gateway that proves that others find it. `settling` as in `ServingProof`."""

    host: Host
    container: ListedContainer
    witness: Witness | None = None
    settling: int = SETTLING

    @property
    def prefix(self) -> str:
        """Beginning of the keys of its steps. Two containers of one host have different names."""
        return f"{self.host.name}/{self.container.name}"

    def build_start(self) -> tuple[Step, ...]:
        """Builds the steps that start it and prove that it serves. A rollback stops it again."""
        start = Step(
            key=f"{self.prefix}/start",
            host=self.host.name,
            deed=self._move("start"),
            phrase=Phrase("start {name}", name=self.container.name),
            verify=self._check(START_TIMEOUT, running=True),
            undo=self._move("stop"),
            undo_phrase=Phrase("stop {name} again", name=self.container.name),
            undone=(self._check(STOP_TIMEOUT, running=False),),
        )
        return start, *self._proof.build_steps()

    def build_stop(self) -> tuple[Step, ...]:
        """Builds the step that stops it. A rollback starts it again."""
        start = self._move("start")
        return (
            Step(
                key=f"{self.prefix}/stop",
                host=self.host.name,
                deed=self._move("stop"),
                phrase=Phrase("stop {name}", name=self.container.name),
                verify=self._check(STOP_TIMEOUT, running=False),
                undo=None if self.container.auto_remove else start,
                undo_phrase=Phrase("start {name} again", name=self.container.name),
                undone=(self._check(START_TIMEOUT, running=True),),
                unbegun={"running": True},
            ),
        )

    def build_restart(self) -> tuple[Step, ...]:
        """Builds the steps that restart it and prove that it serves. It cannot be rolled back: no start is undone."""
        note = Step(
            key=f"{self.prefix}/note",
            host=self.host.name,
            deed=PlannedAction.of(ReadRestart(container=self.container.id)),
            phrase=Phrase("record when {name} was started", name=self.container.name),
            expect={"present": True},
        )
        restart = Step(
            key=f"{self.prefix}/restart",
            host=self.host.name,
            deed=self._move("restart"),
            phrase=Phrase("restart {name}", name=self.container.name),
            verify=Check(
                host=self.host.name,
                deed=PlannedAction.of(
                    ReadRestart(container=self.container.id), before=Product(step=note.key, field="started")
                ),
                expect={"running": True, "restarted": True},
                patience=START_TIMEOUT,
            ),
        )
        return note, restart, *self._proof.build_steps()

    def build_last_look(self) -> Step:
        """Builds another look at whether it keeps running, for the end of a run that restarts many."""
        step = self._proof.build_steady_step()
        return step.model_copy(update={"key": f"{self.prefix}/last"})

    @property
    def _proof(self) -> ServingProof:
        return ServingProof(
            self.host, self.container.name, self.container.id, self.witness, self.prefix, settling=self.settling
        )

    def _move(self, verb: Literal["start", "stop", "restart"]) -> PlannedAction:
        return PlannedAction.of(MoveContainer(verb=verb, container=self.container.id))

    def _check(self, patience: float, *, running: bool) -> Check:
        read = PlannedAction.of(ReadContainerState(container=self.container.id))
        return Check(host=self.host.name, deed=read, expect={"running": running}, patience=patience)
