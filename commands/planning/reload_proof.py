"""Steps that prove a reload of a gateway from outside, and keep its configuration as the last good one.

note workers and the end of error.log ─▶ reload ─▶ new workers, no [emerg] ─▶ host_id and peers ─▶ keep a copy ─▶ confirm

The note comes after the test of the configuration and before the reload, so that only what came since counts. A return code
of 0 proves nothing, and an answer of workers from before the reload never counts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adapters.gateway.reload import ProveSync
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.configuration import HashedFile
from adapters.windows.good_configuration import KeepGood, ReadGood
from adapters.windows.nginx import ReadNginx
from adapters.windows.nginx_reload import FindReload
from commands.model.plan import Check, PlannedAction, Product, Step
from commands.planning.commit_confirm import CONFIRM_TIMEOUT, PROOF_TIMEOUT, REVERT_TIMEOUT, get_windows_side

WORKERS_TIMEOUT = PROOF_TIMEOUT / 2
"""Seconds in which nginx has its new workers alone. Usually it takes one."""

SYNC_TIMEOUT = PROOF_TIMEOUT - WORKERS_TIMEOUT
"""Seconds in which the new workers answer with their configuration. Usually it takes 50 ms."""


@dataclass(frozen=True)
class ReloadProof:
    """Proof that a gateway runs with its configuration. `peers` are those that the file names; None if they are unknown."""

    host: Host
    peers: tuple[str, ...] | None

    def build_note_step(self) -> Step:
        """Builds the step that notes the workers and the end of error.log, right before the reload."""
        return Step(
            key=self._note_key,
            host=self.host.name,
            deed=PlannedAction.of(ReadNginx.of(get_windows_side(self.host))),
            phrase=Phrase("record the workers of nginx and the end of error.log"),
        )

    def build_proof_steps(self) -> Iterator[Step]:
        """Builds the steps that prove the reload."""
        yield Step(
            key=f"{self.host.name}/workers",
            host=self.host.name,
            deed=PlannedAction.of(
                FindReload.of(get_windows_side(self.host)),
                after=Product(step=self._note_key, field="position"),
                before=Product(step=self._note_key, field="workers"),
            ),
            phrase=Phrase("check that nginx has new workers, and no [emerg] in error.log"),
            expect={"state": "reloaded"},
            patience=WORKERS_TIMEOUT,
        )
        yield Step(
            key=f"{self.host.name}/sync",
            host=self.host.name,
            deed=self._sync,
            phrase=self._describe_sync(),
            expect={"state": "as configured"},
            patience=SYNC_TIMEOUT,
        )

    def build_return_check(self) -> Check:
        """Builds the check that the gateway works after a rollback; `peers` are those of the restored configuration."""
        return Check(host=self.host.name, deed=self._sync, expect={"state": "as configured"}, patience=REVERT_TIMEOUT)

    @property
    def _note_key(self) -> str:
        return f"{self.host.name}/note"

    @property
    def _sync(self) -> PlannedAction:
        return PlannedAction.of(ProveSync(host_id=self.host.id, peers=self.peers))

    def _describe_sync(self) -> Phrase:
        if self.peers is None:
            return Phrase("check that the gateway responds with host ID {id}", id=str(self.host.id))
        return Phrase(
            "check that the gateway responds with host ID {id} and {n} peer",
            plural="check that the gateway responds with host ID {id} and {n} peers",
            id=str(self.host.id),
            n=len(self.peers),
        )


def build_keep_step(host: Host, base: str, sha256: str, files: Sequence[HashedFile]) -> Step:
    """Builds the step that keeps the proven files on the host, for a rollback of a later change."""
    return Step(
        key=f"{host.name}/keep",
        host=host.name,
        deed=PlannedAction.of(KeepGood(base=base, sha256=sha256, files=tuple(files))),
        phrase=Phrase("keep a copy of this configuration as the last good one"),
        verify=Check(
            host=host.name,
            deed=PlannedAction.of(ReadGood()),
            expect={"sha256": sha256, "intact": True},
            patience=CONFIRM_TIMEOUT,
        ),
        recorded=True,
    )
