"""`health`: the operators' daily check of every host on its three sides, and the newest stored check of everything else.

hosts ─ read (three sides each, concurrently) ─▶ HealthAnswers ─ judge (commands.health) ─┬─▶ AssessedHost ─▶ Report
stored checks of disks, certificates, updates ─ fold (commands.health.verdict) ───────────┘

Cells that `health --details` shows beside the checks: versions, clock, uptime, gateway, containers. Pure.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, ClassVar

from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.gateway.api import GatewaySystem
from adapters.gateway.api import ReadSystem as ReadGateway
from adapters.host_clock import compute_clock_offset
from adapters.inventory import Host
from adapters.phrase import Phrase, Span
from adapters.windows.system import ReadSystem as ReadWindows
from adapters.windows.system import WindowsSystem
from adapters.wsl.podman import Container
from adapters.wsl.system import ReadSystem as ReadWsl
from adapters.wsl.system import WslSystem
from commands.health.assessment import CHECKS, HealthAnswers, Judgment, build_findings, merge_judgments
from commands.health.causes import JudgedHost, find_outages, relate_hosts
from commands.health.fleet_report import MAX_NAMED, AssessedHost, AssessmentRead, read_side
from commands.health.host_checks import judge_host, list_known_peers
from commands.health.log_rotation import ROTATION_COLUMN as ROTATION
from commands.health.log_rotation import judge_rotation
from commands.health.verdict import build_unchecked_section, fold_checks, list_responding, make_remark, suggest_checks
from commands.health.wsl_checks import leave_out_kept
from commands.model.check import KnownChecks
from commands.model.finding import Finding, list_some
from commands.model.need import Need
from commands.model.operation import FleetView
from commands.model.report import Cell, Column, Mark, Report
from commands.values.arguments import Flag, shorten_argument

CONTAINERS_LIMIT = 30
"""Maximum containers shown by name; more are counted. The data has all of them."""

DETAIL_COLUMNS = (
    Column(key="nebula_version", heading=Phrase("Nebula version"), detail=True),
    Column(key="nginx_version", heading=Phrase("nginx version"), detail=True),
    Column(key="os_version", heading=Phrase("Windows version"), detail=True),
    Column(key="powershell_version", heading=Phrase("PowerShell version"), detail=True),
    Column(key="clock_difference", heading=Phrase("Clock"), detail=True),
    Column(key="uptime", heading=Phrase("Uptime"), detail=True),
    Column(key="api_ms", heading=Phrase("Gateway response time"), detail=True),
    Column(key="container_list", heading=Phrase("All containers"), detail=True),
)


def build_details(looked: HealthAnswers) -> tuple[Cell, ...]:
    """Builds one cell for each of `DETAIL_COLUMNS`."""
    return *_build_windows_cells(looked), _build_answer_time_cell(looked.gateway), _build_container_list_cell(looked.wsl)


def _build_windows_cells(looked: HealthAnswers) -> tuple[Cell, ...]:
    said = looked.windows
    if not isinstance(said, WindowsSystem):
        return (_build_missing_cell(said),) * 6
    return (
        _build_version_cell(said.nebula_version),
        _build_version_cell(said.nginx_version),
        _build_version_cell(said.os_version),
        _build_version_cell(said.powershell_version),
        build_clock_cell(looked.ahead or 0.0),
        _build_uptime_cell(said),
    )


def _build_version_cell(version: str) -> Cell:
    return Cell(text=shorten_argument(version), value=version) if version else Cell(text=Phrase("none"), value="")


def build_clock_cell(ahead: float) -> Cell:
    """Builds the cell of a clock's offset, in seconds."""
    if abs(ahead) < 1:
        return Cell(text=Phrase("in sync"), value=round(ahead, 1))
    if ahead > 0:
        return Cell(text=Phrase("{time} ahead", time=Span(ahead)), value=round(ahead, 1))
    return Cell(text=Phrase("{time} behind", time=Span(-ahead)), value=round(ahead, 1))


def _build_uptime_cell(system: WindowsSystem) -> Cell:
    if system.booted_at is None:
        return Cell(text=Phrase("unknown"), mark=Mark.UNKNOWN)
    seconds = max((system.clock - system.booted_at).total_seconds(), 0.0)
    return Cell(text=Phrase("{time}", time=Span(seconds)), value=round(seconds))


def _build_answer_time_cell(said: GatewaySystem | HostError | None) -> Cell:
    """Builds the cell of the health page's response time, in milliseconds."""
    if not isinstance(said, GatewaySystem):
        return _build_missing_cell(said)
    if said.answer_ms is None:
        return Cell(text=Phrase("unknown"), mark=Mark.UNKNOWN)
    return Cell(text=Phrase("{n} ms", n=said.answer_ms), value=said.answer_ms)


def _build_container_list_cell(said: WslSystem | HostError | None) -> Cell:
    if not isinstance(said, WslSystem):
        return _build_missing_cell(said)
    if not isinstance(said.containers, tuple):
        return Cell(text=Phrase("unavailable"), mark=Mark.UNKNOWN)
    value = " ".join(f"{container.name}={container.state}" for container in said.containers)
    if not said.containers:
        return Cell(text=Phrase("none"), value=value)
    return Cell(
        text=list_some([_describe_container(container) for container in said.containers], CONTAINERS_LIMIT), value=value
    )


def _describe_container(container: Container) -> Phrase:
    return Phrase("{container} {state}", container=shorten_argument(container.name), state=shorten_argument(container.state))


def _build_missing_cell(said: HostError | None) -> Cell:
    """Builds the cell of a side that did not answer, or that the host does not have."""
    if said is None:
        return Cell(text=Phrase("N/A"), mark=Mark.ABSENT)
    return Cell(text=Phrase("unknown"), mark=Mark.UNKNOWN)


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
    needs: ClassVar = frozenset({Need.CHECKS})
    shows_maintenance: ClassVar = True
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
