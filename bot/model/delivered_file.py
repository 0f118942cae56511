"""Files as they were delivered: what an audit event says of them, and an incident's report."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class DeliveredFile:
    """A delivered file: its name, its size in bytes, and its SHA-256 in hexadecimal digits."""

    name: str
    size: int
    sha256: str

    @classmethod
    def of(cls, name: str, content: bytes) -> "DeliveredFile":
        """Describes the bytes that were delivered."""
        return cls(name, len(content), hashlib.sha256(content).hexdigest())


RecordDelivery = Callable[[str, DeliveredFile], Awaitable[None]]
"""Records that a file of the answer to an operation was delivered. It never raises: the file is there already."""
