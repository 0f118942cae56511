"""How many open files a fleet needs, and whether the system allows them: the usual 1,024 are too few for a large one."""

import resource

FILES_EACH = 8
"""Open files that a host may need: two for each WinRM line, an SSH line, HTTP connections."""

FILES_BESIDE = 256
"""Open files for everything else."""


def wanted(hosts: int) -> int:
    """Open files for a fleet of so many hosts."""
    return FILES_BESIDE + FILES_EACH * hosts


def allow(hosts: int) -> int:
    """Have as many as are wanted, or as many as the system lets us; how many are allowed now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted(hosts)
    possible = wanted(hosts) if hard == resource.RLIM_INFINITY else min(wanted(hosts), hard)
    if possible > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (possible, hard))
    return max(soft, possible)
