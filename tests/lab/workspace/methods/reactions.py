"""reactions.get: one message with its reactions, in a thread, too."""

from typing import Any

from tests.lab.workspace import payloads
from tests.lab.workspace.answers import SlackError
from tests.lab.workspace.arguments import Arguments
from tests.lab.workspace.methods.method import Method, Rooms
from tests.lab.workspace.rates import Tier


def get(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    """A message where the bot is a member.

    Slack documents reactions:read alone. Here the history of that kind of channel is needed, too: the harder case.
    """
    channel = rooms.joined(arguments.required("channel"))
    rooms.require("groups:history" if channel.private else "channels:history")
    message = rooms.state.find(channel.id, arguments.required("timestamp"))
    if message is None or message.private_to is not None:
        raise SlackError("message_not_found")
    link = payloads.permalink(rooms.state.seed, message)
    return {
        "type": "message",
        "channel": channel.id,
        "message": {**payloads.message_json(rooms.state.seed, message), "permalink": link},
    }


METHODS = (Method("reactions.get", get, Tier.THREE, "reactions:read"),)
