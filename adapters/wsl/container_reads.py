"""Reads of one container beside its state: whether it was started since a noted time, and what it changed of its image."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from adapters.phrase import Phrase
from adapters.value import Value
from adapters.wsl.action import Argv, CompletedProgram, WslAction
from adapters.wsl.containers import ContainerId, ContainerKey, parse_containers
from adapters.wsl.helper import HelperAction, build_helper_command, read_helper_output


class RestartState(Value):
    """Last start of a container, in Unix microseconds by its host's clock; 0 if it never was. `restarted`: since then."""

    present: bool
    running: bool = False
    started: Annotated[int, Field(ge=0)] = 0
    restarted: bool = False


class ReadRestart(WslAction[RestartState]):
    """Reads when a container was started last, and compares that with the time that an earlier read noted."""

    program_timeout = 20.0
    deadline = 30.0
    output_limit = 256_000

    container: ContainerKey
    before: Annotated[int, Field(ge=0)] = 0

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("containers", "show", self.container),)

    def parse(self, completed: Sequence[CompletedProgram]) -> RestartState:
        listed = parse_containers(read_helper_output(completed))
        if not listed:
            return RestartState(present=False)
        at = listed[0].started_at
        started = 0 if at is None else max(round(at.timestamp() * 1_000_000), 0)
        return RestartState(
            present=True, running=listed[0].state == "running", started=started, restarted=started != self.before
        )

    def explain_answer(self, answer: RestartState) -> Phrase | None:
        if not answer.present:
            return Phrase("podman has no such container")
        if not answer.running:
            return Phrase("it does not run. See its log")
        return Phrase("podman has not restarted it") if self.before and not answer.restarted else None


class ChangedFiles(Value):
    """Number of files that a container added, changed or deleted in its own layer. They stay behind when it moves."""

    files: Annotated[int, Field(ge=0)]


class CountChangedFiles(HelperAction[ChangedFiles]):
    """Counts what a container changed in its own layer. podman compares the whole layer, so it is not part of a list."""

    program_timeout = 60.0
    deadline = 80.0
    output_limit = 64_000

    container: ContainerId

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("containers", "diff", self.container),)
