"""Files of an operation in the data folder of the bot, as ends of transfers: `DATA_FOLDER/changes/OPERATION/NAME`."""

from adapters.action import Action, Effect
from adapters.local.action import LocalAction
from adapters.local.host_files import OperationId
from adapters.transfer import PIECE_BYTES, STALL_TIMEOUT, Piece, Sha256, Sink, SpoolName, SpoolState, TransferSize


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


class WriteSpool(Sink, LocalAction[SpoolState]):
    """Writes a file of an operation: a sink."""

    operation: OperationId
    name: SpoolName


class RemoveSpool(LocalAction[SpoolState]):
    """Removes a file of an operation, complete or not."""

    effect = Effect.CHANGE

    operation: OperationId
    name: SpoolName
