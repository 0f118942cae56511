"""Check at the start of an operation: may it still run, by the rules and the roles of today?

approvals ──▶ as many different people as are needed now may still approve, and each decision is a signed event;
              so is that each approver of a critical change opened its plan and typed its name, one of them in a terminal
waiver ─────▶ a rule waives the approval now, and a signed event says that one waived it for this very plan
break-glass ▶ a signed event, and the requester is still an administrator

Fulfillment of requests by a plan that finds nothing to do, with what is owed to its hosts.
"""

from collections.abc import Awaitable, Callable, Mapping, Set

from adapters.phrase import Phrase
from bot.access.policy import Actor, Permit, Policy, Refusal
from bot.access.rules import find_place
from bot.audit_log.log import EventKind
from bot.changes.rules import signature_check as attestation
from bot.changes.rules.owed import list_deeds
from bot.changes.rules.start_refusals import (
    explain_lost_right,
    explain_missing_terminal,
    explain_unopened,
    explain_unrecorded,
    explain_untyped,
    refuse_too_few,
)
from bot.changes.services.planner import Planner, require_steps
from bot.changes.services.repository import ChangeRepository
from bot.changes.tables.owed import find_settled
from bot.model.change import Approval
from bot.model.request import Identity
from bot.store.records import OperationRecord
from commands.model.operation import FleetChange, Risk
from commands.model.plan import Plan


