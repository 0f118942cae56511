"""Lifecycle steps that need no person: start ready changes, expire stale ones, supersede changed plans, finish runs.

READY ─ start_ready ─▶ RUNNING ─ `bot.changes.executor` ─▶ finish_run
                          ├ a right is gone ─▶ refuse ─▶ CLOSED
                          └ the plan has changed ─▶ supersede ─▶ CLOSED, and a new operation asks again

While the audit log is not intact nothing starts, and no running operation is handed to the engine again.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime
from typing import Protocol

import structlog

from adapters.errors import FlatnetError
from adapters.phrase import Listing, Phrase
from bot.access.policy import Actor, Go, Policy, Refuse
from bot.access.requester import By
from bot.access.rules import place_of
from bot.audit.log import EventKind
from bot.changes import attestation
from bot.changes.admission import choose
from bot.changes.plan_diff import difference
from bot.changes.planner import Asking, Planner, asked
from bot.changes.repository import Ledger
from bot.changes.transitions import closed, finished, superseded
from bot.model.change import Approval, ApprovalState, Change, State
from bot.model.request import Identity
from bot.model.request import operation_id as id_of
from bot.store.operations import Transition
from bot.store.records import Record
from commands.model.plan import Planned


class Fate(Protocol):
    """The engine's status of an operation; `reference` names a line of the log, "" where there is none."""

    @property
    def ended(self) -> bool: ...

    @property
    def reference(self) -> str: ...


class Engine(Protocol):
    """Runs operations (`bot.changes.engine`). To enqueue twice is to enqueue once."""

    async def enqueue(self, operation: str) -> None: ...

    async def known(self, operations: Collection[str]) -> Mapping[str, Fate]: ...


