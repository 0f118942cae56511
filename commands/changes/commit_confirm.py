"""Steps of a commit-confirmed change: begin on the host, prove from outside, confirm.

note the ends of witnesses' logs ─▶ begin (unconfirmed, the host rolls back by itself) ─▶ tunnel, gateway ─▶ confirm

A change is files and folders, moves of services in order, and proofs: `build_change_steps`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import Literal

from adapters.gateway.api import ReadSystem as ReadGateway
from adapters.inventory import Host, WindowsSide
from adapters.phrase import Phrase
from adapters.windows.commit_confirm import (
    CONFIRM_WINDOW,
    START_PATIENCE,
    AbortChange,
    BareNginx,
    BeginChange,
    ChangeState,
    ConfirmChange,
    ReadChange,
    ServiceMove,
)
from adapters.windows.nebula import FindHandshake, NotePosition, ReachAddress
from commands.model.plan import Check, PlannedAction, Product, Step

STATUS_TIMEOUT = 30
"""Seconds that the host waits for a service to reach a state (`Wait-Status` of the guard)."""

SERVICE_TIMEOUT = 2 * STATUS_TIMEOUT + START_PATIENCE
"""Most seconds that the host takes to stop a service and start it: the last try may begin as its patience ends.

A reload takes less: 15 s each for nginx -t, for the call and for new workers.
"""

RETURN_TIMEOUT = 45.0
"""Seconds in which a host answers again after its change is applied: Nebula needs some to bring its address up."""

PROOF_TIMEOUT = 60.0
"""Seconds for all proofs together. With `RETURN_TIMEOUT` they leave 15 of the window's 120 for the confirmation."""

CONFIRM_TIMEOUT = 20.0
"""Seconds to prove the confirmation. It is on the host's disk before the host answers."""

REVERT_TIMEOUT = CONFIRM_WINDOW + SERVICE_TIMEOUT + RETURN_TIMEOUT
"""Seconds to prove the rollback of one service. A host that was cut off begins with it when its window is over."""

FINAL_STATES: tuple[ChangeState, ...] = ("confirmed", "reverted", "stuck", "down")
"""Final states of a change."""


@dataclass(frozen=True)
class TunnelProof:
    """Proof that a host is back in the overlay: it and the lighthouse reach each other, and witnesses log the handshake.

    `name` is the one in the host's certificate. Pings come first, because traffic makes Nebula shake hands.
    """

    host: Host
    lighthouse: Host
    witnesses: tuple[Host, ...]
    name: str

    @property
    def pinging_hosts(self) -> tuple[Host, ...]:
        """Hosts that ping the lighthouse."""
        return self.witnesses if self.host.lighthouse else (self.host,)

    @property
    def proof_count(self) -> int:
        return len(self.pinging_hosts) + len(self.witnesses)

    def build_note_steps(self) -> Iterator[Step]:
        """Builds the steps that note the ends of witnesses' logs. Only later lines count as proof."""
        for witness in self.witnesses:
            yield Step(
                key=self._make_note_key(witness),
                host=witness.name,
                deed=PlannedAction.of(NotePosition(log=get_windows_side(witness).paths.nebula_log)),
                phrase=Phrase("record the end of Nebula's log"),
            )

    def build_proof_steps(self, fingerprint: str | Product, patience: float) -> Iterator[Step]:
        """Builds the steps that prove the host to be back with that certificate; `patience` is for each of them."""
        for asker in self.pinging_hosts:
            yield Step(
                key=f"{self.host.name}/reach/{asker.name}",
                host=asker.name,
                deed=self._ping,
                phrase=Phrase("ping the Lighthouse"),
                expect={"reachable": True},
                patience=patience,
            )
        for witness in self.witnesses:
            yield Step(
                key=f"{self.host.name}/seen/{witness.name}",
                host=witness.name,
                deed=self._build_search(witness, fingerprint),
                phrase=Phrase("check the handshake of {host} in Nebula's log", host=self.host.name),
                expect={"found": True},
                patience=patience,
            )

    def build_return_check(self) -> Check:
        """Builds the check that the tunnel carries traffic again after a rollback."""
        return Check(host=self.pinging_hosts[0].name, deed=self._ping, expect={"reachable": True}, patience=REVERT_TIMEOUT)

    @property
    def _ping(self) -> PlannedAction:
        return PlannedAction.of(ReachAddress(address=str(self.lighthouse.overlay.ip)))

    def _make_note_key(self, witness: Host) -> str:
        return f"{self.host.name}/note/{witness.name}"

    def _build_search(self, witness: Host, fingerprint: str | Product) -> PlannedAction:
        log, after = get_windows_side(witness).paths.nebula_log, Product(step=self._make_note_key(witness), field="position")
        if isinstance(fingerprint, str):
            return PlannedAction.of(FindHandshake(log=log, after=0, name=self.name, fingerprint=fingerprint), after=after)
        find = FindHandshake(log=log, after=0, name=self.name, fingerprint="")
        return PlannedAction.of(find, after=after, fingerprint=fingerprint)


