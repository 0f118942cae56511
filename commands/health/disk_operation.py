"""`disk`: use of drives and file systems on every host, and the space of Flatnet, podman and the logs.

hosts ─ read (Windows and WSL2 concurrently) ─▶ DiskAnswers ─ judge (commands.health.disks) ─▶ AssessedHost ─▶ Report
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, ClassVar

from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.disks import ReadDisks as ReadWindows
from adapters.wsl.disks import ReadDisks as ReadWsl
from commands.health.assessment import build_findings
from commands.health.disks import CELL_KEYS, COLUMNS, DiskAnswers, find_highest_usage, judge_disks
from commands.health.fleet_report import AssessedHost, AssessmentRead, read_side
from commands.model.operation import FleetView
from commands.values.arguments import Flag


class DiskUsage(AssessmentRead):
    """Show the disk use of Windows and WSL2."""

    words: ClassVar = ("disk",)
    summary: ClassVar = Phrase("disk usage: Windows drives, WSL2, Flatnet folder, podman, logs")
    example: ClassVar = "disk all --details"
    label: ClassVar = Phrase("show the disks of {target}", target="…")
    title: ClassVar = Phrase("Disks")
    columns: ClassVar = COLUMNS

    details: Annotated[bool, Flag(Phrase("show all drives, file systems, folders and logs"))] = False

    def make_assessor(self, view: FleetView) -> Callable[[Host], Awaitable[AssessedHost]]:
        return lambda host: _assess(host, view)

    def summarize_healthy(self, hosts: Sequence[Host]) -> Phrase:
        return Phrase(
            "{n} host has enough free disk space", plural="all {n} hosts have enough free disk space", n=len(hosts)
        )


async def _assess(host: Host, view: FleetView) -> AssessedHost:
    """Judges one host as soon as both sides have answered. Among hosts of the same severity the fullest comes first."""
    ask_windows = read_side(host, ReadWindows.of(host.windows) if host.windows else None, view)
    ask_wsl = read_side(host, ReadWsl.of(host.wsl) if host.wsl else None, view)
    looked = DiskAnswers(host, *await asyncio.gather(ask_windows, ask_wsl))
    judged, more = judge_disks(looked, view.thresholds), f"disk {host.name} --details"
    return AssessedHost(
        host=host,
        judgment=judged,
        cells=tuple(judged.cells[key] for key in CELL_KEYS),
        findings=tuple(build_findings(host.name, judged.remarks, more)),
        next=more,
        tie=-find_highest_usage(looked),
    )
