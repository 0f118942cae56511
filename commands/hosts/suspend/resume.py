"""`host resume`: starts just what a suspension stopped, in the guide's order, each proven.

Suspension ─ the host as it is ─▶ parts (commands.hosts.suspend.resume_steps) ─▶ `bot.hosts`, from signed outcomes
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import TypeAdapter, ValidationError

from adapters.inventory import Host, Inventory, PodmanName
from adapters.phrase import Phrase
from commands.certificates.reading import read_certificates
from commands.changes.host_plan import HostPlan, UnchangedHost, assemble_in_order
from commands.changes.owed import find_owed_first
from commands.containers.serving_proof import Witness, find_witness
from commands.gateways.forwarding.assessment import is_managed, read_forwarding
from commands.gateways.forwarding.operations import plan_forwarding
from commands.gateways.registrations import read_registry
from commands.health.fleet_report import read_all_hosts
from commands.hosts.suspend.facts import HostSight, read_sight
from commands.hosts.suspend.resume_steps import build_container_part, build_gateway_part, build_last_part, build_nebula_part
from commands.hosts.suspend.suspend_steps import tell_situation
from commands.model.finding import list_some
from commands.model.operation import CannotPlan, FleetChange, FleetView
from commands.model.plan import LeftOutHost, Part, PlannedChange, Premise
from commands.model.suspension import RememberedContainer, Suspension
from commands.services.steps import ServiceName, ServiceState, find_service_obstacle, find_tunnel
from commands.values.arguments import BadArgument, HostsArgument, Option, Target, resolve_one_host, shorten_argument

_NAME = TypeAdapter(PodmanName)


def _parse_names(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(part.strip() for part in text.replace("、", ",").split(",")))
    for name in names:
        try:
            _NAME.validate_python(name)
        except ValidationError as error:
            raise BadArgument(
                Phrase("{part} cannot be the name of a container", part=shorten_argument(name)), part=text
            ) from error
    return names


class HostResume(FleetChange):
    """Start again on one host what its suspension stopped: Nebula, OpenResty, forwarding, then the containers in order."""

    words: ClassVar = ("host", "resume")
    summary: ClassVar = Phrase("start a suspended host again: Nebula, OpenResty, forwarding, its containers, each proven")
    example: ClassVar = "host resume host-b"
    label: ClassVar = Phrase("resume {target}", target="…")
    acts_on_suspended: ClassVar = True

    target: HostsArgument
    lose: Annotated[
        tuple[str, ...],
        Option(
            "names",
            Phrase("containers that are gone and are not started again, with commas between"),
            _parse_names,
            ",".join,
        ),
    ] = ()

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        return (resolve_one_host(self.target, inventory),)

    def restrict_to(self, names: tuple[str, ...]) -> "HostResume":
        return self.model_copy(update={"target": Target(parts=names)})

    async def plan(self, view: FleetView) -> PlannedChange:
        inventory = view.fleet.inventory
        (host,) = self.resolve_hosts(inventory)
        suspension = view.suspensions.get(host.name)
        if suspension is None:
            return assemble_in_order(self, (UnchangedHost(host.name, Phrase("it is not suspended")),), inventory)
        sight = await read_sight(host, view)
        wanted = _find_present(sight, suspension, self.lose)
        nebula, gateway = await _find_services(sight, view)
        resume = _Resume(sight, suspension, view.operation_id, wanted)
        _require_startable(resume, nebula, gateway, view)
        witness = await _find_gateway_witness(host, view) if wanted else None
        forwarding = await _plan_forwarding(host, view)
        parts = tuple(resume.list_parts(nebula, gateway, forwarding, witness))
        premises = (resume.build_premise(), nebula.premise, *(() if gateway is None else (gateway.premise,)))
        warnings = tuple(resume.list_warnings(nebula, witness))
        planned = [HostPlan(part=part) for part in parts]
        planned[0] = HostPlan(
            part=parts[0],
            premises=(*premises, *(forwarding.premises if isinstance(forwarding, HostPlan) else ())),
            warnings=(*warnings, *(forwarding.warnings if isinstance(forwarding, HostPlan) else ())),
        )
        made = assemble_in_order(self, planned, inventory)
        return made.model_copy(update={"plan": made.plan.model_copy(update={"situation": suspension.phrase})})


@dataclass(frozen=True)
class _Resume:
    """A resume of a host. `wanted` are the remembered containers that are there."""

    sight: HostSight
    suspension: Suspension
    operation: str
    wanted: Sequence[RememberedContainer]

    def list_parts(
        self,
        nebula: ServiceState,
        gateway: ServiceState | None,
        forwarding: HostPlan | UnchangedHost | LeftOutHost | None,
        witness: Witness | None,
    ) -> Iterator[Part]:
        """Lists the parts in their order."""
        host, total = self.sight.host.name, len(self.wanted)
        if self.starts("nebula") or nebula.running:
            yield tell_situation(build_nebula_part(nebula, self.operation), Phrase("Nebula runs on {host}", host=host))
        if gateway is not None and (self.starts("openresty") or gateway.running):
            told = Phrase("OpenResty runs on {host}, its containers do not yet", host=host)
            yield tell_situation(build_gateway_part(gateway, self.operation), told)
        if isinstance(forwarding, HostPlan):
            yield forwarding.part
        serves = gateway is None or gateway.running
        for count, each in enumerate(self.wanted, start=1):
            told = Phrase("{n} of {total} containers of {host} are started", n=count, total=total, host=host)
            part = build_container_part(self.sight, each, witness, self._choose_verb(each, serves=serves))
            yield tell_situation(part, told)
        yield tell_situation(build_last_part(self.sight, self.suspension.services), Phrase("{host} is up again", host=host))

    def starts(self, name: ServiceName) -> bool:
        """Returns whether the suspension stopped a service. One that it knows nothing of is started, too."""
        return next((each.running for each in self.suspension.services if each.service == name), True)

    def _choose_verb(self, remembered: RememberedContainer, *, serves: bool) -> str:
        """Chooses what is done with a container. One that started before the gateway is not registered there."""
        present = self.sight.find_container(remembered)
        if present is None or present.state != "running":
            return "start"
        return "" if serves else "restart"

    def build_premise(self) -> Premise:
        """Builds the premise of what is started."""
        host, names = self.sight.host.name, [each.name for each in self.wanted]
        phrase = (
            Phrase("the resume of {host} starts {containers}", host=host, containers=list_some(names))
            if names
            else Phrase("the resume of {host} starts no containers", host=host)
        )
        value = {
            "suspension": self.suspension.number,
            "containers": [each.id for each in self.wanted],
        }
        return Premise(host=host, what="resume", value=value, phrase=phrase)

    def list_warnings(self, nebula: ServiceState, witness: Witness | None) -> Iterator[Phrase]:
        """Lists the warnings for the approver."""
        host = self.sight.host
        if nebula.tunnel is None:
            yield Phrase("the tunnels of {host} cannot be verified afterwards, only that Nebula is running", host=host.name)
        if self.wanted and witness is None:
            yield Phrase("no other gateway responds, so it is not verified that others find the containers")
        if host.wsl is not None and not is_managed(host):
            yield Phrase(
                "the bot may not set up forwarding on {host}. Check it afterwards: {command}",
                host=host.name,
                command=f"forwarding {host.name}",
            )


def _find_present(sight: HostSight, suspension: Suspension, lose: Sequence[str]) -> tuple[RememberedContainer, ...]:
    """Finds the remembered containers that are there. Raises `CannotPlan` if others are gone that were not named."""
    present = {each.id for each in sight.containers}
    gone = [each.name for each in suspension.containers if each.id not in present]
    unnamed = [name for name in gone if name not in lose]
    if unnamed:
        command = f"host resume {sight.host.name} --lose {','.join(gone)}"
        raise CannotPlan(
            Phrase(
                "gone from {host} since its suspension: {containers}. To resume without: {command}",
                containers=list_some(unnamed),
                host=sight.host.name,
                command=command,
            )
        )
    return tuple(each for each in suspension.containers if each.id in present)


async def _find_services(sight: HostSight, view: FleetView) -> tuple[ServiceState, ServiceState | None]:
    """Finds the states of both services, and what proves Nebula's tunnels."""
    nebula = sight.get_service("nebula")
    seen = await read_certificates(view.fleet.inventory.hosts, view)
    if (found := find_tunnel(sight.host, seen)) is not None:
        tunnel, fingerprint = found
        nebula = ServiceState(nebula.host, "nebula", nebula.answer, nebula.workload, tunnel, fingerprint)
    return nebula, sight.get_service("openresty") if "openresty" in sight.service_names else None


