"""Open files: what a fleet needs, what the system allows, and the share that other programs' connections may take.

limit ─┬─ reserved: hosts, Slack, database, logs
       └─ the rest ─▶ connections to the control socket and the status port, up to `MAX_CONNECTIONS`
"""

import resource
from dataclasses import dataclass

FILES_PER_HOST = 8
"""Open files that a host may need: two for each WinRM connection, an SSH connection, HTTP connections."""

FILES_FOR_BOT = 256
"""Open files for everything else but the connections below."""

MIN_CONNECTIONS, MAX_CONNECTIONS = 12, 96
"""Connections that other programs may hold at once. One of three is for the status port."""

UNLIMITED = 2**30
"""Stands for no limit."""


@dataclass(frozen=True)
class ConnectionShares:
    """Connections that each listener may hold at once."""

    control: int
    status: int


def count_needed(hosts: int) -> int:
    """Return the open files that a fleet of so many hosts needs."""
    return FILES_FOR_BOT + FILES_PER_HOST * hosts + MAX_CONNECTIONS


def raise_limit() -> int:
    """Raise the limit as far as the system allows; returns the limit now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):  # a sandbox forbids it, or the kernel's own limit is lower
            return soft
    return UNLIMITED if hard == resource.RLIM_INFINITY else hard


def share_connections(limit: int, hosts: int) -> ConnectionShares:
    """Share what a limit leaves for connections of other programs; a few are allowed even where it is too low."""
    left = limit - FILES_FOR_BOT - FILES_PER_HOST * hosts
    connections = min(MAX_CONNECTIONS, max(MIN_CONNECTIONS, left))
    return ConnectionShares(control=connections - connections // 3, status=connections // 3)
