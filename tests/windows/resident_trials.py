"""The PowerShell that stays, on a real machine: reads share it, and it ends by itself when the bot is silent."""

from collections.abc import Awaitable, Callable

from adapters.windows.powershell import HOST_REQUESTS_LIMIT, build_resident_line
from tests.windows.guard_trials import Host
from tests.windows.scratch import ReadProcess

IDLE_SECONDS = 5
"""Seconds of silence after which the process of these trials ends: its command line says so."""

PATIENCE = 30
"""Looks, one a second, for its end."""

SHARED = "resident: reads share one process"
LEFT = "resident: a process that is left alone ends by itself, in a shell that stays open"


def shorten_idle(line: str) -> str:
    """The command line of a process that stays, but not for long; another one as it is."""
    return build_resident_line(IDLE_SECONDS, HOST_REQUESTS_LIMIT) if line == build_resident_line() else line


async def try_sharing(host: Host) -> str:
    """Read twice; "", or what was wrong."""
    first, second = [(await host.perform(ReadProcess()))["own"] for _ in range(2)]
    return "" if first == second else f"process {first} answered first, then {second}"


async def try_leaving(brief: Host, other: Host, pause: Callable[[], Awaitable[None]]) -> str:
    """Read once over `brief`, whose process stays for `IDLE_SECONDS`, and look for its end over `other`."""
    left = (await brief.perform(ReadProcess()))["own"]
    if not (await other.perform(ReadProcess(id=left)))["runs"]:
        return f"process {left} did not stay"
    for _ in range(PATIENCE):
        await pause()
        if not (await other.perform(ReadProcess(id=left)))["runs"]:
            return ""
    return f"process {left} still runs"
