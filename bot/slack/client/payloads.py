"""Slack's ids and texts in payloads: untrusted until they match one of these types.

Shape of Slack's payloads, checked before Bolt sees them: Bolt and its middleware read some fields unchecked.

envelope ─ is_well_formed ─┬─▶ Bolt, its middleware, the listeners (which parse each field that they use)
                           └─▶ acknowledged and logged in one line; nothing else happens
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
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


MAX_DEPTH = 50
"""Maximum nesting of a payload. Slack's own have about fifteen levels."""

_WITH_ID = ("user", "team", "channel", "enterprise")
"""Fields that are an id, or an object that has one."""

_OBJECTS = ("event", "view", "message", "previous_message", "item", "container", "assistant_thread", "function_data")
_LISTS_OF_OBJECTS = ("authorizations", "response_urls")
_NEVER_NULL = frozenset({"event", "response_urls"})
"""Fields that Bolt uses as soon as they are there."""

_REQUIRED_TEXTS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "block_actions": (),
    "block_suggestion": (("action_id",), ("block_id",)),
    "event_callback": (("event", "type"),),
    "message_action": (("callback_id",),),
    "shortcut": (("callback_id",),),
    "view_closed": (("view", "callback_id"), ("view", "type")),
    "view_submission": (("view", "callback_id"), ("view", "type")),
}
"""The texts that a payload of each type has. A slash command has no type."""


def is_well_formed(payload: Any) -> bool:
    """Returns whether a payload has the shape of one of Slack's. What its fields hold is not known thereby."""
    if not isinstance(payload, dict) or not _is_shallow(payload) or not _has_known_parts(payload):
        return False
    if "command" in payload:
        return isinstance(payload["command"], str) and "type" not in payload
    kind = payload.get("type")
    required = _REQUIRED_TEXTS.get(kind) if isinstance(kind, str) else None
    if required is None or not all(isinstance(_get_part(payload, path), str) for path in required):
        return False
    return kind != "block_actions" or _has_actions(payload.get("actions"))


def _is_shallow(payload: Any) -> bool:
    """Returns whether nothing is nested deeper than `MAX_DEPTH`. Level by level, because recursion would fail at that."""
    level: list[Any] = [payload]
    for _ in range(MAX_DEPTH):
        level = [part for each in level for part in _list_parts(each)]
        if not level:
            return True
    return False


def _list_parts(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _has_known_parts(payload: Mapping[str, Any]) -> bool:
    """Returns whether the parts that Bolt looks into are what it takes them for, in the payload and within these parts."""
    for name in _WITH_ID:
        if not isinstance(part := payload.get(name), dict | str | None) or (
            isinstance(part, dict) and not isinstance(part.get("id"), str | None)
        ):
            return False
    objects = [payload[name] for name in _OBJECTS if payload.get(name) is not None or name in _NEVER_NULL & payload.keys()]
    for name in _LISTS_OF_OBJECTS:
        if not isinstance(parts := payload.get(name, []), list) and (parts is not None or name in _NEVER_NULL):
            return False
        objects += parts or ()
    return all(isinstance(each, dict) and _has_known_parts(each) for each in objects)


def _has_actions(actions: Any) -> bool:
    return (
        isinstance(actions, list)
        and bool(actions)
        and all(isinstance(each, dict) and isinstance(each.get("action_id"), str) for each in actions)
    )


def _get_part(payload: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    part: Any = payload
    for name in path:
        part = part.get(name) if isinstance(part, dict) else None
    return part
