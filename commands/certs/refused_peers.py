"""Peers whose certificates hosts refused, as a survey of their logs found them. Pure.

A refusal proves that the host is safe from that certificate, and tells where its holder is. Anyone can write a log line or
send from any address, so it is a claim.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from adapters.windows.handshakes import RefusedPeer

RECENT_PERIOD = timedelta(days=1)
"""Age beyond which a refusal is no news."""


class RefusalReason(StrEnum):
    """Reasons for which Nebula refuses a certificate, as far as they differ in what people should do."""

    BLOCKED = "blocked"
    UNKNOWN_CA = "unknown CA"
    EXPIRED = "expired"
    OTHER = "other"


_ENDINGS: Mapping[str, RefusalReason] = {
    "certificate is in the block list": RefusalReason.BLOCKED,
    "could not find ca for the certificate": RefusalReason.UNKNOWN_CA,
    "certificate is expired": RefusalReason.EXPIRED,
    "root certificate is expired": RefusalReason.EXPIRED,
}


@dataclass(frozen=True)
class RefusedPeers:
    """The recent refusals by host. `whole`: the log of every host was read."""

    by_host: Mapping[str, tuple[RefusedPeer, ...]] = field(default_factory=dict)
    whole: bool = True


NO_REFUSALS = RefusedPeers()


def find_reason(peer: RefusedPeer) -> RefusalReason:
    """Finds the reason. Nebula 1.10 logs none where it names the certificate, and the text before it differs by version."""
    return next((reason for text, reason in _ENDINGS.items() if peer.why.endswith(text)), RefusalReason.OTHER)
