"""`update`: pending security updates in Windows and in WSL2 of every host.

hosts ─ read (both sides concurrently) ─▶ UpdateAnswers ─ judge (commands.updates.assessment) ─▶ AssessedHost ─▶ Report
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, ClassVar

from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.updates import ReadUpdates as ReadWindows
from adapters.wsl.updates import ReadUpdates as ReadWsl
from commands.checks.assessment import findings_of
from commands.checks.fleet_report import Assessed, HostsOperation
from commands.checks.gather import ask
from commands.model.operation import View
from commands.model.report import Column
from commands.updates.assessment import CELLS, Looked, judge
from commands.values.arguments import Flag

COLUMNS = (Column(key="host", heading=Phrase("Host")), *CELLS)


class Updates(HostsOperation):
    """List pending security updates, their age and pending restarts."""

    words: ClassVar = ("update",)
    summary: ClassVar = Phrase("security updates that wait in Windows and WSL2, and restarts that they need")
    example: ClassVar = "update all --details"
    title: ClassVar = Phrase("Updates")
    columns: ClassVar = COLUMNS
    terse: ClassVar = True

    details: Annotated[bool, Flag(Phrase("updates and packages by name too"))] = False

    def assessor(self, view: View) -> Callable[[Host], Awaitable[Assessed]]:
        return lambda host: _assess(host, view)

    def all_well(self, hosts: Sequence[Host]) -> Phrase:
        if len(hosts) == 1:
            return Phrase("no security updates are pending on {host}", host=hosts[0].name)
        return Phrase("no security updates are pending on any of {n} hosts", n=len(hosts))


async def _assess(host: Host, view: View) -> Assessed:
    """Judges one host as soon as both sides have answered."""
    ask_windows = ask(host, ReadWindows.of(host.windows) if host.windows else None, view)
    ask_wsl = ask(host, ReadWsl.of(host.wsl) if host.wsl else None, view)
    looked = Looked(host, *await asyncio.gather(ask_windows, ask_wsl))
    judged, more = judge(looked, view.now()), f"update {host.name} --details"
    return Assessed(
        host=host,
        judged=judged,
        cells=tuple(judged.cells[column.key] for column in CELLS),
        findings=tuple(findings_of(host.name, judged.remarks, more)),
        next=more,
        answers=looked,
    )
