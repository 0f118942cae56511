"""`gateway`: configuration, version and workers of every gateway, and whether its API works.

hosts ─ read (Windows and API concurrently) ─▶ GatewayAnswers ─ judge (below) ─▶ AssessedHost ─▶ Report
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from adapters.errors import HostError
from adapters.gateway.api import GatewaySystem, SyncStatus
from adapters.gateway.api import ReadSystem as ReadGateway
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.configuration import Configuration, ListConfiguration
from adapters.windows.nginx import NginxReading, ReadNginx
from commands.health.assessment import (
    Judgment,
    Remark,
    SideAnswers,
    build_findings,
    explain_no_answer,
    make_absent_checks,
    make_remarked_check,
    make_unanswered_checks,
    make_unhealthy_check,
    merge_judgments,
    merge_silent_sides,
)
from commands.health.fleet_report import AssessedHost, AssessmentRead, read_side
from commands.health.host_checks import judge_gateway, list_known_peers
from commands.model.finding import Severity, list_some
from commands.model.need import Need
from commands.model.operation import FleetView
from commands.model.proven_configuration import ProvenConfiguration
from commands.model.report import Cell, Column, Mark
from commands.values.arguments import Flag

HASH_LENGTH = 12
"""Characters of a hash in a table. The data has all of them."""

MAX_NAMED = 30
"""Files that are named. More are counted."""

CELL_COLUMNS = (
    Column(key="configuration", heading=Phrase("Configuration")),
    Column(key="good", heading=Phrase("Last good")),
    Column(key="workers", heading=Phrase("Workers")),
    Column(key="version", heading=Phrase("Version")),
    Column(key="api", heading=Phrase("API")),
    Column(key="peers", heading=Phrase("Peers")),
    Column(key="workers_since", heading=Phrase("Workers since"), detail=True),
    Column(key="host_id", heading=Phrase("Host ID"), detail=True),
    Column(key="files", heading=Phrase("Files"), detail=True),
)
_WINDOWS_KEYS = ("configuration", "good", "workers", "workers_since", "version", "files")
_API_KEYS = ("host_id", "peers")


@dataclass(frozen=True)
class GatewayAnswers(SideAnswers):
    """Answers about a gateway; None for a side that the host does not have. `good` is its last good configuration."""

    host: Host
    nginx: NginxReading | HostError | None
    configuration: Configuration | HostError | None
    gateway: GatewaySystem | HostError | None
    good: ProvenConfiguration | None = None

    @property
    def answers(self) -> tuple[object, ...]:
        return self.nginx, self.gateway


class GatewayList(AssessmentRead):
    """Show the configuration, version and workers of gateways, and their last good configuration."""

    words: ClassVar = ("gateway",)
    summary: ClassVar = Phrase("gateways: configuration, last good one, version, workers, host ID and peers")
    example: ClassVar = "gateway all"
    label: ClassVar = Phrase("show the gateways of {target}", target="…")
    needs: ClassVar = frozenset({Need.GOOD_CONFIGURATIONS})
    title: ClassVar = Phrase("Gateways")
    columns: ClassVar = (Column(key="host", heading=Phrase("Host")), *CELL_COLUMNS)

    details: Annotated[bool, Flag(Phrase("also list the files of each configuration"))] = False

    def make_assessor(self, view: FleetView) -> Callable[[Host], Awaitable[AssessedHost]]:
        known = list_known_peers(view.fleet.inventory)
        return lambda host: _assess(host, view, known)

    def summarize_healthy(self, hosts: Sequence[Host]) -> Phrase:
        return Phrase("{n} gateway is healthy", plural="all {n} gateways are healthy", n=_count_gateways(hosts))


def _count_gateways(hosts: Sequence[Host]) -> int:
    return sum(host.gateway is not None for host in hosts)


async def _assess(host: Host, view: FleetView, known: frozenset[str]) -> AssessedHost:
    side = host.windows if host.gateway is not None else None
    ask_nginx = read_side(host, ReadNginx.of(side) if side else None, view)
    ask_configuration = read_side(host, ListConfiguration.of(side.paths.gateway_config) if side else None, view)
    ask_gateway = read_side(host, ReadGateway() if host.gateway else None, view)
    nginx, configuration, gateway = await asyncio.gather(ask_nginx, ask_configuration, ask_gateway)
    looked = GatewayAnswers(host, nginx, configuration, gateway, view.good_configurations.get(host.name))
    judged, more = judge_answers(looked, known, view.now()), f"health {host.name} --details"
    return AssessedHost(
        host=host,
        judgment=judged,
        cells=tuple(judged.cells[column.key] for column in CELL_COLUMNS),
        findings=tuple(build_findings(host.name, judged.remarks, more)),
        answers=looked,
    )


def judge_answers(looked: GatewayAnswers, known: frozenset[str], now: datetime) -> Judgment:
    """Judges one gateway. `known` is from `list_known_peers`."""
    judged = merge_judgments(
        _judge_windows(looked, now), judge_gateway(looked.host, looked.gateway, known), _show_sync(looked.gateway)
    )
    return merge_silent_sides(looked.errors, judged) if looked.silent else judged


def _judge_windows(looked: GatewayAnswers, now: datetime) -> Judgment:
    """Judges nginx and its files."""
    if looked.nginx is None:
        return make_absent_checks(*_WINDOWS_KEYS)
    if isinstance(looked.nginx, HostError):
        return make_unanswered_checks("windows", Phrase("Windows"), _WINDOWS_KEYS, looked.nginx)
    return merge_judgments(_judge_workers(looked.host.name, looked.nginx, now), _judge_configuration(looked))


def _judge_workers(host: str, nginx: NginxReading, now: datetime) -> Judgment:
    started = [worker.started_at for worker in nginx.workers if worker.started_at is not None]
    version = Cell.of(nginx.version) if nginx.version else Cell(text=Phrase("unknown"), mark=Mark.UNKNOWN)
    since = Cell.of_moment(max(started), now) if started else Cell(text=Phrase("none"), value="")
    around = Judgment({"version": version, "workers_since": since})
    if nginx.master is None:
        why = Phrase("nginx is not running, so this gateway serves nothing")
        bad = make_unhealthy_check("gateway", Phrase("not running"), "0", Severity.HIGH, why)
        cells = {"workers": bad.cells["gateway"]}
        return merge_judgments(around, Judgment(cells, bad.suggest(f"service start openresty {host}").remarks))
    if not nginx.workers:
        why = Phrase("nginx is running without a worker, so this gateway serves nothing. See its error.log")
        bad = make_unhealthy_check("gateway", Phrase("no workers"), "0", Severity.HIGH, why)
        remarks = bad.suggest(f"log error {host} --since 1h").remarks
        return merge_judgments(around, Judgment({"workers": bad.cells["gateway"]}, remarks))
    count = len(nginx.workers)
    return merge_judgments(around, Judgment({"workers": Cell(text=str(count), value=count)}))


def _judge_configuration(looked: GatewayAnswers) -> Judgment:
    """Judges the files of the configuration, and compares them with the last good ones."""
    found = looked.configuration
    if not isinstance(found, Configuration):
        why = Phrase("the configuration was not listed") if found is None else explain_no_answer(Phrase("Windows"), found)
        cell = Cell(text=Phrase("unavailable"), value="unread", mark=Mark.UNKNOWN)
        judged = make_remarked_check("configuration", cell, Severity.MEDIUM, why, Phrase("Configuration"))
        return merge_judgments(judged, Judgment({"good": _show_good(looked.good, ""), "files": cell}))
    cells = {
        "configuration": Cell(text=found.sha256[:HASH_LENGTH], value=found.sha256),
        "good": _show_good(looked.good, found.sha256),
        "files": Cell(text=list_some([each.file for each in found.files], MAX_NAMED), value=len(found.files)),
    }
    return Judgment(cells, (*_check_files(looked.host.name, found), *_compare_with_good(looked, found)))


def _show_good(good: ProvenConfiguration | None, present: str) -> Cell:
    if good is None:
        return Cell(text=Phrase("none"), value="")
    if good.sha256 == present:
        return Cell(text=Phrase("this one", context="configuration"), value=good.sha256, mark=Mark.WELL)
    return Cell(text=good.sha256[:HASH_LENGTH], value=good.sha256)


def _check_files(host: str, found: Configuration) -> tuple[Remark, ...]:
    """Remarks on included files that nginx cannot read at its next start."""
    lost = [each.file for each in found.files if each.state in ("missing", "unreadable")]
    if not lost:
        return ()
    why = Phrase(
        "nginx includes a file that is missing or cannot be read: {files}. Restore it before the next reload",
        plural="nginx includes {n} files that are missing or cannot be read: {files}. Restore them before the next reload",
        n=len(lost),
        files=list_some(lost),
    )
    return (
        Remark("configuration", Severity.MEDIUM, Phrase("included file missing"), why, next=f"gateway {host} --details"),
    )


def _compare_with_good(looked: GatewayAnswers, found: Configuration) -> tuple[Remark, ...]:
    """A remark on a configuration that was changed after it was last proven to work."""
    if looked.good is None or looked.good.sha256 == found.sha256:
        return ()
    why = Phrase(
        "the configuration was changed after its last verified reload ({operation}). Test it, then reload it",
        operation=looked.good.operation,
    )
    short = Phrase("configuration changed since its last verified reload")
    return (Remark("configuration", Severity.LOW, short, why, next=f"gateway test {looked.host.name}"),)


def _show_sync(said: GatewaySystem | HostError | None) -> Judgment:
    """Cells of what the gateway itself reports. Its problems are in the judgment of the API."""
    if said is None:
        return make_absent_checks(*_API_KEYS)
    unknown = Cell(text=Phrase("unknown"), mark=Mark.UNKNOWN)
    if isinstance(said, HostError) or not isinstance(said.sync, SyncStatus):
        return Judgment(dict.fromkeys(_API_KEYS, unknown))
    number, count = said.sync.host_id, len(said.sync.peers)
    shown = Cell(text=Phrase("none"), value="") if number is None else Cell(text=str(number), value=number)
    return Judgment({"host_id": shown, "peers": Cell(text=str(count), value=count)})
