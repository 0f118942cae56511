"""`health`: the operators' daily check on every host, over its three sides at once.

hosts ─ look (three sides each, all at once) ─▶ Looked ─ judge (commands.checks) ─▶ Checked ─▶ Report
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from adapters.action import Action, Answer
from adapters.errors import HostError
from adapters.fleet import Seen
from adapters.gateway.api import ReadSystem as ReadGateway
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.windows.system import ReadSystem as ReadWindows
from adapters.windows.system import WindowsSystem
from adapters.wsl.system import ReadSystem as ReadWsl
from commands.checks.assessment import CHECKS, Judged, Looked, ahead, findings_of, needing
from commands.checks.gather import look_at_all
from commands.checks.host_checks import judge, known_peers
from commands.checks.host_details import DETAILS, details_of
from commands.checks.log_rotation import COLUMN as ROTATION
from commands.checks.log_rotation import judge_rotation
from commands.model.finding import Severity, worst_first
from commands.model.operation import FleetRead, View
from commands.model.phrases import some
from commands.model.report import Cell, Column, Report, Row
from commands.values.arguments import ALL, Flag, TargetArgument

WORST = 3
"""Hosts that the summary names, or remarks on a single one: a notification is read on a phone."""

COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    *(Column(key=key, heading=heading) for key, heading in CHECKS.items()),
)


@dataclass(frozen=True)
class Checked:
    """One host: what was seen and what is to be said of it; `rotation` is said with the details only."""

    looked: Looked
    judged: Judged
    rotation: Judged

    @property
    def host(self) -> Host:
        return self.looked.host

    @property
    def rank(self) -> int:
        """0 is the worst; what is well comes last."""
        return len(Severity) if self.judged.severity is None else self.judged.severity.rank

    @property
    def more(self) -> str:
        """The words that show all that is known of this host."""
        return f"health {self.host.name} --details"


class Health(FleetRead):
    """The six checks of the daily round."""

    words: ClassVar = ("health",)
    summary: ClassVar = Phrase("whether hosts are well: Nebula, gateway, API, containers, bridge, forwarding")
    example: ClassVar = "health all --details"

    target: TargetArgument = ALL
    details: Annotated[bool, Flag(Phrase("versions, clock, uptime, containers and log rotation too"))] = False

    def hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        return self.target.resolve(inventory)

    async def read(self, view: View) -> Report:
        inventory = view.fleet.inventory
        hosts = self.hosts(inventory)
        known = known_peers(inventory)
        checked = await look_at_all(hosts, lambda host: _check(host, known, view), view)
        return self._report(sorted(checked, key=lambda each: each.rank), view.now())

    def _report(self, checked: Sequence[Checked], at: datetime) -> Report:
        troubled = [each for each in checked if each.judged.remarks]
        found = [finding for each in troubled for finding in findings_of(each.host.name, each.judged.remarks, each.more)]
        findings = worst_first(tuple(found))
        return Report(
            title=Phrase("Health"),
            summary=_summary(checked, troubled),
            columns=(*COLUMNS, *DETAILS, ROTATION),
            rows=tuple(self._row(each) for each in checked),
            findings=findings,
            further=tuple(remark.finding(each.host.name) for each in checked for remark in each.rotation.remarks),
            brief=not troubled,
            details=self.details,
            taken_at=at,
            next=tuple(dict.fromkeys(finding.next for finding in findings if finding.next))[:WORST],
        )

    def _row(self, checked: Checked) -> Row:
        name = checked.host.name
        cells = (Cell.of(name), *(checked.judged.cells[key] for key in CHECKS))
        details = (*details_of(checked.looked), checked.rotation.cells[ROTATION.key])
        return Row(cells=cells + details, host=name, severity=checked.judged.severity)


async def _check(host: Host, known: frozenset[str], view: View) -> Checked:
    """One host, judged as soon as it has answered: judging a fleet at one stroke would hold the loop up."""
    looked = await _look(host, view)
    return Checked(looked, judge(looked, known, view.thresholds), judge_rotation(looked, view.thresholds))


async def _look(host: Host, view: View) -> Looked:
    """All sides of one host at once."""
    ask_windows = _windows(host, view)
    ask_wsl = _ask(host, ReadWsl.of(host.wsl) if host.wsl else None, view)
    ask_gateway = _ask(host, ReadGateway() if host.gateway else None, view)
    async with asyncio.TaskGroup() as group:
        windows = group.create_task(ask_windows)
        wsl = group.create_task(ask_wsl)
        gateway = group.create_task(ask_gateway)
    said, ahead = windows.result()
    return Looked(host, said, wsl.result(), gateway.result(), ahead)


async def _windows(host: Host, view: View) -> tuple[WindowsSystem | HostError | None, float | None]:
    """What Windows says, and how far its clock is ahead of the time between question and answer."""
    if host.windows is None:
        return None, None
    seen: Seen[WindowsSystem] = await view.fleet.look(host, ReadWindows.of(host.windows))
    if isinstance(seen.said, HostError):
        return seen.said, None
    return seen.said, ahead(seen.said.clock, view.now(), seen.age)


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
        return _alone(checked[0])
    if all(each.looked.silent for each in checked) and any(each.looked.asked for each in checked):
        return Phrase("none of {total} hosts answers; look at the bot's own network first", total=len(checked))
    return needing([(each.host, each.judged) for each in troubled], len(checked), WORST)


def _all_well(checked: Sequence[Checked]) -> Phrase:
    if len(checked) == 1:
        return Phrase("{host} is well", host=checked[0].host.name)
    return Phrase("all {n} hosts are well", n=len(checked))


def _alone(checked: Checked) -> Phrase:
    worst = some([remark.short for remark in checked.judged.worst], WORST)
    return Phrase("{host} needs attention: {worst}", host=checked.host.name, worst=worst)
