"""`service`: state of Nebula and OpenResty as Windows reports it, and changes that start, stop or restart them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from typing import Annotated, ClassVar

from adapters.errors import HostError
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.services import ReadServices, Service, Services
from commands.certificates.reading import FleetCertificates, read_certificates
from commands.changes.host_plan import HostPlan, UnchangedHost, assemble, leave_unchecked
from commands.changes.impact import (
    HostWorkload,
    ServiceVerb,
    build_workload_premises,
    describe_gateway_outage,
    describe_nebula_outage,
    read_workloads,
)
from commands.changes.owed import find_owed_first
from commands.health.assessment import Judgment, Remark, make_absent_checks, make_unanswered_checks, merge_judgments
from commands.health.fleet_report import AssessedHost, AssessmentRead, read_all_hosts, read_side
from commands.health.host_checks import judge_gateway_service, judge_nebula_service
from commands.model.check import Area
from commands.model.finding import Finding, Severity
from commands.model.operation import FleetChange, FleetView, Risk
from commands.model.plan import LeftOutHost, PlannedChange
from commands.model.report import Cell, Column
from commands.services.steps import (
    ServiceName,
    ServiceState,
    build_service_part,
    explain_unchanged,
    explain_unknown,
    find_service_obstacle,
    find_tunnel,
)
from commands.values.arguments import Flag, HostsArgument, Positional, Target, make_choice_parser

COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    Column(key="nebula", heading=Phrase("Nebula")),
    Column(key="gateway", heading=Phrase("Gateway")),
    Column(key="nebula_since", heading=Phrase("Nebula started"), detail=True),
    Column(key="nebula_start", heading=Phrase("Nebula startup type"), detail=True),
    Column(key="gateway_since", heading=Phrase("Gateway started"), detail=True),
    Column(key="gateway_start", heading=Phrase("Gateway startup type"), detail=True),
    Column(key="nginx_processes", heading=Phrase("nginx processes"), detail=True),
)
CELL_KEYS = tuple(column.key for column in COLUMNS[1:])

ServiceArgument = Annotated[
    ServiceName,
    Positional(
        "service",
        Phrase("nebula, or openresty (the gateway)"),
        make_choice_parser("nebula", "openresty"),
        lambda which: (which,),
    ),
]


class ServiceList(AssessmentRead):
    """List the state of both services, their start times and start types."""

    words: ClassVar = ("service",)
    summary: ClassVar = Phrase("status of the Nebula and OpenResty services on each host")
    example: ClassVar = "service all"
    label: ClassVar = Phrase("show the services of {target}", target="…")
    title: ClassVar = Phrase("Services")
    columns: ClassVar = COLUMNS

    details: Annotated[bool, Flag(Phrase("also show start time and startup type"))] = False

    def make_assessor(self, view: FleetView) -> Callable[[Host], Awaitable[AssessedHost]]:
        return lambda host: _assess(host, view)

    def summarize_healthy(self, hosts: Sequence[Host]) -> Phrase:
        return Phrase(
            "the services of {n} host are healthy", plural="the services of all {n} hosts are healthy", n=len(hosts)
        )


class ServiceChange(FleetChange):
    """A change of a service on several hosts, one after the other. Hosts in the wanted state are left out."""

    risk: ClassVar = Risk.DISRUPT
    affects: ClassVar = frozenset({Area.SERVICES, Area.CERTIFICATES})  # Nebula loads its certificate when it starts
    verb: ClassVar[ServiceVerb]

    service: ServiceArgument
    target: HostsArgument

    def restrict_to(self, names: tuple[str, ...]) -> "ServiceChange":
        return self.model_copy(update={"target": Target(parts=names)})

    async def plan(self, view: FleetView) -> PlannedChange:
        inventory = view.fleet.inventory
        stands = await self._read_states(self.resolve_hosts(inventory), view)
        return assemble(self, (self._plan_host(stand, view) for stand in stands), inventory)

    def _plan_host(self, stand: ServiceState, view: FleetView) -> HostPlan | UnchangedHost | LeftOutHost:
        """Plans one host, or returns why it is left out."""
        host = stand.host.name
        if (error := stand.error) is not None:
            return leave_unchecked(host, error)
        if (why := explain_unknown(stand) or self._find_owed_first(host, view)) is not None:
            return LeftOutHost(host=host, why=why)
        if (why := explain_unchanged(stand, self.verb)) is not None:
            return UnchangedHost(host, why)
        if (why := find_service_obstacle(stand, self.verb, view.fleet.inventory)) is not None:
            return LeftOutHost(host=host, why=why)
        return HostPlan(
            part=build_service_part(stand, self.verb, view.operation_id),
            premises=(stand.premise, *build_workload_premises(stand.workload, self.verb)),
            disrupts=self._describe_outage(stand.workload),
            warnings=tuple(self._list_warnings(stand)),
        )

    def _find_owed_first(self, host: str, view: FleetView) -> Phrase | None:
        """Finds the reason for which Nebula must not start before something that is owed there has run."""
        return find_owed_first(host, view.owed) if self.service == "nebula" and self.verb != "stop" else None

    async def _read_states(self, hosts: Sequence[Host], view: FleetView) -> tuple[ServiceState, ...]:
        """Reads the service's state on each of these hosts, and what can prove that it is back, concurrently."""
        said, serves, seen = await asyncio.gather(
            read_all_hosts(hosts, lambda host: _read_services(host, view), view),
            read_workloads(hosts, view),
            self._read_certificates(view),
        )
        return tuple(self._build_state(host, told, serves[host.name], seen) for host, told in zip(hosts, said, strict=True))

    def _build_state(
        self, host: Host, said: Services | HostError | None, served: HostWorkload, seen: FleetCertificates
    ) -> ServiceState:
        found = find_tunnel(host, seen)
        if found is None:
            return ServiceState(host, self.service, said, served)
        tunnel, fingerprint = found
        return ServiceState(host, self.service, said, served, tunnel, fingerprint)

    async def _read_certificates(self, view: FleetView) -> FleetCertificates:
        """Reads the certificates of all hosts if tunnels must be proven, else none."""
        proven = self.service == "nebula" and self.verb != "stop"
        return await read_certificates(view.fleet.inventory.hosts if proven else (), view)

    def _describe_outage(self, served: HostWorkload) -> tuple[Phrase, ...]:
        return (
            describe_nebula_outage(served, self.verb)
            if self.service == "nebula"
            else describe_gateway_outage(served, self.verb)
        )

    def _list_warnings(self, stand: ServiceState) -> Iterator[Phrase]:
        """Lists the warnings for the approver."""
        host = stand.host.name
        if self.service == "nebula" and self.verb != "stop" and stand.tunnel is None:
            yield Phrase("the tunnels of {host} cannot be verified afterwards, only that Nebula is running", host=host)
        if self.service == "nebula" and self.verb == "stop" and stand.workload.gateway:
            yield Phrase("OpenResty on {host} keeps running without the overlay", host=host)
        if self.service == "openresty" and self.verb == "restart" and stand.workload.gateway is False:
            yield Phrase("the gateway of {host} is not responding now. It must respond after the restart", host=host)


