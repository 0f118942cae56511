"""`container`: what runs on which host, and whether it can be reached. The worst first.

podman, helper, addresses of the hosts ─┐
registries of all gateways ─────────────┴─ compare ─ judge ─▶ a row for each container, a finding for each problem ─▶ Report
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, ClassVar

from adapters.errors import HostError
from adapters.inventory import Host
from adapters.phrase import Moment, Phrase
from adapters.wsl.podman import Container
from commands.containers.assessment import COLUMNS, EMPTY, Surroundings, judge_container_sight, judge_unknown_ghost
from commands.containers.reading import HostSight, read_sight
from commands.gateways.registrations import (
    Comparison,
    GatewayRegistry,
    HostContainers,
    Kind,
    Problem,
    compare_registrations,
    parse_host_number,
    read_registry,
)
from commands.gateways.sync_report import build_unread_gateway_finding
from commands.health.assessment import Judgment, build_findings
from commands.health.fleet_report import MAX_NAMED, read_all_hosts
from commands.health.wsl_checks import make_container_subject
from commands.model.finding import Finding, Severity, list_next_commands, list_some, sort_worst_first
from commands.model.operation import FleetRead, FleetView
from commands.model.report import Cell, Mark, Report, Row, Section
from commands.values.arguments import ALL_HOSTS, Flag, TargetArgument

Answers = tuple[HostSight | None, GatewayRegistry | None]
"""What was read of one host: its containers if they were asked for, its registry if it has a gateway."""


class ContainerOverview(FleetRead):
    """Show the containers of Flatnet's network on every host, and where they are registered."""

    words: ClassVar = ("container",)
    summary: ClassVar = Phrase("containers: where each runs, its address, and whether gateways can find it")
    example: ClassVar = "container"
    label: ClassVar = Phrase("show the containers of {target}", target="…")

    target: TargetArgument = ALL_HOSTS
    details: Annotated[bool, Flag(Phrase("also show since when, image, restarts, ports, volumes and ID"))] = False

    async def read(self, view: FleetView) -> Report:
        hosts = tuple(host for host in self.resolve_hosts(view.fleet.inventory) if host.wsl is not None)
        names = {host.name for host in hosts}

        def report(answers: Sequence[Answers]) -> Report:
            return build_overview(Fleet.of(answers, view.now()), details=self.details)

        async def read(host: Host) -> Answers:
            sight, registry = await asyncio.gather(
                read_sight(host, view) if host.name in names else _skip(), read_gateway(host, view)
            )
            return sight, registry

        answers = await read_all_hosts(list_hosts(hosts, view), read, view, report)
        return await asyncio.to_thread(report, answers)  # takes a second for hundreds of thousands of registrations


async def _skip() -> None:
    return None


def list_hosts(hosts: Iterable[Host], view: FleetView) -> tuple[Host, ...]:
    """Lists the hosts to read: these, and all with a gateway, because a container must be found at each of them."""
    asked = {host.name for host in hosts}
    return tuple(host for host in view.fleet.inventory.hosts if host.name in asked or host.gateway is not None)


async def read_gateway(host: Host, view: FleetView) -> GatewayRegistry | None:
    """Reads the registry of a host; None if it has no gateway, or is suspended, which stops it on purpose."""
    if host.gateway is None or host.name in view.suspensions:
        return None
    return await read_registry(host, view)


@dataclass(frozen=True)
class Fleet:
    """Answers of the hosts, and the problems of their registrations. `at` is the time of the read."""

    sights: tuple[HostSight, ...]
    compared: Comparison
    around: Surroundings
    at: datetime

    @classmethod
    def of(cls, answers: Sequence[Answers], at: datetime) -> "Fleet":
        """Compares the containers that were read with the registries."""
        sights = tuple(sight for sight, _ in answers if sight is not None)
        own = _Own.of(sights)
        registries = tuple(own.select(registry) for _, registry in answers if registry is not None)
        containers = [HostContainers(each.host, each.containers, each.addresses) for each in sights]
        compared = compare_registrations(containers, registries)
        return cls(sights, compared, Surroundings.of(compared, [each.host.name for each in registries]), at)

    def judge(self, sight: HostSight, container: Container) -> Judgment:
        """Judges one container."""
        return judge_container_sight(sight, container, self.around, self.at)

    def list_unknown_ghosts(self, sight: HostSight) -> Iterator[Problem]:
        """Lists the registrations with addresses of a host of which its podman has no container.

        The registered host does not count: Flatnet registers host 1 if it is given none, and other hosts may not be read.
        """
        known = {container.id for container in sight.known}
        for problem in self.compared.problems:
            numbers = {parse_host_number(address) for address in problem.addresses.values()}
            if problem.kind is Kind.GHOST and problem.id not in known and numbers == {sight.host.id}:
                yield problem


