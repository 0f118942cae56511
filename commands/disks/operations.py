"""`disk`: how full drives and file systems are on every host, and what Flatnet, podman and the logs take.

hosts ─ look (Windows and WSL2 at once) ─▶ Looked ─ judge (commands.disks_judged) ─▶ lines, worst first ─▶ Report
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from adapters.action import Action, Answer
from adapters.errors import HostError
from adapters.fleet import Seen
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.windows.disks import ReadDisks as ReadWindows
from adapters.wsl.disks import ReadDisks as ReadWsl
from commands.checks.assessment import Judged, findings_of, needing
from commands.checks.gather import look_at_all
from commands.disks.assessment import CELLS, COLUMNS, Looked, fullest, judge
from commands.model.finding import Severity, worst_first
from commands.model.operation import FleetRead, View
from commands.model.report import Cell, Report, Row
from commands.values.arguments import ALL, Flag, TargetArgument

WORST = 3
"""Hosts that the summary names."""


@dataclass(frozen=True)
class _Checked:
    """One host: what was seen and what is to be said of it."""

    looked: Looked
    judged: Judged

    @property
    def host(self) -> Host:
        return self.looked.host

    @property
    def rank(self) -> tuple[int, int]:
        """The worst first, then the fullest."""
        severity = self.judged.severity
        return len(Severity) if severity is None else severity.rank, -fullest(self.looked)

    @property
    def more(self) -> str:
        return f"disk {self.host.name} --details"


class Disk(FleetRead):
    """Room on Windows drives and in WSL2."""

    words: ClassVar = ("disk",)
    summary: ClassVar = Phrase("how full disks are: Windows drives, WSL2, Flatnet's folder, podman, logs")
    example: ClassVar = "disk all --details"

    target: TargetArgument = ALL
    details: Annotated[bool, Flag(Phrase("all drives, file systems, folders and logs"))] = False

    def hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        return self.target.resolve(inventory)

    async def read(self, view: View) -> Report:
        checked = await look_at_all(self.hosts(view.fleet.inventory), lambda host: _check(host, view), view)
        ranked = sorted(checked, key=lambda each: each.rank)
        troubled = [each for each in ranked if each.judged.remarks]
        findings = (finding for each in troubled for finding in findings_of(each.host.name, each.judged.remarks, each.more))
        return Report(
            title=Phrase("Disks"),
            summary=_summary(ranked, troubled),
            columns=COLUMNS,
            rows=tuple(_row(each) for each in ranked),
            findings=worst_first(tuple(findings)),
            details=self.details,
            taken_at=view.now(),
            next=tuple(each.more for each in troubled[:WORST]),
        )


async def _check(host: Host, view: View) -> _Checked:
    """Both sides of one host at once."""
    ask_windows = _ask(host, ReadWindows.of(host.windows) if host.windows else None, view)
    ask_wsl = _ask(host, ReadWsl.of(host.wsl) if host.wsl else None, view)
    async with asyncio.TaskGroup() as group:
        windows = group.create_task(ask_windows)
        wsl = group.create_task(ask_wsl)
    looked = Looked(host, windows.result(), wsl.result())
    return _Checked(looked, judge(looked, view.thresholds))


async def _ask(host: Host, action: Action[Answer] | None, view: View) -> Answer | HostError | None:
    """What one side says; None where there is nothing to ask."""
    if action is None:
        return None
    seen: Seen[Answer] = await view.fleet.look(host, action)
    return seen.said


def _row(checked: _Checked) -> Row:
    name = checked.host.name
    cells = (Cell.of(name), *(checked.judged.cells[key] for key in CELLS))
    return Row(cells=cells, host=name, severity=checked.judged.severity)


def _summary(checked: Sequence[_Checked], troubled: Sequence[_Checked]) -> Phrase:
    if not checked:
        return Phrase("the inventory has no hosts; add them to the configuration file")
    if not troubled:
        return Phrase("the disks of {n} host have room", plural="the disks of all {n} hosts have room", n=len(checked))
    return needing([(each.host, each.judged) for each in troubled], len(checked), WORST)
