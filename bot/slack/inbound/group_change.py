"""Changes of user groups: news, after which the members of the group are asked for again.

It is a row, because the copy of the bot that gets the event is perhaps not the one that knows the members.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from bot.slack.delivery_kind import DeliveryKind
from bot.slack.directory.groups import GroupDirectory
from bot.slack.payload_types import EventId, get_object
from bot.store.inbox import Delivery

KIND = "group"
"""Delivery kind of these rows in the inbox."""

MEMBERS, UPDATED = "subteam_members_changed", "subteam_updated"
"""Types of the events."""


class GroupChange(BaseModel):
    """A change of a user group."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    event: EventId
    group: Annotated[str, StringConstraints(pattern=r"^S[A-Z0-9]{1,40}$")]


def make_kind(groups: GroupDirectory) -> DeliveryKind:
    """Make the delivery kind of changes of user groups."""

    async def work(changed: GroupChange, delivery: Delivery) -> None:
        groups.invalidate(changed.group)

    return DeliveryKind(_build_delivery, GroupChange, work, lambda changed, delivery: None, comes_again=True, is_news=True)


def parse(body: Mapping[str, Any]) -> GroupChange | None:
    """Parse a change of a group; None for anything else."""
    event = get_object(body, "event")
    try:
        return GroupChange(
            event=str(body.get("event_id")), group=str(event.get("subteam_id") or get_object(event, "subteam").get("id"))
        )
    except ValidationError:
        return None


def _build_delivery(body: Mapping[str, Any], at: datetime) -> Delivery | None:
    changed = parse(body)
    return None if changed is None else Delivery(f"group {changed.event}", KIND, changed.model_dump(), at)
