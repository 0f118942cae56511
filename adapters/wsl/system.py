"""What WSL2 says in one round trip: Flatnet's containers, the bridge, IP forwarding.

Each part may fail without hiding the others: a part that could not be read is a `Problem`.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from adapters.phrase import Phrase


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Problem(_Value):
    """Why one part could not be read."""

    phrase: Phrase


class Container(_Value):
    """One container on the Flatnet network. `state` is podman's word; `healthy` is None without a health check."""

    id: str
    name: str
    image: str
    state: str
    exit_code: int
    healthy: bool | None = None
    exited_at: datetime | None = None
    restarts: int = 0


class Bridge(_Value):
    """The container bridge: whether it exists, is up, and which addresses (10.87.1.1/24) it has."""

    exists: bool
    up: bool = False
    addresses: tuple[str, ...] = ()


class WslSystem(_Value):
    """The state of the WSL2 side of one host."""

    containers: tuple[Container, ...] | Problem
    bridge: Bridge | Problem
    forwarding: bool | Problem
