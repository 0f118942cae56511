"""A message that a person makes a note of: from Slack's payload to the words of the request, and the form for its incident.

    the menu of a message ─▶ parse_message ─▶ NotedMessage ─▶ `incident note "…"`, with its author, time and link
    a reaction ─ the message is fetched ─▶ as above

The payload is untrusted until it is parsed here. Slack describes messages of apps in several ways: some have a user, most a
`bot_id`, old ones a `username`. A message without text may have attachments, files or blocks that have some.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints, ValidationError

from bot.model.incident import QuotedMessage
from bot.security.secret_patterns import MARK
from bot.security.untrusted_text import shorten, to_one_line
from bot.slack.client.payloads import ChannelId, ResponseUrl, TeamId, UserId, Words, get_object
from commands.incidents.acts import MAX_TEXT_LENGTH
from commands.values.normalize import MAX_REQUEST_LENGTH, quote

MAX_AUTHOR_LENGTH = 80
"""Characters of the name of an app."""

MAX_PARTS = 10
"""Maximum number of attachments and files whose names stand for a missing text."""

_HIDDEN_CHANNEL_NAMES = ("directmessage", "privategroup")
_GROUP_MESSAGE_PREFIX = "mpdm-"
"""Slack's names for conversations that are not public, in payloads."""

MessageTs = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,10}\.[0-9]{1,9}$")]
"""Slack's id of a message, which is a time: ten digits reach the year 2286."""


class NotedMessage(BaseModel):
    """A message and the person who makes a note of it.

    `author` is the Slack id of the message's author, "" for an app; `author_name` the name of the app. `hidden`: the
    conversation is not public, so a note may have more readers than the message. `incident` is chosen in the form, 0 before.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    team: TeamId
    user: UserId
    channel: ChannelId
    ts: MessageTs
    thread: MessageTs | None = None
    author: UserId | None = None
    author_name: Annotated[str, StringConstraints(max_length=2 * MAX_AUTHOR_LENGTH)] = ""
    text: Words = ""
    hidden: bool = False
    private: bool = False
    """Only one person sees the message, and no link leads to it."""
    response_url: ResponseUrl = ""
    answerable: AwareDatetime | None = None
    trigger: str = ""
    incident: int = 0

    @property
    def in_thread(self) -> str:
        """The thread of the message, "" outside of threads: the first message of a thread is one of the channel."""
        return "" if self.thread is None or self.thread == self.ts else self.thread

    def quote(self, author: str, url: str) -> QuotedMessage:
        """Return the author, place and link of the message. `url` is the address of the workspace."""
        return QuotedMessage(self.channel, self.ts, author, make_link(url, self.channel, self.ts, self.in_thread))


def parse_message(message: Mapping[str, Any], sender: Mapping[str, Any]) -> NotedMessage | None:
    """Parse a message. `sender` has the fields about the person and the place. None if the payload lacks one."""
    try:
        return NotedMessage.model_validate(
            {
                "ts": message.get("ts"),
                "thread": message.get("thread_ts"),
                "author": message.get("user") or None,
                "author_name": _name_app(message),
                "text": find_text(message),
                "private": message.get("is_ephemeral") is True,
                **sender,
            }
        )
    except ValidationError:
        return None


def find_text(message: Mapping[str, Any]) -> str:
    """Return the text of a message; without one, the texts of its attachments and the names of its files."""
    text = message.get("text")
    if isinstance(text, str) and text.strip():
        return text
    return " ".join(_list_parts(message))


def is_hidden(channel: Mapping[str, Any]) -> bool:
    """Return whether a payload describes its channel as not public."""
    name = str(channel.get("name") or "")
    return name in _HIDDEN_CHANNEL_NAMES or name.startswith(_GROUP_MESSAGE_PREFIX) or not _begins_public(channel)


def make_words(noted: NotedMessage, incident: int) -> str:
    """Make the words of the request. A long text ends with an ellipsis; one that held a secret keeps the mark of it."""
    chosen = f" --incident {incident}" if incident else ""
    text = shorten(" ".join(noted.text.split()), MAX_TEXT_LENGTH)
    while len(words := f"incident note {quote(text)}{chosen}") > MAX_REQUEST_LENGTH:
        text = shorten(text, len(text) - 100)
    return words if MARK not in noted.text or MARK in words else f"incident note {MARK}{chosen}"


def make_link(url: str, channel: str, ts: str, thread: str) -> str:
    """Make the link to a message, as chat.getPermalink does; "" without the address of the workspace.

    The same message always gets the same link, and none is missing because Slack did not answer.
    """
    if not url:
        return ""
    inside = f"?thread_ts={thread}&cid={channel}" if thread else ""
    return f"{url}archives/{channel}/p{ts.replace('.', '')}{inside}"


def _begins_public(channel: Mapping[str, Any]) -> bool:
    return str(channel.get("id") or "").startswith("C")


def _name_app(message: Mapping[str, Any]) -> str:
    """Return the name and the id of the app that wrote a message; "" for a person."""
    app = message.get("bot_id")
    if not isinstance(app, str) and message.get("user"):
        return ""
    name = get_object(message, "bot_profile").get("name") or message.get("username")
    shown = shorten(to_one_line(name), MAX_AUTHOR_LENGTH) if isinstance(name, str) else ""
    own = shorten(to_one_line(app), MAX_AUTHOR_LENGTH // 2) if isinstance(app, str) else ""
    return f"{shown} ({own})" if shown and own else shown or own


def _list_parts(message: Mapping[str, Any]) -> Iterator[str]:
    for name, keys in (("attachments", ("fallback", "text", "title")), ("files", ("title", "name"))):
        parts = message.get(name)
        for part in parts[:MAX_PARTS] if isinstance(parts, list) else ():
            found = next((part[key] for key in keys if part.get(key)), "") if isinstance(part, dict) else ""
            if isinstance(found, str) and found.strip():
                yield found
