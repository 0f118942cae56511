"""Named volumes of podman through the helper: their list, one of them, and streams from host to host.

The helper deletes no volume, but for one that the same operation made by an import: that is its rollback.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, StringConstraints

from adapters.action import Effect
from adapters.inventory import PodmanName
from adapters.phrase import Phrase
from adapters.value import Value
from adapters.wsl.action import Argv, CompletedProgram, WslAction
from adapters.wsl.helper import HelperAction, OperationName, build_helper_command, read_helper_output
from adapters.wsl.images import StoredBytes
from adapters.wsl.stream import StreamSink, StreamSource

VOLUMES_LIMIT = 5000


class ListedVolume(Value):
    """A volume on a host, also one that podman named. `driver` is "local" if its files lie in podman's storage.

    `size` in bytes.
    """

    name: Annotated[str, StringConstraints(max_length=255)]
    driver: Annotated[str, StringConstraints(max_length=64)]
    options: Annotated[int, Field(ge=0)] = 0
    """Number of its mount options. One with options may lie elsewhere."""
    size: StoredBytes = 0


class VolumeList(Value):
    """All volumes on a host."""

    volumes: Annotated[tuple[ListedVolume, ...], Field(max_length=VOLUMES_LIMIT)]


class VolumeState(Value):
    """State of one volume: the number of its files and folders, and a hash over their names, modes, owners and contents.

    Both are 0 and "" for one that is absent. `same`: it has the hash that was asked about.
    """

    present: bool
    files: Annotated[int, Field(ge=0)] = 0
    sha256: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = ""
    same: bool = False


class ListVolumes(WslAction[VolumeList]):
    """Lists the volumes on a host with their sizes."""

    program_timeout = 60.0
    deadline = 80.0
    output_limit = 4 * 1024 * 1024

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("volumes", "list"),)

    def parse(self, completed: Sequence[CompletedProgram]) -> VolumeList:
        lines = read_helper_output(completed).splitlines()[: VOLUMES_LIMIT + 1]
        return VolumeList(volumes=tuple(map(ListedVolume.model_validate_json, lines)))


class _VolumeAction(HelperAction[VolumeState]):
    program_timeout = 600.0
    deadline = 620.0
    output_limit = 64_000

    def explain_answer(self, answer: VolumeState) -> Phrase | None:
        if not answer.present:
            return Phrase("podman has no such volume")
        return Phrase("the volume has {n} files, and other contents than expected", n=answer.files)


class MeasureVolume(_VolumeAction):
    """Reads how many files a volume has, and the hash of all of them. `sha256` is the expected hash, "" for any."""

    volume: PodmanName
    sha256: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = ""

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("volumes", "measure", self.volume),)

    def parse(self, completed: Sequence[CompletedProgram]) -> VolumeState:
        said = super().parse(completed)
        return said.model_copy(update={"same": said.present and self.sha256 in ("", said.sha256)})


class RemoveMadeVolume(_VolumeAction):
    """Removes a volume that this operation made, unless a container uses it. One that is gone is a success."""

    effect = Effect.CHANGE

    volume: PodmanName
    operation: OperationName

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("volumes", "unmake", self.volume, self.operation),)


class ExportVolume(StreamSource):
    """Yields the files of a volume as a tar: a source of streams."""

    volume: PodmanName

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("volumes", "export", self.volume),)


class ImportVolume(StreamSink):
    """Makes a volume, marked with the operation, from the tar that comes in: a sink. One that exists is refused."""

    volume: PodmanName
    operation: OperationName

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("volumes", "import", self.volume, self.operation),)
