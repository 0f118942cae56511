"""chat.*: post, edit, delete, show to one person, link to a message."""

from typing import Any

from tests.lab.workspace.answers import SlackError
from tests.lab.workspace.arguments import Arguments
from tests.lab.workspace.content import content_of
from tests.lab.workspace.limits import check_pictures, check_post, check_update, list_pictures
from tests.lab.workspace.message import Content, Message
from tests.lab.workspace.methods.method import Method, Rooms, TooFast
from tests.lab.workspace.payloads import permalink
from tests.lab.workspace.rates import Tier
from tests.lab.workspace.seed import BOT_USER, Channel, Kind


def post_message(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    channel = _addressed(rooms, arguments.required("channel"))
    content = check_pictures(check_post(content_of(arguments.values)), rooms.uploads)
    if wait := rooms.rates.admit_post(channel.id):
        raise TooFast(wait)
    message = rooms.state.post(
        channel.id,
        BOT_USER,
        content,
        thread_ts=rooms.thread(channel.id, arguments.optional("thread_ts")),
        metadata=arguments.structure("metadata", refusal="invalid_metadata_format"),
    )
    rooms.uploads.share(list_pictures(content))
    return {"channel": channel.id, "ts": message.ts, "message": {**message.as_json(), "bot_id": rooms.state.seed.bot}}


def update(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    """What is not sent stays (python-slack-sdk #523): a text alone leaves the blocks, an empty list removes them.

    A picture that nobody has shared is accepted and not shown.
    """
    channel = rooms.joined(arguments.required("channel"))
    message = _own(rooms, channel, arguments.required("ts"), "cant_update_message")
    if channel.archived:
        raise SlackError("is_inactive")
    if not arguments.has("text") and not arguments.has("blocks"):
        raise SlackError("no_text")
    sent = content_of(arguments.values)
    text = sent.text if arguments.has("text") else message.text
    blocks = sent.blocks if arguments.has("blocks") else message.blocks
    content = check_pictures(check_update(Content(text, blocks)), rooms.uploads)
    edited = rooms.state.edit(message, content, rooms.uploads.list_unshared(list_pictures(content)))
    return {"channel": channel.id, "ts": edited.ts, "text": edited.text, "message": edited.as_json()}


def delete(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    channel = rooms.joined(arguments.required("channel"))
    message = _own(rooms, channel, arguments.required("ts"), "cant_delete_message")
    rooms.state.delete(message)
    return {"channel": channel.id, "ts": message.ts}


def post_ephemeral(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    """In a thread that nobody has answered in yet it is not shown, and Slack does not say so. Pictures are never shown."""
    channel, user = rooms.joined(arguments.required("channel")), arguments.required("user")
    if channel.archived:
        raise SlackError("is_archived")
    if channel.restricted:
        raise SlackError("restricted_action")
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    content = check_pictures(check_post(content_of(arguments.values)), rooms.uploads)
    thread_ts = arguments.optional("thread_ts")
    if thread_ts and not rooms.state.replies(channel.id, thread_ts):
        return {"message_ts": rooms.state.stamp()}
    unseen = list_pictures(content)
    shown = rooms.state.post(channel.id, BOT_USER, content, private_to=user, thread_ts=thread_ts, unseen=unseen)
    return {"message_ts": shown.ts}


def get_permalink(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    channel, ts = rooms.channel(arguments.required("channel")), arguments.required("message_ts")
    message = rooms.state.find(channel.id, ts)
    if message is None or message.private_to is not None:
        raise SlackError("message_not_found")
    return {"channel": channel.id, "permalink": permalink(rooms.state.seed, message)}


def _addressed(rooms: Rooms, name: str) -> Channel:
    """The channel to post to. A person's id means the direct messages with them, opened by the post."""
    person = rooms.state.person(name)
    if person is None:
        channel = rooms.joined(name)
        if channel.archived:
            raise SlackError("is_archived")
        if channel.restricted:
            raise SlackError("restricted_action")
    elif person.kind in (Kind.DEACTIVATED, Kind.BOT, Kind.STRANGER):
        raise SlackError("channel_not_found")
    else:
        channel = rooms.state.direct(name)
    if channel.direct and not rooms.manifest.messages_tab:
        raise SlackError("messages_tab_disabled")
    return channel


def _own(rooms: Rooms, channel: Channel, ts: str, refusal: str) -> Message:
    """The bot's own message that everybody sees; an ephemeral one cannot be named."""
    message = rooms.state.find(channel.id, ts)
    if message is None or message.private_to is not None:
        raise SlackError("message_not_found")
    if message.user != BOT_USER:
        raise SlackError(refusal)
    return message


METHODS = (
    Method("chat.postMessage", post_message, Tier.SPECIAL, "chat:write"),
    Method("chat.update", update, Tier.THREE, "chat:write"),
    Method("chat.delete", delete, Tier.THREE, "chat:write"),
    Method("chat.postEphemeral", post_ephemeral, Tier.FOUR, "chat:write"),
    Method("chat.getPermalink", get_permalink, Tier.SPECIAL),
)
