"""conversations.open, .info, .members, .create, .invite and .setTopic, and users.conversations."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar

from tests.lab.workspace.answers import SlackError
from tests.lab.workspace.arguments import Arguments
from tests.lab.workspace.methods.method import Method, Rooms
from tests.lab.workspace.rates import Tier
from tests.lab.workspace.seed import BOT_USER, Channel, Kind

LONGEST_NAME, LONGEST_TOPIC = 80, 250
MOST_INVITED = 100
PAGE = 100
"""Channels in an answer that does not say how many."""

MOST_LISTED = 1000
"""The longest page that can be asked for; Slack recommends at most 200."""

Found = TypeVar("Found")

_PUNCTUATION = re.compile(r"[-_]+")


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


def members(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    """The people in a conversation, the app among them, page by page."""
    channel = rooms.channel(arguments.required("channel"))
    rooms.require(_reading(channel))
    page, cursor = _page(sorted(channel.members), arguments)
    return {"members": page, "response_metadata": {"next_cursor": cursor}}


def create(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    """A public or private channel with the bot in it. A name is taken for ever, by an archived channel too."""
    private = arguments.optional("is_private") in ("1", "true")
    rooms.require(_managing(private))
    name = arguments.optional("name") or ""
    check_name(name)
    if any(channel.name == name for channel in rooms.state.channels()):
        raise SlackError("name_taken")
    channel = Channel(rooms.state.next_channel(), name, frozenset({BOT_USER}), private=private, creator=BOT_USER)
    rooms.state.change(channel)
    return {"channel": {**channel.described(), "is_member": True}}


def invite(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    """All of them, or the first one's refusal."""
    channel, users = rooms.joined(arguments.required("channel")), arguments.required("users").split(",")
    rooms.require(_managing(channel.private))
    if channel.archived:
        raise SlackError("is_archived")
    if channel.group or channel.direct:
        raise SlackError("method_not_supported_for_channel_type")
    if len(users) > MOST_INVITED:
        raise SlackError("too_many_users")
    for user in users:
        _invitable(rooms, channel, user)
    rooms.state.change(replace(channel, members=channel.members | set(users)))
    return {"channel": channel.described()}


def set_topic(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    channel, topic = rooms.joined(arguments.required("channel")), arguments.optional("topic") or ""
    rooms.require(_managing(channel.private))
    if channel.archived:
        raise SlackError("is_archived")
    if len(topic) > LONGEST_TOPIC:
        raise SlackError("too_long")
    rooms.state.change(replace(channel, topic=topic))
    return {"channel": replace(channel, topic=topic).described()}


def mine(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    """Conversations in which the bot is, page by page; a cursor is the number of the next one."""
    kinds = set((arguments.optional("types") or "public_channel").split(","))
    page, cursor = _page(list(_of_kinds(rooms.state.channels(), kinds)), arguments)
    return {"channels": [channel.described() for channel in page], "response_metadata": {"next_cursor": cursor}}


def check_name(name: str) -> None:
    """Slack's rules: lower case, letters of any script, digits, hyphens and underscores."""
    if not name:
        raise SlackError("invalid_name_required")
    if len(name) > LONGEST_NAME:
        raise SlackError("invalid_name_maxlength")
    if _PUNCTUATION.fullmatch(name):
        raise SlackError("invalid_name_punctuation")
    if name != name.lower() or any(not (letter.isalnum() or letter in "-_") for letter in name):
        raise SlackError("invalid_name_specials")


def _invitable(rooms: Rooms, channel: Channel, user: str) -> None:
    person = rooms.state.person(user)
    if person is None:
        raise SlackError("user_not_found")
    if user == BOT_USER:
        raise SlackError("cant_invite_self")
    if user in channel.members:
        raise SlackError("already_in_channel")
    if person.kind in (Kind.DEACTIVATED, Kind.STRANGER):
        raise SlackError("cant_invite")
    if person.kind is Kind.SINGLE_CHANNEL_GUEST:
        raise SlackError("ura_max_channels")


def _page(found: list[Found], arguments: Arguments) -> tuple[list[Found], str]:
    """One page and the cursor of the next: its number, "" after the last."""
    at, limit = arguments.optional("cursor") or "0", arguments.optional("limit") or str(PAGE)
    if not at.isdigit():
        raise SlackError("invalid_cursor")
    if not limit.isdigit() or not 0 < int(limit) <= MOST_LISTED:
        raise SlackError("invalid_limit")
    page = found[int(at) : int(at) + int(limit)]
    following = int(at) + len(page)
    return page, str(following) if following < len(found) else ""


def _of_kinds(channels: Iterable[Channel], kinds: set[str]) -> Iterable[Channel]:
    for channel in channels:
        kind = "mpim" if channel.group else "private_channel" if channel.private else "public_channel"
        kind = "im" if channel.direct else kind
        if kind in kinds and BOT_USER in channel.members:
            yield channel


def _reading(channel: Channel) -> str:
    """The scope that reads this kind of channel."""
    if channel.direct:
        return "im:read"
    if channel.group:
        return "mpim:read"
    return "groups:read" if channel.private else "channels:read"


def _managing(private: bool) -> str:
    """The scope that makes and changes this kind of channel."""
    return "groups:write" if private else "channels:manage"


METHODS = (
    Method("conversations.open", open_direct, Tier.THREE, "im:write"),
    Method("conversations.info", info, Tier.THREE),
    Method("conversations.members", members, Tier.FOUR),
    Method("conversations.create", create, Tier.TWO),
    Method("conversations.invite", invite, Tier.THREE),
    Method("conversations.setTopic", set_topic, Tier.TWO),
    Method("users.conversations", mine, Tier.THREE, "channels:read"),
)
