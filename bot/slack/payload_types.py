"""Slack's ids and texts in payloads: untrusted until they match one of these types."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, StringConstraints

TeamId = Annotated[str, StringConstraints(pattern=r"^[TE][A-Z0-9]{1,40}$")]
UserId = Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]{1,40}$")]
ChannelId = Annotated[str, StringConstraints(pattern=r"^[CDG][A-Z0-9]{1,40}$")]
Timestamp = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,16}\.[0-9]{1,9}$")]
"""Slack's id of a message within its channel."""

_TRIGGER = re.compile(r"[A-Za-z0-9._-]{1,128}")


def _characters_only(text: str) -> str:
    """Replace half surrogate pairs: they are not characters and cannot be stored or sent."""
    return text.encode("utf-8", "replace").decode("utf-8")


Words = Annotated[str, AfterValidator(_characters_only)]
"""Text that a person typed. The dispatcher parses it or refuses it."""

ResponseUrl = Annotated[str, StringConstraints(max_length=2_000), AfterValidator(_characters_only)]


def trigger_in(body: Any) -> str:
    """Parse the trigger id of a payload, which identifies what the person did; "" if there is none."""
    trigger = body.get("trigger_id")
    return trigger if isinstance(trigger, str) and _TRIGGER.fullmatch(trigger) else ""
