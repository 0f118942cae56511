"""Carries out one operation, as `apply.v1` asks: may it still run, its steps, what is taken back, its end.

begin ─┬─ found to hold before ─────────────────────▶ go on; a resumed run never compares again
       ├─ a right is gone, a lock, no plan now ─────▶ refused, nothing was changed
       ├─ the plan differs now ─────────────────────▶ superseded, nothing was changed
       └─ the same digest ─ audit RUN ──────────────▶ step … step ─▶ end

What runs is what was approved: the stored plan must have the digest that the signed event PLAN tells of, and RUN before
each further step. Where it has not, for the row was changed or this is another version of the bot, no host is asked for
anything, not even to take something back: that is a stranger's plan, too.
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
"""What is said of an operation that is not, or no longer, this bot's to carry out."""


class Story(Protocol):
    """The story of a change, as its run needs it (`bot.changes.lifecycle`)."""

    async def still_allowed(self, record: Record) -> Refuse | None:
        """Why the operation may not start any more."""

    async def replan(self, record: Record) -> tuple[Planned, str]:
        """The plan as it would be made now, and its digest."""

    async def refuse(self, record: Record, refused: Refuse) -> Any:
        """Close the operation; nothing was changed."""

    async def supersede(self, record: Record, planned: Planned) -> Any:
        """Close the operation, and ask again with the new plan."""

    async def progress(self, operation_id: str, key: str) -> None:
        """Tell which step is under way."""

    async def end(self, operation_id: str, state: State, why: Phrase | None) -> Any:
        """The end: hosts are free again unless nobody knows, and others may start."""


class Locks(Protocol):
    """The locks (`bot.changes.locks`)."""

    async def forbidding(self, hosts: Iterable[str], inventory: Inventory) -> Lock | None:
        """The lock that forbids changes on one of these hosts now."""


class Witness(Protocol):
    """The audit log (`bot.audit.log`): whether it is the one that was written, and what it vouches for."""

    @property
    def trouble(self) -> Phrase | None: ...

    async def signed(self, operation: str, kind: EventKind) -> tuple[StoredEvent, ...]:
        """The events of one kind about an operation that we signed."""


@dataclass(frozen=True)
class Applying:
    """What `apply.v1` is made of (`bot.changes.engine.Apply`). `get` finds a record by its operation's id."""

    get: Callable[[str], Awaitable[Record | None]]
    story: Story
    locks: Locks
    audit: Witness
    journal: Journal
    runner: Runner
    inventory: Callable[[], Inventory]
    _verified: dict[str, tuple[Plan, str]] = field(default_factory=dict, init=False)
    """What was found to be the plan that was begun, by operation: looking takes long with a large one."""

    async def begin(self, operation: str) -> Told:
        """Whether it may run, and its steps. Compared once and never again: its own effects change the hosts."""
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
        """Carry out one step; one that does not go well ends its part, which is taken back."""
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
        """Take one step back. No lock and no wish to stop forbids that: half a change helps nobody.

        Nothing more is taken back once it is not proven of one step: the earlier ones hold what that one needs (the old
        files, while the host puts them back).
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
        """How it ended, from the log alone."""
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
        """The record, while its hosts are claimed for it; a person may have ended it meanwhile."""
        record = await self.get(operation)
        return record if record is not None and record.state is State.RUNNING else None

    async def _ending(self, record: Record, trail: Trail) -> Ending:
        if await self._is_sealed(record):
            return ending(record.operation, record.plan, trail)
        return unsealed(record.operation, trail, _strange(record))

    async def _is_sealed(self, record: Record) -> bool:
        """Whether a plan that was begun is still the one that was."""
        if self._verified.get(record.operation) == (record.plan, record.digest):
            return True
        attested = attestation.told(record, await self.audit.signed(record.operation, EventKind.RUN)) and attestation.whole(
            record
        )
        if attested:
            self._verified[record.operation] = record.plan, record.digest
        return attested

    async def _objection(self, record: Record) -> Refuse | Planned | None:
        """Why what was approved may not run now: a refusal, or the other plan that it would be."""
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
        """Why no step of a part may be begun at this moment."""
        record = await self._running(operation)
        if record is not None and record.stopping:
            return Phrase("{who} stopped it", who=record.stopping)
        lock = await self.locks.forbidding(_changed(part), self.inventory())
        return None if lock is None else Phrase("a lock stopped it: {lock}", lock=told(lock))


def _in_doubt(part: Part, trail: Trail) -> bool:
    """Whether a step of the part was not proven to be taken back."""
    back = (trail.undone.get(step.key) for step in part.steps)
    return any(came is not None and came.result is not Result.UNDONE for came in back)


def _order(record: Record) -> Order:
    return Order(record.operation, record.requester, record.plan)


def _strange(record: Record) -> Phrase:
    """Why a stored plan is not carried out."""
    if record.plan is UNREADABLE:
        return Phrase("its plan was stored by another version of flatnet-bot, and this one cannot read it")
    return Phrase(
        "the stored plan is not the one that the audit log tells of: the database was changed, or this is another version "
        "of flatnet-bot"
    )


def _changed(*parts: Part) -> frozenset[str]:
    """The hosts that parts change."""
    changed = {step.host for part in parts for step in part.steps if step.deed.changes}
    return frozenset(changed | {part.host for part in parts})
