"""The trail of one operation: its signed intents and outcomes, step by step. Pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from adapters.phrase import Phrase
from bot.audit_log.log import EventKind
from bot.store.audit_chain import StoredEvent
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
