"""Proof that a gateway's workers run with their configuration: the host's own ID, and the peers that the file names.

A reload can pass `nginx -t`, return 0 and start workers whose Lua side ended at once. They answer `/api/health` as ever,
and `/api/sync/status` without `host_id` and peers.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from adapters.errors import HostError
from adapters.gateway.action import GatewayAction, HttpRequest, HttpResponse
from adapters.gateway.answers import UnusableAnswer
from adapters.gateway.api import parse_sync
from adapters.phrase import Listing, Phrase
from adapters.value import Value

SyncState = Literal["as configured", "not started", "other host", "other peers", "unusable"]
"""State of a gateway's synchronization, compared with its configuration."""


class SyncProof(Value):
    """Result of the comparison. `missing` and `extra` are peers, sorted. `why` is the reason of an unusable answer."""

    state: SyncState
    host_id: int | None = None
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    why: Phrase | None = None


class ProveSync(GatewayAction[SyncProof]):
    """Compares `/api/sync/status` with what the configuration file names. `peers` is None if that is not known.

    It uses a connection of its own, because a kept one may lead to workers from before the reload.
    """

    fresh_connection = True
    deadline = 8.0
    output_limit = 256 * 1024

    host_id: int = Field(ge=1, le=254)
    peers: tuple[str, ...] | None

    def build_requests(self) -> tuple[HttpRequest, ...]:
        return (HttpRequest("/api/sync/status"),)

    def parse(self, responses: Sequence[HttpResponse | HostError]) -> SyncProof:
        match parse_sync(responses[0]):
            case HostError() as error:
                raise error
            case UnusableAnswer(phrase=why):
                return SyncProof(state="unusable", why=why)
            case sync if sync.host_id is None:
                return SyncProof(state="not started")
            case sync if sync.host_id != self.host_id:
                return SyncProof(state="other host", host_id=sync.host_id)
            case sync if self.peers is None or sorted(sync.peers) == sorted(self.peers):
                return SyncProof(state="as configured", host_id=sync.host_id)
            case sync:
                missing, extra = set(self.peers) - set(sync.peers), set(sync.peers) - set(self.peers)
                return SyncProof(
                    state="other peers",
                    host_id=sync.host_id,
                    missing=tuple(sorted(missing)),
                    extra=tuple(sorted(extra)),
                )

    def explain_answer(self, answer: SyncProof) -> Phrase | None:
        match answer.state:
            case "not started":
                return Phrase("the gateway responds, but its Lua code did not start (no host_id). See error.log on the host")
            case "other host":
                return Phrase(
                    "the gateway reports host ID {said} instead of {known}",
                    said=str(answer.host_id),
                    known=str(self.host_id),
                )
            case "other peers":
                return Phrase(
                    "the gateway does not run with the peers of its configuration (missing: {missing}, extra: {extra})",
                    missing=_list_peers(answer.missing),
                    extra=_list_peers(answer.extra),
                )
            case "unusable":
                return answer.why
            case "as configured":
                return None


def _list_peers(peers: tuple[str, ...]) -> Phrase | Listing:
    return Listing(peers) if peers else Phrase("none")
