"""Executor of one operation, called by `apply.v1`: checks its start, runs its steps, rolls back, records its outcome.

begin ─┬─ checked before ─────────────────────────▶ go on; a resumed run never compares again
       ├─ a right is gone, a lock, no plan now ───▶ refused, nothing was changed
       ├─ the plan differs now ───────────────────▶ superseded, nothing was changed
       └─ the same digest ─ audit RUN ────────────▶ step … step ─▶ end

The approved plan is the one that runs: the stored plan must have the digest of the signed event PLAN, and that of RUN before
each further step. Where it has not, because the row was changed or this is another version of the bot, no request goes to
any host, not even a rollback: such a plan is not trusted either.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from adapters.errors import HostError, Refused, RequestError
from adapters.inventory import Inventory
from adapters.phrase import Phrase
from bot.access.policy import Refuse
from bot.audit.log import EventKind
from bot.changes import attestation
from bot.changes.engine import Told
from bot.changes.intent_log import Journal, Trail
from bot.changes.locks import told
from bot.changes.outcome import Ending, ending, part_of, to_take_back, unsealed
from bot.changes.step_binding import Order
from bot.changes.step_runner import Runner
from bot.model.change import State
from bot.store.chain import StoredEvent
from bot.store.locks import Lock
from bot.store.records import UNREADABLE, Record
from commands.model.plan import Part, Plan, Planned, Result

NOTHING: Told = {"go": False, "steps": [], "undo": []}
"""Reply for an operation that is not, or no longer, this bot's to run."""


class Story(Protocol):
    """Moves a change, as its run needs it (`bot.changes.coordinator`)."""

    async def still_allowed(self, record: Record) -> Refuse | None:
        """Return a refusal if the operation may not start any more."""

    async def replan(self, record: Record) -> tuple[Planned, str]:
        """Make the plan as of now, with its digest."""

    async def refuse(self, record: Record, refused: Refuse) -> Any:
        """Close the operation; nothing was changed."""

    async def supersede(self, record: Record, planned: Planned) -> Any:
        """Close the operation, and ask again with the new plan."""

    async def progress(self, operation_id: str, key: str) -> None:
        """Record the step that is under way."""

    async def end(self, operation_id: str, state: State, why: Phrase | None) -> Any:
        """Finish the run: hosts are released unless the outcome is unknown, and others may start."""


class Locks(Protocol):
    """The locks (`bot.changes.locks`)."""

    async def forbidding(self, hosts: Iterable[str], inventory: Inventory) -> Lock | None:
        """Find the lock that forbids changes on one of these hosts now."""


class Witness(Protocol):
    """The audit log (`bot.audit.log`): its state, and the events that it attests."""

    @property
    def trouble(self) -> Phrase | None: ...

    async def signed(self, operation: str, kind: EventKind) -> tuple[StoredEvent, ...]:
        """Find the events of one kind about an operation that we signed."""


