"""Files of hosts in the host folder (`hosts.d`) of the bot: read, written, removed and put back, as steps of a plan.

A file there is part of the configuration. So whatever changes one also has the bot read its configuration again, and fails,
with the earlier file back in place, if that cannot be used.
"""

from typing import Annotated

from pydantic import Field, StringConstraints

from adapters.action import Effect
from adapters.inventory import HostName
from adapters.local.action import LocalAction
from adapters.value import Value

Sha256 = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")]
"""SHA-256 of a file's bytes, in lower-case hex digits; "" for a file that does not exist."""

OperationId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}$")]


class HostFileState(Value):
    """State of the file of one host. `active`: the bot's configuration has this host as the file says, or not at all."""

    sha256: Sha256
    active: bool
    changed: bool = False
    """True if this very call changed something."""


class ReadHostFile(LocalAction[HostFileState]):
    """Reads the file of a host."""

    name: HostName


class WriteHostFile(LocalAction[HostFileState]):
    """Writes the file of a host. Fails if it is not as `before`, and not as wanted either."""

    effect = Effect.CHANGE

    operation: OperationId
    name: HostName
    content: Annotated[str, Field(min_length=1, max_length=64_000)]
    before: Sha256


class RemoveHostFile(LocalAction[HostFileState]):
    """Removes the file of a host. Fails if it is not as `before`, and still there."""

    effect = Effect.CHANGE

    operation: OperationId
    name: HostName
    before: Sha256


class RestoreHostFile(LocalAction[HostFileState]):
    """Restores the file of a host as it was before the operation. Does nothing if the operation has not touched it."""

    effect = Effect.CHANGE

    operation: OperationId
    name: HostName