class StartCheck:
    """Checks of rights at the start. `refresh` identifies a person anew."""

    def __init__(
        self, repository: ChangeRepository, planner: Planner, refresh: Callable[[Identity], Awaitable[Identity]]
    ) -> None:
        self._repository = repository
        self._planner = planner
        self._refresh = refresh

    async def find_refusal(self, record: OperationRecord) -> Refusal | None:
        """Find the refusal where today's rules forbid the request of an operation or its approvals; None where it may start.

        All people are identified anew. A decision without a signed audit event does not count.
        """
        policy = self._planner.policy
        actor = await self._identify(policy, record.identity)
        if isinstance(actor, Refusal):
            return actor
        operation = self._planner.load_operation(record)
        place = find_place(record.surface, record.channel)
        verdict = policy.judge_request(actor, operation, operation.resolve_hosts(self._planner.inventory), place)
        if isinstance(verdict, Refusal):
            return verdict
        unrehearsed = await self._repository.rehearsals.refuse_critical(record.plan, operation.assessed_risk)
        if unrehearsed is not None:
            return unrehearsed
        if record.approval is None:
            return await self._check_break_glass(policy, record, actor)
        if record.approval.waived:
            return await self._check_waiver(policy, record, actor, operation)
        requirement = policy.assess_approval(actor, operation.assessed_risk, self._planner.find_hosts(record))
        if isinstance(requirement, Refusal):
            return requirement
        today = record.approval.model_copy(
            update={
                "needed": requirement.needed,
                "roles": requirement.roles,
                "second_road": requirement.second_road or record.approval.second_road,
            }
        )
        return await self._check_approvals(policy, record, today, actor)

    async def _identify(self, policy: Policy, identity: Identity) -> Actor | Refusal:
        return policy.identify(await self._refresh(identity))

    async def _check_approvals(
        self, policy: Policy, record: OperationRecord, today: Approval, requester: Actor
    ) -> Refusal | None:
        """Check that as many different people as are needed today may still approve; else a refusal."""
        unattested = await self._find_unattested(record, today)
        people: dict[str, str] = {}  # today's names by those of the events
        refused: Refusal | None = None
        for decided in (decided for decided in today.reviews if decided.approves):
            if decided.person in unattested:
                refused = refused or unattested[decided.person]
                continue
            actor = await self._identify(policy, record.reviewers[decided.person])
            verdict = (
                actor
                if isinstance(actor, Refusal)
                else _judge_approver(policy, actor, today, (requester.name, record.requester))
            )
            if isinstance(verdict, Refusal):
                refused = refused or Refusal(verdict.rule, explain_lost_right(decided.person, verdict))
            elif isinstance(actor, Actor):
                people[decided.person] = actor.name
        different = len(set(people.values()))
        if different >= today.needed:
            return await self._check_second_road(record, today, people.keys())
        return refused or refuse_too_few(different, today.needed)

    async def _check_second_road(self, record: OperationRecord, today: Approval, people: Set[str]) -> Refusal | None:
        """Check that one of these approvers, named as in the events, used a terminal, where that is required."""
        if not today.second_road:
            return None
        events = await self._repository.audit.find_signed(record.operation, EventKind.REVIEW)
        by_terminal = attestation.find_critical_approvers(record, events, terminal=True)
        return None if people & by_terminal else Refusal("no terminal", explain_missing_terminal())

    async def _find_unattested(self, record: OperationRecord, approval: Approval) -> Mapping[str, Refusal]:
        """Find the approvers whose approval, or opening of a critical plan, has no signed event, with a refusal for each."""
        audit, people = self._repository.audit, [decided.person for decided in approval.reviews if decided.approves]
        recorded = attestation.find_attested_approvers(record, await audit.find_signed(record.operation, EventKind.REVIEW))
        found = {who: Refusal("not recorded", explain_unrecorded(who)) for who in people if who not in recorded}
        if self._planner.find_risk(record) is not Risk.CRITICAL:
            return found
        opened = await audit.find_signed(record.operation, EventKind.OPENED)
        events = await audit.find_signed(record.operation, EventKind.REVIEW)
        named = attestation.find_critical_approvers(record, events, terminal=False)
        found |= {who: Refusal("name not typed", explain_untyped(who)) for who in people if who not in named | found.keys()}
        blind = [who for who in people if not attestation.has_opened(record, opened, who)]
        return {**{who: Refusal("plan not opened", explain_unopened(who)) for who in blind}, **found}

    async def _check_waiver(
        self, policy: Policy, record: OperationRecord, actor: Actor, operation: FleetChange
    ) -> Refusal | None:
        """Check that a rule waived the approval of this very plan for its requester, and that one does so today."""
        raised = operation.assessed_risk is not operation.risk
        if raised or policy.find_waiver(actor, type(operation), self._planner.find_hosts(record)) is None:
            return Refusal("no waiver", Phrase("by the current rules, this needs approval. Submit it again"))
        events = await self._repository.audit.find_signed(record.operation, EventKind.WAIVER)
        if attestation.is_waived(record, events) and policy.is_requester(actor, record.requester):
            return None
        return Refusal("not recorded", explain_unrecorded(record.requester))

    async def _check_break_glass(self, policy: Policy, record: OperationRecord, actor: Actor) -> Refusal | None:
        """Check that an operation may start without approval; else a refusal."""
        terminal = policy.approvals.second_road and self._planner.find_risk(record) is Risk.CRITICAL
        events = await self._repository.audit.find_signed(record.operation, EventKind.BREAK_GLASS)
        if not attestation.was_broken(events, terminal=terminal):
            return Refusal("not recorded", explain_unrecorded(record.requester))
        glass = policy.may_break_glass(actor)
        return glass if isinstance(glass, Refusal) else None


def _judge_approver(policy: Policy, actor: Actor, approval: Approval, requesters: tuple[str, ...]) -> Permit | Refusal:
    """Judge whether an approver may approve a request of these names: the requester's current and recorded ones."""
    verdicts = [policy.may_approve(actor, approval, name) for name in requesters]
    return next((verdict for verdict in verdicts if isinstance(verdict, Refusal)), verdicts[0])


async def require_work(repository: ChangeRepository, draft: OperationRecord, operation: FleetChange) -> None:
    """Raise `NothingToDo` if a new plan has no step. What is owed to its hosts is settled by that."""
    await settle_fulfilled(repository, draft.plan, operation, draft)
    require_steps(draft.plan)


async def settle_fulfilled(
    repository: ChangeRepository, plan: Plan, operation: FleetChange | None, record: OperationRecord
) -> None:
    """Settle what is owed to the hosts of a plan without steps: each is as the operation wants it."""
    if plan.steps or operation is None:
        return
    fulfilled = list_deeds(operation, [left.host for left in plan.left_out if not left.owed])
    for owed in find_settled(await repository.owed.list_open(), fulfilled):
        event = {"owed": "fulfilled", "items": [owed.number]}
        await repository.record(EventKind.OWED, record.requester, record.operation, event)
        await repository.owed.settle(owed.number, "", repository.now())
