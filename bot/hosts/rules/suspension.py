"""Moves of a suspension: what a run did of it, by its signed outcomes. Pure.

host suspend ─ all steps done ─────────────▶ complete        host resume ─ all steps done ─▶ ended
             ├ all that began rolled back ─▶ as before                   ├ nothing changed ─▶ as before
             └ anything else ──────────────▶ partly suspended            └ anything else ───▶ partly suspended

host remove ─ the host is out of the configuration ─▶ ended

Signed events of suspensions: the whole state after each move. Pure.

move ─▶ event: the suspension, or that it has ended ─▶ row          all events ─ fold ─▶ the suspended hosts

Mutes of suspended hosts: their alerts are hidden and counted until the resume. Pure.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import JsonValue, TypeAdapter, ValidationError

from adapters.action import BOT_NAME
from adapters.phrase import Phrase
from bot.model.alert import Mute, MuteKind
from bot.model.change import RunTrail, are_done
from bot.store.audit_chain import StoredEvent
from bot.store.records import OperationRecord
from commands.hosts.suspend.records import REMOVE_WORDS, RESUME_WORDS, Mark, RememberedHost, find_memory, has_mark
from commands.model.plan import Plan, Result, Step
from commands.model.suspension import Suspension

_DURATION = TypeAdapter(timedelta)


def find_host(record: OperationRecord) -> str | None:
    """Finds the host that a run suspends, resumes or removes; None for another run."""
    if record.kind == RESUME_WORDS:
        return next((part.host for part in record.plan.parts), None)
    if record.kind == REMOVE_WORDS:
        return record.plan.about
    found = find_memory(record.plan)
    return None if found is None else found[0]


def derive_suspension(
    record: OperationRecord, trail: RunTrail, current: Suspension | None, number: int
) -> Suspension | None:
    """Derives the suspension of the host after a run; None if it is not suspended. `number` is that of a new one.

    The same run again moves nothing more.
    """
    if record.kind == RESUME_WORDS:
        return None if current is None else _derive_resumed(record.plan, trail, current)
    if record.kind == REMOVE_WORDS:
        written = [step for step in record.plan.steps if step.host == BOT_NAME]
        return None if written and are_done(written, trail) else current
    found = find_memory(record.plan)
    return current if found is None else _derive_suspended(record, found[1], trail, current or number)


def _derive_suspended(
    record: OperationRecord, memory: RememberedHost, trail: RunTrail, current: Suspension | int
) -> Suspension | None:
    done = are_done(record.plan.steps, trail)
    before = current if isinstance(current, Suspension) else None
    if not done and not _has_remains(record.plan, trail):
        return before
    at = max(result.ended_at for result in trail.results.values())
    base = before or Suspension(
        number=current if isinstance(current, int) else 0,
        host=find_host(record) or "",
        reason=record.reason,
        owner=record.requester,
        operation=record.operation,
        since=at,
    )
    return base.model_copy(
        update={
            "containers": memory.containers,
            "services": memory.services,
            "remind_at": _find_reminder(record.arguments.get("for_"), at) or base.remind_at,
            "complete": done,
            "note": None if done else _describe_stopped(record.plan, memory, trail),
        }
    )


def _derive_resumed(plan: Plan, trail: RunTrail, current: Suspension) -> Suspension | None:
    if plan.steps and are_done(plan.steps, trail):
        return None
    if not _has_remains(plan, trail):
        return current
    return current.model_copy(update={"complete": False, "note": _describe_started(plan, current, trail)})


def _has_remains(plan: Plan, trail: RunTrail) -> bool:
    """Returns whether a run left something on the host that it changed, or may have."""
    return any(step.key in trail.touched and not _is_taken_back(step, trail) for step in plan.steps)


def _is_taken_back(step: Step, trail: RunTrail) -> bool:
    return step.key in trail.undone and trail.undone[step.key].result is Result.UNDONE


def _describe_stopped(plan: Plan, memory: RememberedHost, trail: RunTrail) -> Phrase:
    host = next(part.host for part in plan.parts)
    stops = _select(plan, host, Mark.STOP)
    running = [step for step in stops if step.key not in trail.touched or _is_taken_back(step, trail)]
    total = len(memory.containers)
    return Phrase("{n} of {total} containers are stopped", n=total - len(running), total=total)


def _describe_started(plan: Plan, current: Suspension, trail: RunTrail) -> Phrase:
    host = next(part.host for part in plan.parts)
    if not are_done(_select(plan, host, Mark.NEBULA), trail):
        return Phrase("Nebula is not started")
    if not are_done(_select(plan, host, Mark.OPENRESTY), trail):
        return Phrase("Nebula is started, OpenResty is not")
    steps = _select(plan, host, Mark.START)
    started = [each for each in current.containers if _are_started([s for s in steps if f"/{each.id}/" in s.key], trail)]
    return Phrase("{n} of {total} containers are started", n=len(started), total=len(current.containers))


def _are_started(steps: list[Step], trail: RunTrail) -> bool:
    return bool(steps) and are_done(steps, trail)


def _select(plan: Plan, host: str, mark: Mark) -> list[Step]:
    return [step for step in plan.steps if has_mark(step, host, mark)]


def _find_reminder(lasts: JsonValue, at: datetime) -> datetime | None:
    """Finds when the owner is reminded, from the resolved argument of a run that ended at that time."""
    try:
        return None if lasts is None else at + _DURATION.validate_python(lasts)
    except ValidationError:
        return None


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


FOREVER = timedelta(days=36_500)
"""A suspension has no end of its own, and a mute needs one."""


def make_mutes(suspensions: Iterable[Suspension]) -> tuple[Mute, ...]:
    """Makes a mute for each suspended host."""
    return tuple(
        Mute(
            number=each.number,
            kind=MuteKind.SUSPENSION,
            what=each.host,
            reason=each.reason,
            owner=each.owner,
            identity="",
            operation=each.operation,
            channel="",
            added_at=each.since,
            ends_at=each.since + FOREVER,
        )
        for each in suspensions
    )
