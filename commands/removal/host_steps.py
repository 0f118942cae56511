"""Steps on the removed host itself, if it is not lost: OpenResty stops first, Nebula when all others refuse it. Pure.

    OpenResty: stop
    Nebula: note the lighthouse's log ─▶ a ping must fail, and be refused ─▶ start types: disabled ─▶ stop ─▶ look ─▶ confirm
    keys: overwritten and deleted, on the host and wherever the lighthouse has a copy of them

What is wiped cannot be restored, so it comes last. Start types come before the stop, because nothing may fail after the
confirmation.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.blocklist import FindBlocklist
from adapters.windows.commit_confirm import CONFIRM_WINDOW, BeginChange, ServiceMove
from adapters.windows.key_files import ReadKeyRemains, WipeKeys
from adapters.windows.nebula import NotePosition, ReachAddress
from adapters.windows.services import ReadServiceStates, Services
from commands.model.plan import Check, Part, PlannedAction, Product, Step
from commands.planning.commit_confirm import (
    CONFIRM_TIMEOUT,
    PROOF_TIMEOUT,
    CommitConfirmedChange,
    build_change_steps,
    get_windows_side,
)
from commands.planning.impact import HostWorkload
from commands.planning.stages import name_stage
from commands.services.steps import ServiceName, ServiceState, build_service_part
from commands.suspension.suspend_steps import STOP_TIMEOUT, build_start_type_step

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
