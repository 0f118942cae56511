"""Steps that have one host refuse certificates: config.yaml is edited and tried, Nebula restarts, and all is proven. Pure.

stage ─▶ nebula -test ─▶ note the ends of logs ─▶ swap, restart ─▶ Nebula says what it blocks, pings, handshakes ─▶ confirm
      Nebula does not run: ─▶ swap ─▶ the file on the disk ─▶ confirm          it counts from the next start of Nebula
      the file is right, and Nebula has not started since: ─▶ restart ─▶ …

`nebula -test` takes any text as a fingerprint and ignores a misspelt key. Only what Nebula logs at its start is a proof.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PureWindowsPath

from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.blocklist import FindBlocklist
from adapters.windows.commit_confirm import CONFIRM_WINDOW, BeginChange, ServiceMove
from adapters.windows.configuration import ReadConfiguration
from adapters.windows.configuration_trial import TestConfiguration
from adapters.windows.nebula import NotePosition
from commands.model.plan import Check, Part, PlannedAction, Product, Step
from commands.planning.commit_confirm import (
    CONFIRM_TIMEOUT,
    PROOF_TIMEOUT,
    REVERT_TIMEOUT,
    CommitConfirmedChange,
    TunnelProof,
    build_begin_step,
    build_confirm_step,
    build_gateway_step,
    get_windows_side,
)
from commands.planning.configuration_edit import ConfigurationEdit, build_stage_steps, build_tidy_step
from commands.planning.stages import name_stage

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
