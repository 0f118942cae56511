"""`host suspend`: stops the containers, OpenResty and Nebula of a host for maintenance, so that it stays stopped.

host as it is, and what was remembered before ─▶ RememberedHost (a premise) ─▶ steps ─▶ `bot.hosts`

A suspension that stopped only a part is continued by the same command: what was remembered first stays remembered.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, ClassVar

from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.wsl.containers import ListedContainer
from commands.changes.host_plan import HostPlan, UnchangedHost, assemble
from commands.hosts.suspend.facts import HostSight, read_sight
from commands.hosts.suspend.obstacles import find_container_obstacle, find_host_obstacle
from commands.hosts.suspend.own_host import require_other_machine
from commands.hosts.suspend.records import RememberedHost
from commands.hosts.suspend.suspend_steps import BOOT_POLICIES, SuspendNeed, build_suspend_part, resets_policy
from commands.model.finding import list_some
from commands.model.operation import CannotPlan, FleetChange, FleetView, Risk
from commands.model.plan import PlannedChange
from commands.model.suspension import RememberedContainer, RememberedService, Suspension
from commands.services.steps import ServiceName
from commands.values.arguments import Flag, HostsArgument, Option, Target, resolve_one_host
from commands.values.units import make_duration_parser, render_duration

MAX_DURATION = timedelta(days=90)

_parse_duration = make_duration_parser(timedelta(minutes=1), MAX_DURATION)


class HostSuspend(FleetChange):
    """Stop the containers, OpenResty and Nebula of one host, in this order, until it is resumed."""

    risk: ClassVar = Risk.DISRUPT
    words: ClassVar = ("host", "suspend")
    summary: ClassVar = Phrase(
        "stop a host for maintenance: containers, OpenResty, Nebula. It mutes its alerts until the resume"
    )
    example: ClassVar = 'host suspend host-b --for 4h --reason "RAM swap"'
    label: ClassVar = Phrase("suspend {target}", target="…")
    acts_on_suspended: ClassVar = True
    needs_reason: ClassVar = True

    target: HostsArgument
    for_: Annotated[
        timedelta | None,
        Option(
            "duration",
            Phrase("time after which you are reminded of the resume, up to 90 days: 4h, 2d. It resumes nothing by itself"),
            _parse_duration,
            render_duration,
        ),
    ] = None
    keep_nebula: Annotated[bool, Flag(Phrase("leave Nebula running"))] = False

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        return (resolve_one_host(self.target, inventory),)

    def restrict_to(self, names: tuple[str, ...]) -> "HostSuspend":
        return self.model_copy(update={"target": Target(parts=names)})

    async def plan(self, view: FleetView) -> PlannedChange:
        inventory = view.fleet.inventory
        (host,) = self.resolve_hosts(inventory)
        await self._require_possible(host, view)
        known = view.suspensions.get(host.name)
        sight = await read_sight(host, view)
        if (why := find_container_obstacle(sight.containers)) is not None:
            raise CannotPlan(why)
        need = self._find_need(sight, view.operation_id)
        if need.met and known is not None and known.complete:
            return assemble(self, (UnchangedHost(host.name, known.phrase),), inventory)
        planned = HostPlan(
            part=build_suspend_part(need),
            premises=(_remember(sight, known).build_premise(host.name),),
            disrupts=tuple(_describe_outage(need)),
            warnings=tuple(_list_warnings(need)),
        )
        made = assemble(self, (planned,), inventory)
        situation = Phrase("{host} is up", host=host.name) if known is None else known.phrase
        return made.model_copy(update={"plan": made.plan.model_copy(update={"situation": situation})})

    async def _require_possible(self, host: Host, view: FleetView) -> None:
        """Raises `CannotPlan` for a host that must not be stopped."""
        if (why := find_host_obstacle(host, keep_nebula=self.keep_nebula)) is not None:
            raise CannotPlan(why)
        await require_other_machine(host, view)

    def _find_need(self, sight: HostSight, operation: str) -> SuspendNeed:
        """Finds what is to be stopped: containers and services that run, the last started first."""
        kept: tuple[ServiceName, ...] = ("nebula",) if self.keep_nebula else ()
        names = [name for name in reversed(sight.service_names) if name not in kept]
        running = [each for each in sight.containers if each.runs]
        return SuspendNeed(
            sight=sight,
            operation=operation,
            containers=sorted(running, key=_rank_start, reverse=True),
            services=[name for name in names if sight.get_service(name).running],
            settings=[name for name in reversed(names) if _starts_with_windows(sight, name)],
            kept=kept,
        )


def _rank_start(container: ListedContainer) -> tuple[float, str]:
    """Makes the sort key of the order in which containers started."""
    return (container.started_at.timestamp() if container.started_at is not None else 0.0, container.name)


def _starts_with_windows(sight: HostSight, name: ServiceName) -> bool:
    state = sight.get_service(name)
    return not state.bare and state.service.start_type == "Automatic"


def _remember(sight: HostSight, known: Suspension | None) -> RememberedHost:
    """Remembers the host as it was before its first suspension, and what was started since then."""
    before = () if known is None else known.containers
    ids = {each.id for each in before}
    running = sorted((each for each in sight.containers if each.runs and each.id not in ids), key=_rank_start)
    services = {each.service: each for each in (() if known is None else known.services)}
    return RememberedHost(
        containers=(*before, *(_remember_container(each, sight) for each in running)),
        services=tuple(services.get(name) or _remember_service(sight, name) for name in sight.service_names),
    )


def _remember_container(container: ListedContainer, sight: HostSight) -> RememberedContainer:
    policy = container.restart_policy if resets_policy(container, sight) else ""
    return RememberedContainer(id=container.id, name=container.name, restart_policy=policy)


def _remember_service(sight: HostSight, name: ServiceName) -> RememberedService:
    state = sight.get_service(name)
    start_type = "" if state.bare else state.service.start_type
    return RememberedService(service=name, running=state.running, start_type=start_type)


def _describe_outage(need: SuspendNeed) -> Iterator[Phrase]:
    host, names = need.host.name, [each.name for each in need.containers]
    if names:
        yield Phrase("{containers} on {host} are down until the resume", containers=list_some(names), host=host)
    if "openresty" in need.services:
        yield Phrase("the gateway of {host} is down until the resume", host=host)
    if "nebula" in need.services:
        yield Phrase("the tunnels of {host} are down until the resume", host=host)


def _list_warnings(need: SuspendNeed) -> Iterator[Phrase]:
    sight = need.sight
    names = [each.name for each in need.containers if each.restart_policy in BOOT_POLICIES]
    if names and not sight.changes_policies:
        yield Phrase(
            "a restart of WSL2 starts {containers} again: podman {version} on {host} cannot change a restart policy",
            containers=list_some(names),
            version=sight.podman or "?",
            host=need.host.name,
        )
    disabled = [name for name in need.services if not sight.get_service(name).bare]
    if any(sight.get_service(name).service.start_type == "Disabled" for name in disabled):
        yield Phrase("a service of {host} is disabled, so that a resume cannot start it", host=need.host.name)
