"""Steps that make a container, start it and prove that it serves. Pure.

pull ─▶ find its id ─┐
image by its id ─────┴▶ make ─▶ made, and its id ─▶ start ─▶ proof          a rollback removes the container
"""

from collections.abc import Iterator
from dataclasses import dataclass

from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.wsl.containers import MoveContainer, ReadContainerState, RemoveMadeContainer
from adapters.wsl.description import CreateContainer, Description
from adapters.wsl.images import FindImage, PullImage
from commands.containers.run_facts import ChosenImage
from commands.containers.serving_proof import ServingProof, Witness
from commands.containers.start_stop import START_TIMEOUT, STOP_TIMEOUT
from commands.model.plan import Check, PlannedAction, Product, Step

MADE_TIMEOUT = 10.0
"""Seconds in which podman must show a container that was made, or removed again."""


@dataclass(frozen=True)
class NewContainer:
    """A container to be made on a host. `description` has no image. `architecture` is that of the host."""

    host: Host
    description: Description
    image: ChosenImage
    architecture: str
    operation: str
    witness: Witness | None

    @property
    def name(self) -> str:
        return self.description.name

    @property
    def prefix(self) -> str:
        """Beginning of the keys of its steps."""
        return f"{self.host.name}/{self.name}"

    def build_steps(self) -> tuple[Step, ...]:
        """Builds the steps."""
        proof = ServingProof(self.host, self.name, self.name, self.witness, self.prefix)
        return (*self._build_image_steps(), self._build_creation(), *self._build_start_steps(), *proof.build_steps())

    def _build_image_steps(self) -> Iterator[Step]:
        """Builds the steps that pull the image and find its id; none if it is there."""
        if self.image.listed is not None:
            return
        read = PlannedAction.of(FindImage(digest=self.image.digest))
        yield Step(
            key=f"{self.prefix}/pull",
            host=self.host.name,
            deed=PlannedAction.of(PullImage(name=self.image.wanted.name, digest=self.image.digest)),
            phrase=Phrase("pull {image}", image=self.image.name),
            verify=Check(host=self.host.name, deed=read, expect={"present": True}, patience=MADE_TIMEOUT),
            harmless_remains=True,
        )
        yield Step(
            key=f"{self.prefix}/image",
            host=self.host.name,
            deed=read,
            phrase=Phrase("check that the image is for this machine"),
            expect={"present": True, "architecture": self.architecture},
        )

    def _build_creation(self) -> Step:
        """Builds the step that makes the container. Its rollback removes it, also while it runs."""
        listed = self.image.listed
        create = CreateContainer(
            operation=self.operation, description=self.description, image="" if listed is None else listed.id
        )
        pulled = {"image": Product(step=f"{self.prefix}/image", field="id")} if listed is None else {}
        return Step(
            key=f"{self.prefix}/create",
            host=self.host.name,
            deed=PlannedAction.of(create, **pulled),
            phrase=Phrase("make {name} from {image}", name=self.name, image=self.image.name),
            verify=self._check(present=True),
            unbegun={"present": False},
            undo=PlannedAction.of(RemoveMadeContainer(name=self.name, operation=self.operation)),
            undo_phrase=Phrase("remove {name} again", name=self.name),
            undone=(self._check(present=False),),
        )

    def _build_start_steps(self) -> Iterator[Step]:
        yield Step(
            key=f"{self.prefix}/made",
            host=self.host.name,
            deed=self._read,
            phrase=Phrase("check that {name} is made, and does not run yet", name=self.name),
            expect={"present": True, "running": False},
        )
        made = Product(step=f"{self.prefix}/made", field="id")
        start, stop = (MoveContainer(verb=verb, container="0" * 64) for verb in ("start", "stop"))
        yield Step(
            key=f"{self.prefix}/start",
            host=self.host.name,
            deed=PlannedAction.of(start, container=made),
            phrase=Phrase("start {name}", name=self.name),
            verify=Check(host=self.host.name, deed=self._read, expect={"running": True}, patience=START_TIMEOUT),
            undo=PlannedAction.of(stop, container=made),
            undo_phrase=Phrase("stop {name} again", name=self.name),
            undone=(Check(host=self.host.name, deed=self._read, expect={"running": False}, patience=STOP_TIMEOUT),),
        )

    @property
    def _read(self) -> PlannedAction:
        return PlannedAction.of(ReadContainerState(container=self.name))

    def _check(self, *, present: bool) -> Check:
        return Check(host=self.host.name, deed=self._read, expect={"present": present}, patience=MADE_TIMEOUT)
