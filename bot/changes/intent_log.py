"""Intent log: the intent and the outcome of each step of an operation, written to and read from the audit log.

    intent ─▶ request to the host ─▶ outcome          (each once for a step, and once for its rollback)

After a crash a step with an outcome is not run again, and a step with an intent alone is checked on its host first. The
trails of running operations are cached, and only newer events are read: every step and every card asks for them.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from adapters.phrase import Phrase
from bot.audit.log import EventKind, Recorder
from bot.store import audit as table
from bot.store.chain import StoredEvent
from bot.store.database import Database
from bot.store.errors import TooLarge
from commands.model.plan import Result, StepResult

STEP_KINDS = (EventKind.RUN, EventKind.INTENT, EventKind.OUTCOME, EventKind.END)
"""Kinds of events that record the progress of an operation."""


@dataclass(frozen=True)
class StepEntry:
    """Subject of an event: a step of an operation, or its rollback. `actor` is the person on whose behalf it runs."""

    operation: str
    actor: str
    key: str
    undo: bool = False


@dataclass(frozen=True)
class AuditTrail:
    """Events that an operation left in the log. `touched`: steps that may have left their host different.

    `ended`: its end is recorded, and it did not start after that. `last_sequence` is the number of its last event.
    """

    started: bool = False
    begun: frozenset[str] = frozenset()
    results: Mapping[str, StepResult] = field(default_factory=dict)
    touched: frozenset[str] = frozenset()
    undo_begun: frozenset[str] = frozenset()
    undone: Mapping[str, StepResult] = field(default_factory=dict)
    ended: bool = False
    last_sequence: int = field(default=0, compare=False)

    @property
    def under_way(self) -> bool:
        """True if more events are to come."""
        return self.started and not self.ended


class IntentLog:
    """Writes and reads the events of operations. `holds_secret` judges a text that is about to be stored."""

    def __init__(self, audit: Recorder, database: Database, holds_secret: Callable[[str], bool]) -> None:
        self._audit = audit
        self._database = database
        self._holds_secret = holds_secret
        self._at_hand: dict[str, AuditTrail] = {}

    async def record_start(self, operation: str, actor: str, data: Mapping[str, Any]) -> None:
        """Record that an operation's plan still holds, so that it is not compared again."""
        await self._audit.record(EventKind.RUN, actor, operation, data)

    async def record_intent(self, entry: StepEntry, host: str, action: str) -> None:
        """Record the request that is about to be sent to a host."""
        data = {"step": entry.key, "undo": entry.undo, "host": host, "action": action}
        await self._audit.record(EventKind.INTENT, entry.actor, entry.operation, data)

    async def record_outcome(self, entry: StepEntry, result: StepResult, *, touched: bool = False) -> StepResult:
        """Record the result of a step, and return it as it was stored: an answer that holds a secret is dropped."""
        kept = self._drop_secrets(result)
        try:
            await self._append_outcome(entry, kept, touched)
        except TooLarge:
            kept = _drop_answer(result, Phrase("the host's response is too large to store. Check the host"))
            await self._append_outcome(entry, kept, touched)
        return kept

    async def record_end(self, operation: str, actor: str, data: Mapping[str, Any]) -> None:
        """Record the end of an operation."""
        await self._audit.record(EventKind.END, actor, operation, data)

    async def read_trail(self, operation: str) -> AuditTrail:
        """Read the trail of an operation from the log."""
        before = self._at_hand.get(operation, AuditTrail())
        now = await self._database.read(
            lambda connection: build_trail(
                table.list_of_operation(connection, operation, STEP_KINDS, before.last_sequence), before
            )
        )
        if not now.under_way:
            self._at_hand.pop(operation, None)
        elif (
            now.last_sequence >= self._at_hand.get(operation, AuditTrail()).last_sequence
        ):  # another reader may have been faster
            self._at_hand[operation] = now
        return now

    async def _append_outcome(self, entry: StepEntry, result: StepResult, touched: bool) -> None:
        data = {"undo": entry.undo, "touched": touched, "result": result.model_dump(mode="json")}
        await self._audit.record(EventKind.OUTCOME, entry.actor, entry.operation, data)

    def _drop_secrets(self, result: StepResult) -> StepResult:
        if not self._holds_secret(result.model_dump_json()):
            return result
        return _drop_answer(result, Phrase("the host's response contains a secret, so it was not stored. Check the host"))


class SignedEvents(Protocol):
    """The audit log, as those who trust only signed outcomes need it."""

    async def find_signed(self, operation: str, kind: EventKind) -> tuple[StoredEvent, ...]: ...


async def read_signed_outcomes(audit: SignedEvents, operation: str) -> AuditTrail:
    """Read the results of an operation's steps from its signed outcomes alone."""
    return build_trail(await audit.find_signed(operation, EventKind.OUTCOME))


def build_trail(events: Iterable[StoredEvent], before: AuditTrail = AuditTrail()) -> AuditTrail:
    """Build the trail of an operation from its events, or from those that came after `before`."""
    begun, undo_begun, touched = set(before.begun), set(before.undo_begun), set(before.touched)
    results, undone = dict(before.results), dict(before.undone)
    now = before
    for event in events:
        data = json.loads(event.data)
        match event.kind:
            case EventKind.RUN:
                now = replace(now, started=True, ended=False)
            case EventKind.END:
                now = replace(now, ended=True)
            case EventKind.INTENT:
                (undo_begun if data["undo"] else begun).add(data["step"])
            case EventKind.OUTCOME:
                result = StepResult.model_validate(data["result"])
                (undone if data["undo"] else results)[result.key] = result
                touched |= {result.key} if data["touched"] else set()
        now = replace(now, last_sequence=event.sequence)
    return replace(
        now,
        begun=frozenset(begun),
        results=results,
        touched=frozenset(touched),
        undo_begun=frozenset(undo_begun),
        undone=undone,
    )


def _drop_answer(result: StepResult, why: Phrase) -> StepResult:
    """Drop the answer of a result. A success becomes a failure by that; an unknown result stays unknown."""
    became = Result.FAILED if result.result.successful else result.result
    return result.model_copy(update={"result": became, "why": why, "product": {}})
