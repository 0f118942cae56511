"""What every Python twin of a Windows script is made of."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from tests.lab.windows.state import WindowsState

Twin = Callable[[Mapping[str, Any], WindowsState, datetime], Any]
"""A script's arguments, the host, the time: to its one object."""


class ScriptError(Exception):
    """A script that failed, as the bootstrap reports it: message, .NET type and FullyQualifiedErrorId."""

    def __init__(self, message: str, type: str, id: str) -> None:  # noqa: A002  (the names in the frame)
        super().__init__(message)
        self.message = message
        self.type = type
        self.id = id


def fail(code: str, message: str) -> ScriptError:
    """How a script fails with a code of its own."""
    return ScriptError(message, "System.InvalidOperationException", code)


def hash_content(content: bytes) -> str:
    """The SHA-256 of a file, as scripts tell it."""
    return hashlib.sha256(content).hexdigest()


def round_trip(moment: datetime) -> str:
    """As `.ToUniversalTime().ToString('o')` writes it: UTC, seven digits of a second."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"


def read_status(state: WindowsState, name: str) -> str:
    """A service's status as scripts tell it."""
    service = state.service(name)
    return "Absent" if service is None else service.status
