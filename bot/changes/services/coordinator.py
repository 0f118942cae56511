"""Lifecycle steps that need no person: start ready changes, expire stale ones, supersede changed plans, finish runs.

READY ─ start_ready ─▶ RUNNING ─ `bot.changes.services.executor` ─▶ finish_run
                          ├ a right is gone ─▶ refuse ─▶ CLOSED
                          └ the plan has changed ─▶ supersede ─▶ CLOSED, and a new operation asks again

While the audit log is not intact nothing starts, and no running operation is handed to the engine again.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Protocol

import structlog

from adapters.errors import Refused
from adapters.phrase import Listing, Phrase
from bot.access.policy import Actor, Policy, Refusal
from bot.changes.rules import signature_check as attestation
from bot.changes.rules.admission import choose_starts
from bot.changes.rules.plan_diff import describe_differences, describe_upgrade
from bot.changes.rules.start_refusals import explain_expiry
from bot.changes.rules.transitions import close_change, finish_run, supersede_change
from bot.changes.services.planner import Planner
from bot.changes.services.repository import ChangeRepository
from bot.changes.services.start_check import StartCheck, settle_fulfilled
from bot.changes.services.successors import SuccessorPlanner
from bot.changes.tables.operations import Transition
from bot.model.change import ApprovalState, Change, ChangeState, TransferProgress
from bot.model.request import Identity, SlackIdentity
from bot.store.records import OperationRecord, format_running
from commands.model.operation import Risk
from commands.model.owed import Matter
from commands.model.plan import PlannedChange


class RunStatus(Protocol):
    """The engine's status of an operation; `reference` names a line of the log, "" where there is none."""

    @property
    def ended(self) -> bool: ...

    @property
    def reference(self) -> str: ...


class RunEngine(Protocol):
    """Runs operations (`bot.changes.services.engine`). A repeated `enqueue` has no effect."""

    async def enqueue(self, operation: str) -> None: ...

    async def find_statuses(self, operations: Collection[str]) -> Mapping[str, RunStatus]: ...


class IdentityCheck(Protocol):
    """Identifies people anew with Slack and the system (`bot.app.build_changes.SurfaceLinks`)."""

    @property
    def slack_reached(self) -> bool:
        """Return whether Slack has been reached since the start; until then it cannot be asked about anyone."""

    async def refresh_identity(self, who: Identity, /) -> Identity: ...


