"""Open files: the number that a fleet needs, and the system's limit. The usual 1,024 are too few for a large fleet."""

import resource

FILES_EACH = 8
"""Open files that a host may need: two for each WinRM connection, an SSH connection, HTTP connections."""

FILES_BESIDE = 256
"""Open files for everything else."""


def wanted(hosts: int) -> int:
    """Return the open files that a fleet of so many hosts needs."""
    return FILES_BESIDE + FILES_EACH * hosts


def allow(hosts: int) -> int:
    """Raise the limit to the number needed, as far as the system allows; returns the limit now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted(hosts)
    possible = wanted(hosts) if hard == resource.RLIM_INFINITY else min(wanted(hosts), hard)
    if possible > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (possible, hard))
    return max(soft, possible)