@dataclass(frozen=True)
class _Own:
    """Subnets of hosts (10.87.1), and ids and names of their containers."""

    subnets: frozenset[str]
    known: frozenset[str]

    @classmethod
    def of(cls, sights: Sequence[HostSight]) -> "_Own":
        """Collects them."""
        containers = [container for sight in sights for container in sight.known]
        return cls(
            frozenset(str(sight.host.bridge.ip).rpartition(".")[0] for sight in sights),
            frozenset(key for each in containers for key in (each.id, each.name)),
        )

    def select(self, gateway: GatewayRegistry) -> GatewayRegistry:
        """Selects the registrations that these containers may have. Comparing those of all others takes seconds."""
        if isinstance(gateway.registry, HostError):
            return gateway
        own = tuple(
            each
            for each in gateway.registry.registrations
            if each.ip.rpartition(".")[0] in self.subnets or each.id in self.known
        )
        return replace(gateway, registry=gateway.registry.model_copy(update={"registrations": own}))


@dataclass(frozen=True)
class _Line:
    """One row with its findings, and what the summary says of it."""

    row: Row
    findings: tuple[Finding, ...] = ()
    short: Phrase | None = None

    @property
    def rank(self) -> tuple[int, bool]:
        """Sort key: the worst first, then containers that run."""
        return self.row.grade.rank, self.row.cells[1].mark is not Mark.WELL


def build_overview(fleet: Fleet, *, details: bool) -> Report:
    """Builds the report: a row for each container, and one for each host of which they are unknown."""
    lines = sorted((line for sight in fleet.sights for line in _list_lines(sight, fleet)), key=lambda line: line.rank)
    findings = sort_worst_first([finding for line in lines for finding in line.findings] + list(list_unread_findings(fleet)))
    return Report(
        title=Phrase("Containers"),
        summary=_summarize(fleet, lines),
        columns=COLUMNS,
        rows=tuple(line.row for line in lines),
        findings=findings,
        sections=tuple(_build_sections(fleet)),
        details=details,
        taken_at=fleet.at,
        next=list_next_commands(findings, MAX_NAMED),
    )


def _list_lines(sight: HostSight, fleet: Fleet) -> Iterator[_Line]:
    host = sight.host.name
    if isinstance(sight.containers, Phrase):
        yield _build_unread_line(host, sight.containers)
        return
    for container in sight.containers:
        yield _build_line(host, make_container_subject(container.name), fleet.judge(sight, container))
    for problem in fleet.list_unknown_ghosts(sight):
        yield _build_line(host, make_container_subject(problem.name), judge_unknown_ghost(problem, host))


def _build_line(host: str, subject: str, judged: Judgment) -> _Line:
    cells = tuple(judged.cells[column.key] for column in COLUMNS)
    row = Row(cells=cells, host=host, subject=subject, severity=judged.severity, reached=judged.reached)
    worst = judged.worst[0].short if judged.remarks else None
    short = None if worst is None else Phrase("{host}: {what}", host=host, what=worst)
    return _Line(row, tuple(build_findings(host, judged.worst, f"container {host} --details")), short)


