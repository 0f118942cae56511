"""`update`: security updates that wait to be installed, in Windows and in WSL2 of every host.

hosts ─ look (both sides, all at once) ─▶ Looked ─ judge (updates_judged) ─▶ Report
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from adapters.action import Action, Answer
from adapters.errors import HostError
from adapters.fleet import Seen
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.windows.updates import ReadUpdates as ReadWindows
from adapters.wsl.updates import ReadUpdates as ReadWsl
from commands.checks.assessment import Judged, needing
from commands.checks.gather import look_at_all
from commands.model.finding import Finding, Severity, worst_first
from commands.model.operation import FleetRead, View
from commands.model.phrases import some
from commands.model.report import Cell, Column, Report, Row
from commands.updates.assessment import CELLS, Looked, judge
from commands.values.arguments import ALL, Flag, TargetArgument

WORST = 3
"""Hosts that the summary names, or remarks on a single one: a notification is read on a phone."""

COLUMNS = (Column(key="host", heading=Phrase("Host")), *CELLS)


@dataclass(frozen=True)
class Checked:
    """One host: what its sides said and what is to be said of it."""

    looked: Looked
    judged: Judged

    @property
    def host(self) -> Host:
        return self.looked.host

    @property
    def rank(self) -> int:
        """0 is the worst; what has all updates comes last."""
        return len(Severity) if self.judged.severity is None else self.judged.severity.rank

    @property
    def more(self) -> str:
        """The words that show all that is known of this host."""
        return f"update {self.host.name} --details"

    @property
    def row(self) -> Row:
        name = self.host.name
        cells = (Cell.of(name), *(self.judged.cells[column.key] for column in CELLS))
        return Row(cells=cells, host=name, severity=self.judged.severity)

    @property
    def findings(self) -> Iterator[Finding]:
        """One for each remark; details take apart what sums up several."""
        for remark in self.judged.remarks:
            parts = tuple(part.finding(self.host.name) for part in remark.parts or (remark,))
            yield remark.finding(self.host.name, self.more).model_copy(update={"parts": parts})


class Updates(FleetRead):
    """Pending security updates, how old that knowledge is, and restarts that are awaited."""

    words: ClassVar = ("update",)
    summary: ClassVar = Phrase("security updates that wait in Windows and WSL2, and restarts that they need")
    example: ClassVar = "update all --details"

    target: TargetArgument = ALL
    details: Annotated[bool, Flag(Phrase("updates and packages by name too"))] = False

    def hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        return self.target.resolve(inventory)

    async def read(self, view: View) -> Report:
        checked = await look_at_all(self.hosts(view.fleet.inventory), lambda host: _check(host, view), view)
        checked = tuple(sorted(checked, key=lambda each: each.rank))
        troubled = [each for each in checked if each.judged.remarks]
        return Report(
            title=Phrase("Updates"),
            summary=_summary(checked, troubled),
            columns=COLUMNS,
            rows=tuple(each.row for each in checked),
            findings=worst_first(tuple(finding for each in troubled for finding in each.findings)),
            brief=not troubled,
            details=self.details,
            taken_at=view.now(),
            next=tuple(each.more for each in troubled[:WORST]),
        )


async def _check(host: Host, view: View) -> Checked:
    """Both sides of one host at once, judged as soon as they have answered."""
    ask_windows = _ask(host, ReadWindows.of(host.windows) if host.windows else None, view)
    ask_wsl = _ask(host, ReadWsl.of(host.wsl) if host.wsl else None, view)
    looked = Looked(host, *await asyncio.gather(ask_windows, ask_wsl))
    return Checked(looked, judge(looked, view.now()))


async def _ask(host: Host, action: Action[Answer] | None, view: View) -> Answer | HostError | None:
    """What one side says; None where there is nothing to ask."""
    if action is None:
        return None
    seen: Seen[Answer] = await view.fleet.look(host, action)
    return seen.said


def _summary(checked: Sequence[Checked], troubled: Sequence[Checked]) -> Phrase:
    """True and complete enough for a phone's notification; both lists come worst first."""
    if not checked:
        return Phrase("the inventory has no hosts; add them to the configuration file")
    if not troubled:
        return _all_well(checked)
    if len(checked) == 1:
        worst = some([remark.short for remark in checked[0].judged.worst], WORST)
        return Phrase("{host} needs attention: {worst}", host=checked[0].host.name, worst=worst)
    if all(each.looked.silent for each in checked) and any(each.looked.asked for each in checked):
        return Phrase("none of {total} hosts answers; look at the bot's own network first", total=len(checked))
    return needing([(each.host, each.judged) for each in troubled], len(checked), WORST)


def _all_well(checked: Sequence[Checked]) -> Phrase:
    if len(checked) == 1:
        return Phrase("no security updates are pending on {host}", host=checked[0].host.name)
    return Phrase("no security updates are pending on any of {n} hosts", n=len(checked))
