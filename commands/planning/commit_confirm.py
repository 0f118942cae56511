"""Steps around a change that puts itself back: begun on the host, proven from outside, confirmed.

where witnesses' logs end ─▶ begin (unconfirmed, the host takes it back alone) ─▶ tunnel, gateway ─▶ confirm
"""

from collections.abc import Iterator
from dataclasses import dataclass

from adapters.gateway.api import ReadSystem as ReadGateway
from adapters.inventory import Host, WindowsSide
from adapters.phrase import Phrase
from adapters.windows.commit_confirm import AbortChange, BeginChange, ChangeState, ConfirmChange, ReadChange
from adapters.windows.nebula import FindHandshake, NotePosition, ReachAddress
from commands.model.plan import Check, Deed, Product, Step

APPLYING = 45.0
"""Seconds until a change must be seen applied: Windows takes some to stop Nebula, start it, and bring its address up."""

PROVING = 60.0
"""Seconds for all proofs together; with `APPLYING` they leave 15 of the window's 120 for the confirmation."""

CONFIRMING = 20.0
"""Seconds to see the confirmation; it is on the host's disk before it is answered."""

REVERTING = 180.0
"""Seconds to see the old state back: longer than the window, so that a host that was cut off does it alone."""

ENDS: tuple[ChangeState, ...] = ("confirmed", "reverted", "stuck")
"""States of a change that it never leaves."""


@dataclass(frozen=True)
class Tunnel:
    """How a host is known to be back in the overlay: it and the lighthouse reach one another, and witnesses log it.

    `name` stands in its certificate. Traffic comes first: it is what makes Nebula shake hands.
    """

    host: Host
    lighthouse: Host
    witnesses: tuple[Host, ...]
    name: str

    @property
    def askers(self) -> tuple[Host, ...]:
        """Who pings the lighthouse."""
        return self.witnesses if self.host.lighthouse else (self.host,)

    @property
    def proofs(self) -> int:
        return len(self.askers) + len(self.witnesses)

    def noted(self) -> Iterator[Step]:
        """Only what comes after this in witnesses' logs counts."""
        for witness in self.witnesses:
            yield Step(
                key=self._noting(witness),
                host=witness.name,
                deed=Deed.of(NotePosition(log=side_of(witness).paths.nebula_log)),
                phrase=Phrase("note where Nebula's log ends"),
            )

    def proven(self, fingerprint: str | Product, patience: float) -> Iterator[Step]:
        """The host is back with that certificate; `patience` is for each proof."""
        for asker in self.askers:
            yield Step(
                key=f"{self.host.name}/reach/{asker.name}",
                host=asker.name,
                deed=self._reach,
                phrase=Phrase("reach the lighthouse"),
                expect={"reachable": True},
                patience=patience,
            )
        for witness in self.witnesses:
            yield Step(
                key=f"{self.host.name}/seen/{witness.name}",
                host=witness.name,
                deed=self._find(witness, fingerprint),
                phrase=Phrase("find the handshake of {host} in Nebula's log", host=self.host.name),
                expect={"found": True},
                patience=patience,
            )

    def back(self) -> Check:
        """The tunnel carries something again."""
        return Check(host=self.askers[0].name, deed=self._reach, expect={"reachable": True}, patience=REVERTING)

    @property
    def _reach(self) -> Deed:
        return Deed.of(ReachAddress(address=str(self.lighthouse.overlay.ip)))

    def _noting(self, witness: Host) -> str:
        return f"{self.host.name}/note/{witness.name}"

    def _find(self, witness: Host, fingerprint: str | Product) -> Deed:
        log, after = side_of(witness).paths.nebula_log, Product(step=self._noting(witness), field="position")
        if isinstance(fingerprint, str):
            return Deed.of(FindHandshake(log=log, after=0, name=self.name, fingerprint=fingerprint), after=after)
        find = FindHandshake(log=log, after=0, name=self.name, fingerprint="")
        return Deed.of(find, after=after, fingerprint=fingerprint)


@dataclass(frozen=True)
class Taken:
    """What begins on a host: in words, how it is taken back, and what proves that beside the host's own word."""

    host: Host
    change: BeginChange
    phrase: Phrase
    undo_phrase: Phrase
    back: tuple[Check, ...] = ()


def begin(taken: Taken) -> Step:
    """The step that may cut the road it came by."""
    host, operation = taken.host, taken.change.operation
    return Step(
        key=f"{host.name}/begin",
        host=host.name,
        deed=Deed.of(taken.change),
        phrase=taken.phrase,
        verify=_state(host, operation, "applied", APPLYING),
        unbegun={"state": "absent"},
        undo=Deed.of(AbortChange(operation=operation)),
        undo_phrase=taken.undo_phrase,
        undone=(_state(host, operation, "reverted", REVERTING), *taken.back),
    )


def gateway_answers(host: Host, patience: float) -> Step:
    """The gateway of a host serves its health page."""
    return Step(
        key=f"{host.name}/gateway",
        host=host.name,
        deed=Deed.of(ReadGateway()),
        phrase=Phrase("the gateway answers"),
        expect={"healthy": True},
        patience=patience,
    )


def confirm(host: Host, operation: str) -> Step:
    """Keep what was applied and proven."""
    return Step(
        key=f"{host.name}/confirm",
        host=host.name,
        deed=Deed.of(ConfirmChange(operation=operation)),
        phrase=Phrase("keep it for good: {host} puts nothing back any more", host=host.name),
        verify=_state(host, operation, "confirmed", CONFIRMING),
    )


def side_of(host: Host) -> WindowsSide:
    """The Windows side of a host that has one."""
    assert host.windows is not None
    return host.windows


def _state(host: Host, operation: str, expected: ChangeState, patience: float) -> Check:
    """That the host says so of the change."""
    return Check(
        host=host.name,
        deed=Deed.of(ReadChange(operation=operation)),
        expect={"state": expected},
        patience=patience,
        never={"state": tuple(end for end in ENDS if end != expected)},
    )