def _build_unread_line(host: str, why: Phrase) -> _Line:
    """Builds the row of a host of which the containers are unknown."""
    status = Cell(text=Phrase("unavailable"), value="unread", mark=Mark.UNKNOWN)
    cells = (Cell.of(host), status, *[EMPTY] * (len(COLUMNS) - 2))
    row = Row(cells=cells, host=host, subject="podman", severity=Severity.HIGH, reached=False)
    finding = Finding(
        severity=Severity.HIGH,
        host=host,
        subject="podman",
        why=Phrase("could not list the containers: {why}", why=why),
        next=f"health {host}",
        reached=False,
        short=Phrase("containers unknown"),
    )
    return _Line(row, (finding,), Phrase("{host}: {what}", host=host, what=Phrase("containers unknown")))


def _list_unread_gateways(fleet: Fleet) -> Iterator[GatewayRegistry]:
    """Lists the gateways that could not be read. A host of which podman is unknown has a finding already."""
    silent = {each.host.name for each in fleet.sights if isinstance(each.containers, Phrase)}
    yield from (each for each in fleet.compared.unread_gateways if each.host.name not in silent)


def list_unread_findings(fleet: Fleet) -> Iterator[Finding]:
    """Lists what could not be read besides podman."""
    for gateway in _list_unread_gateways(fleet):
        assert isinstance(gateway.registry, HostError)
        yield build_unread_gateway_finding(gateway.host.name, gateway.registry)
    for sight in fleet.sights:
        for why in sight.faults:
            yield _build_fault_finding(sight.host.name, why)


def _build_fault_finding(host: str, why: Phrase) -> Finding:
    """Builds the finding that the helper of a host, which may be used, did not answer."""
    return Finding(
        severity=Severity.MEDIUM,
        host=host,
        subject="helper",
        why=Phrase("could not read addresses and details from the helper: {why}", why=why),
        reached=False,
        short=Phrase("helper not usable"),
    )


def _summarize(fleet: Fleet, lines: Sequence[_Line]) -> Phrase:
    """Summarizes the containers, true and complete enough for a phone's notification."""
    if not fleet.sights:
        return Phrase("no WSL2 connection configured on these hosts")
    containers = [container for sight in fleet.sights for container in sight.known]
    running = sum(container.runs for container in containers)
    troubles = [line.short for line in lines if line.short is not None]
    unread = tuple(_list_unread(fleet))
    if troubles or unread:
        return Phrase(
            "{n} of {total} containers runs. Problems: {problems}",
            plural="{n} of {total} containers run. Problems: {problems}",
            n=running,
            total=len(containers),
            problems=list_some([*troubles[:MAX_NAMED], *unread, *troubles[MAX_NAMED:]], MAX_NAMED + len(unread)),
        )
    if running < len(containers):
        return Phrase(
            "{n} of {total} containers runs, the others are stopped on purpose",
            plural="{n} of {total} containers run, the others are stopped on purpose",
            n=running,
            total=len(containers),
        )
    return _summarize_healthy(fleet, running)


def _list_unread(fleet: Fleet) -> Iterator[Phrase]:
    """Lists what could not be read besides podman, for the summary."""
    if gateways := [each.host.name for each in _list_unread_gateways(fleet)]:
        yield Phrase("registrations unknown at {gateways}", gateways=list_some(gateways))
    if hosts := [each.host.name for each in fleet.sights if each.faults]:
        yield Phrase("helper not usable on {hosts}", hosts=list_some(hosts))


def _summarize_healthy(fleet: Fleet, running: int) -> Phrase:
    if not running:
        return Phrase("no containers on {n} host", plural="no containers on {n} hosts", n=len(fleet.sights))
    if not fleet.around.read:
        return Phrase("{n} container runs", plural="all {n} containers run", n=running)
    return Phrase(
        "{n} container runs and is registered at every gateway",
        plural="all {n} containers run and are registered at every gateway",
        n=running,
    )


def _build_sections(fleet: Fleet) -> Iterator[Section]:
    suspended = [(each.host.name, each.suspension) for each in fleet.sights if each.suspension is not None]
    if suspended:
        lines = tuple(
            Phrase("{host}: since {at}. {reason}", host=host, at=Moment(each.since), reason=each.reason)
            for host, each in suspended
        )
        yield Section(heading=Phrase("Suspended hosts"), lines=lines)
