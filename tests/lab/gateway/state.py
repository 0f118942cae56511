"""What a simulated gateway is like, and what is wrong with it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from tests.lab.gateway.registry import Registrations


class Lua(StrEnum):
    """How the Lua side behind nginx does. `/api/health` says OK in every case."""

    WORKS = "works"
    INIT_FAILED = "init failed"
    """An error inside `init_worker_by_lua_block` passes `nginx -t`: no host_id, no peers."""
    BROKEN = "broken"
    """A module is missing: every Lua page is an HTML error 500."""


class ReloadFault(StrEnum):
    """What the next reload of nginx does."""

    NONE = "succeeds"
    LUA_DIES = "lua dies"
    """It passes `-t`, and the Lua side does not start: 200 without `host_id` and peers."""
    REFUSED = "changes nothing"
    """Return code 0 and an `[emerg]` in error.log: the workers from before go on."""
    STALE = "old answers"
    """New workers run, and yet those from before answer."""


@dataclass(frozen=True)
class Workers:
    """What workers answer with."""

    host_id: int
    peers: tuple[str, ...]
    lua: Lua


@dataclass
class Escalated:
    """The escalation of one address. `began` is when the attempt began, in Unix seconds."""

    state: str
    began: float | None = None
    target: str | None = None
    retries: int = 0


@dataclass
class GatewayState:
    """One gateway, changed by tests while it runs.

    `foreign`: the one who asks is outside 10.100.0.0/16. `host_id_as_text`: as the documents show it. `reloads` are the
    faults of the next reloads. `old` are the workers from before the last one, which answer as long as they run. `ahead`:
    how far its clock is ahead. `deaf`: it misses what its peers tell it, but not what it asks them. `peer_timeout`: its
    patience with a silent peer, in seconds. `gateways` are the routing's, by host id as text.
    """

    host_id: int
    peers: list[str] = field(default_factory=list)
    registrations: Registrations = field(default_factory=Registrations)
    escalated: dict[str, Escalated] = field(default_factory=dict)
    gateways: dict[str, str] = field(default_factory=dict)
    subnet: str = ""
    interval: int = 30
    peer_timeout: float = 5.0
    ahead: timedelta = timedelta()
    deaf: bool = False
    stage: str = "4"
    lua: Lua = Lua.WORKS
    foreign: bool = False
    host_id_as_text: bool = False
    health: str = "OK"
    reloads: list[ReloadFault] = field(default_factory=list)
    old: Workers | None = None

    @classmethod
    def healthy(cls, host_id: int, peers: list[int]) -> "GatewayState":
        """Gateway N, which synchronises with the gateways of these hosts."""
        return cls(
            host_id=host_id,
            peers=[f"http://10.100.{peer}.1:8080" for peer in peers],
            gateways={str(peer): f"10.100.{peer}.1" for peer in peers},
            subnet=f"10.87.{host_id}.0/24",
        )

    def now(self) -> datetime:
        """The time by its own clock."""
        return datetime.now(UTC) + self.ahead

    def elapse(self, seconds: float) -> None:
        """Let time pass for this gateway, without waiting."""
        self.ahead += timedelta(seconds=seconds)

    @property
    def workers(self) -> Workers:
        """The workers that a reload ends."""
        return Workers(self.host_id, tuple(self.peers), self.lua)

    def renew(self, host_id: int, peers: Sequence[str], lua: Lua) -> None:
        """New workers begin. Those from before answer until they have ended, some 50 ms later."""
        self.old = self.workers
        self.host_id, self.peers, self.lua = host_id, list(peers), lua

    @property
    def answering(self) -> Workers:
        """The workers that answer."""
        return self.workers if self.old is None else self.old