class Coordinator:
    """Moves changes between states without a decision of a person.

    `engine` returns the engine, which is launched after this is made. Every method may raise a `DatabaseError`; then nothing
    was moved.
    """

    def __init__(
        self,
        repository: ChangeRepository,
        planner: Planner,
        engine: Callable[[], RunEngine],
        people: IdentityCheck,
    ) -> None:
        self._repository = repository
        self._planner = planner
        self._engine = engine
        self._people = people
        self._check = StartCheck(repository, planner, people.refresh_identity)
        self._announced_policy: Policy | None = None
        self._log = structlog.get_logger("bot.changes.services.coordinator")

    async def start_ready(self) -> None:
        """Start what may start now, and note the reason for which each other operation waits."""
        if not self._repository.intact:
            return
        now, inventory, unverifiable = self._repository.now(), self._planner.inventory, await self._list_unverifiable()
        moved = await self._repository.operations.start(
            now, lambda standing: choose_starts(standing, inventory, now, unverifiable)
        )
        for operation in moved.started:
            await self._enqueue(operation)
        for operation in (*moved.started, *moved.waiting):
            await self._repository.announce_change(operation)

    async def tick(self) -> None:
        """Expire old requests, start what may start, and make sure that the engine has all running operations."""
        if not self._repository.intact:
            return
        for record in await self._repository.operations.list_expired(self._repository.now()):
            await self._finish_change(
                record, _only_if_open(close_change(ApprovalState.EXPIRED, explain_expiry(record), self._repository.now()))
            )
        await self._announce_approvers()
        await self.start_ready()
        await self._recover_runs()

    async def close_in_doubt(self, why: Phrase) -> None:
        """Close open operations and mark running ones as unknown, for the audit log does not agree with its head file."""
        at = self._repository.now()
        unknown = Phrase("what happened since is unknown: {why}. Check the hosts, then report with op resolve", why=why)
        for operation in await self._repository.operations.list_running():
            await self._finish_in_doubt(await self._repository.get(operation), unknown, at)
        asked = Phrase("the request could not be verified: {why}. Submit it again", why=why)
        for record in await self._repository.operations.list_in_states(ChangeState.WAITING, ChangeState.READY):
            await self._finish_change(record, close_change(ApprovalState.EXPIRED, asked, at))

    async def check_still_allowed(self, record: OperationRecord) -> Refusal | None:
        """Check again whether an operation may start (`bot.changes.services.start_check`)."""
        return await self._check.find_refusal(record)

    async def list_unrehearsed(self, record: OperationRecord) -> tuple[str, ...]:
        """List the hosts on which an operation relies on a guard without a fresh rehearsal, at its start.

        A critical operation is refused without a fresh rehearsal, so its list is empty.
        """
        if self._planner.find_risk(record) is Risk.CRITICAL:
            return ()
        return tuple(await self._repository.rehearsals.find_objections(record.plan))

    def find_matter(self, record: OperationRecord) -> Matter:
        """Find what an operation owes to the hosts that it has to leave out, by its class."""
        kind = self._planner.find_kind(record)
        return Matter.CHANGE if kind is None else kind.matter

    def is_independent(self, record: OperationRecord) -> bool:
        """Return whether the parts of an operation do not depend on one another, by its class."""
        kind = self._planner.find_kind(record)
        return kind is not None and kind.independent

    async def replan(self, record: OperationRecord) -> tuple[PlannedChange, str]:
        """Make the plan as of now, with its digest; raises the errors of planning."""
        return await self._planner.replan(record)

    async def refuse(self, record: OperationRecord, refused: Refusal) -> Change:
        """Close an operation that may not or cannot start; nothing was changed."""
        why = Phrase("could not start: {why}", why=refused.reason)
        return await self._close_change(record, close_change(ApprovalState.REFUSED, why, self._repository.now()))

    async def supersede(self, record: OperationRecord, planned: PlannedChange) -> Change:
        """Close an operation at its start, for its plan has changed. A new operation requests approval of the new plan.

        There is none if another operation has done the same meanwhile, and none after break-glass or a waiver: no person has
        seen the new plan, and the old one waited for no approval.
        """
        successors = SuccessorPlanner(self._repository, self._planner, self._identify_now)
        if (reason := await successors.explain_fulfilled(record, planned)) is not None:
            return await self._close_change(record, supersede_change("", reason, self._repository.now()))
        await settle_fulfilled(self._repository, planned.plan, self._planner.find_operation(record), record)
        again = await successors.draft(record, planned)
        describe = describe_differences if attestation.is_digest_valid(record) else describe_upgrade
        differences = Listing(describe(record.plan, planned.plan))
        if isinstance(again, Phrase):
            why = Phrase("the plan has changed ({differences}): {next}", differences=differences, next=again)
            return await self._close_change(record, supersede_change("", why, self._repository.now()))
        why = Phrase(
            "the plan has changed ({differences}). Approval is requested again as {operation}",
            differences=differences,
            operation=again.operation,
        )
        await self._repository.record_request(again)
        move = supersede_change(again.operation, why, self._repository.now())
        await self._repository.finish(record, move, record.requester, again)
        await self._repository.announce_change(again.operation)
        return await self._announce_closed(record.operation)

    async def record_progress(self, operation_id: str, key: str, transfer: TransferProgress | None = None) -> None:
        """Record the step that is under way, "" between two, and the bytes of a transfer."""
        await self._repository.operations.record_progress(operation_id, format_running(key, transfer))
        await self._repository.announce_change(operation_id)

    async def finish_run(self, operation_id: str, state: ChangeState, why: Phrase | None) -> Change:
        """Finish a run: its hosts are released, unless the outcome is unknown. A repeated call changes nothing.

        The intent log records the END event of a run. Its effects on what is known are stored first, so no crash loses them.
        """
        await self._repository.record_effects(operation_id, self._planner.find_kind)
        record, now = await self._repository.get(operation_id), self._repository.now()
        operation = self._planner.find_operation(record)
        targets = self._planner.list_targets(operation)
        await self._repository.end(record, operation, targets, finish_run(state, why, now))
        change = await self._repository.announce_change(operation_id)
        await self.start_ready()
        return change

    async def _announce_approvers(self) -> None:
        """Announce waiting operations once after a start and after a reload, which may have changed who can approve them."""
        policy = self._planner.policy
        if policy == self._announced_policy:
            return
        self._announced_policy = policy
        for record in await self._repository.operations.list_in_states(ChangeState.WAITING):
            await self._repository.announce_change(record.operation)

    async def _list_unverifiable(self) -> frozenset[str]:
        """List ready operations of people in Slack, while Slack has not been reached: started now, they would be refused."""
        if self._people.slack_reached:
            return frozenset()
        waiting = await self._repository.operations.list_in_states(ChangeState.READY)
        return frozenset(
            record.operation
            for record in waiting
            if any(isinstance(who, SlackIdentity) for who in (record.identity, *record.reviewers.values()))
        )

    async def _finish_change(self, record: OperationRecord, transition: Transition) -> Change:
        await self._repository.finish(record, transition, record.requester)
        return await self._repository.announce_change(record.operation)

    async def _finish_in_doubt(self, record: OperationRecord, why: Phrase, at: datetime) -> None:
        """Finish a run as unknown. Its hosts may have reverted by themselves since they were checked."""
        await self._repository.forget_checks(record, self._planner.find_kind(record))
        await self._finish_change(record, finish_run(ChangeState.UNKNOWN, why, at))

    async def _close_change(self, record: OperationRecord, transition: Transition) -> Change:
        await self._repository.finish(record, transition, record.requester)
        return await self._announce_closed(record.operation)

    async def _announce_closed(self, operation: str) -> Change:
        change = await self._repository.announce_change(operation)
        await self.start_ready()
        return change

    async def _identify_now(self, identity: Identity) -> Actor | Refusal:
        return await self._identify(self._planner.policy, identity)

    async def _identify(self, policy: Policy, identity: Identity) -> Actor | Refusal:
        return policy.identify(await self._people.refresh_identity(identity))

    async def _enqueue(self, operation: str) -> None:
        """Hand an operation to the engine. After an error the next tick retries, because the row is RUNNING."""
        try:
            await self._engine().enqueue(operation)
        except Refused:
            self._log.info("a change waits until the engine is launched", operation=operation)
        except Exception as error:  # the decision is stored already, whatever error the engine's database raises
            self._log.error("a change could not be handed to the engine", operation=operation, exc_info=error)

    async def _recover_runs(self) -> None:
        """Hand running operations that the engine does not know to it, and finish those that ended there
        without a result.
        """
        running = await self._repository.operations.list_running()
        fates = await self._engine().find_statuses(running)
        for operation in running:
            fate = fates.get(operation)
            if fate is None:
                await self._enqueue(operation)
            elif fate.ended:
                await self._finish_lost_run(operation, fate, self._repository.now())

    async def _finish_lost_run(self, operation: str, fate: RunStatus, at: datetime) -> None:
        """Finish a run that the engine ended without a result: a bug, or a plan of another version."""
        record = await self._repository.get(operation)
        reference = fate.reference or "?"
        if (await self._repository.read_trail(operation)).started:
            why = Phrase(
                "the run was interrupted and its progress is unknown (reference {reference}). Check the hosts, then report "
                "the outcome with {words}",
                reference=reference,
                words=f"op resolve {operation}",
            )
            await self._finish_in_doubt(record, why, at)
            return
        why = Phrase("interrupted before anything was changed (reference {reference}). Submit it again", reference=reference)
        await self._finish_change(record, _only_if_running(close_change(ApprovalState.REFUSED, why, at)))


def _only_if_open(transition: Transition) -> Transition:
    """Apply the transition only if the operation has not started; another decision may have been faster."""
    return lambda record: transition(record) if record.state in (ChangeState.WAITING, ChangeState.READY) else record


def _only_if_running(transition: Transition) -> Transition:
    return lambda record: transition(record) if record.state is ChangeState.RUNNING else record
