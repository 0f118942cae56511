"""conversations.open and conversations.info."""

from typing import Any

from tests.lab.workspace.answers import SlackError
from tests.lab.workspace.arguments import Arguments
from tests.lab.workspace.methods.method import Method, Rooms
from tests.lab.workspace.rates import Tier
from tests.lab.workspace.seed import BOT_USER, Channel, Kind


def open_direct(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    """Direct messages with one person; conversations of several are not spoken here."""
    user = arguments.required("users")
    person = rooms.state.person(user)
    if person is None:
        raise SlackError("user_not_found")
    if person.kind is Kind.DEACTIVATED:
        raise SlackError("user_disabled")
    if person.kind is Kind.BOT:
        raise SlackError("cannot_dm_bot")
    return {"channel": {"id": rooms.state.direct(user).id}}


def info(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    channel = rooms.channel(arguments.required("channel"))
    rooms.require(_reading(channel))
    return {"channel": {**channel.described(), "is_member": BOT_USER in channel.members}}


def _reading(channel: Channel) -> str:
    """The scope that reads this kind of channel."""
    if channel.direct:
        return "im:read"
    return "groups:read" if channel.private else "channels:read"


METHODS = (
    Method("conversations.open", open_direct, Tier.THREE, "im:write"),
    Method("conversations.info", info, Tier.THREE),
)
