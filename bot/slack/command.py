"""A slash command: from Slack's payload to an inbox row and back. The payload is foreign until it is parsed here."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, field_validator

from bot.store.inbox import Delivery

KIND = "command"
"""The kind of these rows in the inbox."""

_TRIGGER = re.compile(r"[A-Za-z0-9._-]{1,128}")


class SlashCommand(BaseModel):
    """What a person typed after `/flatnet`, and where. `response_url` is "" where Slack gave none."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    team: Annotated[str, StringConstraints(pattern=r"^[TE][A-Z0-9]{1,40}$")]
    user: Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]{1,40}$")]
    channel: Annotated[str, StringConstraints(pattern=r"^[CDG][A-Z0-9]{1,40}$")]
    text: str = ""
    response_url: Annotated[str, StringConstraints(max_length=2_000)] = ""

    @field_validator("text", "response_url")
    @classmethod
    def _characters_only(cls, text: str) -> str:
        """Half a surrogate pair is no character and cannot be stored or sent."""
        return text.encode("utf-8", "replace").decode("utf-8")


def delivery_of(body: Mapping[str, Any], at: datetime) -> Delivery | None:
    """The inbox row for Slack's payload; None where it does not say who typed it where.

    The key is the trigger id, which Slack makes for each command; without one, a hash of what arrived.
    """
    try:
        command = SlashCommand.model_validate(
            {
                "team": body.get("team_id"),
                "user": body.get("user_id"),
                "channel": body.get("channel_id"),
                "text": body.get("text") or "",
                "response_url": body.get("response_url") or "",
            }
        )
    except ValidationError:
        return None
    trigger = body.get("trigger_id")
    known = isinstance(trigger, str) and _TRIGGER.fullmatch(trigger)
    return Delivery(key=str(trigger) if known else _hash(command), kind=KIND, payload=command.model_dump(), received_at=at)


def command_in(delivery: Delivery) -> SlashCommand | None:
    """The command of an inbox row; None where another version of the bot wrote something else."""
    try:
        return SlashCommand.model_validate(delivery.payload) if delivery.kind == KIND else None
    except ValidationError:
        return None


def _hash(command: SlashCommand) -> str:
    return hashlib.sha256(json.dumps(command.model_dump(), sort_keys=True).encode()).hexdigest()
