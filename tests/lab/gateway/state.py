"""What a simulated gateway is like, and what is wrong with it."""

from dataclasses import dataclass, field
from enum import StrEnum


class Lua(StrEnum):
    """How the Lua side behind nginx does. `/api/health` says OK in every case."""

    WORKS = "works"
    INIT_FAILED = "init failed"
    """An error inside `init_worker_by_lua_block` passes `nginx -t`: no host_id, no peers."""
    BROKEN = "broken"
    """A module is missing: every Lua page is an HTML error 500."""


@dataclass
class GatewayState:
    """One gateway, changed by tests while it runs.

    `foreign`: the one who asks is outside 10.100.0.0/16. `host_id_as_text`: as the documents show it.
    """

    host_id: int
    peers: list[str] = field(default_factory=list)
    containers: int = 2
    stage: str = "4"
    lua: Lua = Lua.WORKS
    foreign: bool = False
    host_id_as_text: bool = False
    health: str = "OK"

    @classmethod
    def healthy(cls, host_id: int, peers: list[int]) -> "GatewayState":
        """Gateway N, which synchronises with the gateways of these hosts."""
        return cls(host_id=host_id, peers=[f"http://10.100.{peer}.1:8080" for peer in peers])