@dataclass(frozen=True)
class Applying:
    """Steps of `apply.v1` (`bot.changes.engine.ApplySteps`). `find_record` finds a record by its operation's id."""

    get: Callable[[str], Awaitable[Record | None]]
    story: Story
    locks: Locks
    audit: Witness
    journal: Journal
    runner: Runner
    inventory: Callable[[], Inventory]
    _verified: dict[str, tuple[Plan, str]] = field(default_factory=dict, init=False)
    """Plans that were found attested, by operation: the check takes long with a large one."""

    async def begin(self, operation: str) -> Told:
        """Check whether it may run, and return its steps. Checked once and never again: its own effects change the hosts."""
        record = await self._running(operation)
        if record is None:
            return NOTHING
        if (await self.journal.read(operation)).started:
            if not await self._is_sealed(record):
                return {"go": True, "steps": []}
        else:
            match await self._objection(record):
                case Refuse() as refused:
                    await self.story.refuse(record, refused)
                    return NOTHING
                case Planned() as planned:
                    await self.story.supersede(record, planned)
                    return NOTHING
            await self.journal.started(operation, record.requester, {"digest": record.digest, "words": record.words})
        return {"go": True, "steps": [step.key for step in record.plan.steps]}

    async def step(self, operation: str, key: str) -> Told:
        """Run one step; a step that fails ends its part, which is rolled back."""
        record = await self._running(operation)
        if record is None:
            return NOTHING
        if not await self._is_sealed(record):
            return {"go": False, "undo": []}
        part = part_of(record.plan, key)
        await self.story.progress(operation, key)
        result = await self.runner.do(_order(record), key, partial(self._forbidden, operation, part))
        if result.result.good:
            return {"go": True}
        return {"go": False, "undo": list(to_take_back(part, await self.journal.read(operation)))}

    async def undo(self, operation: str, key: str) -> Told:
        """Roll one step back. Neither a lock nor a request to stop forbids that: half a change helps no operator.

        The rollback stops at the first step whose rollback is not proven: earlier steps hold what that one needs (the old
        files, while the host restores them).
        """
        record = await self._running(operation)
        if record is None:
            return NOTHING
        if not await self._is_sealed(record) or _in_doubt(part_of(record.plan, key), await self.journal.read(operation)):
            return {}
        await self.story.progress(operation, key)
        await self.runner.undo(_order(record), key)
        return {}

    async def end(self, operation: str) -> Told:
        """Record the outcome, from the log alone."""
        record = await self._running(operation)
        if record is None:
            return NOTHING
        trail = await self.journal.read(operation)
        end = await self._ending(record, trail)
        if not trail.ended:
            data = {"state": end.state, "why": str(end.why or ""), "done": end.done, "left": end.left}
            await self.journal.ended(operation, record.requester, data)
        await self.story.end(operation, end.state, end.why)
        self._verified.pop(operation, None)
        return {"state": end.state.value}

    async def _running(self, operation: str) -> Record | None:
        """Find the record while its hosts are claimed for it; a person may have ended it meanwhile."""
        record = await self.get(operation)
        return record if record is not None and record.state is State.RUNNING else None

    async def _ending(self, record: Record, trail: Trail) -> Ending:
        if await self._is_sealed(record):
            return ending(record.operation, record.plan, trail)
        return unsealed(record.operation, trail, _strange(record))

    async def _is_sealed(self, record: Record) -> bool:
        """Return whether the plan is still the one that was started."""
        if self._verified.get(record.operation) == (record.plan, record.digest):
            return True
        attested = attestation.told(record, await self.audit.signed(record.operation, EventKind.RUN)) and attestation.whole(
            record
        )
        if attested:
            self._verified[record.operation] = record.plan, record.digest
        return attested

    async def _objection(self, record: Record) -> Refuse | Planned | None:
        """Find the reason for which the approved plan may not run now: a refusal, or the plan that it has become."""
        try:
            refused = await self._refused(record)
            if refused is not None:
                return refused
            planned, digest = await self.story.replan(record)
        except (HostError, Refused, RequestError) as error:
            return Refuse("no plan now", error.phrase)
        if digest != record.digest:
            return planned
        return None if attestation.whole(record) else Refuse("another plan is stored", _strange(record))

    async def _refused(self, record: Record) -> Refuse | None:
        if self.audit.trouble is not None:
            return Refuse("the audit log is not intact", self.audit.trouble)
        if record.plan is UNREADABLE or not attestation.told(
            record, await self.audit.signed(record.operation, EventKind.PLAN)
        ):
            return Refuse("another plan is stored", _strange(record))
        lock = await self.locks.forbidding(_changed(*record.plan.parts), self.inventory())
        if lock is not None:
            return Refuse("locked", told(lock))
        return await self.story.still_allowed(record)

    async def _forbidden(self, operation: str, part: Part) -> Phrase | None:
        """Find the reason for which no step of a part may start at this moment."""
        record = await self._running(operation)
        if record is not None and record.stopping:
            return Phrase("{who} stopped it", who=record.stopping)
        lock = await self.locks.forbidding(_changed(part), self.inventory())
        return None if lock is None else Phrase("a lock stopped it: {lock}", lock=told(lock))


def _in_doubt(part: Part, trail: Trail) -> bool:
    """Return whether the rollback of a step of the part was not proven."""
    back = (trail.undone.get(step.key) for step in part.steps)
    return any(came is not None and came.result is not Result.UNDONE for came in back)


def _order(record: Record) -> Order:
    return Order(record.operation, record.requester, record.plan)


def _strange(record: Record) -> Phrase:
    """Explain that a stored plan is not attested."""
    if record.plan is UNREADABLE:
        return Phrase("its plan was stored by another version of flatnet-bot, and this one cannot read it")
    return Phrase(
        "the stored plan is not the one that the audit log tells of: the database was changed, or this is another version "
        "of flatnet-bot"
    )


def _changed(*parts: Part) -> frozenset[str]:
    """Find the hosts that parts change."""
    changed = {step.host for part in parts for step in part.steps if step.deed.changes}
    return frozenset(changed | {part.host for part in parts})
