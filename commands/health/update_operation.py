"""`update`: pending security updates in Windows and in WSL2 of every host.

hosts ─ read (both sides concurrently) ─▶ UpdateAnswers ─ judge (commands.health.updates) ─▶ AssessedHost ─▶ Report
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, ClassVar

from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.updates import ReadUpdates as ReadWindows
from adapters.wsl.updates import ReadUpdates as ReadWsl
from commands.health.assessment import build_findings
from commands.health.fleet_report import AssessedHost, AssessmentRead, read_side
from commands.health.updates import CELL_COLUMNS, UpdateAnswers, judge_updates
from commands.model.operation import FleetView
from commands.model.report import Column
from commands.values.arguments import Flag

COLUMNS = (Column(key="host", heading=Phrase("Host")), *CELL_COLUMNS)


class UpdateList(AssessmentRead):
    """List pending security updates, their age and pending restarts."""

    words: ClassVar = ("update",)
    summary: ClassVar = Phrase("pending security updates in Windows and WSL2, and required restarts")
    example: ClassVar = "update all --details"
    label: ClassVar = Phrase("show the updates of {target}", target="…")
    title: ClassVar = Phrase("Updates")
    columns: ClassVar = COLUMNS
    terse: ClassVar = True

    details: Annotated[bool, Flag(Phrase("also list updates and packages by name"))] = False

    def make_assessor(self, view: FleetView) -> Callable[[Host], Awaitable[AssessedHost]]:
        return lambda host: _assess(host, view)

    def summarize_healthy(self, hosts: Sequence[Host]) -> Phrase:
        if len(hosts) == 1:
            return Phrase("no security updates are pending on {host}", host=hosts[0].name)
        return Phrase("no security updates are pending on any of {n} hosts", n=len(hosts))


async def _assess(host: Host, view: FleetView) -> AssessedHost:
    """Judges one host as soon as both sides have answered."""
    ask_windows = read_side(host, ReadWindows.of(host.windows) if host.windows else None, view)
    ask_wsl = read_side(host, ReadWsl.of(host.wsl) if host.wsl else None, view)
    looked = UpdateAnswers(host, *await asyncio.gather(ask_windows, ask_wsl))
    judged, more = judge_updates(looked, view.now()), f"update {host.name} --details"
    return AssessedHost(
        host=host,
        judgment=judged,
        cells=tuple(judged.cells[column.key] for column in CELL_COLUMNS),
        findings=tuple(build_findings(host.name, judged.remarks, more)),
        next=more,
        answers=looked,
    )
