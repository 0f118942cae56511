"""Steps that have one host refuse certificates: config.yaml is edited and tried, Nebula restarts, and all is proven. Pure.

stage ─▶ nebula -test ─▶ note the ends of logs ─▶ swap, restart ─▶ Nebula says what it blocks, pings, handshakes ─▶ confirm
      Nebula does not run: ─▶ swap ─▶ the file on the disk ─▶ confirm          it counts from the next start of Nebula
      the file is right, and Nebula has not started since: ─▶ restart ─▶ …

`nebula -test` takes any text as a fingerprint and ignores a misspelt key. Only what Nebula logs at its start is a proof.

Steps on the removed host itself, if it is not lost: OpenResty stops first, Nebula when all others refuse it. Pure.

    OpenResty: stop
    Nebula: note the lighthouse's log ─▶ a ping must fail, and be refused ─▶ start types: disabled ─▶ stop ─▶ look ─▶ confirm
    keys: overwritten and deleted, on the host and wherever the lighthouse has a copy of them

What is wiped cannot be restored, so it comes last. Start types come before the stop, because nothing may fail after the
confirmation.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PureWindowsPath

from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.blocklist import FindBlocklist
from adapters.windows.commit_confirm import CONFIRM_WINDOW, BeginChange, ServiceMove
from adapters.windows.configuration import ReadConfiguration
from adapters.windows.configuration_trial import TestConfiguration
from adapters.windows.key_files import ReadKeyRemains, WipeKeys
from adapters.windows.nebula import NotePosition, ReachAddress
from adapters.windows.services import ReadServiceStates, Services
from commands.changes.commit_confirm import (
    CONFIRM_TIMEOUT,
    PROOF_TIMEOUT,
    REVERT_TIMEOUT,
    CommitConfirmedChange,
    TunnelProof,
    build_begin_step,
    build_change_steps,
    build_confirm_step,
    build_gateway_step,
    get_windows_side,
)
from commands.changes.configuration_edit import ConfigurationEdit, build_stage_steps, build_tidy_step
from commands.changes.host_plan import name_stage
from commands.changes.impact import HostWorkload
from commands.hosts.suspend.suspend_steps import STOP_TIMEOUT, build_start_type_step
from commands.model.plan import Check, Part, PlannedAction, Product, Step
from commands.services.steps import ServiceName, ServiceState, build_service_part

PART_NAME = "blocklist"
"""Name of the part in the keys of its steps, and of the change on the host."""


@dataclass(frozen=True)
class BlocklistChange:
    """A change of the certificates that one host refuses.

    `edit` is None if its file names all of `fingerprints`. `tunnel` proves the restart by the host's certificate with
    `certificate` as its fingerprint; None: Nebula does not run. `gateway`: its gateway answers now, and must afterwards.
    """

    host: Host
    operation: str
    fingerprints: tuple[str, ...]
    edit: ConfigurationEdit | None
    tunnel: TunnelProof | None
    certificate: str = ""
    gateway: bool = False

    @property
    def change_name(self) -> str:
        """Name of the change on the host: another one of this operation may have the usual name."""
        return f"{self.operation}-{PART_NAME}"

    @property
    def patience(self) -> float:
        """Seconds for each proof after a restart."""
        return PROOF_TIMEOUT / (1 + self.gateway + (0 if self.tunnel is None else self.tunnel.proof_count))


def build_blocklist_part(change: BlocklistChange) -> Part:
    """Builds the part of one host."""
    return name_stage(Part(host=change.host.name, steps=tuple(_build_steps(change))), f"{change.host.name}/{PART_NAME}")


def _build_steps(change: BlocklistChange) -> Iterator[Step]:
    edit = change.edit
    if edit is not None:
        yield from build_stage_steps(edit, _build_test(change.host, edit))
    if change.tunnel is not None:
        yield _build_note_step(change)
        yield from change.tunnel.build_note_steps()
    yield build_begin_step(_build_change(change))
    yield from _build_proofs(change)
    yield build_confirm_step(change.host, change.change_name)
    if edit is not None:
        yield build_tidy_step(edit)


def _build_test(host: Host, edit: ConfigurationEdit) -> TestConfiguration:
    paths = get_windows_side(host).paths
    main = str(PureWindowsPath(paths.nebula_config))
    return TestConfiguration(program="nebula", exe=paths.nebula_exe, base=edit.base, main=main, folder=edit.folder)


def _build_note_step(change: BlocklistChange) -> Step:
    return Step(
        key=f"{change.host.name}/start",
        host=change.host.name,
        deed=PlannedAction.of(NotePosition(log=get_windows_side(change.host).paths.nebula_log)),
        phrase=Phrase("record the end of Nebula's log"),
    )


def _build_proofs(change: BlocklistChange) -> Iterator[Step]:
    """Builds the proofs: what Nebula says that it blocks, then its tunnels and its gateway."""
    if change.tunnel is None:
        assert change.edit is not None
        yield Step(
            key=f"{change.host.name}/file",
            host=change.host.name,
            deed=PlannedAction.of(ReadConfiguration(base=change.edit.base, file=change.edit.file)),
            phrase=Phrase("check that the edited file is there"),
            expect={"sha256": change.edit.edited.sha256},
            patience=CONFIRM_TIMEOUT,
        )
        return
    yield Step(
        key=f"{change.host.name}/blocked",
        host=change.host.name,
        deed=PlannedAction.of(
            FindBlocklist.of(get_windows_side(change.host), change.fingerprints),
            after=Product(step=f"{change.host.name}/start", field="position"),
        ),
        phrase=Phrase("check that Nebula blocks each of these certificates"),
        expect={"listed": True},
        patience=change.patience,
    )
    yield from change.tunnel.build_proof_steps(change.certificate, change.patience)
    if change.gateway:
        yield build_gateway_step(change.host, change.patience)


def _build_change(change: BlocklistChange) -> CommitConfirmedChange:
    host, edit = change.host, change.edit
    restart = ServiceMove(service=get_windows_side(host).nebula_service, verb="restart")
    begun = BeginChange(
        operation=change.change_name,
        swaps=() if edit is None else (edit.swap,),
        services=() if change.tunnel is None else (restart,),
    )
    if change.tunnel is None:
        done, undo = Phrase("install the edited file"), Phrase("restore the previous file")
    elif edit is None:
        done, undo = Phrase("restart {service}", service="Nebula"), Phrase("restart {service}", service="Nebula")
    else:
        done = Phrase("install the edited file and restart Nebula")
        undo = Phrase("restore the previous file and restart Nebula")
    phrase = Phrase(
        "{done} ({host} reverts automatically unless confirmed within {window} s)",
        done=done,
        host=host.name,
        window=CONFIRM_WINDOW,
    )
    return CommitConfirmedChange(host, begun, phrase, undo, tuple(_build_revert_checks(change)))


def _build_revert_checks(change: BlocklistChange) -> Iterator[Check]:
    if change.edit is not None:
        yield Check(
            host=change.host.name,
            deed=PlannedAction.of(ReadConfiguration(base=change.edit.base, file=change.edit.file)),
            expect={"sha256": change.edit.sha256},
            patience=REVERT_TIMEOUT,
        )
    if change.tunnel is not None:
        yield change.tunnel.build_return_check()


SETTABLE = ("Automatic", "Manual", "Disabled")
"""Start types that a rollback can restore."""


@dataclass(frozen=True)
class LeavingHost:
    """The host that leaves. `lighthouse` proves that it is refused with its certificates, which have these fingerprints."""

    host: Host
    services: Services
    lighthouse: Host
    operation: str
    fingerprints: tuple[str, ...] = ()

    def get_service(self, name: ServiceName) -> ServiceState:
        """Returns the state of one of its services."""
        return ServiceState(self.host, name, self.services, HostWorkload(self.host, None, None))

    @property
    def service_names(self) -> tuple[ServiceName, ...]:
        """Names of the services that Windows has there."""
        installed = {"nebula": self.services.nebula, "openresty": self.services.gateway}
        names: tuple[ServiceName, ...] = ("nebula", "openresty")
        return tuple(name for name in names if installed[name].status != "Absent")

    @property
    def serves(self) -> bool:
        """True if its gateway runs."""
        return self.host.gateway is not None and self.get_service("openresty").running

    @property
    def meshes(self) -> bool:
        """True if its Nebula runs."""
        return self.get_service("nebula").running


def build_gateway_part(leaving: LeavingHost) -> Part:
    """Builds the part that stops OpenResty."""
    part = build_service_part(leaving.get_service("openresty"), "stop", f"{leaving.operation}-openresty")
    return name_stage(part, f"{part.host}/openresty")


def list_nebula_parts(leaving: LeavingHost) -> Iterator[Part]:
    """Lists the part that proves the refusal, disables the services and stops Nebula; none if nothing is left to do."""
    steps = tuple(_build_nebula_steps(leaving))
    if steps:
        yield name_stage(Part(host=leaving.host.name, steps=steps), f"{leaving.host.name}/nebula")


def build_wipe_part(host: Host, files: Sequence[str]) -> Part:
    """Builds the part that wipes key files of one host. It cannot be rolled back."""
    side, names = get_windows_side(host), tuple(files)
    step = Step(
        key=f"{host.name}/wipe",
        host=host.name,
        deed=PlannedAction.of(WipeKeys.of(side, names)),
        phrase=Phrase(
            "overwrite and delete {n} private key: {file}",
            plural="overwrite and delete {n} private keys, the first is {file}",
            n=len(names),
            file=names[0],
        ),
        verify=Check(
            host=host.name,
            deed=PlannedAction.of(ReadKeyRemains.of(side, names)),
            expect={"left": 0},
            patience=CONFIRM_TIMEOUT,
        ),
    )
    return Part(host=host.name, steps=(step,))


def _build_nebula_steps(leaving: LeavingHost) -> Iterator[Step]:
    if leaving.meshes and leaving.fingerprints:
        yield from _build_refusal_steps(leaving)
    yield from _build_start_type_steps(leaving)
    if leaving.meshes:
        yield from build_change_steps(_build_stop(leaving), (), (_build_look_step(leaving),))


def _build_refusal_steps(leaving: LeavingHost) -> Iterator[Step]:
    """Builds the only true proof of the revocation: the host tries once more, and the lighthouse refuses it."""
    host, lighthouse = leaving.host, leaving.lighthouse
    side = get_windows_side(lighthouse)
    note = f"{host.name}/note/{lighthouse.name}"
    yield Step(
        key=note,
        host=lighthouse.name,
        deed=PlannedAction.of(NotePosition(log=side.paths.nebula_log)),
        phrase=Phrase("record the end of Nebula's log"),
    )
    yield Step(
        key=f"{host.name}/unreachable",
        host=host.name,
        deed=PlannedAction.of(ReachAddress(address=str(lighthouse.overlay.ip))),
        phrase=Phrase("check that {host} cannot reach the lighthouse any more", host=host.name),
        expect={"reachable": False},
        patience=PROOF_TIMEOUT,
    )
    yield Step(
        key=f"{host.name}/refused",
        host=lighthouse.name,
        deed=PlannedAction.of(FindBlocklist.of(side, leaving.fingerprints), after=Product(step=note, field="position")),
        phrase=Phrase("check that the lighthouse logs the refusal of a blocked certificate"),
        expect={"refused": True},
        patience=PROOF_TIMEOUT,
    )


def _build_start_type_steps(leaving: LeavingHost) -> Iterator[Step]:
    before = {name: leaving.get_service(name).service.start_type for name in leaving.service_names}
    changed = {name: kind for name, kind in before.items() if kind != "Disabled"}
    if changed:
        old: dict[ServiceName, str] = {name: kind if kind in SETTABLE else "Automatic" for name, kind in changed.items()}
        yield build_start_type_step(leaving.host, dict.fromkeys(changed, "Disabled"), old)


def _build_look_step(leaving: LeavingHost) -> Step:
    return Step(
        key=f"{leaving.host.name}/look",
        host=leaving.host.name,
        deed=PlannedAction.of(ReadServiceStates.of(get_windows_side(leaving.host))),
        phrase=Phrase("check that Nebula has stopped"),
        expect={"nebula": "Stopped"},
        patience=STOP_TIMEOUT,
    )


def _build_stop(leaving: LeavingHost) -> CommitConfirmedChange:
    host = leaving.host
    move = ServiceMove(service=get_windows_side(host).nebula_service, verb="stop")
    return CommitConfirmedChange(
        host,
        BeginChange(operation=f"{leaving.operation}-nebula", services=(move,)),
        Phrase(
            "{done} ({host} reverts automatically unless confirmed within {window} s)",
            done=Phrase("stop {service}", service="Nebula"),
            window=CONFIRM_WINDOW,
            host=host.name,
        ),
        Phrase("start {service} again", service="Nebula"),
    )
