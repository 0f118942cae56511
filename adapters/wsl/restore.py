"""Putting back what the helper in WSL2 kept: the network plug-in and its configuration, from a tar that it made itself.

    StageKept (sink) ─▶ CheckKept ─▶ PutKept ─ proven by CheckKept ─▶ ForgetKept
                                        └ ReturnKept: what it replaced is back

The helper knows its own tars by their SHA-256 and takes no other, because root runs the plug-in. Addresses never come from
a tar: the helper makes them anew from podman, under the lock of the plug-in.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints, computed_field

from adapters.action import Effect
from adapters.inventory import WslSide
from adapters.phrase import Phrase
from adapters.transfer import STALL_TIMEOUT, PieceBytes, Sha256, Sink, SpoolState, TransferSize
from adapters.value import Value
from adapters.wsl.action import Argv, CompletedProgram, WslAction
from adapters.wsl.helper import HelperAction, build_helper_command, read_helper_output

KEPT_LIMIT = 50
"""Files of the network plug-in."""

KeptPath = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9_.-]{1,100}){1,8}$")]


class PresentFile(Value):
    """A file of the plug-in or of its configuration, as it is in place. `text` is "" for a program and for a large file."""

    path: KeptPath
    size: TransferSize
    sha256: Sha256
    text: PieceBytes = b""


class PresentFiles(Value):
    """Files of the plug-in and of its configuration."""

    files: Annotated[tuple[PresentFile, ...], Field(max_length=KEPT_LIMIT)]


class ComparedFile(Value):
    """A file in place, compared with the one of a tar. `extra`: the tar has none of that name."""

    path: KeptPath
    state: Literal["same", "other", "absent", "extra"]


class KeptState(Value):
    """State of the files in place, compared with a tar.

    `answers`: the plug-in in place runs. `network`: podman can read its network. `addressed`: every address of a container
    that runs is in the plug-in's list, so that it is handed out to no other.
    """

    files: Annotated[tuple[ComparedFile, ...], Field(max_length=2 * KEPT_LIMIT)]
    answers: bool
    network: bool
    addressed: bool

    @computed_field  # type: ignore[prop-decorator]
    @property
    def in_place(self) -> bool:
        """True if all files are those of the tar."""
        return all(each.state == "same" for each in self.files)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def works(self) -> bool:
        return self.answers and self.network and self.addressed


class ListKept(WslAction[PresentFiles]):
    """Lists the files of the plug-in and of its configuration that a backup would hold now."""

    program_timeout = 20.0
    deadline = 30.0
    output_limit = 1_000_000

    @classmethod
    def of(cls, side: WslSide) -> "ListKept":
        """Makes the action. The helper knows the places."""
        return cls()

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("backup", "list"),)

    def parse(self, completed: Sequence[CompletedProgram]) -> PresentFiles:
        lines = read_helper_output(completed).splitlines()
        return PresentFiles(files=tuple(map(PresentFile.model_validate_json, lines[: KEPT_LIMIT + 1])))


class _Staged(BaseModel):
    received: TransferSize
    sha256: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")]


class _StagedAction(WslAction[SpoolState]):
    """Base class of actions on the staged tar. `sha256` names it."""

    program_timeout = 20.0
    deadline = STALL_TIMEOUT
    output_limit = 64_000

    sha256: Sha256

    def parse(self, completed: Sequence[CompletedProgram]) -> SpoolState:
        said = _Staged.model_validate_json(read_helper_output(completed))
        return SpoolState(received=said.received, sha256=said.sha256, whole=said.sha256 == self.sha256, changed=self.changes)


class StageKept(Sink, _StagedAction):
    """Writes a tar of the helper into its store: a sink."""

    @property
    def input(self) -> bytes:
        return self.data

    def build_commands(self) -> tuple[Argv, ...]:
        match self.move:
            case "prepare":
                return (build_helper_command("backup", "stage", self.sha256, str(self.size)),)
            case "write":
                return (build_helper_command("backup", "fill", self.sha256, str(self.offset)),)
            case "finish":
                return (build_helper_command("backup", "staged", self.sha256),)


class ReadStagedKept(_StagedAction):
    """Reads how much of a staged tar is there, and whether that is the whole of it."""

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("backup", "staged", self.sha256),)


class ForgetKept(_StagedAction):
    """Removes a staged tar, and the files that it replaced."""

    effect = Effect.CHANGE

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("backup", "forget", self.sha256),)


class _PlacingAction(HelperAction[KeptState]):
    """Base class of actions that compare what is in place with a staged tar."""

    program_timeout = 90.0
    deadline = 110.0
    output_limit = 64_000

    sha256: Sha256

    def explain_answer(self, answer: KeptState) -> Phrase | None:
        if not answer.answers:
            return Phrase("the network plug-in does not run. Check its file: file /opt/cni/bin/flatnet")
        if not answer.network:
            return Phrase("podman cannot read its network. Run in WSL2: podman network inspect flatnet")
        if not answer.addressed:
            return Phrase("an address of a running container is missing in the plug-in's list of addresses")
        if not answer.in_place:
            return Phrase("the files in place are not those of the backup")
        return None


class CheckKept(_PlacingAction):
    """Compares what is in place with a staged tar, and has the plug-in answer."""

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("backup", "check", self.sha256),)


class PutKept(_PlacingAction):
    """Puts the files of a staged tar in place, each at once, and has the addresses made anew from podman."""

    effect = Effect.CHANGE

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("backup", "put", self.sha256),)


class ReturnKept(_PlacingAction):
    """Puts back what `PutKept` replaced. It fails if that replaced nothing."""

    effect = Effect.CHANGE

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("backup", "return", self.sha256),)
