"""What the gateway API says of itself: health, synchronisation, status.

The API's quirks end here: `{}` for an empty list, HTML errors, a healthy page over a broken Lua
side, a `host_id` that is text or absent, 403 for an address outside the overlay.
"""

from pydantic import BaseModel, ConfigDict

from adapters.phrase import Phrase


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Problem(_Value):
    """Why one part of the API gave no answer that can be used; `forbidden`: this address is not allowed (403)."""

    phrase: Phrase
    forbidden: bool = False


class Sync(_Value):
    """`/api/sync/status`. `host_id` is None where the gateway's own start-up failed: nothing is synchronised then."""

    host_id: int | None
    peers: tuple[str, ...]
    local_containers: int | None = None


class Status(_Value):
    """`/api/status`: the registry behind the API."""

    containers: int | None
    stage: str = ""


class GatewaySystem(_Value):
    """The state of one gateway. `healthy` is `/api/health`; the rest shows whether the Lua side works behind it."""

    healthy: bool | Problem
    sync: Sync | Problem
    status: Status | Problem
