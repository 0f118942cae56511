"""Signed events of a rotation: its state after each move. Pure.

    move ─▶ event: the whole rotation, and the members that moved ─▶ row          events ─ fold ─▶ the rotation

The row is a copy of what the events say. The time at which a host was last read is in the row alone.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from bot.store.chain import StoredEvent
from commands.model.rotation import Rotation, RotationMember

MEMBERS_IN_EVENT = 100
"""Members in one audit event: about half of what an event may hold."""


def list_events(before: Rotation | None, after: Rotation, cause: str) -> Iterator[Mapping[str, Any]]:
    """Lists the events of a move; none if nothing moved. `cause` is the operation that made it, or "reading"."""
    moved = [
        member for member in after.members if before is None or _drop_sight(before, member) != _drop_sight(after, member)
    ]
    if before is not None and not moved and _dump_head(before) == _dump_head(after):
        return
    for start in range(0, max(1, len(moved)), MEMBERS_IN_EVENT):
        yield {
            "cause": cause,
            "first": before is None and start == 0,
            "rotation": _dump_head(after),
            "members": [_dump_member(member) for member in moved[start : start + MEMBERS_IN_EVENT]],
        }


def fold_events(events: Iterable[StoredEvent], row: Rotation | None) -> Rotation | None:
    """Folds the events of a rotation to its present state; None if there are none.

    `row` has what no event has: when hosts were last read, and members whose events were pruned.
    """
    read = [data for event in events if (data := _parse(event)) is not None]
    if not read:
        return None
    complete = any(data["first"] for data in read)
    members = {member.host: member for member in (() if row is None or complete else row.members)}
    for data in read:
        members |= {member.host: member for member in map(RotationMember.model_validate, data["members"])}
    seen = {} if row is None else {member.host: member.seen_at for member in row.members}
    known = {host: members.get(host, RotationMember(host=host)) for host in sorted({*members, *seen})}
    updated = tuple(member.model_copy(update={"seen_at": seen.get(host)}) for host, member in known.items())
    return Rotation.model_validate({**read[-1]["rotation"], "members": updated})


def has_ended(event: StoredEvent) -> bool:
    """Returns whether a rotation was over with this event; False for one of another version."""
    data = _parse(event)
    return data is not None and Rotation.model_validate(data["rotation"]).stage.ended


def is_same(one: Rotation, other: Rotation) -> bool:
    """Returns whether two states are the same but for when hosts were last read."""
    return next(list_events(one, other, ""), None) is None and next(list_events(other, one, ""), None) is None


def _dump_head(rotation: Rotation) -> Mapping[str, Any]:
    return rotation.model_dump(mode="json", exclude={"members"})


def _dump_member(member: RotationMember) -> Mapping[str, Any]:
    return member.model_dump(mode="json", exclude={"seen_at"}, exclude_none=True)


def _drop_sight(rotation: Rotation, member: RotationMember) -> RotationMember:
    return rotation.find_member(member.host).model_copy(update={"seen_at": None})


def _parse(event: StoredEvent) -> Mapping[str, Any] | None:
    """Parses an event; None if it is of another version."""
    try:
        data = json.loads(event.data)
        Rotation.model_validate(data["rotation"])
        for member in data["members"]:
            RotationMember.model_validate(member)
        return {"first": bool(data["first"]), "rotation": data["rotation"], "members": data["members"]}
    except (ValidationError, ValueError, KeyError, TypeError, RecursionError):
        return None
