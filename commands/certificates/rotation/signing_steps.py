"""Steps that give one host of a rotation a certificate of the CA that signs now. Pure.

    keys ─▶ sign ─▶ test ─▶ note the ends of logs ─▶ swap and restart ─▶ pings, handshakes in other logs, own log ─▶ confirm
    a host that returns: before that its file of CAs is staged, and swapped in the same restart

What counts for a new certificate is the trust of the peers. A peer that answers a handshake logs it as received although the
host refuses the peer's certificate. So other logs must have the handshake, and the host's own log no refusal.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.commit_confirm import CONFIRM_WINDOW, FileSwap
from adapters.windows.nebula import NotePosition, ReachAddress
from adapters.windows.refusals import FindRefusals
from adapters.windows.trust import ReadTrust
from commands.certificates.renewal_steps import Renewal, build_preparation_steps, build_replacement
from commands.certificates.rotation.bundle_steps import build_stage_step
from commands.certificates.rotation.records import Mark, make_key
from commands.changes.commit_confirm import (
    PROOF_TIMEOUT,
    RETURN_TIMEOUT,
    CommitConfirmedChange,
    build_change_steps,
    build_gateway_step,
    get_windows_side,
    locate_working_folder,
)
from commands.changes.configuration_edit import ConfigurationEdit
from commands.model.plan import Part, PlannedAction, Product, Step

PATIENCE = 6.0
"""Least seconds for each proof. On all hosts of a fleet they take longer than the usual window, so it grows with them."""

CONFIRM_SHARE = 15
"""Seconds of a window that are left for the confirmation after all proofs."""


@dataclass(frozen=True)
class Signing:
    """A new certificate of one host. Its peers prove it: `renewal.witnesses`.

    `meets_all`: the host pings each of them, so that every one shakes hands with it. `edit` is the edit of the file of CAs
    with which a host returns; None if that lists the signing CA already. `canary` is a certificate of that CA, by which a
    host that returns proves its trust; "" for all others. `is_quiet`: the peers have certificates of CAs that the host
    trusts, so its own log must have no refusal.
    """

    renewal: Renewal
    meets_all: bool = False
    edit: ConfigurationEdit | None = None
    canary: str = ""
    is_quiet: bool = True

    @property
    def host(self) -> Host:
        return self.renewal.host

    @property
    def met_hosts(self) -> tuple[Host, ...]:
        """Hosts that it pings beside the lighthouse."""
        return tuple(each for each in self.renewal.witnesses if not each.lighthouse) if self.meets_all else ()

    @property
    def patience(self) -> float:
        """Seconds for each proof."""
        return max(PATIENCE, PROOF_TIMEOUT / max(1, self.proof_count))

    @property
    def proof_count(self) -> int:
        pings = self.renewal.tunnel.proof_count + len(self.met_hosts)
        return pings + self.is_quiet + self.renewal.gateway_answers + bool(self.canary)

    @property
    def window(self) -> int:
        """Seconds after which the host rolls back unless the change is confirmed."""
        return max(CONFIRM_WINDOW, math.ceil(RETURN_TIMEOUT + self.patience * self.proof_count + CONFIRM_SHARE))

    def make_note_key(self) -> str:
        """Makes the key of the step that notes the end of the host's own log."""
        return self.renewal.make_key(f"note/{self.host.name}")


def build_signing_part(signing: Signing) -> Part:
    """Builds the part of one host."""
    renewal, edit = signing.renewal, signing.edit
    trusted = renewal.held.paths.ca_certificate if edit is None else edit.swap.source
    notes = (*renewal.tunnel.build_note_steps(), *_build_own_note(signing))
    steps = (
        *(() if edit is None else (build_stage_step(edit, Mark.TRUST),)),
        *build_preparation_steps(renewal, trusted),
        *build_change_steps(_build_swap(signing), notes, tuple(_build_proofs(signing))),
    )
    return Part(host=signing.host.name, steps=steps)


def _build_swap(signing: Signing) -> CommitConfirmedChange:
    """Builds the change that puts the new pair in place, and the file of CAs with it."""
    taken = build_replacement(signing.renewal, signing.window)
    if signing.edit is None:
        return taken
    swaps: tuple[FileSwap, ...] = (signing.edit.swap, *taken.change.swaps)
    phrase = Phrase(
        "install the CAs and the new pair and restart Nebula ({host} reverts automatically unless confirmed within "
        "{window} s)",
        host=signing.host.name,
        window=signing.window,
    )
    undo = Phrase("restore the CAs and the old pair and restart Nebula")
    change = taken.change.model_copy(update={"swaps": swaps})
    return replace(taken, change=change, phrase=phrase, undo_phrase=undo)


def _build_proofs(signing: Signing) -> Iterator[Step]:
    """Builds the proofs. Pings come first, because traffic makes Nebula shake hands; the host's own log comes last."""
    renewal, patience = signing.renewal, signing.patience
    yield from _build_trust_proof(signing)
    yield from (_build_meeting(signing, met) for met in signing.met_hosts)
    yield from renewal.tunnel.build_proof_steps(Product(step=renewal.make_key("sign"), field="fingerprint"), patience)
    if renewal.gateway_answers:
        yield build_gateway_step(signing.host, patience)
    yield from _build_own_proof(signing)


def _build_trust_proof(signing: Signing) -> Iterator[Step]:
    """Builds the proof that a host that returns trusts the new CA: its file, a start later than that, and the canary."""
    if not signing.canary:
        return
    side, folder = get_windows_side(signing.host), locate_working_folder(signing.host, signing.renewal.operation)
    expected = {} if signing.edit is None else {"sha256": signing.edit.edited.sha256}
    yield Step(
        key=make_key(signing.host.name, Mark.TRUST, "loaded"),
        host=signing.host.name,
        deed=PlannedAction.of(ReadTrust.of(side, folder, signing.canary)),
        phrase=Phrase("check that {host} trusts the new CA", host=signing.host.name),
        expect={**expected, "verified": True, "loaded": True},
        patience=signing.patience,
    )


def _build_meeting(signing: Signing, met: Host) -> Step:
    """Builds the ping to one other host."""
    return Step(
        key=signing.renewal.make_key(f"meet/{met.name}"),
        host=signing.host.name,
        deed=PlannedAction.of(ReachAddress(address=str(met.overlay.ip))),
        phrase=Phrase("ping {host}", host=met.name),
        expect={"reachable": True},
        patience=signing.patience,
    )


def _build_own_note(signing: Signing) -> Iterator[Step]:
    if signing.is_quiet:
        log = get_windows_side(signing.host).paths.nebula_log
        yield Step(
            key=signing.make_note_key(),
            host=signing.host.name,
            deed=PlannedAction.of(NotePosition(log=log)),
            phrase=Phrase("record the end of Nebula's log"),
        )


def _build_own_proof(signing: Signing) -> Iterator[Step]:
    if signing.is_quiet:
        log = get_windows_side(signing.host).paths.nebula_log
        after = Product(step=signing.make_note_key(), field="position")
        yield Step(
            key=signing.renewal.make_key("refusals"),
            host=signing.host.name,
            deed=PlannedAction.of(FindRefusals(log=log, after=0), after=after),
            phrase=Phrase("check that {host} refused no certificate", host=signing.host.name),
            expect={"count": 0},
            patience=signing.patience,
        )
