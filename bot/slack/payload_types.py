"""Slack's ids and texts in payloads: untrusted until they match one of these types."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, StringConstraints

TeamId = Annotated[str, StringConstraints(pattern=r"^[TE][A-Z0-9]{1,40}$")]
UserId = Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]{1,40}$")]
ChannelId = Annotated[str, StringConstraints(pattern=r"^[CDG][A-Z0-9]{1,40}$")]
EventId = Annotated[str, StringConstraints(pattern=r"^Ev[A-Za-z0-9]{1,60}$")]
"""Slack's id of an event, the same in all its repetitions."""

Timestamp = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,16}\.[0-9]{1,9}$")]
"""Slack's id of a message within its channel."""

USER_ID_PREFIXES = ("U", "W")
"""First letters of the ids of people."""

GROUP_PREFIX = "S"
"""First letter of the ids of user groups."""

DIRECT_PREFIXES = ("D", *USER_ID_PREFIXES)
"""First letters of channels that one person reads. The id of a person as a channel means the direct messages with them."""


def is_direct_message(channel: str) -> bool:
    """Tell whether a channel holds the direct messages of two people, by its id."""
    return channel.startswith("D")


_TRIGGER = re.compile(r"[A-Za-z0-9._-]{1,128}")


def _replace_surrogates(text: str) -> str:
    """Replace half surrogate pairs: they are not characters and cannot be stored or sent."""
    return text.encode("utf-8", "replace").decode("utf-8")


Words = Annotated[str, AfterValidator(_replace_surrogates)]
"""Text that a person typed. The dispatcher parses it or refuses it."""

ResponseUrl = Annotated[str, StringConstraints(max_length=2_000), AfterValidator(_replace_surrogates)]


def parse_trigger(body: Any) -> str:
    """Parse the trigger id of a payload, which identifies what the person did; "" if there is none."""
    trigger = body.get("trigger_id")
    return trigger if isinstance(trigger, str) and _TRIGGER.fullmatch(trigger) else ""


def get_object(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a JSON object in a payload, empty if it is missing or not an object."""
    part = body.get(name)
    return part if isinstance(part, dict) else {}


def get_user(body: Mapping[str, Any]) -> str:
    """Return the user id of a payload, "" if it has none."""
    return str(get_object(body, "user").get("id") or "")


def get_team(body: Mapping[str, Any]) -> Any:
    """Return the team of the person in a payload, or of the place; in an organization it may name the organization alone."""
    for name, key in (("user", "team_id"), ("team", "id"), ("enterprise", "id")):
        if team := get_object(body, name).get(key):
            return team
    return None


def hash_payload(payload: Mapping[str, Any]) -> str:
    """Hash a parsed payload, as the key of a delivery for which Slack gave no id."""
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
