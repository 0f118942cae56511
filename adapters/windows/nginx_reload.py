"""Proof that nginx on a Windows host has reloaded: new worker processes, and no `[emerg]` in error.log.

A return code of 0 proves nothing. Where nginx cannot use what it has read, only error.log says so, and the workers from
before go on. For a moment workers from before and after the reload listen side by side, so an answer counts as one of the
new ones only when the old ones are gone, or the new ones have run for a while.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Literal

from adapters.inventory import WindowsSide
from adapters.phrase import Phrase
from adapters.value import Value
from adapters.windows.action import WindowsAction
from adapters.windows.log_files import Bytes
from adapters.windows.nginx import EMERGENCIES_LIMIT, NginxProcess, NginxReading

HANDOVER = timedelta(seconds=6)
"""Age from which new workers alone accept connections. On Windows nginx waits up to 5 s before it ends the old ones."""

ReloadState = Literal["reloaded", "handing over", "unchanged", "refused", "stopped"]
"""State of a reload. `refused`: nginx logged an `[emerg]`."""


class ReloadReading(Value):
    """State of a reload, and nginx's newest `[emerg]` line since."""

    state: ReloadState
    says: str = ""


class FindReload(WindowsAction[ReloadReading]):
    """Compares the gateway's worker processes with those `before` the reload, and reads error.log beyond `after` (bytes).

    `after` is None if there was no log before: then all of it counts.
    """

    script = "read-nginx"
    deadline = 20.0
    output_limit = 64_000

    program: str
    log: str
    after: Bytes | None
    before: tuple[NginxProcess, ...]

    @classmethod
    def of(cls, side: WindowsSide) -> "FindReload":
        """Makes the action for one host's paths. What was there before comes from an earlier step."""
        return cls(program=side.paths.gateway_exe, log=side.paths.error_log, after=None, before=())

    def build_arguments(self) -> dict[str, Any]:
        return {"program": self.program, "log": self.log, "after": self.after or 0, "lines_limit": EMERGENCIES_LIMIT}

    def parse(self, data: Any) -> ReloadReading:
        reading = NginxReading.model_validate(data)
        if reading.emergencies:
            return ReloadReading(state="refused", says=next(iter(reading.emergency_lines[-1:]), ""))
        if reading.master is None:
            return ReloadReading(state="stopped")
        known = {(worker.pid, worker.started_at) for worker in self.before}
        new = [worker for worker in reading.workers if (worker.pid, worker.started_at) not in known]
        if not new:
            return ReloadReading(state="unchanged")
        alone = len(new) == len(reading.workers) or _are_settled(new, reading)
        return ReloadReading(state="reloaded" if alone else "handing over")

    def explain_answer(self, answer: ReloadReading) -> Phrase | None:
        match answer.state:
            case "reloaded":
                return None
            case "refused":
                return Phrase("nginx did not reload: {says}. It runs on with its old workers", says=answer.says)
            case "stopped":
                return Phrase("nginx is not running")
            case "unchanged":
                return Phrase("nginx has no new worker processes, so it did not reload")
            case "handing over":
                return Phrase("nginx still has workers from before the reload")


def _are_settled(workers: Iterable[NginxProcess], reading: NginxReading) -> bool:
    """Returns whether all of these have run so long that the workers from before accept no connection any more."""
    return all(each.started_at is not None and reading.clock - each.started_at >= HANDOVER for each in workers)
