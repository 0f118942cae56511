"""Host keys of an SSH server that is not trusted yet: read from handshakes that end before any login.

A server has a key of each kind, and a client asks for one kind at a time. People compare the fingerprints with what the
console of the host says; the key that they named is pinned.
"""

import asyncio

import asyncssh

from adapters.error_text import describe_error
from adapters.errors import Unreachable
from adapters.phrase import Phrase
from adapters.value import Value

SCAN_TIMEOUT = 8.0
"""Seconds for one handshake, as for a connection."""

KINDS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512")
"""Kinds of keys that are asked for, the usual one first."""


class HostKeySeen(Value):
    """A host key: as in a known_hosts file (`ssh-ed25519 AAAA…`), and its fingerprint as OpenSSH prints it (`SHA256:…`)."""

    key: str
    fingerprint: str


async def scan_host_keys(address: str, port: int) -> tuple[HostKeySeen, ...]:
    """Reads the keys of a server, of each kind that it has. Raises `Unreachable` if it has none, or does not answer."""
    found: list[HostKeySeen] = []
    for kind in KINDS:
        try:
            seen = await _scan_host_key(address, port, kind)
        except Unreachable:
            if not found:
                raise
            continue  # a server without this kind may hang up before its answer is here
        found += [] if seen is None else [seen]
    if found:
        return tuple(found)
    raise Unreachable(Phrase("{where} has no host key of a usual kind", where=f"{address}:{port}"))


async def _scan_host_key(address: str, port: int, kind: str) -> HostKeySeen | None:
    """Reads the key of one kind; None if the server has none of that kind."""
    try:
        async with asyncio.timeout(SCAN_TIMEOUT):
            key = await asyncssh.get_server_host_key(address, port, server_host_key_algs=[kind], config=None)
    except asyncssh.KeyExchangeFailed:
        return None
    except (asyncssh.Error, OSError, ValueError) as error:
        raise Unreachable(
            Phrase(
                "could not read the host key of {where} ({reason}). Check that sshd is running and the firewall allows it",
                where=f"{address}:{port}",
                reason=describe_error(error),
            )
        ) from error
    if key is None:
        return None
    return HostKeySeen(key=" ".join(key.export_public_key().decode().split()[:2]), fingerprint=key.get_fingerprint())
