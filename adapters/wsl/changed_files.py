"""Files that a container changed outside of its volumes: they stay behind when it moves."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from adapters.value import Value
from adapters.wsl.action import Argv, CompletedProgram, WslAction
from adapters.wsl.containers import ContainerId
from adapters.wsl.helper import build_helper_command, read_helper_output


class ChangedFiles(Value):
    """Number of files and folders that a container added, changed or deleted in its own layer."""

    files: Annotated[int, Field(ge=0)]


class CountChangedFiles(WslAction[ChangedFiles]):
    """Counts what a container changed in its own layer. podman compares the whole layer, so it is not part of a list."""

    program_timeout = 60.0
    deadline = 80.0
    output_limit = 64_000

    container: ContainerId

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("containers", "diff", self.container),)

    def parse(self, completed: Sequence[CompletedProgram]) -> ChangedFiles:
        return ChangedFiles.model_validate_json(read_helper_output(completed))
