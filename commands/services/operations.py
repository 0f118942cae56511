"""`service`: state of Nebula and OpenResty as Windows reports it, and changes that start, stop or restart them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from typing import Annotated, ClassVar

from adapters.errors import HostError
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.services import ReadServices, Service, Services
from commands.certs.inventory import Mesh, look_at
from commands.certs.renewal_obstacles import witnesses
from commands.checks.assessment import Judged, Remark, absent, together, unanswered
from commands.checks.fleet_report import Assessed, HostsOperation
from commands.checks.gather import ask, look_at_all
from commands.checks.host_checks import judge_gateway_service, judge_nebula_service
from commands.model.finding import Finding, Severity
from commands.model.operation import FleetChange, Risk, View
from commands.model.plan import LeftOut, Planned
from commands.model.report import Cell, Column
from commands.planning.commit_confirm import Tunnel
from commands.planning.host_plan import AlreadySo, HostPlan, assemble
from commands.planning.impact import Served, Verb, cut_off, gateway_cut, nebula_cut, serve
from commands.services.steps import Stand, Which, already, obstacle, part, unknown
from commands.values.arguments import Flag, HostsArgument, Positional, Target, choice

COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    Column(key="nebula", heading=Phrase("Nebula")),
    Column(key="gateway", heading=Phrase("Gateway")),
    Column(key="nebula_since", heading=Phrase("Nebula runs since"), detail=True),
    Column(key="nebula_start", heading=Phrase("Nebula starts"), detail=True),
    Column(key="gateway_since", heading=Phrase("Gateway runs since"), detail=True),
    Column(key="gateway_start", heading=Phrase("Gateway starts"), detail=True),
    Column(key="nginx_processes", heading=Phrase("nginx processes"), detail=True),
)
CELLS = tuple(column.key for column in COLUMNS[1:])

WhichArgument = Annotated[
    Which,
    Positional(
        "service",
        Phrase("nebula, or openresty, which is the gateway"),
        choice("nebula", "openresty"),
        lambda which: (which,),
    ),
]


class ServiceList(HostsOperation):
    """List the state of both services, their start times and start types."""

    words: ClassVar = ("service",)
    summary: ClassVar = Phrase("the services Nebula and OpenResty on every host")
    example: ClassVar = "service all"
    title: ClassVar = Phrase("Services")
    columns: ClassVar = COLUMNS

    details: Annotated[bool, Flag(Phrase("since when they run, and how they start"))] = False

    def assessor(self, view: View) -> Callable[[Host], Awaitable[Assessed]]:
        return lambda host: _assess(host, view)

    def all_well(self, hosts: Sequence[Host]) -> Phrase:
        return Phrase("the services of {n} host are well", plural="the services of all {n} hosts are well", n=len(hosts))


class ServiceChange(FleetChange):
    """A change of a service on several hosts, one after the other. Hosts in the wanted state are left out."""

    risk: ClassVar = Risk.DISRUPT
    verb: ClassVar[Verb]

    service: WhichArgument
    target: HostsArgument

    def only(self, names: tuple[str, ...]) -> "ServiceChange":
        return self.model_copy(update={"target": Target(parts=names)})

    async def plan(self, view: View) -> Planned:
        inventory = view.fleet.inventory
        stands = await self._stands(self.hosts(inventory), view)
        return assemble(self, (self._plan_host(stand, view) for stand in stands), inventory)

    def _plan_host(self, stand: Stand, view: View) -> HostPlan | AlreadySo | LeftOut:
        """Plans one host, or returns why it is left out."""
        host = stand.host.name
        if (why := unknown(stand)) is not None:
            return LeftOut(host=host, why=why)
        if (why := already(stand, self.verb)) is not None:
            return AlreadySo(host, why)
        if (why := obstacle(stand, self.verb, view.fleet.inventory)) is not None:
            return LeftOut(host=host, why=why)
        return HostPlan(
            part=part(stand, self.verb, view.operation),
            premises=(stand.premise, *cut_off(stand.served, self.verb)),
            disrupts=self._cuts(stand.served),
            warnings=tuple(self._warnings(stand)),
        )

    async def _stands(self, hosts: Sequence[Host], view: View) -> tuple[Stand, ...]:
        """Reads the service's state on each of these hosts, and what can prove that it is back, concurrently."""
        said, serves, seen = await asyncio.gather(
            look_at_all(hosts, lambda host: _read(host, view), view), serve(hosts, view), self._seen(view)
        )
        return tuple(self._stand(host, told, serves[host.name], seen) for host, told in zip(hosts, said, strict=True))

    def _stand(self, host: Host, said: Services | HostError | None, served: Served, seen: Mesh) -> Stand:
        held = next((each for each in seen.held if each.host == host), None)
        if (
            held is None
            or held.certificate is None
            or seen.lighthouse is None
            or seen.left(held.certificate) <= timedelta(0)
        ):
            return Stand(host, self.service, said, served)
        able = witnesses(held, seen)
        if not able:
            return Stand(host, self.service, said, served)
        tunnel = Tunnel(host, seen.lighthouse.host, able, held.certificate.name)
        return Stand(host, self.service, said, served, tunnel, held.certificate.fingerprint)

    async def _seen(self, view: View) -> Mesh:
        """Reads the certificates of all hosts if tunnels must be proven, else none."""
        proven = self.service == "nebula" and self.verb != "stop"
        return await look_at(view.fleet.inventory.hosts if proven else (), view)

    def _cuts(self, served: Served) -> tuple[Phrase, ...]:
        return nebula_cut(served, self.verb) if self.service == "nebula" else gateway_cut(served, self.verb)

    def _warnings(self, stand: Stand) -> Iterator[Phrase]:
        """Lists the warnings for the approver."""
        host = stand.host.name
        if self.service == "nebula" and self.verb != "stop" and stand.tunnel is None:
            yield Phrase("nothing can prove the tunnels of {host} afterwards; only that Nebula runs", host=host)
        if self.service == "nebula" and self.verb == "stop" and stand.served.gateway:
            yield Phrase("OpenResty of {host} goes on running without the overlay", host=host)
        if self.service == "openresty" and self.verb == "restart" and stand.served.gateway is False:
            yield Phrase("the gateway of {host} does not answer now; it must, after the restart", host=host)


