"""Reads one host for the watch: Windows and the gateway each time, WSL2 less often. A failure is a value."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from adapters.errors import AuthenticationFailed, HostError
from adapters.fleet import Fleet
from adapters.gateway.api import GatewaySystem
from adapters.gateway.api import ReadSystem as ReadGateway
from adapters.host_clock import compute_clock_offset
from adapters.inventory import Host
from adapters.windows.log_files import FilePosition
from adapters.windows.watch import AccessLogReading, ReadWatch, WatchReading
from adapters.wsl.system import ReadSystem as ReadWsl
from adapters.wsl.system import WslSystem
from commands.alerts.watch import WatchAnswers


@dataclass(frozen=True)
class HostReading:
    """Answers of one check, and the access log; None if Windows did not answer, or the host has no gateway."""

    looked: WatchAnswers
    log: AccessLogReading | None = None


@dataclass(frozen=True)
class WatchRequest:
    """One check: the host, the position in its access log, and whether WSL2 is read this time.

    `rejected`: Windows rejected the login lately. It is not asked again, because that may lock the account.
    """

    host: Host
    position: FilePosition | None = None
    wsl: bool = False
    rejected: AuthenticationFailed | None = None


async def read_host(fleet: Fleet, request: WatchRequest, now: Callable[[], datetime]) -> HostReading:
    """Reads the sides of a host concurrently. Before a host counts as silent, WSL2 is asked, too."""
    host = request.host
    async with asyncio.TaskGroup() as group:
        windows = group.create_task(_read_windows(fleet, request, now))
        gateway = group.create_task(_read_gateway(fleet, host))
        wsl = group.create_task(_read_wsl(fleet, host, wanted=request.wsl))
    (said, ahead), heard, inside = windows.result(), gateway.result(), wsl.result()
    answered = any(each is not None and not isinstance(each, HostError) for each in (said, heard))
    if inside is None and not answered:
        inside = await _read_wsl(fleet, host, wanted=True)
    log = said.access_log if isinstance(said, WatchReading) and host.gateway is not None else None
    return HostReading(WatchAnswers(host, said, inside, heard, ahead), log)


async def _read_windows(
    fleet: Fleet, request: WatchRequest, now: Callable[[], datetime]
) -> tuple[WatchReading | HostError | None, float | None]:
    if request.host.windows is None:
        return None, None
    if request.rejected is not None:
        return request.rejected, None
    seen = await fleet.read(request.host, ReadWatch.of(request.host.windows, request.position))
    if isinstance(seen.outcome, HostError):
        return seen.outcome, None
    return seen.outcome, compute_clock_offset(seen.outcome.clock, now(), seen.age)


async def _read_gateway(fleet: Fleet, host: Host) -> GatewaySystem | HostError | None:
    return None if host.gateway is None else (await fleet.read(host, ReadGateway())).outcome


async def _read_wsl(fleet: Fleet, host: Host, *, wanted: bool) -> WslSystem | HostError | None:
    return None if host.wsl is None or not wanted else (await fleet.read(host, ReadWsl.of(host.wsl))).outcome
