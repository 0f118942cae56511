"""The helper in WSL2: a program of root with fixed verbs, which prepare-wsl.sh --manage installs (docs/hosts).

The bot's user may run nothing else that changes something. The helper has its own list of what is allowed on its host, and
what that is about: bridge, address, network, folder. This module has its version, its failures, forwarding and backups;
`containers`, `images`, `volumes` and `ipam` have the actions of its other verbs.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints, computed_field

from adapters.action import Action, Answer, Effect
from adapters.errors import ActionFailed
from adapters.inventory import InterfaceName, ManagedArea, WslSide
from adapters.phrase import Phrase
from adapters.term import find_kept_term, make_older_term_error
from adapters.transfer import PIECE_BYTES, STALL_TIMEOUT, Piece, Sha256, TransferSize
from adapters.value import Value
from adapters.wsl.action import Argv, CompletedProgram, WslAction

HELPER = "/usr/local/libexec/flatnet-bot"
"""Path of the helper. sudo's rules name it with its verbs."""

HELPER_VERSION = 5
"""Version of the helper that this version of the bot works with. A test compares it with docs/hosts."""

OperationName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$")]
"""The operation that marks what the helper makes for it, so that its rollback removes nothing else."""

HelperFault = Literal["absent", "other-version", "not-allowed", "unsafe", "broken", "failed"]
"""Codes of `ActionFailed`: why the helper did not do it. `unsafe`: others than root can change it or its list."""

_OLDER_TERM = 7
"""The helper's exit code where it keeps a higher term. Then nothing was done."""

_FAULTS: dict[int, HelperFault] = {2: "other-version", 3: "not-allowed", 4: "unsafe", 5: "broken"}
"""Faults by the helper's exit code."""


class HelperInfo(Value):
    """The installed helper: its version, and the areas that it allows on this host."""

    version: Annotated[int, Field(ge=0, le=1_000_000)]
    areas: Annotated[tuple[ManagedArea, ...], Field(max_length=16)]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def current(self) -> bool:
        """True if it is of the version that this bot works with."""
        return self.version == HELPER_VERSION


class ForwardingStatus(Value):
    """Forwarding as the helper sees it, with the bridge and the address that it would set up.

    `link`: "other" is an interface of that name which is no bridge. `forwarding` is IP forwarding now. `blocked`: a firewall
    in WSL2 drops what is forwarded to the bridge.
    """

    bridge: InterfaceName
    address: Annotated[str, StringConstraints(pattern=r"^10\.87\.\d{1,3}\.1/24$")]
    link: Literal["absent", "other", "down", "up"]
    addressed: bool
    forwarding: bool
    at_boot: bool
    blocked: bool

    @computed_field  # type: ignore[prop-decorator]
    @property
    def ready(self) -> bool:
        """True if nothing is left to set up."""
        return self.link == "up" and self.addressed and self.forwarding and self.at_boot and not self.blocked


class HelperAction(WslAction[Answer]):
    """An action of the helper that prints its answer as one JSON object."""

    def parse(self, completed: Sequence[CompletedProgram]) -> Answer:
        """Parses what the helper printed. Raises as `read_helper_output`."""
        answer: Answer = self.get_answer_type().model_validate_json(read_helper_output(completed))
        return answer


class ReadHelper(HelperAction[HelperInfo]):
    """Reads the helper's version and areas. Raises `ActionFailed` with a `HelperFault` if it cannot be used."""

    deadline = 20.0
    output_limit = 64_000

    @classmethod
    def of(cls, side: WslSide) -> "ReadHelper":
        """Makes the action. The helper is at the same path on every host."""
        return cls()

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("version"),)


class ReadForwardingStatus(HelperAction[ForwardingStatus]):
    """Reads what the helper would set up, and what of it is missing."""

    deadline = 30.0
    output_limit = 64_000

    @classmethod
    def of(cls, side: WslSide) -> "ReadForwardingStatus":
        """Makes the action."""
        return cls()

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("forwarding", "status"),)


