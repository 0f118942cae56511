"""Open files: the number that a fleet needs, and the system's limit. The usual 1,024 are too few for a large fleet."""

import resource

FILES_PER_HOST = 8
"""Open files that a host may need: two for each WinRM connection, an SSH connection, HTTP connections."""

FILES_FOR_BOT = 256
"""Open files for everything else."""


def count_needed(hosts: int) -> int:
    """Return the open files that a fleet of so many hosts needs."""
    return FILES_FOR_BOT + FILES_PER_HOST * hosts


def raise_limit(hosts: int) -> int:
    """Raise the limit to the number needed, as far as the system allows; returns the limit now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return count_needed(hosts)
    possible = count_needed(hosts) if hard == resource.RLIM_INFINITY else min(count_needed(hosts), hard)
    if possible > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (possible, hard))
    return max(soft, possible)
