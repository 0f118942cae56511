"""Files of an operation in the data folder of the bot, as ends of transfers: `DATA_FOLDER/changes/OPERATION/NAME`."""

from typing import Literal

from pydantic import Field

from adapters.action import Action, Effect
from adapters.local.action import LocalAction
from adapters.local.host_files import OperationId
from adapters.transfer import (
    MAX_TRANSFER_BYTES,
    PIECE_BYTES,
    STALL_TIMEOUT,
    Piece,
    PieceBytes,
    Sha256,
    SpoolName,
    SpoolState,
    TransferSize,
)


class ReadSpool(LocalAction[Piece]):
    """Reads a piece of a file of an operation: a source."""

    deadline = STALL_TIMEOUT
    output_limit = 2 * PIECE_BYTES

    operation: OperationId
    name: SpoolName
    offset: TransferSize = 0

    def read_at(self, offset: int) -> Action[Piece]:
        return self.model_copy(update={"offset": offset})


class ReadSpoolState(LocalAction[SpoolState]):
    """Reads how much of a file of an operation is there, and whether that is the whole file with this hash."""

    operation: OperationId
    name: SpoolName
    sha256: Sha256


class WriteSpool(LocalAction[SpoolState]):
    """Writes a file of an operation: a sink. `move` is the part of that which this action does."""

    effect = Effect.CHANGE
    repeatable = False
    deadline = STALL_TIMEOUT
    output_limit = 64_000

    operation: OperationId
    name: SpoolName
    size: TransferSize
    sha256: Sha256
    limit: int = Field(default=MAX_TRANSFER_BYTES, ge=0, le=MAX_TRANSFER_BYTES)
    """Bytes beyond which the file is refused before anything is sent."""
    move: Literal["prepare", "write", "finish"] = "prepare"
    offset: TransferSize = 0
    data: PieceBytes = b""

    def prepare(self) -> Action[SpoolState]:
        return self

    def write_at(self, offset: int, data: bytes) -> Action[SpoolState]:
        return self.model_copy(update={"move": "write", "offset": offset, "data": data})

    def finish(self) -> Action[SpoolState]:
        return self.model_copy(update={"move": "finish"})


class RemoveSpool(LocalAction[SpoolState]):
    """Removes a file of an operation, complete or not."""

    effect = Effect.CHANGE

    operation: OperationId
    name: SpoolName
