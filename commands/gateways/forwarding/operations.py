"""`forwarding`: the way from Windows into the containers of each host, and the change that sets it up."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Annotated, ClassVar

from adapters.errors import HostError
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.routes import RouteReading
from adapters.wsl.forwarding import WslForwarding
from adapters.wsl.helper import ForwardingStatus, HelperInfo
from adapters.wsl.podman import UnreadPart
from commands.changes.host_plan import HostPlan, UnchangedHost, assemble, leave_unchecked
from commands.gateways.forwarding.assessment import ForwardingState, judge_state, read_forwarding
from commands.gateways.forwarding.steps import ForwardingNeed, build_forwarding_part, build_forwarding_premises
from commands.health.assessment import build_findings
from commands.health.fleet_report import AssessedHost, AssessmentRead, read_all_hosts
from commands.health.wsl_checks import explain_unmanaged, find_helper_fault, format_manage_command
from commands.model.check import Area
from commands.model.operation import FleetChange, FleetView
from commands.model.plan import LeftOutHost, PlannedChange
from commands.model.report import Column
from commands.values.arguments import Flag, HostsArgument, Target

COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    Column(key="bridge", heading=Phrase("Bridge")),
    Column(key="forwarding", heading=Phrase("Forwarding")),
    Column(key="route", heading=Phrase("Windows route")),
    Column(key="address", heading=Phrase("WSL2 address"), detail=True),
    Column(key="boot", heading=Phrase("At boot"), detail=True),
)
CELL_KEYS = tuple(column.key for column in COLUMNS[1:])


class ForwardingList(AssessmentRead):
    """Show the bridge, IP forwarding and Windows' route to the containers."""

    words: ClassVar = ("forwarding",)
    summary: ClassVar = Phrase("way into the containers: bridge, IP forwarding, Windows route")
    example: ClassVar = "forwarding all --details"
    label: ClassVar = Phrase("show the forwarding of {target}", target="…")
    title: ClassVar = Phrase("Forwarding")
    columns: ClassVar = COLUMNS

    details: Annotated[bool, Flag(Phrase("also show WSL2's address, and IP forwarding at boot"))] = False

    def make_assessor(self, view: FleetView) -> Callable[[Host], Awaitable[AssessedHost]]:
        return lambda host: _assess(host, view)

    def summarize_healthy(self, hosts: Sequence[Host]) -> Phrase:
        return Phrase(
            "{n} host forwards to its containers", plural="all {n} hosts forward to their containers", n=len(hosts)
        )


class ForwardingApply(FleetChange):
    """Set up the bridge and IP forwarding in WSL2, and Windows' route through WSL2's present address."""

    words: ClassVar = ("forwarding", "apply")
    summary: ClassVar = Phrase("set up the bridge, IP forwarding and the Windows route again")
    example: ClassVar = "forwarding apply host-a"
    label: ClassVar = Phrase("set up forwarding on {target}", target="…")
    affects: ClassVar[frozenset[Area]] = frozenset()

    target: HostsArgument

    def restrict_to(self, names: tuple[str, ...]) -> "ForwardingApply":
        return self.model_copy(update={"target": Target(parts=names)})

    async def plan(self, view: FleetView) -> PlannedChange:
        inventory = view.fleet.inventory
        hosts = self.resolve_hosts(inventory)
        states = await read_all_hosts(hosts, lambda host: read_forwarding(host, view), view)
        return assemble(self, map(plan_forwarding, states), inventory)


async def _assess(host: Host, view: FleetView) -> AssessedHost:
    judged = judge_state(await read_forwarding(host, view))
    return AssessedHost(
        host=host,
        judgment=judged,
        cells=tuple(judged.cells[key] for key in CELL_KEYS),
        findings=tuple(build_findings(host.name, judged.remarks, f"forwarding {host.name} --details")),
    )


def plan_forwarding(state: ForwardingState) -> HostPlan | UnchangedHost | LeftOutHost:
    """Plans one host, or returns why it is left out."""
    host = state.host.name
    if (why := explain_unmanaged(state.host, "forwarding")) is not None:
        return LeftOutHost(host=host, why=why)
    silent = next((said for said in (state.wsl, state.routes) if isinstance(said, HostError)), None)
    if silent is not None:
        return leave_unchecked(host, silent)
    found = _find_need(state)
    if isinstance(found, Phrase):
        return LeftOutHost(host=host, why=found)
    if found.met:
        return UnchangedHost(host, Phrase("forwarding is set up already"))
    return HostPlan(
        part=build_forwarding_part(found),
        premises=build_forwarding_premises(found),
        warnings=tuple(_list_warnings(found)),
    )


def _find_need(state: ForwardingState) -> ForwardingNeed | Phrase:
    """Finds what a managed host needs whose sides answered, or the reason why that cannot be set up."""
    host, said = state.host, state.wsl
    assert isinstance(said, WslForwarding)
    if state.routes is None:
        return Phrase("no Windows connection configured")
    assert isinstance(state.routes, RouteReading)
    status = _check_helper(state)
    if isinstance(status, Phrase):
        return status
    if isinstance(said.address, UnreadPart):
        return said.address.phrase
    if state.mirrored:
        return ForwardingNeed(host, status, state.routes, None)
    link = state.routes.find_link(said.address)
    if link is None:
        return Phrase(
            "WSL2 has the address {address}, which is on no network of Windows. Restart WSL2 on the host: wsl --shutdown",
            address=str(said.address),
        )
    return ForwardingNeed(host, status, state.routes, said.address, link.interface)


def _check_helper(state: ForwardingState) -> ForwardingStatus | Phrase:
    """Returns what the helper says of forwarding, or the reason why it cannot set it up."""
    host = state.host
    assert host.wsl is not None
    assert isinstance(state.helper, HelperInfo | HostError)
    if (fault := find_helper_fault(host, state.helper)) is not None:
        return fault
    status = state.status
    if not isinstance(status, ForwardingStatus):
        assert isinstance(status, HostError)
        return status.phrase
    if status.address != str(host.bridge) or status.bridge != host.wsl.bridge:
        return Phrase(
            "the helper in WSL2 is set up for {bridge} with {address}, but the configuration has {wanted}. Run in WSL2: "
            "{command}",
            bridge=status.bridge,
            address=status.address,
            wanted=f"{host.wsl.bridge} {host.bridge}",
            command=f"{format_manage_command(host, host.wsl.manage)} --bridge {host.wsl.bridge}",
        )
    if status.link == "other":
        return Phrase(
            "{bridge} in WSL2 is not a bridge. Find out there what created it: ip -d link show {bridge}",
            bridge=status.bridge,
        )
    return status


def _list_warnings(need: ForwardingNeed) -> Iterator[Phrase]:
    """Lists the warnings for the approver."""
    if not need.routed:
        yield Phrase(
            "the route of {host} is lost when Windows restarts, and wrong when WSL2 gets another address. Then run this "
            "again",
            host=need.host.name,
        )