def _require_startable(resume: _Resume, nebula: ServiceState, gateway: ServiceState | None, view: FleetView) -> None:
    """Raises `CannotPlan` if a service must not or cannot start."""
    host, inventory = resume.sight.host.name, view.fleet.inventory
    if not nebula.running and resume.starts("nebula"):
        why = find_owed_first(host, view.owed) or find_service_obstacle(nebula, "start", inventory)
        if why is not None:
            raise CannotPlan.from_left_out([LeftOutHost(host=host, why=why)])
    if gateway is not None and not gateway.running and not gateway.bare and gateway.service.start_type == "Disabled":
        why = Phrase("service {service} is disabled on the host. Enable it there first", service=gateway.service.name)
        raise CannotPlan.from_left_out([LeftOutHost(host=host, why=why)])


async def _find_gateway_witness(host: Host, view: FleetView) -> Witness | None:
    """Finds another gateway that can prove that the containers are found."""
    others = [each for each in view.fleet.inventory.hosts if each.gateway is not None and each != host]
    gateways = await read_all_hosts(others, lambda each: read_registry(each, view), view)
    return find_witness(host, gateways)


async def _plan_forwarding(host: Host, view: FleetView) -> HostPlan | UnchangedHost | None:
    """Plans forwarding where the bot may set it up. Raises `CannotPlan` if it cannot be set up there."""
    if not is_managed(host):
        return None
    planned = plan_forwarding(await read_forwarding(host, view))
    if isinstance(planned, LeftOutHost):
        raise CannotPlan.from_left_out([planned])
    return planned
