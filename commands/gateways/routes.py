"""`route`: the way from each gateway to the registered containers, and whether its routing is that of its host."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Annotated, ClassVar

from adapters.errors import HostError
from adapters.gateway.routing import ReadRoutes, Routes
from adapters.inventory import Host
from adapters.phrase import Phrase
from commands.health.assessment import Judgment, Remark, build_findings, make_absent_checks, make_unanswered_checks
from commands.health.fleet_report import AssessedHost, AssessmentRead, read_side
from commands.model.finding import Severity, list_some
from commands.model.operation import FleetView
from commands.model.report import Cell, Column, Mark
from commands.values.arguments import Flag

COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    Column(key="local", heading=Phrase("Local")),
    Column(key="gateway", heading=Phrase("By gateways")),
    Column(key="p2p", heading=Phrase("P2P")),
    Column(key="unroutable", heading=Phrase("No route")),
    Column(key="subnet", heading=Phrase("Own subnet"), detail=True),
    Column(key="known", heading=Phrase("Known gateways"), detail=True),
)
CELL_KEYS = tuple(column.key for column in COLUMNS[1:])


class RouteList(AssessmentRead):
    """Count the routes of each gateway, and find containers that it cannot reach."""

    words: ClassVar = ("route",)
    summary: ClassVar = Phrase("routes from each gateway to the containers, and containers without a route")
    example: ClassVar = "route host-a"
    label: ClassVar = Phrase("show the routes of {target}", target="…")
    title: ClassVar = Phrase("Routes")
    columns: ClassVar = COLUMNS

    details: Annotated[bool, Flag(Phrase("also show the own subnet and the number of known gateways"))] = False

    def make_assessor(self, view: FleetView) -> Callable[[Host], Awaitable[AssessedHost]]:
        return lambda host: _assess(host, view)

    def summarize_healthy(self, hosts: Sequence[Host]) -> Phrase:
        return Phrase(
            "{n} host has a route to every registered container",
            plural="all {n} hosts have a route to every registered container",
            n=len(hosts),
        )


async def _assess(host: Host, view: FleetView) -> AssessedHost:
    said = await read_side(host, ReadRoutes() if host.gateway else None, view)
    judged, words = judge_routes(host, said), f"route {host.name} --details"
    return AssessedHost(
        host=host,
        judgment=judged,
        cells=tuple(judged.cells[key] for key in CELL_KEYS),
        findings=tuple(build_findings(host.name, judged.remarks, words)),
    )


def judge_routes(host: Host, said: Routes | HostError | None) -> Judgment:
    """Judges the routes of one gateway."""
    if said is None:
        return make_absent_checks(*CELL_KEYS)
    if isinstance(said, HostError):
        return make_unanswered_checks("route", Phrase("Gateway"), CELL_KEYS, said)
    counts = Counter(route.type for route in said.routes)
    lost = [route.ip for route in said.routes if route.type == "unknown" or (route.type == "gateway" and not route.target)]
    subnet_is_wrong = said.subnet != str(host.bridge.network)
    cells = {
        "local": _count(counts["local"]),
        "gateway": _count(counts["gateway"]),
        "p2p": _count(counts["p2p"]),
        "unroutable": Cell(text=str(len(lost)), value=len(lost), mark=Mark.BAD if lost else Mark.WELL),
        "subnet": Cell(text=said.subnet or "–", value=said.subnet, mark=Mark.BAD if subnet_is_wrong else Mark.WELL),
        "known": _count(said.gateways),
    }
    return Judgment(cells, tuple(_list_remarks(host, said, lost)))


def _count(number: int) -> Cell:
    return Cell(text=str(number), value=number)


def _list_remarks(host: Host, said: Routes, lost: Sequence[str]) -> Iterator[Remark]:
    network, words = str(host.bridge.network), f"gateway {host.name}"
    if said.subnet != network:
        why = Phrase(
            "the routing takes {subnet} for its own containers instead of {network}. Fix local_subnet in nginx.conf",
            subnet=said.subnet or "–",
            network=network,
        )
        yield Remark("route", Severity.HIGH, Phrase("wrong own subnet"), why, next=words)
    if said.host_id != host.id:
        why = Phrase(
            "the routing has host ID {said} instead of {known}. Fix local_host_id in nginx.conf",
            said="–" if said.host_id is None else str(said.host_id),
            known=str(host.id),
        )
        yield Remark("route", Severity.HIGH, Phrase("wrong host ID in the routing"), why, next=words)
    if lost:
        short = Phrase("{n} container without a route", plural="{n} containers without a route", n=len(lost))
        why = Phrase(
            "no gateway is known for {addresses}. Add its host to gateway_map in nginx.conf, or check the registration",
            plural="no gateway is known for {addresses}. Add their hosts to gateway_map in nginx.conf, or check the "
            "registrations",
            n=len(lost),
            addresses=list_some(list(lost)),
        )
        yield Remark("route", Severity.MEDIUM, short, why, next="sync")
