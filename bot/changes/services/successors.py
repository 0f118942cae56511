"""Plans the successor of an operation whose plan has changed by the time it starts.

the plan as of now ─┬─ another operation has done the same meanwhile ─▶ a reason, and no successor
                    ├─ break-glass, a waiver, no steps, no right now ─▶ a reason, and no successor
                    └─ otherwise, for the hosts that are left ────────▶ a record that waits for approval
"""

from collections.abc import Awaitable, Callable, Mapping

from adapters.errors import FlatnetError
from adapters.phrase import Listing, Phrase
from bot.access.policy import Actor, Refusal
from bot.access.requester import Requester
from bot.changes.rules.outcome import collect_results
from bot.changes.services.planner import ChangeRequest, Planner, add_approval
from bot.changes.services.repository import ChangeRepository
from bot.model.change import ChangeState
from bot.model.request import Identity
from bot.model.request import derive_operation_id as id_of
from bot.store.records import OperationRecord
from commands.changes.evidence import EarlierRun, find_renewed_hosts
from commands.model.plan import Plan, PlannedChange

MAX_EARLIER_RUNS = 50
"""Maximum number of operations that are read for what they did meanwhile."""


class SuccessorPlanner:
    """Plans successors. `identify` identifies a person anew. Every method may raise a `DatabaseError`."""

    def __init__(
        self,
        repository: ChangeRepository,
        planner: Planner,
        identify: Callable[[Identity], Awaitable[Actor | Refusal]],
    ) -> None:
        self._repository = repository
        self._planner = planner
        self._identify = identify

    async def explain_fulfilled(self, record: OperationRecord, planned: PlannedChange) -> Phrase | None:
        """Explain that other operations have done since the request what it asked for; None if a host is left to change.

        Hosts that cannot be changed now are named with their reasons.
        """
        done, excluded = await self._find_done_hosts(record, planned.plan), planned.plan.left_out
        if not done or any(part.host not in done for part in planned.plan.parts):
            return None
        reasons = Listing(tuple(done.values()))
        if not excluded:
            return Phrase("nothing left to do: {reasons}", reasons=reasons)
        return Phrase(
            "{reasons}. Not changed: {excluded}. Submit the request again for the hosts that were not changed",
            reasons=reasons,
            excluded=Listing(tuple(Phrase("{host}: {why}", host=left.host, why=left.why) for left in excluded)),
        )

    async def draft(self, record: OperationRecord, planned: PlannedChange) -> OperationRecord | Phrase:
        """Draft the operation that requests approval of the new plan, under a new id; the reason where there is none."""
        if record.break_glass is not None:
            return Phrase("check the hosts, then submit the request again")
        if not planned.plan.steps:
            return Phrase("nothing left to do")
        if record.approval is not None and record.approval.waived:
            return Phrase("check the hosts, then submit the request again")
        actor = await self._identify(record.identity)
        if isinstance(actor, Refusal):
            return actor.reason
        operation = self._planner.load_operation(record).model_copy(update={"reason": record.reason})
        if done := await self._find_done_hosts(record, planned.plan):
            operation = operation.restrict_to(tuple(name for name in _list_requested(planned.plan) if name not in done))
        by = Requester(actor, record.identity, record.surface, record.channel)
        asking = ChangeRequest(id_of(f"{record.operation} again"), operation, by, before=record.operation)
        try:
            draft = await self._planner.draft(asking)
        except FlatnetError as error:
            return error.phrase
        requirement = self._planner.policy.assess_approval(actor, operation.assessed_risk, self._planner.find_hosts(draft))
        return requirement.reason if isinstance(requirement, Refusal) else add_approval(draft, requirement)

    async def _find_done_hosts(self, record: OperationRecord, plan: Plan) -> Mapping[str, Phrase]:
        """Find the hosts where operations that ended since the request have done what it asks for."""
        hosts = [part.host for part in plan.parts]
        ended = await self._repository.operations.list_touching(hosts, record.asked_at, MAX_EARLIER_RUNS)
        runs = [each for each in ended if each.kind == record.kind and each.state in (ChangeState.DONE, ChangeState.FAILED)]
        return find_renewed_hosts(plan, [await self._read_run(each) for each in runs])

    async def _read_run(self, record: OperationRecord) -> EarlierRun:
        results = collect_results(record.plan, await self._repository.read_trail(record.operation))
        return EarlierRun(record.operation, record.plan, {result.key: result for result in results})


def _list_requested(plan: Plan) -> tuple[str, ...]:
    """List the hosts that a plan was requested for, including those that it leaves out."""
    return (*(part.host for part in plan.parts), *(left.host for left in plan.left_out))