class ApplyForwarding(HelperAction[ForwardingStatus]):
    """Sets up the bridge with its address, and IP forwarding now and at boot. It takes nothing away."""

    effect = Effect.CHANGE
    program_timeout = 30.0
    deadline = 60.0
    output_limit = 64_000

    @classmethod
    def of(cls, side: WslSide) -> "ApplyForwarding":
        """Makes the action."""
        return cls()

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("forwarding", "apply"),)


class _BackupSize(BaseModel):
    size: TransferSize


class ReadBackup(WslAction[Piece]):
    """Reads a piece of the backup: a source of transfers. The helper makes the same tar each time, so nothing is kept."""

    program_timeout = 12.0
    deadline = STALL_TIMEOUT
    output_limit = 2 * PIECE_BYTES

    offset: TransferSize = 0

    @classmethod
    def of(cls, side: WslSide) -> "ReadBackup":
        """Makes the action for the first piece."""
        return cls()

    def read_at(self, offset: int) -> Action[Piece]:
        """Returns the action that reads the piece from `offset` on."""
        return self.model_copy(update={"offset": offset})

    def build_commands(self) -> tuple[Argv, ...]:
        return build_helper_command("backup", "size"), build_helper_command("backup", "read", str(self.offset))

    def parse(self, completed: Sequence[CompletedProgram]) -> Piece:
        size, piece = completed
        whole = _BackupSize.model_validate_json(read_helper_output([size])).size
        read_helper_output([piece])
        return Piece(offset=self.offset, size=whole, data=piece.output)


class MeasuredBackup(Value):
    """Size and hash of the backup that the helper makes now."""

    size: TransferSize
    sha256: Sha256


class MeasureBackup(HelperAction[MeasuredBackup]):
    """Reads the size and the hash of the backup, as it is as long as its files stay as they are."""

    program_timeout = 20.0
    deadline = STALL_TIMEOUT
    output_limit = 64_000

    @classmethod
    def of(cls, side: WslSide) -> "MeasureBackup":
        """Makes the action."""
        return cls()

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("backup", "size"),)


def build_helper_command(*words: str) -> Argv:
    """Builds the command that runs a verb of the helper as root."""
    return ("sudo", "-n", HELPER, *words)


def read_helper_output(completed: Sequence[CompletedProgram]) -> str:
    """Returns what the helper printed. Raises `ActionFailed` with a `HelperFault` if it did not do it.

    Standard error alone is no failure: podman prints warnings there.
    """
    (answer,) = completed
    if answer.code == 0:
        return answer.stdout
    if answer.code == 1 and str(answer.error_line).startswith("sudo: "):
        phrase = Phrase(
            "the helper is not installed in WSL2, or sudo does not let the bot run this verb of it. Run prepare-wsl.sh with "
            "--manage there"
        )
        raise ActionFailed(phrase, code="absent", maybe_ran=False)
    why = str(answer.error_line).removeprefix("flatnet-bot: ")
    if answer.code == _OLDER_TERM and (terms := find_kept_term(why)) is not None:
        raise make_older_term_error(*terms)
    fault = _FAULTS.get(answer.code, "failed")
    raise ActionFailed(_describe_fault(fault, why), code=fault, maybe_ran=fault == "failed")


def _describe_fault(fault: HelperFault, why: str) -> Phrase:
    match fault:
        case "other-version":
            return Phrase(
                "the helper in WSL2 does not know what was asked: it is of another version. Run prepare-wsl.sh again"
            )
        case "not-allowed":
            return Phrase("the helper in WSL2 refused: {why}", why=why)
        case "unsafe":
            return Phrase("the helper in WSL2 cannot be trusted and did nothing: {why}", why=why)
        case _:
            return Phrase("the helper in WSL2 failed: {why}", why=why)