class Dispatch:
    """Moves changes where no person decides.

    `engine` returns the engine, which is launched after this is made. `recheck` identifies a person anew with Slack and the
    system. Every method may raise a `DatabaseError`; then nothing was moved.
    """

    def __init__(
        self,
        repository: Ledger,
        planner: Planner,
        engine: Callable[[], Engine],
        recheck: Callable[[Identity], Awaitable[Identity]],
    ) -> None:
        self._repository = repository
        self._planner = planner
        self._engine = engine
        self._recheck = recheck
        self._log = structlog.get_logger("bot.changes.coordinator")

    async def start_ready(self) -> None:
        """Start what may start now, and note the reason for which each other operation waits."""
        if not self._repository.intact:
            return
        now, inventory = self._repository.now(), self._planner.inventory
        moved = await self._repository.operations.start(now, lambda standing: choose(standing, inventory, now))
        for operation in moved.started:
            await self._enqueue(operation)
        for operation in (*moved.started, *moved.waiting):
            await self._repository.changed(operation)

    async def tick(self) -> None:
        """Expire old requests, start what may start, and make sure that the engine has all running operations."""
        if not self._repository.intact:
            return
        for record in await self._repository.operations.expired(self._repository.now()):
            await self._finish(record, _if_open(closed(ApprovalState.EXPIRED, _too_late(record), self._repository.now())))
        await self.start_ready()
        await self._recover()

    async def in_doubt(self, why: Phrase) -> None:
        """Close open operations and mark running ones as unknown, for the audit log does not agree with its head file."""
        at = self._repository.now()
        unknown = Phrase(
            "nobody knows what has happened since: {why}; look at the hosts, then say it with op resolve", why=why
        )
        for operation in await self._repository.operations.running():
            await self._finish(await self._repository.known(operation), finished(State.UNKNOWN, unknown, at))
        asked = Phrase("what was asked is in doubt: {why}; ask again", why=why)
        for record in await self._repository.operations.within(State.WAITING, State.READY):
            await self._finish(record, closed(ApprovalState.EXPIRED, asked, at))

    async def still_allowed(self, record: Record) -> Refuse | None:
        """Check again whether an operation may start; a refusal where its request or its approvals do not satisfy today's
        rules.

        All people are identified anew. A decision without a signed audit event does not count.
        """
        policy = self._planner.policy
        actor = await self._actor(policy, record.identity)
        if isinstance(actor, Refuse):
            return actor
        operation = self._planner.operation(record)
        place = place_of(record.surface, record.channel)
        verdict = policy.judge(actor, type(operation), operation.hosts(self._planner.inventory), place)
        if isinstance(verdict, Refuse):
            return verdict
        if record.approval is None:
            return await self._still_without(policy, record, actor)
        requirement = policy.approval(actor, operation.risk, self._planner.hosts(record.plan))
        if isinstance(requirement, Refuse):
            return requirement
        today = record.approval.model_copy(update={"needed": requirement.needed, "roles": requirement.roles})
        return await self._still_approved(policy, record, today, actor)

    async def replan(self, record: Record) -> tuple[Planned, str]:
        """Make the plan as of now, with its digest; raises the errors of planning."""
        return await self._planner.replan(record)

    async def refuse(self, record: Record, refused: Refuse) -> Change:
        """Close an operation that may not or cannot start; nothing was changed."""
        why = Phrase("it could not start: {why}", why=refused.reason)
        return await self._close(record, closed(ApprovalState.REFUSED, why, self._repository.now()))

    async def supersede(self, record: Record, planned: Planned) -> Change:
        """Close an operation at its start, for its plan has changed; a new operation asks again with the new plan.

        After break-glass none asks again: no person has seen the new plan, and the old one waited for no approval.
        """
        again = await self._again(record, planned)
        differences = Listing(difference(record.plan, planned.plan))
        if isinstance(again, Phrase):
            why = Phrase("the plan is another now ({differences}); {next}", differences=differences, next=again)
            return await self._close(record, superseded("", why, self._repository.now()))
        why = Phrase(
            "the plan is another now ({differences}); {operation} asks again",
            differences=differences,
            operation=again.operation,
        )
        await self._repository.record_question(again)
        move = superseded(again.operation, why, self._repository.now())
        await self._repository.finish(record, move, record.requester, again)
        await self._repository.changed(again.operation)
        return await self._closed(record.operation)

    async def progress(self, operation_id: str, key: str) -> None:
        """Record the step that is under way, "" between two."""
        await self._repository.operations.progress(operation_id, key)
        await self._repository.changed(operation_id)

    async def end(self, operation_id: str, state: State, why: Phrase | None) -> Change:
        """Finish a run: its hosts are released, unless the outcome is unknown. A repeated call changes nothing.

        The intent log records the END event of a run.
        """
        await self._repository.move(operation_id, finished(state, why, self._repository.now()))
        change = await self._repository.changed(operation_id)
        await self.start_ready()
        return change

    async def _finish(self, record: Record, transition: Transition) -> Change:
        await self._repository.finish(record, transition, record.requester)
        return await self._repository.changed(record.operation)

    async def _close(self, record: Record, transition: Transition) -> Change:
        await self._repository.finish(record, transition, record.requester)
        return await self._closed(record.operation)

    async def _closed(self, operation: str) -> Change:
        change = await self._repository.changed(operation)
        await self.start_ready()
        return change

    async def _again(self, record: Record, planned: Planned) -> Record | Phrase:
        """Draft the operation that asks again, under its own id; the reason where there is none."""
        if record.break_glass is not None:
            return Phrase("look at the hosts, then ask again")
        if not planned.plan.steps:
            return Phrase("nothing is left to be done")
        actor = await self._actor(self._planner.policy, record.identity)
        if isinstance(actor, Refuse):
            return actor.reason
        operation = self._planner.operation(record).model_copy(update={"reason": record.reason})
        by = By(actor, record.identity, record.surface, record.channel)
        asking = Asking(id_of(f"{record.operation} again"), operation, by, before=record.operation)
        try:
            draft = await self._planner.draft(asking)
        except FlatnetError as error:
            return error.phrase
        requirement = self._planner.policy.approval(actor, record.risk, self._planner.hosts(draft.plan))
        return requirement.reason if isinstance(requirement, Refuse) else asked(draft, requirement)

    async def _actor(self, policy: Policy, identity: Identity) -> Actor | Refuse:
        return policy.identify(await self._recheck(identity))

    async def _still_approved(self, policy: Policy, record: Record, today: Approval, requester: Actor) -> Refuse | None:
        """Check that as many different people as are needed today may still approve; else a refusal."""
        recorded = attestation.approvers(record, await self._repository.audit.signed(record.operation, EventKind.REVIEW))
        people: set[str] = set()
        refused: Refuse | None = None
        for decided in (decided for decided in today.reviews if decided.approves):
            if decided.person not in recorded:
                refused = refused or Refuse("not recorded", _unrecorded(decided.person))
                continue
            actor = await self._actor(policy, record.reviewers[decided.person])
            verdict = actor if isinstance(actor, Refuse) else _may(policy, actor, today, (requester.name, record.requester))
            if isinstance(verdict, Refuse):
                refused = refused or Refuse(verdict.rule, _no_longer(decided.person, verdict))
            elif isinstance(actor, Actor):
                people.add(actor.name)
        if len(people) >= today.needed:
            return None
        return refused or _too_few(len(people), today.needed)

    async def _still_without(self, policy: Policy, record: Record, actor: Actor) -> Refuse | None:
        """Check that an operation may start without approval; else a refusal."""
        if not await self._repository.audit.signed(record.operation, EventKind.BREAK_GLASS):
            return Refuse("not recorded", _unrecorded(record.requester))
        glass = policy.may_break_glass(actor)
        return glass if isinstance(glass, Refuse) else None

    async def _enqueue(self, operation: str) -> None:
        """Hand an operation to the engine. After an error the next tick does it again, for the row says RUNNING."""
        try:
            await self._engine().enqueue(operation)
        except Exception as error:  # whatever error the engine's database raises, the decision stands
            self._log.error("could not be handed to the engine", operation=operation, exc_info=error)

    async def _recover(self) -> None:
        """Hand running operations to the engine that it does not know, and finish those that ended there
        without a result.
        """
        running = await self._repository.operations.running()
        fates = await self._engine().known(running)
        for operation in running:
            fate = fates.get(operation)
            if fate is None:
                await self._enqueue(operation)
            elif fate.ended:
                await self._lost(operation, fate, self._repository.now())

    async def _lost(self, operation: str, fate: Fate, at: datetime) -> None:
        """Finish a run that the engine ended without a result: a bug, or a plan of another version."""
        record = await self._repository.known(operation)
        reference = fate.reference or "?"
        if (await self._repository.read_trail(operation)).started:
            why = Phrase(
                "the run broke off, and nobody knows where (reference {reference}); look at the hosts, "
                "then say what you saw with {words}",
                reference=reference,
                words=f"op resolve {operation}",
            )
            await self._finish(record, finished(State.UNKNOWN, why, at))
            return
        why = Phrase(
            "the start broke off before anything was changed (reference {reference}); ask again", reference=reference
        )
        await self._finish(record, _if_running(closed(ApprovalState.REFUSED, why, at)))