@dataclass(frozen=True)
class CommitConfirmedChange:
    """A change that begins on a host, with its texts and the checks that prove a rollback beside the host's own report."""

    host: Host
    change: BeginChange
    phrase: Phrase
    undo_phrase: Phrase
    revert_checks: tuple[Check, ...] = ()


def move_gateway(side: WindowsSide, verb: Literal["start", "stop", "restart", "reload"]) -> ServiceMove:
    """Builds a move of a gateway: of its service, or of its nginx if the host has no such service."""
    paths = side.paths
    nginx = BareNginx(program=paths.gateway_exe, folder=paths.gateway_folder, config=paths.gateway_config)
    return ServiceMove(service=side.gateway_service, verb=verb, nginx=nginx)


def build_change_steps(taken: CommitConfirmedChange, notes: Iterable[Step], proofs: Iterable[Step]) -> tuple[Step, ...]:
    """Builds the steps of a change: notes of what is there before, the change, its proofs from outside, the confirmation."""
    return (*notes, build_begin_step(taken), *proofs, build_confirm_step(taken.host, taken.change.operation))


def build_begin_step(taken: CommitConfirmedChange) -> Step:
    """Builds the step that begins the change. It may cut the connection that it came by.

    The window begins when the change is applied, however late that is.
    """
    host, operation = taken.host, taken.change.operation
    further = SERVICE_TIMEOUT * max(0, len(taken.change.services) - 1)
    longer = max(0, taken.change.window - CONFIRM_WINDOW)
    return Step(
        key=f"{host.name}/begin",
        host=host.name,
        deed=PlannedAction.of(taken.change),
        phrase=taken.phrase,
        verify=build_state_check(host, operation, "applied", SERVICE_TIMEOUT + RETURN_TIMEOUT + further),
        unbegun={"state": "absent"},
        undo=PlannedAction.of(AbortChange(operation=operation)),
        undo_phrase=taken.undo_phrase,
        undone=(build_state_check(host, operation, "reverted", REVERT_TIMEOUT + further + longer), *taken.revert_checks),
    )


def build_gateway_step(host: Host, patience: float) -> Step:
    """Builds the step that proves the gateway's health page."""
    return Step(
        key=f"{host.name}/gateway",
        host=host.name,
        deed=PlannedAction.of(ReadGateway()),
        phrase=Phrase("check that the gateway responds"),
        expect={"healthy": True},
        patience=patience,
    )


def build_confirm_step(host: Host, operation: str) -> Step:
    """Builds the step that confirms the applied change."""
    return Step(
        key=f"{host.name}/confirm",
        host=host.name,
        deed=PlannedAction.of(ConfirmChange(operation=operation)),
        phrase=Phrase("confirm the change ({host} cancels its automatic rollback)", host=host.name),
        verify=build_state_check(host, operation, "confirmed", CONFIRM_TIMEOUT),
    )


def get_windows_side(host: Host) -> WindowsSide:
    """Returns the Windows side of a host that has one."""
    assert host.windows is not None
    return host.windows


def locate_working_folder(host: Host, operation: str) -> str:
    """Returns the path of an operation's folder on a host, which SYSTEM and Administrators alone can read."""
    return str(PureWindowsPath(get_windows_side(host).paths.base) / "operations" / operation)


def build_state_check(host: Host, operation: str, expected: ChangeState, patience: float) -> Check:
    """Builds the check that the host reports this state of the change."""
    return Check(
        host=host.name,
        deed=PlannedAction.of(ReadChange(operation=operation)),
        expect={"state": expected},
        patience=patience,
        never={"state": tuple(end for end in FINAL_STATES if end != expected)},
    )
