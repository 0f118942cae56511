"""Identities that a server shows at an address before anyone logs in there: its certificate of WinRM, its SSH host keys.

The bot looks from its own machine, at any address. Nothing but a handshake is sent.
"""

import base64
import hashlib
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from adapters.local.action import LocalAction
from adapters.value import Value

ServerAddress = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.:-]{0,252}[A-Za-z0-9])?$")]
"""An IP address or a host name, without a port."""

ProvenSide = Literal["windows", "wsl"]
"""Sides whose servers prove an identity. A gateway speaks plain HTTP."""

SHOWN_DIGITS = 8
"""Characters of a fingerprint that are shown."""


class ShownIdentity(Value):
    """One identity. `pin` is what a side is pinned to (`WindowsSide.certificate_sha256`, `WslSide.host_key`), `fingerprint`
    what people compare: the SHA-256 of a certificate, or `SHA256:…` of a host key.
    """

    pin: Annotated[str, Field(min_length=1, max_length=5000)]
    fingerprint: Annotated[str, Field(min_length=1, max_length=100)]

    @property
    def short(self) -> str:
        """The first digits: enough to find a typing error, too few to trust a machine without its console."""
        return self.fingerprint.removeprefix("SHA256:")[:SHOWN_DIGITS] + "…"


class ShownIdentities(Value):
    """The identities of one server. SSH has a key of each kind."""

    shown: Annotated[tuple[ShownIdentity, ...], Field(min_length=1, max_length=8)]


class FindShownIdentities(LocalAction[ShownIdentities]):
    """Finds the identities that a server shows at an address. They are verified against nothing."""

    deadline = 40.0

    place: ProvenSide
    address: ServerAddress
    port: Annotated[int, Field(ge=1, le=65535)]


def compute_key_fingerprint(key: str) -> str:
    """Computes the fingerprint of `ssh-ed25519 AAAA…`, as OpenSSH writes it. Raises `ValueError` if it is no Base64."""
    blob = base64.b64decode(key.partition(" ")[2], validate=True)
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
