"""Steps that give a new host its gateway: nginx.conf from that of a member, OpenResty, its id and peers. Pure.

stage ─▶ nginx -t on the staged copy ─▶ begin: put in place, start ─▶ API, host_id and peers ─▶ confirm ─▶ tidy

A host that has an nginx.conf keeps it: OpenResty is started or proven there, and peers that it lacks are added later.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PureWindowsPath

from adapters.gateway.reload import ProveSync
from adapters.phrase import Phrase
from adapters.windows.commit_confirm import CONFIRM_WINDOW, BeginChange, FileSwap
from adapters.windows.configuration import stage_path
from adapters.windows.configuration_trial import TestConfiguration
from adapters.windows.nebula import ForgetFolder
from adapters.windows.new_host import ReadNewHost, StageFile
from commands.changes.commit_confirm import (
    PROOF_TIMEOUT,
    REVERT_TIMEOUT,
    CommitConfirmedChange,
    build_change_steps,
    build_gateway_step,
    get_windows_side,
    locate_working_folder,
    move_gateway,
)
from commands.changes.host_plan import HostPlan, name_stage
from commands.changes.impact import HostWorkload
from commands.configuration.diff import diff_splices, require_no_secret
from commands.configuration.gateway_copy import renumber_gateway
from commands.configuration.splice import UnsuitableText, apply_splices
from commands.hosts.add.newcomer import NewHost
from commands.hosts.suspend.resume_steps import build_gateway_part
from commands.model.operation import CannotPlan
from commands.model.plan import Check, FileEdit, Part, PlannedAction, Premise, Step
from commands.services.steps import ServiceState


@dataclass(frozen=True)
class NewGateway:
    """Gateway of a new host: its nginx.conf, and the peers that this names."""

    new: NewHost
    content: bytes
    peers: tuple[str, ...]

    @property
    def operation(self) -> str:
        """Name of the change on the host, where Nebula's has the operation's own."""
        return f"{self.new.operation}-gateway"

    @property
    def file(self) -> str:
        return get_windows_side(self.new.host).paths.gateway_config

    @property
    def base(self) -> str:
        return str(PureWindowsPath(self.file).parent)

    @property
    def folder(self) -> str:
        """The operation's working folder on the host, which its identity has left by then."""
        return locate_working_folder(self.new.host, self.new.operation)

    def build_sync_step(self, patience: float) -> Step:
        """Builds the step that proves the id and the peers with which nginx runs."""
        return Step(
            key=self.new.make_key("sync"),
            host=self.new.name,
            deed=PlannedAction.of(ProveSync(host_id=self.new.host.id, peers=self.peers)),
            phrase=Phrase(
                "check that the gateway responds with host ID {id} and {n} peer",
                plural="check that the gateway responds with host ID {id} and {n} peers",
                id=str(self.new.host.id),
                n=len(self.peers),
            ),
            expect={"state": "as configured"},
            patience=patience,
        )


def plan_gateway(new: NewHost, peers: Sequence[str], redact: Callable[[str], str]) -> HostPlan | None:
    """Plans the gateway; None for a host without one. `peers` are the addresses of all other gateways.

    Raises `CannotPlan` if the pattern's nginx.conf cannot be that of another host.
    """
    if new.host.gateway is None:
        return None
    if new.state.gateway_config and not new.state.certificate:
        file = get_windows_side(new.host).paths.gateway_config
        raise CannotPlan(Phrase("{host} has {file} already, but no certificate. Remove it there", host=new.name, file=file))
    if new.state.gateway_config:
        state = ServiceState(new.host, "openresty", new.services, HostWorkload(new.host, (), None))
        return HostPlan(part=build_gateway_part(state, new.operation))
    pattern = new.pattern.gateway
    if pattern is None:
        raise CannotPlan(Phrase("{host} has no nginx.conf for {new}", host=new.pattern.host.name, new=new.name))
    try:
        require_no_secret(pattern.content, redact)
        splices = renumber_gateway(pattern.content, new.pattern.host.id, new.host.id, peers)
        diff = diff_splices(pattern.content, splices, redact)
    except UnsuitableText as error:
        why = error.locate(pattern.file, pattern.content)
        raise CannotPlan(Phrase("{host}: {why}", host=new.pattern.host.name, why=why)) from error
    gateway = NewGateway(new, apply_splices(pattern.content, splices), tuple(peers))
    made = Phrase(
        "its nginx.conf is made from that of {host}, with host ID {id} and {n} peer",
        plural="its nginx.conf is made from that of {host}, with host ID {id} and {n} peers",
        host=new.pattern.host.name,
        id=str(new.host.id),
        n=len(peers),
    )
    return HostPlan(
        part=name_stage(build_new_gateway_part(gateway), new.make_key("gateway")),
        premises=(Premise(host=new.pattern.host.name, what="nginx.conf", value=pattern.sha256, phrase=made),),
        edits=(FileEdit(host=new.name, file=gateway.file, diff=diff),),
    )


def build_new_gateway_part(gateway: NewGateway) -> Part:
    """Builds the part that puts nginx.conf in place and starts OpenResty with it."""
    new, half = gateway.new, PROOF_TIMEOUT / 2
    proofs = (build_gateway_step(new.host, half), gateway.build_sync_step(half))
    tidy = Step(
        key=new.make_key("tidy"),
        host=new.name,
        deed=PlannedAction.of(ForgetFolder(folder=gateway.folder)),
        phrase=Phrase("remove the working folder"),
    )
    return Part(
        host=new.name, steps=(*_build_stage_steps(gateway), *build_change_steps(_build_change(gateway), (), proofs), tidy)
    )


def _build_stage_steps(gateway: NewGateway) -> tuple[Step, Step]:
    new, side = gateway.new, get_windows_side(gateway.new.host)
    return (
        Step(
            key=new.make_key("stage"),
            host=new.name,
            deed=PlannedAction.of(StageFile.of(gateway.folder, gateway.base, gateway.file, gateway.content)),
            phrase=Phrase("prepare {file} beside the active configuration", file=gateway.file),
            undo=PlannedAction.of(ForgetFolder(folder=gateway.folder)),
            undo_phrase=Phrase("remove the new file"),
        ),
        Step(
            key=new.make_key("test"),
            host=new.name,
            deed=PlannedAction.of(TestConfiguration.of_gateway(side, gateway.folder)),
            phrase=Phrase("test the new file with {program}", program="nginx -t"),
            expect={"state": "good"},
        ),
    )


def _build_change(gateway: NewGateway) -> CommitConfirmedChange:
    new, side = gateway.new, get_windows_side(gateway.new.host)
    change = BeginChange(
        operation=gateway.operation,
        swaps=(FileSwap(source=stage_path(gateway.folder, gateway.base, gateway.file), target=gateway.file),),
        services=(move_gateway(side, "start"),),
    )
    phrase = Phrase(
        "install nginx.conf and start OpenResty ({host} removes it automatically unless confirmed within {window} s)",
        host=new.name,
        window=CONFIRM_WINDOW,
    )
    read = PlannedAction.of(ReadNewHost.of(new.host))
    gone = Check(host=new.name, deed=read, expect={"gateway_config": ""}, patience=REVERT_TIMEOUT)
    return CommitConfirmedChange(new.host, change, phrase, Phrase("stop OpenResty and remove nginx.conf"), (gone,))
