"""What each step of an operation intended and what came of it: the audit log, read as the intent log.

    intent ─▶ the host is asked ─▶ outcome          (each once for a step, and once for taking it back)

Whoever finds an outcome does nothing again; whoever finds an intent alone looks at the host first. The trail of what
runs is kept at hand, and only what was written since is read: it is asked for at every step and for every card.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from adapters.phrase import Phrase
from bot.audit.log import EventKind, Recorder
from bot.store import audit as table
from bot.store.chain import StoredEvent
from bot.store.database import Database
from bot.store.errors import TooLarge
from commands.model.plan import Result, StepResult

STEP_KINDS = (EventKind.RUN, EventKind.INTENT, EventKind.OUTCOME, EventKind.END)
"""Events that say how far an operation is."""


@dataclass(frozen=True)
class Entry:
    """What an event is about: a step of an operation, or taking that step back. `actor` is on whose behalf."""

    operation: str
    actor: str
    key: str
    undo: bool = False


@dataclass(frozen=True)
class Trail:
    """What an operation left in the log. `touched`: steps that may have left their host different.

    `ended`: its end was told, and it did not begin after that. `upto` is the number of its last event.
    """

    started: bool = False
    begun: frozenset[str] = frozenset()
    results: Mapping[str, StepResult] = field(default_factory=dict)
    touched: frozenset[str] = frozenset()
    undo_begun: frozenset[str] = frozenset()
    undone: Mapping[str, StepResult] = field(default_factory=dict)
    ended: bool = False
    upto: int = field(default=0, compare=False)

    @property
    def under_way(self) -> bool:
        """Whether more is to come."""
        return self.started and not self.ended


class Journal:
    """Writes and reads the events of operations. `holds_secret` judges a text that is about to be stored."""

    def __init__(self, audit: Recorder, database: Database, holds_secret: Callable[[str], bool]) -> None:
        self._audit = audit
        self._database = database
        self._holds_secret = holds_secret
        self._at_hand: dict[str, Trail] = {}

    async def started(self, operation: str, actor: str, data: Mapping[str, Any]) -> None:
        """Note that an operation's plan was found to hold, so that it is never compared again."""
        await self._audit.record(EventKind.RUN, actor, operation, data)

    async def intent(self, entry: Entry, host: str, action: str) -> None:
        """Note what is about to be asked of a host."""
        data = {"step": entry.key, "undo": entry.undo, "host": host, "action": action}
        await self._audit.record(EventKind.INTENT, entry.actor, entry.operation, data)

    async def outcome(self, entry: Entry, result: StepResult, *, touched: bool = False) -> StepResult:
        """Note what came of it, and give back what was kept: an answer that holds a secret is dropped."""
        kept = self._without_secrets(result)
        try:
            await self._record(entry, kept, touched)
        except TooLarge:
            kept = _dropped(result, Phrase("the host's answer is too large to keep; look at the host"))
            await self._record(entry, kept, touched)
        return kept

    async def ended(self, operation: str, actor: str, data: Mapping[str, Any]) -> None:
        """Note how an operation ended."""
        await self._audit.record(EventKind.END, actor, operation, data)

    async def read(self, operation: str) -> Trail:
        """What the log has of an operation."""
        before = self._at_hand.get(operation, Trail())
        now = await self._database.read(
            lambda connection: trail(table.of_operation(connection, operation, STEP_KINDS, before.upto), before)
        )
        if not now.under_way:
            self._at_hand.pop(operation, None)
        elif now.upto >= self._at_hand.get(operation, Trail()).upto:  # another reader may have been faster
            self._at_hand[operation] = now
        return now

    async def _record(self, entry: Entry, result: StepResult, touched: bool) -> None:
        data = {"undo": entry.undo, "touched": touched, "result": result.model_dump(mode="json")}
        await self._audit.record(EventKind.OUTCOME, entry.actor, entry.operation, data)

    def _without_secrets(self, result: StepResult) -> StepResult:
        if not self._holds_secret(result.model_dump_json()):
            return result
        return _dropped(result, Phrase("the host's answer holds a secret, so it was not kept; look at the host"))


def trail(events: Iterable[StoredEvent], before: Trail = Trail()) -> Trail:
    """How far an operation is, from its events, or from those that came after `before`."""
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
        now = replace(now, upto=event.sequence)
    return replace(
        now,
        begun=frozenset(begun),
        results=results,
        touched=frozenset(touched),
        undo_begun=frozenset(undo_begun),
        undone=undone,
    )


def _dropped(result: StepResult, why: Phrase) -> StepResult:
    """A result without its answer. What went well has failed by that; a doubt stays a doubt."""
    became = Result.FAILED if result.result.good else result.result
    return result.model_copy(update={"result": became, "why": why, "product": {}})
