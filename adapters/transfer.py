"""Transfers: bytes of a file at one end, piece by piece, into a file at another end.

    source  read_at(0) ─▶ Piece … Piece(last)            sink  prepare() ─▶ write_at(0) … write_at(n) ─▶ finish(hash)

A source and a sink are actions of a plan. What really runs are actions that they make: each moves one piece, is harmless if
it is repeated, and has `STALL_TIMEOUT` as its deadline. So a transfer may take any time, needs the memory of one piece, and
fails 30 seconds after its bytes stopped.
"""

import base64
import binascii
from typing import Annotated, Any, Literal, Protocol, runtime_checkable

from pydantic import BeforeValidator, Field, PlainSerializer, StringConstraints

from adapters.action import Action, Effect
from adapters.value import Value

STALL_TIMEOUT = 30.0
"""Seconds in which one piece must have been moved."""

PIECE_BYTES = 262_144
"""Bytes of one piece. WinRM carries at most 500 kB in a request, and base64 makes a third more of a piece."""

MAX_TRANSFER_BYTES = 64 * 2**30
"""Maximum size of a file that is moved."""

SpoolName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,40}(\.[a-z0-9]{1,8}){0,2}$")]
"""Name of a file in the folder of an operation."""

TransferSize = Annotated[int, Field(ge=0, le=MAX_TRANSFER_BYTES)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def _decode_base64(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    try:
        return base64.b64decode(given, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


PieceBytes = Annotated[
    bytes,
    BeforeValidator(_decode_base64),
    PlainSerializer(lambda data: base64.b64encode(data).decode("ascii"), return_type=str),
    Field(max_length=PIECE_BYTES),
]
"""The bytes of a piece, as base64 in JSON."""


class Piece(Value):
    """One piece of a file, from `offset` on. `size` is that of the whole file."""

    offset: TransferSize
    size: TransferSize
    data: PieceBytes

    @property
    def last(self) -> bool:
        return self.offset + len(self.data) >= self.size


class SpoolState(Value):
    """State of the file at a sink.

    `received` are the bytes that are there. `sha256` is that of the whole file, "" until it is complete.
    """

    received: TransferSize
    sha256: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = ""
    whole: bool = False
    """True if the file is complete, and has the hash that was asked about."""
    changed: bool = False
    """True if this very call changed something."""


class StreamCount(Value):
    """Count of one end of a stream: its bytes, and the hash of all of them."""

    size: TransferSize
    sha256: Sha256


@runtime_checkable
class Source(Protocol):
    """An action that yields bytes."""

    def read_at(self, offset: int) -> Action[Piece]:
        """Returns the action that reads the piece from `offset` on."""


class Sink(Action[SpoolState]):
    """An action that takes a file in pieces. `move` is the part of that which this action does.

    It is never repeated blindly: each piece is written behind the bytes that are there.
    """

    effect = Effect.CHANGE
    repeatable = False
    deadline = STALL_TIMEOUT
    output_limit = 64_000

    size: TransferSize
    sha256: Sha256
    limit: int = Field(default=MAX_TRANSFER_BYTES, ge=0, le=MAX_TRANSFER_BYTES)
    """Bytes beyond which the file is refused before anything is sent."""
    move: Literal["prepare", "write", "finish"] = "prepare"
    offset: TransferSize = 0
    data: PieceBytes = b""

    def prepare(self) -> Action[SpoolState]:
        """Returns the action that makes room. It fails without enough free space, and returns what is there already."""
        return self

    def write_at(self, offset: int, data: bytes) -> Action[SpoolState]:
        """Returns the action that writes a piece behind the bytes that are there, or again."""
        return self.model_copy(update={"move": "write", "offset": offset, "data": data})

    def finish(self) -> Action[SpoolState]:
        """Returns the action that compares size and hash, and completes the file."""
        return self.model_copy(update={"move": "finish"})
