"""Steps that reload a gateway on one host, and obstacles to that. Pure.

test ─▶ stage ─▶ note ─▶ begin: reload ─▶ new workers, host_id and peers ─▶ keep a copy ─▶ confirm ─▶ tidy
                           └ not confirmed: the guard restores the last good files and reloads
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PureWindowsPath

from adapters.inventory import Host, WindowsSide
from adapters.phrase import Phrase
from adapters.windows.commit_confirm import CONFIRM_WINDOW, BeginChange, FileSwap, ReadChange
from adapters.windows.configuration import EDIT_FOLDER, stage_path
from adapters.windows.configuration_trial import TestConfiguration
from adapters.windows.good_configuration import GoodConfiguration, StageGood
from adapters.windows.nebula import ForgetFolder
from adapters.windows.services import Services
from commands.changes.commit_confirm import (
    CommitConfirmedChange,
    build_begin_step,
    build_confirm_step,
    get_windows_side,
    locate_working_folder,
    move_gateway,
)
from commands.changes.configuration_edit import ReloadProof, build_keep_step
from commands.gateways.files import GatewayFiles
from commands.model.plan import Part, PlannedAction, Step


@dataclass(frozen=True)
class HostReload:
    """A reload of one gateway. `peers` are those of the present files, `good_peers` of the last good ones; None: unknown."""

    files: GatewayFiles
    operation: str
    peers: tuple[str, ...] | None
    good_peers: tuple[str, ...] | None

    @property
    def host(self) -> Host:
        return self.files.host

    @property
    def side(self) -> WindowsSide:
        return get_windows_side(self.host)

    @property
    def restores(self) -> bool:
        """True if a rollback puts other files back."""
        return bool(self.files.replaced)

    @property
    def folder(self) -> str:
        """The operation's working folder on the host."""
        return locate_working_folder(self.host, self.operation)

    def make_key(self, name: str) -> str:
        """Makes the key of a step."""
        return f"{self.host.name}/{name}"


def find_reload_obstacle(services: Services, host: str) -> Phrase | None:
    """Finds the reason why a gateway cannot be reloaded now; None if there is none."""
    if services.nebula.status != "Running":
        return Phrase("Nebula is not running, so nginx has no overlay address. Start Nebula first")
    running = services.nginx_processes > 0 if services.gateway_is_bare else services.gateway.status == "Running"
    if not running:
        return Phrase(
            "nginx is not running, so there is nothing to reload. Run {words}", words=f"service start openresty {host}"
        )
    return None


def build_reload_part(reload: HostReload) -> Part:
    """Builds the part of one host."""
    host, configuration = reload.host, reload.files.configuration
    proof = ReloadProof(host, reload.peers)
    steps = (
        _build_test_step(reload),
        *_build_staging_steps(reload),
        proof.build_note_step(),
        build_begin_step(_build_change(reload)),
        *proof.build_proof_steps(),
        build_keep_step(host, configuration.base, configuration.sha256, configuration.present),
        build_confirm_step(host, reload.operation),
        *_build_tidy_steps(reload),
    )
    return Part(host=host.name, steps=steps)


def _build_test_step(reload: HostReload) -> Step:
    return Step(
        key=reload.make_key("test"),
        host=reload.host.name,
        deed=PlannedAction.of(TestConfiguration.of_gateway(reload.side)),
        phrase=Phrase("test the configuration with nginx -t"),
        expect={"state": "good"},
    )


def _build_staging_steps(reload: HostReload) -> Iterator[Step]:
    """Builds the step that prepares the last good files for a rollback, if some differ.

    The working folder stays after a rollback: by then it has the only copy of the files that were replaced.
    """
    good = reload.files.good
    if not isinstance(good, GoodConfiguration) or not reload.files.replaced:
        return
    stage = StageGood(folder=reload.folder, base=good.base, sha256=good.sha256, files=reload.files.replaced)
    yield Step(
        key=reload.make_key("stage"),
        host=reload.host.name,
        deed=PlannedAction.of(stage),
        phrase=Phrase("prepare the last good files for a rollback"),
        undo=PlannedAction.of(ReadChange(operation=reload.operation)),
        undo_phrase=Phrase("leave the working folder, with the files that were replaced"),
    )


def _build_tidy_steps(reload: HostReload) -> Iterator[Step]:
    if reload.files.replaced:
        yield Step(
            key=reload.make_key("tidy"),
            host=reload.host.name,
            deed=PlannedAction.of(ForgetFolder(folder=reload.folder)),
            phrase=Phrase("remove the working folder"),
        )


def _build_change(reload: HostReload) -> CommitConfirmedChange:
    host = reload.host
    change = BeginChange(
        operation=reload.operation,
        services=(move_gateway(reload.side, "reload"),),
        fallbacks=tuple(_list_fallbacks(reload)),
    )
    phrase = (
        Phrase(
            "reload nginx ({host} reverts automatically unless confirmed within {window} s)",
            host=host.name,
            window=CONFIRM_WINDOW,
        )
        if reload.restores
        else Phrase("reload nginx ({host} has no last good configuration to restore)", host=host.name)
    )
    undo = (
        Phrase(
            "restore the last good files and reload nginx (the present ones stay in {folder} as .old)",
            folder=str(PureWindowsPath(reload.folder) / EDIT_FOLDER),
        )
        if reload.restores
        else Phrase("nothing can be restored: nginx keeps what it has loaded")
    )
    back = ReloadProof(host, reload.good_peers if reload.restores else None)
    return CommitConfirmedChange(host, change, phrase, undo, (back.build_return_check(),))


def _list_fallbacks(reload: HostReload) -> Iterator[FileSwap]:
    """Lists the files that a rollback puts in place."""
    base = reload.files.configuration.base
    for each in reload.files.replaced:
        yield FileSwap(source=stage_path(reload.folder, base, each.file), target=each.file)
