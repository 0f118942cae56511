"""`health`: the operators' daily check of every host on its three sides, and the newest stored check of everything else.

hosts ─ read (three sides each, concurrently) ─▶ HealthAnswers ─ judge (commands.checks) ─┬─▶ AssessedHost ─▶ Report
stored checks of disks, certificates, updates ─ fold (commands.checks.verdict) ───────────┘
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, ClassVar

from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.gateway.api import ReadSystem as ReadGateway
from adapters.host_clock import compute_clock_offset
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.system import ReadSystem as ReadWindows
from adapters.windows.system import WindowsSystem
from adapters.wsl.system import ReadSystem as ReadWsl
from commands.checks.assessment import CHECKS, HealthAnswers, Judgment, build_findings, merge_judgments
from commands.checks.causes import JudgedHost, find_outages, relate_hosts
from commands.checks.concurrent_reads import read_side
from commands.checks.fleet_report import MAX_NAMED, AssessedHost, AssessmentRead
from commands.checks.host_checks import judge_host, list_known_peers
from commands.checks.host_details import DETAIL_COLUMNS, build_details
from commands.checks.kept_containers import leave_out_kept
from commands.checks.log_rotation import ROTATION_COLUMN as ROTATION
from commands.checks.log_rotation import judge_rotation
from commands.checks.verdict import build_unchecked_section, fold_checks, list_responding, make_remark, suggest_checks
from commands.model.check import KnownChecks
from commands.model.finding import Finding
from commands.model.operation import FleetView
from commands.model.report import Column, Report
from commands.values.arguments import Flag

COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    *(Column(key=key, heading=heading) for key, heading in CHECKS.items()),
)


class Health(AssessmentRead):
    """Run the six checks of the daily round."""

    words: ClassVar = ("health",)
    summary: ClassVar = Phrase("health of hosts: Nebula, gateway, API, containers, bridge, forwarding")
    example: ClassVar = "health all --details"
    label: ClassVar = Phrase("check {target}", target="…")
    title: ClassVar = Phrase("Health")
    columns: ClassVar = (*COLUMNS, *DETAIL_COLUMNS, ROTATION)
    terse: ClassVar = True

    details: Annotated[bool, Flag(Phrase("also show versions, clock, uptime, containers and log rotation"))] = False

    async def read(self, view: FleetView) -> Report:
        return _add_unchecked(await super().read(view), view.checks, view.now())

    def make_assessor(self, view: FleetView) -> Callable[[Host], Awaitable[AssessedHost]]:
        known = list_known_peers(view.fleet.inventory)
        return lambda host: _assess(host, known, view, details=self.details)

    def relate(self, assessed: Sequence[AssessedHost], view: FleetView) -> Sequence[AssessedHost]:
        read = {each.host.name for each in assessed}
        others = (host for host in view.fleet.inventory.hosts if host.name not in read)
        elsewhere = find_outages(others, view.checks, view.now())
        judged = [JudgedHost(each.answers, each.judgment) for each in assessed if isinstance(each.answers, HealthAnswers)]
        return [
            replace(each, judgment=related, findings=_list_findings(each.host, related))
            for each, related in zip(assessed, relate_hosts(judged, elsewhere), strict=True)
        ]

    def summarize_healthy(self, hosts: Sequence[Host]) -> Phrase:
        if len(hosts) == 1:
            return Phrase("{host} is healthy", host=hosts[0].name)
        return Phrase("all {n} hosts are healthy", n=len(hosts))


async def _assess(host: Host, known: frozenset[str], view: FleetView, *, details: bool) -> AssessedHost:
    """Judges one host as soon as it has answered. Judging a fleet at once would block the event loop."""
    looked = await _read_sides(host, view, details=details)
    read = merge_judgments(judge_host(looked, known, view.thresholds), judge_rotation(looked, view.thresholds))
    folded = map(make_remark, fold_checks(host.name, view.checks, view.now()))
    judged = Judgment(read.cells, (*read.remarks, *folded))
    return AssessedHost(
        host=host,
        judgment=judged,
        cells=(*(read.cells[key] for key in CHECKS), *build_details(looked), read.cells[ROTATION.key]),
        findings=_list_findings(host, judged),
        answers=looked,
    )


def _list_findings(host: Host, judged: Judgment) -> tuple[Finding, ...]:
    return tuple(build_findings(host.name, judged.remarks, f"health {host.name} --details"))


def _add_unchecked(report: Report, checks: KnownChecks, now: datetime) -> Report:
    """Adds what is unknown because it was not checked lately, and the commands that check it, after all others."""
    hosts = list_responding(report)
    section = build_unchecked_section(hosts, checks, now)
    if section is None:
        return report
    onward = (*report.next, *suggest_checks(hosts, checks, now))[:MAX_NAMED]
    return report.model_copy(update={"sections": (section,), "next": onward})


async def _read_sides(host: Host, view: FleetView, *, details: bool) -> HealthAnswers:
    """Reads all sides of one host concurrently."""
    ask_windows = _read_windows(host, view)
    ask_wsl = read_side(host, ReadWsl.of(host.wsl) if host.wsl else None, view)
    ask_gateway = read_side(host, ReadGateway(every_page=details) if host.gateway else None, view)
    async with asyncio.TaskGroup() as group:
        windows = group.create_task(ask_windows)
        wsl = group.create_task(ask_wsl)
        gateway = group.create_task(ask_gateway)
    said, ahead = windows.result()
    inside = leave_out_kept(host, wsl.result(), view.owed)
    return HealthAnswers(host, said, inside, gateway.result(), ahead)


async def _read_windows(host: Host, view: FleetView) -> tuple[WindowsSystem | HostError | None, float | None]:
    """Reads Windows, and computes how far its clock is ahead of the time between request and answer."""
    if host.windows is None:
        return None, None
    seen: ReadResult[WindowsSystem] = await view.fleet.read(host, ReadWindows.of(host.windows))
    if isinstance(seen.outcome, HostError):
        return seen.outcome, None
    return seen.outcome, compute_clock_offset(seen.outcome.clock, view.now(), seen.age)
