"""Steps that suspend a host, as one part: it is suspended as a whole, or everything is as before. Pure.

containers, the last started first: restart policy no ─▶ stop
start types: manual ─▶ OpenResty, then Nebula stop in the guard ─▶ look at both ─▶ confirm

Start types come before the services, because nothing may fail after the confirmation: what is confirmed is not rolled back.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adapters.gateway.api import ReadSystem as ReadGateway
from adapters.inventory import Host
from adapters.phrase import Listing, Phrase
from adapters.windows.commit_confirm import CONFIRM_WINDOW, BeginChange, ServiceMove
from adapters.windows.services import ReadServiceStates, SetStartTypes, StartSetting
from adapters.wsl.containers import ListedContainer, MoveContainer, ReadContainerState, SetRestartPolicy
from commands.changes.commit_confirm import (
    REVERT_TIMEOUT,
    CommitConfirmedChange,
    build_change_steps,
    get_windows_side,
    move_gateway,
)
from commands.hosts.suspend.facts import HostSight
from commands.hosts.suspend.records import Mark, make_key
from commands.model.plan import Check, Part, PlannedAction, Step
from commands.services.steps import DISPLAY_NAMES, ServiceName

STOP_TIMEOUT = 20.0
"""Seconds to prove that a container has stopped. podman gives it 30 s before, within its own action."""

BOOT_POLICIES = ("always", "unless-stopped")
"""Restart policies with which podman starts a container when WSL2 starts."""

START_FIELDS: dict[ServiceName, str] = {"nebula": "nebula_start", "openresty": "gateway_start"}
"""Fields of `ServiceStates` with the start types."""


@dataclass(frozen=True)
class SuspendNeed:
    """Need of a host: the containers to stop, in the order in which they stop, and the services to stop and to set.

    `services` are in the order in which they stop.
    """

    sight: HostSight
    operation: str
    containers: Sequence[ListedContainer]
    services: Sequence[ServiceName]
    settings: Sequence[ServiceName]
    kept: Sequence[ServiceName] = ()

    @property
    def host(self) -> Host:
        return self.sight.host

    @property
    def met(self) -> bool:
        """True if nothing is left to do."""
        return not (self.containers or self.services or self.settings)


def build_suspend_part(need: SuspendNeed) -> Part:
    """Builds the part."""
    part = Part(host=need.host.name, steps=tuple(_build_steps(need)))
    return tell_situation(part, Phrase("{host} is suspended", host=need.host.name))


def tell_situation(part: Part, situation: Phrase) -> Part:
    """Returns the part whose last step brings the host into this situation."""
    last = part.steps[-1].model_copy(update={"situation": situation})
    return part.model_copy(update={"steps": (*part.steps[:-1], last)})


def resets_policy(container: ListedContainer, sight: HostSight) -> bool:
    """Returns whether a suspension changes the restart policy of a container."""
    return sight.changes_policies and container.restart_policy in BOOT_POLICIES


def _build_steps(need: SuspendNeed) -> Iterator[Step]:
    total = len(need.containers)
    for count, container in enumerate(need.containers, start=1):
        if resets_policy(container, need.sight):
            yield build_policy_step(need.host, container, "no")
        told = Phrase("{n} of {total} containers of {host} are stopped", n=count, total=total, host=need.host.name)
        yield _build_stop_step(need.host, container).model_copy(update={"situation": told})
    if need.settings:
        yield _build_start_type_step(need)
    look = _build_look_step(need)
    if need.services:
        yield from build_change_steps(_build_change(need), (), (look,))
    else:
        yield look


def build_policy_step(host: Host, container: ListedContainer, policy: str) -> Step:
    """Builds the step that sets the restart policy of a container. A rollback restores the present one."""
    before, read = container.restart_policy, PlannedAction.of(ReadContainerState(container=container.id))
    return Step(
        key=f"{host.name}/policy/{container.id}",
        host=host.name,
        deed=PlannedAction.of(SetRestartPolicy(container=container.id, policy=policy)),
        phrase=Phrase("set the restart policy of {name} to {policy}", name=container.name, policy=policy),
        verify=Check(host=host.name, deed=read, expect={"restart_policy": policy}, patience=STOP_TIMEOUT),
        undo=PlannedAction.of(SetRestartPolicy(container=container.id, policy=before)),
        undo_phrase=Phrase("set it back to {policy}", policy=before),
        undone=(Check(host=host.name, deed=read, expect={"restart_policy": before}, patience=STOP_TIMEOUT),),
    )


def _build_stop_step(host: Host, container: ListedContainer) -> Step:
    read = PlannedAction.of(ReadContainerState(container=container.id))
    return Step(
        key=make_key(host.name, Mark.STOP, container.id),
        host=host.name,
        deed=PlannedAction.of(MoveContainer(verb="stop", container=container.id)),
        phrase=Phrase("stop {name}", name=container.name),
        verify=Check(host=host.name, deed=read, expect={"present": True, "running": False}, patience=STOP_TIMEOUT),
        undo=PlannedAction.of(MoveContainer(verb="start", container=container.id)),
        undo_phrase=Phrase("start {name} again", name=container.name),
        undone=(Check(host=host.name, deed=read, expect={"running": True}, patience=STOP_TIMEOUT),),
    )


def _build_start_type_step(need: SuspendNeed) -> Step:
    host, names = need.host, need.settings
    before: dict[ServiceName, str] = {name: need.sight.get_service(name).service.start_type for name in names}
    return build_start_type_step(host, dict.fromkeys(names, "Manual"), before)


def build_start_type_step(host: Host, wanted: dict[ServiceName, str], before: dict[ServiceName, str]) -> Step:
    """Builds the step that sets how services start with Windows; `before` is what a rollback restores."""
    read = PlannedAction.of(ReadServiceStates.of(get_windows_side(host)))
    expect, old = ({START_FIELDS[name]: kind for name, kind in given.items()} for given in (wanted, before))
    names = Listing(tuple(DISPLAY_NAMES[name] for name in wanted))
    kinds = list(dict.fromkeys(wanted.values()))
    return Step(
        key=f"{host.name}/start-types",
        host=host.name,
        deed=_plan_settings(host, wanted),
        phrase=Phrase("set the startup type of {services} to {type}", services=names, type=kinds[0])
        if len(kinds) == 1
        else Phrase("set the startup types of {services} back", services=names),
        verify=Check(host=host.name, deed=read, expect={**expect}, patience=STOP_TIMEOUT),
        unbegun={**old},
        undo=_plan_settings(host, before),
        undo_phrase=Phrase("restore the startup types"),
        undone=(Check(host=host.name, deed=read, expect={**old}, patience=STOP_TIMEOUT),),
    )


def _plan_settings(host: Host, kinds: dict[ServiceName, str]) -> PlannedAction:
    side = get_windows_side(host)
    services = {"nebula": side.nebula_service, "openresty": side.gateway_service}
    return PlannedAction.of(
        SetStartTypes(
            services=tuple(
                StartSetting.model_validate({"name": services[name], "start_type": kind}) for name, kind in kinds.items()
            )
        )
    )


def _build_look_step(need: SuspendNeed) -> Step:
    """Builds the step that proves that the services have stopped."""
    host = need.host
    stopped = [name for name in need.sight.service_names if name not in need.kept]
    expect: dict[str, str | bool] = {}
    if "nebula" in stopped:
        expect["nebula"] = "Stopped"
    if "openresty" in stopped:
        expect["nginx"] = False
    return Step(
        key=f"{host.name}/look",
        host=host.name,
        deed=PlannedAction.of(ReadServiceStates.of(get_windows_side(host))),
        phrase=Phrase(
            "check what has stopped: {services}", services=Listing(tuple(DISPLAY_NAMES[name] for name in stopped))
        ),
        expect=expect,
        patience=STOP_TIMEOUT,
    )


def _build_change(need: SuspendNeed) -> CommitConfirmedChange:
    host, side = need.host, get_windows_side(need.host)
    moves = tuple(
        move_gateway(side, "stop")
        if need.sight.get_service(name).bare
        else ServiceMove(service=side.nebula_service if name == "nebula" else side.gateway_service, verb="stop")
        for name in need.services
    )
    what = Listing(tuple(DISPLAY_NAMES[name] for name in need.services))
    gateway = Check(host=host.name, deed=PlannedAction.of(ReadGateway()), expect={"healthy": True}, patience=REVERT_TIMEOUT)
    return CommitConfirmedChange(
        host,
        BeginChange(operation=need.operation, services=moves),
        Phrase(
            "{done} ({host} reverts automatically unless confirmed within {window} s)",
            done=Phrase("stop {service}", service=what),
            window=CONFIRM_WINDOW,
            host=host.name,
        ),
        Phrase("start {service} again", service=what),
        (gateway,) if "openresty" in need.services else (),
    )
