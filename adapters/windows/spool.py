"""Files of an operation on a Windows host, as ends of transfers, and a folder packed into one."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from adapters.action import Action, Effect
from adapters.transfer import PIECE_BYTES, STALL_TIMEOUT, Piece, Sha256, Sink, SpoolName, SpoolState, TransferSize
from adapters.value import Value
from adapters.windows.action import WindowsAction

MAX_PACKED_BYTES = 64 * 2**20
"""Maximum size of a packed folder. A configuration takes less than one megabyte."""

ShortName = Annotated[str, StringConstraints(max_length=4096)]


class Packed(Value):
    """A folder packed into one file: its size and hash, how many files are in it, and names of what was left out."""

    size: TransferSize
    sha256: Sha256
    files: Annotated[int, Field(ge=0)]
    left_out: Annotated[tuple[ShortName, ...], Field(max_length=10_000)]
    changed: bool


class PackFolder(WindowsAction[Packed]):
    """Packs a folder into a file of an operation. Private keys, passwords and links are left out, on the host."""

    script = "pack-folder"
    effect = Effect.CHANGE
    deadline = 60.0
    output_limit = 4_000_000

    folder: str
    name: SpoolName
    source: str
    limit: int = Field(default=MAX_PACKED_BYTES, ge=1, le=MAX_PACKED_BYTES)


class ReadSpool(WindowsAction[Piece]):
    """Reads a piece of a file of an operation: a source."""

    script = "read-spool"
    deadline = STALL_TIMEOUT
    output_limit = 2 * PIECE_BYTES

    folder: str
    name: SpoolName
    offset: TransferSize = 0
    count: int = Field(default=PIECE_BYTES, ge=1, le=PIECE_BYTES)

    def read_at(self, offset: int) -> Action[Piece]:
        return self.model_copy(update={"offset": offset})


class ReadSpoolState(WindowsAction[SpoolState]):
    """Reads how much of a file of an operation is there, and whether that is the whole file with this hash."""

    script = "read-spool-state"
    deadline = STALL_TIMEOUT
    output_limit = 64_000

    folder: str
    name: SpoolName
    sha256: Sha256

    def parse(self, data: Any) -> SpoolState:
        state = SpoolState.model_validate(data)
        return state.model_copy(update={"whole": state.sha256 == self.sha256})


class WriteSpool(Sink, WindowsAction[SpoolState]):
    """Writes a file of an operation: a sink."""

    script = "write-spool"
    folder: str
    name: SpoolName


class RemoveSpool(WindowsAction[SpoolState]):
    """Removes a file of an operation, complete or not."""

    script = "remove-spool"
    effect = Effect.CHANGE
    deadline = STALL_TIMEOUT
    output_limit = 64_000

    folder: str
    name: SpoolName
