"""Lifecycle of a change as people drive it: propose, decide, cancel, resolve, continue, show.

propose ─▶ WAITING ─ approve … ─▶ READY ─▶ `bot.changes.services.coordinator` starts it, runs it and finishes it
   └ a rule waives the approval ────┘

`rules.transitions` has the moves of a row; each is one compare-and-set. Plans, requests and decisions are in the audit
log before the row moves: a caller that cannot record must not act.

Rights on a change, in addition to the roles that the command needs:
    approve, deny      one of the roles that its approval asks for, and never the requester; in any place. Who approves a
                       critical change must have opened its plan, which is in the audit log
    review             one of the roles that approve such a change by today's rules, never the requester; in any place
    cancel             the requester, whatever their roles are now, and administrators: it only stops effects
    continue, resolve  anyone who may ask for the same, of those hosts, in that place
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

from adapters.errors import Refused
from adapters.inventory import Host
from adapters.phrase import Phrase
from bot.access.policy import Refusal
from bot.access.requester import Requester
from bot.access.rules import WaivedApproval
from bot.audit_log.log import MAX_RECORDED_LENGTH, EventKind
from bot.changes.rules.approval import Decision, NotAllowed, list_remaining_hosts, require_ended_run
from bot.changes.rules.outcome import compute_outcome, limit_success
from bot.changes.rules.start_refusals import refuse_too_many_open
from bot.changes.rules.transitions import add_review, cancel_change, resolve_unknown, review_break_glass, set_successor
from bot.changes.services.coordinator import Coordinator
from bot.changes.services.plan_openings import PlanOpenings
from bot.changes.services.planner import ChangeRequest, Planner, add_approval, add_break_glass, add_waiver, check_request
from bot.changes.services.repository import ChangeRepository, make_review_event
from bot.changes.services.resolution import judge_resolution
from bot.changes.services.start_check import require_work
from bot.changes.tables.operations import Transition
from bot.model.change import Change, ChangeState, EndedOperation, Review, describe_report
from bot.model.request import Surface
from bot.store.records import OperationRecord, get_mention
from commands.model.operation import FleetChange, Risk, Role

MAX_OPEN_REQUESTS = 20
"""Maximum pending requests per person. Each is one card and one row to scan."""


class Lifecycle:
    """Changes and people's decisions on them. Every method may raise a `DatabaseError`; then nothing was moved."""

    def __init__(self, repository: ChangeRepository, planner: Planner, coordinator: Coordinator) -> None:
        self._repository = repository
        self._planner = planner
        self._coordinator = coordinator
        self._openings = PlanOpenings(repository, planner)

    async def propose(self, operation_id: str, operation: FleetChange, by: Requester) -> Change:
        """Plan a change and ask for its approval; a replayed request gets the stored change.

        With `dry_run` nothing is stored but one audit event. Raises the errors of planning, `NothingToDo`, `HoldsSecret`,
        `ReasonMissing`, and `NotAllowed` where it could never be approved or too many requests of this person wait already.
        """
        stored = await self._repository.find(operation_id)
        if stored is not None:
            return await self._repository.make_change(stored)
        return await self._plan_and_store(ChangeRequest(operation_id, operation, by))

    async def find_change(self, operation_id: str) -> Change:
        """Find one change in its current state. Raises `NoSuchOperation`."""
        return await self._repository.make_change(await self._repository.get(operation_id))

    async def open_plan(self, operation_id: str, by: Requester) -> Change:
        """Find one change as this person opens its plan, which is recorded for a possible approver of a critical one."""
        record = await self._repository.get(operation_id)
        await self._openings.record(record, by)
        return await self._repository.make_change(record)

    async def list_recent(self, limit: int) -> tuple[Change, ...]:
        """List the newest changes, newest first, without the results of their steps."""
        return tuple(record.to_change() for record in await self._repository.operations.list_recent(limit))

    async def list_touching(self, hosts: Sequence[str], since: datetime, limit: int) -> tuple[Change, ...]:
        """List the newest changes of these hosts that waited, ran or ended since then, without results of steps."""
        return tuple(record.to_change() for record in await self._repository.operations.list_touching(hosts, since, limit))

    async def find_states(self, operations: Collection[str]) -> Mapping[str, ChangeState]:
        """Find the states of those operations that change hosts."""
        return await self._repository.operations.find_states(operations)

    async def list_waiting(self) -> tuple[Change, ...]:
        """List the changes that wait for people, oldest first: changes for approval, then break-glass for a review."""
        waiting = await self._repository.operations.list_in_states(ChangeState.WAITING)
        return tuple(record.to_change() for record in (*waiting, *await self._repository.operations.list_unreviewed()))

    async def list_running(self) -> tuple[Change, ...]:
        """List running changes, oldest first, without the results of their steps."""
        return tuple(record.to_change() for record in await self._repository.operations.list_in_states(ChangeState.RUNNING))

    async def list_unknown(self) -> tuple[Change, ...]:
        """List changes whose outcome is unknown, oldest first."""
        return tuple(record.to_change() for record in await self._repository.operations.list_in_states(ChangeState.UNKNOWN))

    async def list_left_over(self, since: datetime, limit: int) -> tuple[Change, ...]:
        """List changes that ended since then without success and were not requested again, without results of steps."""
        found = await self._repository.operations.list_left_over(since, limit)
        return tuple(record.to_change() for record in found)

    async def find_versions(self, since: datetime) -> Mapping[str, int]:
        """Find the versions of all changes that have not ended or were requested since then."""
        return await self._repository.operations.find_versions(since)

    async def list_ended(self, since: datetime, until: datetime) -> tuple[EndedOperation, ...]:
        """List the changes that ended from `since` on and before `until`."""
        return await self._repository.operations.list_ended(since, until)

    async def approve(self, operation_id: str, by: Requester, name: str = "") -> Change:
        """Approve as one person, who typed `name` if it is critical. Raises `AlreadyDecided`, `Expired`, `NotAllowed`."""
        return await self._decide(operation_id, by, Decision(approves=True, name=name.strip()))

    async def deny(self, operation_id: str, by: Requester, reason: str) -> Change:
        """Deny as one person, which ends it. Raises `AlreadyDecided`, `Expired`, `NotAllowed`, `ReasonMissing`."""
        return await self._decide(operation_id, by, Decision(approves=False, reason=reason))

    async def cancel(self, operation_id: str, by: Requester) -> Change:
        """Withdraw a waiting change, or ask a running one to stop before its next step. Raises `NotAllowed`."""
        record = await self._repository.get(operation_id)
        policy = self._planner.policy
        if not policy.is_requester(by.actor, self._find_requester_name(record)) and Role.ADMINISTRATOR not in by.actor.roles:
            phrase = Phrase("only the requester ({who}) and administrators can cancel this", who=record.requester)
            await self._refuse(operation_id, by, Refusal("not the requester", phrase))
        record = await self._repository.move(operation_id, cancel_change(by.actor.name, self._repository.now()))
        if record.state is ChangeState.CLOSED:
            await self._repository.record_end(record, by.actor.name)
        return await self._announce_and_start(operation_id)

    async def resolve(self, operation_id: str, by: Requester, saw: str, outcome: ChangeState) -> Change:
        """Record the outcome (DONE, UNDONE, FAILED) that a person found for an unknown one, and release the hosts.

        Their earlier checks are forgotten: they may have reverted by themselves since. Raises `NotAllowed` if that person
        may not request such a change.
        """
        record = await self._repository.get(operation_id)
        verdict = judge_resolution(record, by, outcome, self._planner)
        if isinstance(verdict, Refusal):
            await self._refuse(operation_id, by, verdict)
        return await self._resolve(record, by.actor.name, saw, outcome)

    async def confirm_success(self, operation_id: str, confirmed_by: str) -> Change:
        """Record that a critical change whose outcome was unknown was done, as an approved operation says. One whose outcome
        is known stays as it is. Raises `NoSuchOperation`.
        """
        record, approved = await self._repository.get(operation_id), await self._repository.get(confirmed_by)
        if record.state is not ChangeState.UNKNOWN:
            return await self._repository.make_change(record)
        return await self._resolve(record, approved.requester, approved.reason, ChangeState.DONE)

    async def _resolve(self, record: OperationRecord, who: str, saw: str, outcome: ChangeState) -> Change:
        """Record the outcome that a person found, and release the hosts."""
        why = describe_report(who, saw)
        outcome = limit_success(outcome, record.plan, self._coordinator.find_matter(record))
        transition = resolve_unknown(outcome, why, self._repository.now())
        ended = transition(record)
        await self._repository.forget_checks(record, self._planner.find_kind(record))
        await self._repository.record_end(ended, who)
        await self._refuse_late(record.operation, who, lambda: self._end(record, transition))
        return await self._announce_and_start(record.operation)

    async def _end(self, record: OperationRecord, transition: Transition) -> OperationRecord:
        operation = self._planner.find_operation(record)
        return await self._repository.end(record, operation, self._planner.list_targets(operation), transition)

    async def continue_change(self, new_id: str, operation_id: str, by: Requester) -> Change:
        """Request an ended change again for its remaining hosts; a replayed request gets the stored change."""
        stored = await self._repository.find(new_id)
        if stored is not None:
            return await self._repository.make_change(stored)
        record = await self._repository.get(operation_id)
        set_successor(new_id)(record)  # refuses before anything is planned; the row moves below
        operation = self._planner.load_operation(record).restrict_to(await self._find_remaining_hosts(record))
        operation = operation.model_copy(update={"reason": record.reason, "break_glass": False, "dry_run": False})
        hosts = operation.resolve_hosts(self._planner.inventory)
        verdict = self._planner.policy.judge_request(by.actor, operation, hosts, by.place)
        if isinstance(verdict, Refusal):
            await self._refuse(new_id, by, verdict)
        return await self._plan_and_store(ChangeRequest(new_id, operation, by, before=operation_id))

    async def review(self, operation_id: str, by: Requester, text: str) -> Change:
        """Close the review of a break-glass change, once it has ended. Raises `NotAllowed`, also for its requester."""
        record, policy = await self._repository.get(operation_id), self._planner.policy
        if record.break_glass is not None:
            hosts = self._planner.find_hosts(record)
            verdict = policy.may_review(by.actor, record.risk, hosts, self._find_requester_name(record))
            if isinstance(verdict, Refusal):
                await self._refuse(operation_id, by, verdict)
        event = {"break_glass": True, "review": text[:MAX_RECORDED_LENGTH]}
        await self._record_review(operation_id, by, event, review_break_glass(by.actor.name, text, self._repository.now()))
        return await self._repository.announce_change(operation_id)

    async def list_unshown(self) -> tuple[Change, ...]:
        """List the changes whose cards are out of date, oldest first."""
        return tuple(
            [await self._repository.make_change(record) for record in await self._repository.operations.list_unshown()]
        )

    async def mark_shown(self, operation: str, version: int, told: str) -> None:
        """Record that the card shows this version; `told` is the card's own note: the milestones announced so far."""
        await self._repository.operations.mark_shown(operation, version, told)

    async def read_card_note(self, operation: str) -> str:
        """Read the card's own note on a change."""
        return await self._repository.operations.read_card_note(operation)

    async def _plan_and_store(self, request: ChangeRequest) -> Change:
        operation, by = request.operation, request.requester
        if not operation.dry_run:
            self._repository.require_intact()
        refused = check_request(operation, by, self._planner.policy) or await self._check_open_requests(request, ())
        if refused is not None:
            await self._refuse(request.id, by, refused)
        draft = await self._planner.draft(request)
        if operation.dry_run:
            await self._repository.record_request(draft)
            change = await self._repository.make_change(draft)
            return change.model_copy(update={"dry_run": True, "version": 0})
        await require_work(self._repository, draft, operation)
        unrehearsed = await self._repository.rehearsals.refuse_critical(draft.plan, operation.assessed_risk)
        if unrehearsed is not None:
            await self._refuse(request.id, by, unrehearsed)
        record = await self._apply_approval_rules(request, draft)
        await self._repository.record_request(record)
        if not request.before:
            await self._repository.operations.add(record)
        else:
            await self._repository.operations.replace_by_successor(request.before, set_successor(request.id), record)
            await self._repository.announce_change(request.before)
        return await self._announce_and_start(request.id)

    async def _apply_approval_rules(self, request: ChangeRequest, draft: OperationRecord) -> OperationRecord:
        """Add to the record the approval that the rules ask for, a waiver of it, or break-glass."""
        policy, hosts = self._planner.policy, self._planner.find_hosts(draft)
        if request.operation.break_glass:
            return add_break_glass(draft, policy.find_alert_recipients(request.requester.actor, draft.risk, hosts))
        if (waiver := self._find_waiver(request, hosts)) is not None:
            return add_waiver(draft, waiver)
        if (refused := await self._check_open_requests(request, hosts)) is not None:
            await self._refuse(request.id, request.requester, refused)
        requirement = policy.assess_approval(request.requester.actor, draft.risk, hosts)
        if isinstance(requirement, Refusal):
            await self._refuse(request.id, request.requester, requirement)
        return add_approval(draft, requirement)

    def _find_waiver(self, request: ChangeRequest, hosts: Sequence[Host]) -> WaivedApproval | None:
        """Find the waiver of an approval. It covers a person's own request alone: no schedule, except of what may run
        unattended, nothing that is owed, and no remainder of another change. A request of a raised risk has none.
        """
        by, operation = request.requester, request.operation
        scheduled = by.surface is Surface.SCHEDULE and not operation.unattended
        if scheduled or by.on_behalf is not None or request.before or operation.assessed_risk is not operation.risk:
            return None
        return self._planner.policy.find_waiver(by.actor, type(request.operation), hosts)

    async def _decide(self, operation_id: str, by: Requester, decision: Decision) -> Change:
        """Record one person's decision, by their rights as they are now."""
        self._repository.require_intact()
        record = await self._repository.get(operation_id)
        if record.approval is not None and not record.approval.waived:
            verdict = self._planner.policy.may_approve(by.actor, record.approval, self._find_requester_name(record))
            if isinstance(verdict, Refusal):
                await self._refuse(operation_id, by, verdict)
        if decision.approves and (unready := await self._openings.find_refusal(record, by, decision.name)) is not None:
            await self._refuse(operation_id, by, unready)
        who, at = by.actor.name, self._repository.now()
        decided = Review(
            person=who,
            approves=decision.approves,
            reason=decision.reason,
            at=at,
            mention=get_mention(by.identity),
            surface=by.decision_surface,
        )
        named = decision.name if decision.approves and self._planner.find_risk(record) is Risk.CRITICAL else ""
        event = make_review_event(record, decided, named)
        record = await self._record_review(operation_id, by, event, add_review(decided, by.identity))
        if record.state is ChangeState.CLOSED:
            await self._repository.record_end(record, who)
        return await self._announce_and_start(operation_id)

    async def _record_review(
        self, operation_id: str, by: Requester, event: Mapping[str, Any], transition: Transition
    ) -> OperationRecord:
        """Record in the audit log, then move in one step: no decision counts that was not recorded."""
        transition(await self._repository.get(operation_id))
        await self._repository.record(EventKind.REVIEW, by.actor.name, operation_id, event)
        return await self._refuse_late(operation_id, by.actor.name, lambda: self._repository.move(operation_id, transition))

    async def _refuse_late(
        self, operation_id: str, who: str, move: Callable[[], Awaitable[OperationRecord]]
    ) -> OperationRecord:
        """Move an operation after its decision was recorded. If another was faster, record that this one did not count."""
        try:
            return await move()
        except Refused as error:
            late = {"rule": "too late", "outcome": str(error.phrase)[:MAX_RECORDED_LENGTH]}
            await self._repository.record(EventKind.REFUSAL, who, operation_id, late)
            raise

    async def _announce_and_start(self, operation_id: str) -> Change:
        """Announce a moved change, and start all changes that may start now."""
        await self._repository.announce_change(operation_id)
        await self._coordinator.start_ready()
        return await self.find_change(operation_id)

    async def _check_open_requests(self, request: ChangeRequest, hosts: Sequence[Host]) -> Refusal | None:
        """Refuse one more request of this person where too many wait. One that needs no approval on these hosts passes.

        Without hosts, before it is planned, one passes whose approval may be waived on some.
        """
        operation, who = request.operation, request.requester.actor.name
        exempt = operation.dry_run or operation.break_glass or self._find_waiver(request, hosts) is not None
        if exempt or await self._repository.operations.count_open(who) < MAX_OPEN_REQUESTS:
            return None
        return refuse_too_many_open(MAX_OPEN_REQUESTS)

    def _find_requester_name(self, record: OperationRecord) -> str:
        """Find the requester's current name: they may have been configured, or renamed, since."""
        return self._planner.policy.find_current_name(record.identity, record.requester)

    async def _find_remaining_hosts(self, record: OperationRecord) -> tuple[str, ...]:
        """Find the requested hosts that are not done and still in the inventory. Raises `Refused` where there are none."""
        require_ended_run(record)
        done = compute_outcome(record.operation, record.plan, await self._repository.read_trail(record.operation)).done
        return list_remaining_hosts(record, done, self._planner.inventory.names)

    async def _refuse(self, operation_id: str, by: Requester, refused: Refusal) -> NoReturn:
        """Refuse, and record in the audit log which rule did."""
        event = {"rule": refused.rule, "outcome": str(refused.reason)[:MAX_RECORDED_LENGTH]}
        await self._repository.record(EventKind.REFUSAL, by.actor.name, operation_id, event)
        raise NotAllowed(refused.reason)