def _too_late(record: Record) -> Phrase:
    """Explain the expiry of an operation."""
    if record.state is State.WAITING:
        return Phrase("not enough people approved it in time; ask again")
    what = Phrase("its hosts") if record.waits_for is None else record.waits_for
    return Phrase("its time is over, and it still waited for {what}; ask again", what=what)


def _may(policy: Policy, actor: Actor, approval: Approval, requesters: tuple[str, ...]) -> Go | Refuse:
    """Judge whether an approver may approve a request of these names: the requester's current and recorded ones."""
    verdicts = [policy.may_approve(actor, approval, name) for name in requesters]
    return next((verdict for verdict in verdicts if isinstance(verdict, Refuse)), verdicts[0])


def _no_longer(person: str, refused: Refuse) -> Phrase:
    return Phrase("{person} approved it, and may not any more: {why}", person=person, why=refused.reason)


def _unrecorded(person: str) -> Phrase:
    return Phrase("the audit log does not tell that {person} decided so: the database was changed; ask again", person=person)


def _too_few(people: int, needed: int) -> Refuse:
    phrase = Phrase(
        "{n} different person approved it, and by today's rules it needs {needed}; ask again",
        plural="{n} different people approved it, and by today's rules it needs {needed}; ask again",
        n=people,
        needed=needed,
    )
    return Refuse("too few people", phrase)


def _if_open(transition: Transition) -> Transition:
    """Apply the transition only if the operation has not started; another decision may have been faster."""
    return lambda record: transition(record) if record.state in (State.WAITING, State.READY) else record


def _if_running(transition: Transition) -> Transition:
    return lambda record: transition(record) if record.state is State.RUNNING else record
