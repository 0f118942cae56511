"""Search of an image by its digest: one that is pulled has its id only then."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import StringConstraints

from adapters.phrase import Phrase
from adapters.value import Value
from adapters.wsl.action import Argv, CompletedProgram, WslAction
from adapters.wsl.containers import ImageId
from adapters.wsl.helper import build_helper_command, read_helper_output
from adapters.wsl.images import Digest, ListedImage


class FoundImage(Value):
    """An image that was searched for; without id and architecture if it is not there."""

    present: bool
    id: ImageId | Literal[""] = ""
    architecture: Annotated[str, StringConstraints(max_length=20)] = ""


class FindImage(WslAction[FoundImage]):
    """Finds an image by its digest among those of a host."""

    program_timeout = 60.0
    deadline = 80.0
    output_limit = 8 * 1024 * 1024

    digest: Digest

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("images", "list"),)

    def parse(self, completed: Sequence[CompletedProgram]) -> FoundImage:
        for line in read_helper_output(completed).splitlines():
            image = ListedImage.model_validate_json(line)
            if self.digest in image.digests:
                return FoundImage(present=True, id=image.id, architecture=image.architecture)
        return FoundImage(present=False)

    def explain_answer(self, answer: FoundImage) -> Phrase | None:
        if not answer.present:
            return Phrase("podman does not have the image")
        return Phrase("the image is for machines of the type {architecture}", architecture=answer.architecture or "-")
