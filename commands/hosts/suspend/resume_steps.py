"""Steps that resume a host, in parts: each stage is proven, and a later one that fails takes no earlier one back. Pure.

Nebula ─▶ address, handshake ─▶ OpenResty ─▶ host ID ─▶ forwarding, route ─▶ containers, one by one ─▶ start types

A stage that is there already is only proven, so the same command goes on where an earlier one ended. A container that was
started is left running if its proof fails: a person must look at it.
"""

from collections.abc import Iterator, Mapping

from adapters.gateway.reload import ProveSync
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.nebula import ReachAddress
from adapters.windows.services import ReadServiceStates
from adapters.wsl.containers import ListedContainer, MoveContainer, ReadContainerState
from commands.changes.commit_confirm import PROOF_TIMEOUT, build_gateway_step, get_windows_side
from commands.changes.host_plan import name_stage
from commands.containers.serving_proof import SETTLING, ServingProof, Witness
from commands.hosts.suspend.facts import HostSight
from commands.hosts.suspend.records import Mark, make_key
from commands.hosts.suspend.suspend_steps import START_FIELDS, build_policy_step, build_start_type_step
from commands.model.plan import Check, Part, PlannedAction, Step
from commands.model.suspension import RememberedContainer, RememberedService
from commands.services.steps import ServiceName, ServiceState, build_service_part

ADDRESS_TIMEOUT = 45.0
"""Seconds in which Windows has Nebula's address again. nginx cannot start before that."""

SYNC_TIMEOUT = 30.0

START_TIMEOUT = 20.0


def build_nebula_part(state: ServiceState, operation: str) -> Part:
    """Builds the part that starts Nebula, or proves it where it runs."""
    host = state.host
    address = Step(
        key=make_key(host.name, Mark.NEBULA, "address"),
        host=host.name,
        deed=PlannedAction.of(ReachAddress(address=str(host.overlay.ip))),
        phrase=Phrase("wait until Windows has the address {address}", address=str(host.overlay.ip)),
        expect={"reachable": True},
        patience=ADDRESS_TIMEOUT,
    )
    if not state.running:
        begun = _name_stage(build_service_part(state, "start", f"{operation}-nebula"), Mark.NEBULA)
        place = next(n for n, step in enumerate(begun.steps) if step.key.endswith("/begin")) + 1
        return replace_steps(begun, (*begun.steps[:place], address, *begun.steps[place:]))
    ping = () if state.tunnel is None else tuple(state.tunnel.build_proof_steps(state.fingerprint, PROOF_TIMEOUT))[:1]
    return _name_stage(Part(host=host.name, steps=(address, *ping)), Mark.NEBULA)


def build_gateway_part(state: ServiceState, operation: str) -> Part:
    """Builds the part that starts OpenResty, or proves it where it runs."""
    host = state.host
    sync = Step(
        key=make_key(host.name, Mark.OPENRESTY, "sync"),
        host=host.name,
        deed=PlannedAction.of(ProveSync(host_id=host.id, peers=None)),
        phrase=Phrase("check the gateway's host ID in its synchronization status"),
        expect={"state": "as configured"},
        patience=SYNC_TIMEOUT,
    )
    if state.running:
        return _name_stage(Part(host=host.name, steps=(build_gateway_step(host, PROOF_TIMEOUT), sync)), Mark.OPENRESTY)
    begun = _name_stage(build_service_part(state, "start", f"{operation}-openresty"), Mark.OPENRESTY)
    return replace_steps(begun, (*begun.steps[:-1], sync, begun.steps[-1]))


def build_container_part(sight: HostSight, remembered: RememberedContainer, witness: Witness | None, verb: str) -> Part:
    """Builds the part that starts or restarts a container ("": it serves already), proves it, and restores its policy."""
    host, present = sight.host, sight.find_container(remembered)
    assert present is not None
    return Part(
        host=host.name,
        steps=(
            *_build_moves(host, present, verb),
            *ServingProof(
                host=host,
                name=present.name,
                container=present.id,
                witness=witness,
                prefix=make_key(host.name, Mark.START, present.id),
                settling=SETTLING if verb else 0,
            ).build_steps(),
            *_build_policy_steps(sight, remembered, present),
        ),
    )


def build_last_part(sight: HostSight, services: tuple[RememberedService, ...]) -> Part:
    """Builds the part that sets the start types back, and proves them. There is always something to prove."""
    now = {name: sight.get_service(name) for name in sight.service_names}
    kept: dict[ServiceName, str] = {
        each.service: each.start_type
        for each in services
        if each.service in now and each.start_type in ("Automatic", "Manual", "Disabled") and not now[each.service].bare
    }
    wanted = {name: kind for name, kind in kept.items() if now[name].service.start_type != kind}
    before: dict[ServiceName, str] = {name: now[name].service.start_type for name in wanted}
    changes = (build_start_type_step(sight.host, wanted, before),) if wanted else ()
    return Part(host=sight.host.name, steps=(*changes, _build_look_step(sight, kept)))


def _build_look_step(sight: HostSight, kept: Mapping[ServiceName, str]) -> Step:
    return Step(
        key=f"{sight.host.name}/look",
        host=sight.host.name,
        deed=PlannedAction.of(ReadServiceStates.of(get_windows_side(sight.host))),
        phrase=Phrase("check that the services start as before"),
        expect={START_FIELDS[name]: kind for name, kind in kept.items()},
        patience=START_TIMEOUT,
    )


def replace_steps(part: Part, steps: tuple[Step, ...]) -> Part:
    """Returns the part with these steps."""
    return part.model_copy(update={"steps": steps})


def _build_moves(host: Host, present: ListedContainer, verb: str) -> Iterator[Step]:
    if not verb:
        return
    phrase = (
        Phrase("start {name}", name=present.name)
        if verb == "start"
        else Phrase("restart {name}, so that it registers at the gateway", name=present.name)
    )
    read = PlannedAction.of(ReadContainerState(container=present.id))
    yield Step(
        key=make_key(host.name, Mark.START, f"{present.id}/move"),
        host=host.name,
        deed=PlannedAction.of(MoveContainer.model_validate({"verb": verb, "container": present.id})),
        phrase=phrase,
        verify=Check(host=host.name, deed=read, expect={"running": True}, patience=START_TIMEOUT),
    )


def _build_policy_steps(sight: HostSight, remembered: RememberedContainer, present: ListedContainer) -> Iterator[Step]:
    wanted = remembered.restart_policy
    if wanted and present.restart_policy != wanted:
        yield build_policy_step(sight.host, present, wanted)


def _name_stage(part: Part, mark: Mark) -> Part:
    """Names a stage in the keys of a part's steps, so that a plan can have two services of one host."""
    return name_stage(part, make_key(part.host, mark))
