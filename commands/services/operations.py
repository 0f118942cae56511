"""`service`: Nebula and OpenResty as Windows knows them; started, stopped and restarted, one host after the other."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Annotated, ClassVar

from adapters.errors import HostError
from adapters.fleet import Seen
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.windows.services import ReadServices, Service, Services
from commands.certs.inventory import Mesh, look_at
from commands.certs.renewal_obstacles import witnesses
from commands.checks.assessment import Judged, Remark, absent, needing, together, unanswered
from commands.checks.gather import look_at_all
from commands.checks.host_checks import judge_gateway_service, judge_nebula_service
from commands.model.finding import Finding, Severity, worst_first
from commands.model.operation import CannotPlan, FleetChange, FleetRead, Risk, View
from commands.model.plan import LeftOut, Plan, Planned, roads_of
from commands.model.report import Cell, Column, Report, Row
from commands.planning.commit_confirm import Tunnel
from commands.planning.impact import Served, Verb, cut_off, gateway_cut, nebula_cut, serve
from commands.services.steps import Stand, Which, already, obstacle, part, unknown
from commands.values.arguments import ALL, Flag, HostsArgument, Positional, Target, TargetArgument, choice

WORST = 3
"""Hosts that the summary names."""

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


class ServiceList(FleetRead):
    """Whether both services run, since when, and whether they start by themselves."""

    words: ClassVar = ("service",)
    summary: ClassVar = Phrase("the services Nebula and OpenResty on every host")
    example: ClassVar = "service all"

    target: TargetArgument = ALL
    details: Annotated[bool, Flag(Phrase("since when they run, and how they start"))] = False

    def hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        return self.target.resolve(inventory)

    async def read(self, view: View) -> Report:
        said = await _look(self.hosts(view.fleet.inventory), view)
        judged = [(host, _judge(host, told)) for host, told in said]
        judged.sort(key=lambda pair: _rank(pair[1]))
        troubled = [(host, each) for host, each in judged if each.remarks]
        findings = worst_first(tuple(_finding(host.name, remark) for host, each in troubled for remark in each.remarks))
        return Report(
            title=Phrase("Services"),
            summary=_summary(len(judged), troubled),
            columns=COLUMNS,
            rows=tuple(_row(host, each) for host, each in judged),
            findings=findings,
            details=self.details,
            taken_at=view.now(),
            next=tuple(dict.fromkeys(finding.next for finding in findings if finding.next))[:WORST],
        )


class ServiceChange(FleetChange):
    """A service moved on several hosts, one after the other; those where it stands so already are left out."""

    risk: ClassVar = Risk.DISRUPT
    verb: ClassVar[Verb]

    service: WhichArgument
    target: HostsArgument

    def hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        return self.target.resolve(inventory)

    def only(self, names: tuple[str, ...]) -> "ServiceChange":
        return self.model_copy(update={"target": Target(parts=names)})

    async def plan(self, view: View) -> Planned:
        inventory = view.fleet.inventory
        stands = await self._stands(sorted(self.hosts(inventory), key=lambda host: host.lighthouse), view)
        able = [stand for stand in stands if self._not_so(stand, inventory) is None]
        parts = tuple(part(stand, self.verb, view.operation) for stand in able)
        plan = Plan(
            parts=parts,
            premises=tuple(premise for stand in able for premise in (stand.premise, *cut_off(stand.served, self.verb))),
            roads=tuple(roads_of(parts, inventory)),
            disrupts=tuple(cut for stand in able for cut in self._cuts(stand.served)),
            warnings=tuple(warning for stand in able for warning in self._warnings(stand)),
            left_out=tuple(self._left_out(stands, inventory)),
        )
        if not parts and not all(_stands_so(stand, self.verb) for stand in stands):
            raise CannotPlan.anywhere(plan.left_out)
        return Planned(arguments=self.only(tuple(each.host for each in parts)).settled, plan=plan)

    async def _stands(self, hosts: Sequence[Host], view: View) -> tuple[Stand, ...]:
        """How the service stands on each of these hosts, and what could prove that it is back; all asked at once."""
        said, serves, seen = await asyncio.gather(_look(hosts, view), serve(hosts, view), self._seen(view))
        return tuple(self._stand(host, told, serves[host.name], seen) for host, told in said)

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
        """Certificates of all hosts where tunnels are to be proven, else nothing."""
        proven = self.service == "nebula" and self.verb != "stop"
        return await look_at(view.fleet.inventory.hosts if proven else (), view)

    def _not_so(self, stand: Stand, inventory: Inventory) -> Phrase | None:
        """Why nothing is done on a host."""
        return unknown(stand) or already(stand, self.verb) or obstacle(stand, self.verb, inventory)

    def _left_out(self, stands: Iterable[Stand], inventory: Inventory) -> Iterator[LeftOut]:
        for stand in stands:
            if (why := self._not_so(stand, inventory)) is not None:
                yield LeftOut(host=stand.host.name, why=why)

    def _cuts(self, served: Served) -> tuple[Phrase, ...]:
        return nebula_cut(served, self.verb) if self.service == "nebula" else gateway_cut(served, self.verb)

    def _warnings(self, stand: Stand) -> Iterator[Phrase]:
        """What an approver must know beside the steps."""
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
    """Stop Nebula or OpenResty until somebody starts it."""

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


async def _look(hosts: Iterable[Host], view: View) -> tuple[tuple[Host, Services | HostError | None], ...]:
    """The services of these hosts, all asked at once; in their order."""

    async def ask(host: Host) -> tuple[Host, Services | HostError | None]:
        if host.windows is None:
            return host, None
        seen: Seen[Services] = await view.fleet.look(host, ReadServices.of(host.windows))
        return host, seen.said

    return await look_at_all(hosts, ask, view)


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
    """A service that runs, and will not after the next restart of Windows."""
    if service.status != "Running" or service.start_type in ("Automatic", "Unknown"):
        return ()
    why = Phrase(
        "the service {service} has the start type {type}, so it stays down when Windows restarts; set it to Automatic",
        service=service.name,
        type=service.start_type,
    )
    return (Remark("start-type", Severity.LOW, Phrase("{service} not automatic", service=service.name), why),)


def _rank(judged: Judged) -> int:
    return len(Severity) if judged.severity is None else judged.severity.rank


def _row(host: Host, judged: Judged) -> Row:
    cells = (Cell.of(host.name), *(judged.cells[key] for key in CELLS))
    return Row(cells=cells, host=host.name, severity=judged.severity)


def _finding(host: str, remark: Remark) -> Finding:
    return remark.finding(host, remark.next or f"health {host} --details")


def _summary(total: int, troubled: Sequence[tuple[Host, Judged]]) -> Phrase:
    if not total:
        return Phrase("the inventory has no hosts; add them to the configuration file")
    if not troubled:
        return Phrase("the services of {n} host are well", plural="the services of all {n} hosts are well", n=total)
    return needing(troubled, total, WORST)


def _stands_so(stand: Stand, verb: Verb) -> bool:
    return unknown(stand) is None and already(stand, verb) is not None
