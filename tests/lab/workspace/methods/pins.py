"""pins.add and pins.remove: messages of any author, in channels where the bot is."""

from typing import Any

from tests.lab.workspace.answers import SlackError
from tests.lab.workspace.arguments import Arguments
from tests.lab.workspace.message import Message
from tests.lab.workspace.methods.method import Method, Rooms
from tests.lab.workspace.rates import Tier
from tests.lab.workspace.seed import BOT_USER

MOST_PINS = 100
"""Pins of a channel; Slack answers `too_many_pins` to more and does not document how many."""


def add(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    message = _named(rooms, arguments)
    if message.pinned_by:
        raise SlackError("already_pinned")
    if len(rooms.state.list_pins(message.channel)) >= MOST_PINS:
        raise SlackError("too_many_pins")
    rooms.state.pin(message, BOT_USER)
    return {}


def remove(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    message = _named(rooms, arguments)
    if not message.pinned_by:
        raise SlackError("no_pin")
    rooms.state.pin(message, "")
    return {}


def _named(rooms: Rooms, arguments: Arguments) -> Message:
    """The message that both arguments name; an ephemeral one cannot be named."""
    channel = rooms.joined(arguments.required("channel"))
    if channel.archived:
        raise SlackError("is_archived")
    if channel.restricted:
        raise SlackError("restricted_action")
    ts = arguments.optional("timestamp")
    if not ts:
        raise SlackError("no_item_specified")
    message = rooms.state.find(channel.id, ts)
    if message is None or message.private_to is not None:
        raise SlackError("message_not_found")
    return message


METHODS = (
    Method("pins.add", add, Tier.TWO, "pins:write"),
    Method("pins.remove", remove, Tier.TWO, "pins:write"),
)
