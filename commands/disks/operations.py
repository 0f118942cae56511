"""`disk`: use of drives and file systems on every host, and the space of Flatnet, podman and the logs.

hosts ─ read (Windows and WSL2 concurrently) ─▶ DiskAnswers ─ judge (commands.disks.assessment) ─▶ AssessedHost ─▶ Report
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, ClassVar

from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.disks import ReadDisks as ReadWindows
from adapters.wsl.disks import ReadDisks as ReadWsl
from commands.checks.assessment import findings_of
from commands.checks.fleet_report import Assessed, HostsOperation
from commands.checks.gather import ask
from commands.disks.assessment import CELLS, COLUMNS, Looked, fullest, judge
from commands.model.operation import View
from commands.values.arguments import Flag


class Disk(HostsOperation):
    """Show the disk use of Windows and WSL2."""

    words: ClassVar = ("disk",)
    summary: ClassVar = Phrase("how full disks are: Windows drives, WSL2, Flatnet's folder, podman, logs")
    example: ClassVar = "disk all --details"
    title: ClassVar = Phrase("Disks")
    columns: ClassVar = COLUMNS

    details: Annotated[bool, Flag(Phrase("all drives, file systems, folders and logs"))] = False

    def assessor(self, view: View) -> Callable[[Host], Awaitable[Assessed]]:
        return lambda host: _assess(host, view)

    def all_well(self, hosts: Sequence[Host]) -> Phrase:
        return Phrase("the disks of {n} host have room", plural="the disks of all {n} hosts have room", n=len(hosts))


async def _assess(host: Host, view: View) -> Assessed:
    """Judges one host as soon as both sides have answered. Among hosts of the same severity the fullest comes first."""
    ask_windows = ask(host, ReadWindows.of(host.windows) if host.windows else None, view)
    ask_wsl = ask(host, ReadWsl.of(host.wsl) if host.wsl else None, view)
    looked = Looked(host, *await asyncio.gather(ask_windows, ask_wsl))
    judged, more = judge(looked, view.thresholds), f"disk {host.name} --details"
    return Assessed(
        host=host,
        judged=judged,
        cells=tuple(judged.cells[key] for key in CELLS),
        findings=tuple(findings_of(host.name, judged.remarks, more)),
        next=more,
        tie=-fullest(looked),
    )
