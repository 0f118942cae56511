"""`health`: the operators' daily check of every host on its three sides.

hosts ─ read (three sides each, concurrently) ─▶ HealthAnswers ─ judge (commands.checks) ─▶ AssessedHost ─▶ Report
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, ClassVar

from adapters.errors import HostError
from adapters.fleet import Seen
from adapters.gateway.api import ReadSystem as ReadGateway
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.system import ReadSystem as ReadWindows
from adapters.windows.system import WindowsSystem
from adapters.wsl.system import ReadSystem as ReadWsl
from commands.checks.assessment import CHECKS, Looked, ahead, findings_of
from commands.checks.fleet_report import Assessed, HostsOperation
from commands.checks.gather import ask
from commands.checks.host_checks import judge, known_peers
from commands.checks.host_details import DETAILS, details_of
from commands.checks.log_rotation import COLUMN as ROTATION
from commands.checks.log_rotation import judge_rotation
from commands.model.operation import View
from commands.model.report import Column
from commands.values.arguments import Flag

COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    *(Column(key=key, heading=heading) for key, heading in CHECKS.items()),
)


class Health(HostsOperation):
    """Run the six checks of the daily round."""

    words: ClassVar = ("health",)
    summary: ClassVar = Phrase("whether hosts are well: Nebula, gateway, API, containers, bridge, forwarding")
    example: ClassVar = "health all --details"
    title: ClassVar = Phrase("Health")
    columns: ClassVar = (*COLUMNS, *DETAILS, ROTATION)
    terse: ClassVar = True

    details: Annotated[bool, Flag(Phrase("versions, clock, uptime, containers and log rotation too"))] = False

    def assessor(self, view: View) -> Callable[[Host], Awaitable[Assessed]]:
        known = known_peers(view.fleet.inventory)
        return lambda host: _assess(host, known, view)

    def all_well(self, hosts: Sequence[Host]) -> Phrase:
        if len(hosts) == 1:
            return Phrase("{host} is well", host=hosts[0].name)
        return Phrase("all {n} hosts are well", n=len(hosts))


async def _assess(host: Host, known: frozenset[str], view: View) -> Assessed:
    """Judges one host as soon as it has answered. Judging a fleet at once would block the event loop."""
    looked = await _look(host, view)
    judged, rotation = judge(looked, known, view.thresholds), judge_rotation(looked, view.thresholds)
    cells = (*(judged.cells[key] for key in CHECKS), *details_of(looked), rotation.cells[ROTATION.key])
    return Assessed(
        host=host,
        judged=judged,
        cells=cells,
        findings=tuple(findings_of(host.name, judged.remarks, f"health {host.name} --details")),
        further=tuple(remark.finding(host.name) for remark in rotation.remarks),
        answers=looked,
    )


async def _look(host: Host, view: View) -> Looked:
    """Reads all sides of one host concurrently."""
    ask_windows = _windows(host, view)
    ask_wsl = ask(host, ReadWsl.of(host.wsl) if host.wsl else None, view)
    ask_gateway = ask(host, ReadGateway() if host.gateway else None, view)
    async with asyncio.TaskGroup() as group:
        windows = group.create_task(ask_windows)
        wsl = group.create_task(ask_wsl)
        gateway = group.create_task(ask_gateway)
    said, ahead = windows.result()
    return Looked(host, said, wsl.result(), gateway.result(), ahead)


async def _windows(host: Host, view: View) -> tuple[WindowsSystem | HostError | None, float | None]:
    """Reads Windows, and computes how far its clock is ahead of the time between request and answer."""
    if host.windows is None:
        return None, None
    seen: Seen[WindowsSystem] = await view.fleet.look(host, ReadWindows.of(host.windows))
    if isinstance(seen.said, HostError):
        return seen.said, None
    return seen.said, ahead(seen.said.clock, view.now(), seen.age)
