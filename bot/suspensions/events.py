"""Signed events of suspensions: the whole state after each move. Pure.

move ─▶ event: the suspension, or that it has ended ─▶ row          all events ─ fold ─▶ the suspended hosts
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from bot.store.chain import StoredEvent
from commands.model.suspension import Suspension


@dataclass(frozen=True)
class FoldedSuspensions:
    """The suspended hosts by name, and the number of the newest suspension."""

    open: Mapping[str, Suspension]
    newest: int = 0

    def apply(self, after: Suspension, *, ended: bool) -> "FoldedSuspensions":
        """Returns the state after one move."""
        others = {host: each for host, each in self.open.items() if host != after.host}
        return FoldedSuspensions(others if ended else {**others, after.host: after}, max(self.newest, after.number))


def make_event(after: Suspension, *, ended: bool) -> Mapping[str, Any]:
    """Makes the event of a move; of an ended one it has the last state."""
    return {"ended": ended, "suspension": after.model_dump(mode="json", exclude_none=True)}


def fold_events(events: Iterable[StoredEvent]) -> FoldedSuspensions:
    """Folds all events in their order. One of another version is left out."""
    folded = FoldedSuspensions({})
    for event in sorted(events, key=lambda event: event.sequence):
        parsed = _parse(event)
        if parsed is not None:
            folded = folded.apply(parsed[0], ended=parsed[1])
    return folded


def _parse(event: StoredEvent) -> tuple[Suspension, bool] | None:
    try:
        data = json.loads(event.data)
        return Suspension.model_validate(data["suspension"]), bool(data["ended"])
    except (ValidationError, ValueError, KeyError, TypeError, RecursionError):
        return None
