"""Registry of good configurations: stores which configuration a run proved to work on each host.

end of a run ─ signed outcomes ─▶ one row for each host      (again after a crash: the same row)
a plan ─▶ the rows of all hosts, as a known value (`FleetView.good_configurations`)
"""

from adapters.action_registry import get_kind
from adapters.windows.good_configuration import KeepGood
from bot.changes.attestation import is_digest_valid
from bot.changes.intent_log import AuditTrail, SignedEvents, read_signed_outcomes
from bot.store.good_configurations import GoodConfigurationTable
from bot.store.records import OperationRecord
from commands.model.plan import Part, Step
from commands.model.proven_configuration import ProvenConfiguration


class GoodConfigurationRegistry:
    """Good configurations of all hosts. Every method may raise a `DatabaseError`."""

    def __init__(self, table: GoodConfigurationTable, audit: SignedEvents) -> None:
        self.table = table
        self._audit = audit

    async def record(self, record: OperationRecord) -> None:
        """Record what a run proved. Only signed outcomes of an attested plan count, and only those of a whole part."""
        kept = {part.host: part for part in record.plan.parts if find_keep_step(part) is not None}
        if not kept or not is_digest_valid(record):
            return
        trail = await read_signed_outcomes(self._audit, record.operation)
        derived = (derive_good(record.operation, part, trail) for part in kept.values())
        await self.table.store([proven for proven in derived if proven is not None])


def find_keep_step(part: Part) -> Step | None:
    """Find the step that has the host keep a copy. It comes after the proofs."""
    return next((step for step in part.steps if step.deed.kind == get_kind(KeepGood)), None)


def derive_good(operation: str, part: Part, trail: AuditTrail) -> ProvenConfiguration | None:
    """Derive the configuration that a part proved and kept; None unless all of its steps are done and none was undone."""
    keep, keys = find_keep_step(part), [step.key for step in part.steps]
    done = all(key in trail.results and trail.results[key].result.successful for key in keys)
    if keep is None or not done or any(key in trail.undone for key in keys):
        return None
    result = trail.results[keep.key]
    return ProvenConfiguration(
        host=keep.host,
        sha256=str(keep.deed.arguments["sha256"]),
        folder=str(result.product.get("folder", "")),
        operation=operation,
        at=result.ended_at,
    )