class ServiceStart(ServiceChange):
    """Start Nebula or OpenResty where it does not run."""

    words: ClassVar = ("service", "start")
    verb: ClassVar[Verb] = "start"
    summary: ClassVar = Phrase("start Nebula or OpenResty where it does not run")
    example: ClassVar = "service start nebula host-a"


class ServiceStop(ServiceChange):
    """Stop Nebula or OpenResty until it is started again."""

    words: ClassVar = ("service", "stop")
    verb: ClassVar[Verb] = "stop"
    summary: ClassVar = Phrase("stop Nebula or OpenResty, until it is started again")
    example: ClassVar = "service stop openresty host-a"


class ServiceRestart(ServiceChange):
    """Stop and start Nebula or OpenResty."""

    words: ClassVar = ("service", "restart")
    verb: ClassVar[Verb] = "restart"
    summary: ClassVar = Phrase("restart Nebula or OpenResty, host by host")
    example: ClassVar = "service restart openresty host-a"


async def _assess(host: Host, view: View) -> Assessed:
    judged = _judge(host, await _read(host, view))
    return Assessed(
        host=host,
        judged=judged,
        cells=tuple(judged.cells[key] for key in CELLS),
        findings=tuple(_finding(host.name, remark) for remark in judged.remarks),
    )


async def _read(host: Host, view: View) -> Services | HostError | None:
    """Reads the services of a host; None if it has no Windows side."""
    return await ask(host, ReadServices.of(host.windows) if host.windows else None, view)


def _judge(host: Host, said: Services | HostError | None) -> Judged:
    if host.windows is None or said is None:
        return absent(*CELLS)
    if isinstance(said, HostError):
        return unanswered("windows", Phrase("Windows"), CELLS, said)
    nebula = judge_nebula_service(host.name, host.windows.nebula_service, said.nebula.status)
    around = Judged(_around("nebula", said.nebula), _disabled(said.nebula))
    if host.gateway is None:
        return together(absent(*CELLS), nebula, around)
    service, status = host.windows.gateway_service, said.gateway.status
    gateway = judge_gateway_service(host.name, service, status, said.nginx_processes)
    processes = Cell(text=str(said.nginx_processes), value=said.nginx_processes)
    beside = Judged(_around("gateway", said.gateway) | {"nginx_processes": processes}, _disabled(said.gateway))
    return together(nebula, around, gateway, beside)


def _around(key: str, service: Service) -> dict[str, Cell]:
    since = service.since
    return {
        f"{key}_since": Cell(text=Phrase("none"), value="") if since is None else Cell.moment(since),
        f"{key}_start": Cell.of(service.start_type),
    }


def _disabled(service: Service) -> tuple[Remark, ...]:
    """Remarks on a running service that does not start with Windows."""
    if service.status != "Running" or service.start_type in ("Automatic", "Unknown"):
        return ()
    why = Phrase(
        "the service {service} has the start type {type}, so it stays down when Windows restarts; set it to Automatic",
        service=service.name,
        type=service.start_type,
    )
    return (Remark("start-type", Severity.LOW, Phrase("{service} not automatic", service=service.name), why),)


def _finding(host: str, remark: Remark) -> Finding:
    return remark.finding(host, remark.next or f"health {host} --details")
