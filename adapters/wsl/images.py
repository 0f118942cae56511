"""Images of podman through the helper: their list, one of them, and streams from host to host."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from adapters.action import Effect
from adapters.phrase import Phrase
from adapters.value import Value
from adapters.wsl.action import Argv, CompletedProgram, WslAction
from adapters.wsl.containers import ImageId
from adapters.wsl.helper import HelperAction, build_helper_command, read_helper_output
from adapters.wsl.stream import StreamSink, StreamSource

IMAGES_LIMIT = 5000

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]

StoredBytes = Annotated[int, Field(ge=0, le=2**60)]
"""Bytes on a disk, which may have far more than one stream can carry."""

ImageReference = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]([a-z0-9._/:-]{0,200}[a-z0-9])?(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$"),
]
"""A name of an image, with its registry and a tag: docker.io/library/nginx:1.27."""


class ListedImage(Value):
    """An image on a host: `names` with their tags, and `digests` of registries. `size` in bytes; `architecture` as amd64."""

    id: ImageId
    names: Annotated[tuple[Annotated[str, StringConstraints(max_length=512)], ...], Field(max_length=200)] = ()
    digests: Annotated[tuple[Digest, ...], Field(max_length=200)] = ()
    size: StoredBytes = 0
    architecture: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{0,20}$")] = ""


class ImageList(Value):
    """All images on a host."""

    images: Annotated[tuple[ListedImage, ...], Field(max_length=IMAGES_LIMIT)]


class ImageState(Value):
    """State of an image on a host."""

    present: bool


class FoundImage(Value):
    """An image that was searched for; without id and architecture if it is not there."""

    present: bool
    id: ImageId | Literal[""] = ""
    architecture: Annotated[str, StringConstraints(max_length=20)] = ""


class Storage(Value):
    """podman's storage on a host: free bytes, the machine's architecture as images name it, podman's version."""

    free: StoredBytes
    architecture: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{1,20}$")]
    podman: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z.+~-]{1,40}$")]


class ListImages(WslAction[ImageList]):
    """Lists the images on a host."""

    program_timeout = 60.0
    deadline = 80.0
    output_limit = 8 * 1024 * 1024

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("images", "list"),)

    def parse(self, completed: Sequence[CompletedProgram]) -> ImageList:
        lines = read_helper_output(completed).splitlines()[: IMAGES_LIMIT + 1]
        return ImageList(images=tuple(map(ListedImage.model_validate_json, lines)))


class FindImage(WslAction[FoundImage]):
    """Finds an image by its digest among those of a host: one that is pulled has its id only then."""

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


class ReadStorage(HelperAction[Storage]):
    """Reads how much room podman has on a host, and for which machine its images must be."""

    program_timeout = 20.0
    deadline = 30.0
    output_limit = 64_000

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("images", "storage"),)


class _ImageAction(HelperAction[ImageState]):
    program_timeout = 60.0
    deadline = 80.0
    output_limit = 64_000

    def explain_answer(self, answer: ImageState) -> Phrase | None:
        return Phrase("podman still has the image") if answer.present else Phrase("podman does not have the image")


class ReadImage(_ImageAction):
    """Reads whether an image is on a host."""

    image: ImageId

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("images", "show", self.image),)


class RemoveImage(_ImageAction):
    """Removes an image that no container uses. One that is gone is a success, and so is one in use: it stays."""

    effect = Effect.CHANGE

    image: ImageId

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("images", "remove", self.image),)


class PullImage(_ImageAction):
    """Pulls an image by its digest from its registry. The registry is the one in its name."""

    effect = Effect.CHANGE
    program_timeout = 600.0
    deadline = 620.0

    name: ImageReference
    digest: Digest

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("images", "pull", self.name, self.digest),)


class SaveImage(StreamSource):
    """Yields an image as a docker archive: a source of streams."""

    image: ImageId

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("images", "save", self.image),)


class LoadImage(StreamSink):
    """Loads an image from the archive that comes in, and fails if that is another one: a sink of streams.

    `name` is the tag that it gets, if it has none there yet.
    """

    image: ImageId
    name: ImageReference

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("images", "load", self.image, self.name),)