class ServiceStart(ServiceChange):
    """Start Nebula or OpenResty where it does not run. It interrupts nothing: a host where it runs is left out."""

    risk: ClassVar = Risk.CHANGE
    words: ClassVar = ("service", "start")
    verb: ClassVar[ServiceVerb] = "start"
    summary: ClassVar = Phrase("start Nebula or OpenResty where it is stopped")
    example: ClassVar = "service start nebula host-a"
    label: ClassVar = Phrase("start {service} on {target}", service="…", target="…")


class ServiceStop(ServiceChange):
    """Stop Nebula or OpenResty until it is started again."""

    words: ClassVar = ("service", "stop")
    verb: ClassVar[ServiceVerb] = "stop"
    summary: ClassVar = Phrase("stop Nebula or OpenResty until it is started again")
    example: ClassVar = "service stop openresty host-a"
    label: ClassVar = Phrase("stop {service} on {target}", service="…", target="…")


class ServiceRestart(ServiceChange):
    """Stop and start Nebula or OpenResty."""

    words: ClassVar = ("service", "restart")
    verb: ClassVar[ServiceVerb] = "restart"
    summary: ClassVar = Phrase("restart Nebula or OpenResty, one host at a time")
    example: ClassVar = "service restart openresty host-a"
    label: ClassVar = Phrase("restart {service} on {target}", service="…", target="…")


async def _assess(host: Host, view: FleetView) -> AssessedHost:
    judged = _judge(host, await _read_services(host, view), view.now())
    return AssessedHost(
        host=host,
        judgment=judged,
        cells=tuple(judged.cells[key] for key in CELL_KEYS),
        findings=tuple(_build_finding(host.name, remark) for remark in judged.remarks),
    )


async def _read_services(host: Host, view: FleetView) -> Services | HostError | None:
    """Reads the services of a host; None if it has no Windows side."""
    return await read_side(host, ReadServices.of(host.windows) if host.windows else None, view)


def _judge(host: Host, said: Services | HostError | None, now: datetime) -> Judgment:
    if host.windows is None or said is None:
        return make_absent_checks(*CELL_KEYS)
    if isinstance(said, HostError):
        return make_unanswered_checks("windows", Phrase("Windows"), CELL_KEYS, said)
    nebula = judge_nebula_service(host.name, host.windows.nebula_service, said.nebula.status)
    around = Judgment(_build_detail_cells("nebula", said.nebula, now), _check_start_type(said.nebula))
    if host.gateway is None:
        return merge_judgments(make_absent_checks(*CELL_KEYS), nebula, around)
    service, status = host.windows.gateway_service, said.gateway.status
    gateway = judge_gateway_service(host.name, service, status, said.nginx_processes)
    processes = Cell(text=str(said.nginx_processes), value=said.nginx_processes)
    cells = _build_detail_cells("gateway", said.gateway, now) | {"nginx_processes": processes}
    beside = Judgment(cells, _check_start_type(said.gateway))
    return merge_judgments(nebula, around, gateway, beside)


def _build_detail_cells(key: str, service: Service, now: datetime) -> dict[str, Cell]:
    since = service.since
    return {
        f"{key}_since": Cell(text=Phrase("none"), value="") if since is None else Cell.of_moment(since, now),
        f"{key}_start": Cell.of(service.start_type),
    }


def _check_start_type(service: Service) -> tuple[Remark, ...]:
    """Remarks on a running service that does not start with Windows."""
    if service.status != "Running" or service.start_type in ("Automatic", "Unknown"):
        return ()
    why = Phrase(
        "service {service} has the startup type {type} and will not start after a reboot. Set it to Automatic",
        service=service.name,
        type=service.start_type,
    )
    return (Remark("start-type", Severity.LOW, Phrase("{service} startup not automatic", service=service.name), why),)


def _build_finding(host: str, remark: Remark) -> Finding:
    return remark.build_finding(host, remark.next or f"health {host} --details")
