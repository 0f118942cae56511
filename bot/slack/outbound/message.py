"""An outbound message with its address, as an outbox row stores it, and the notes that are added on its way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict

from adapters.phrase import Phrase, Texts
from bot.locale.texts import get_texts
from bot.rendering.slack.blocks import MAX_TEXT, SlackMessage, escape, make_context
from bot.security.untrusted_text import shorten
from bot.slack.payload_types import DIRECT_PREFIXES
from bot.store.outbox_values import CARD_PREFIX, Post, Route

RESPONSE_URL_LIFETIME = timedelta(minutes=29)
"""Time for which a response_url is used: Slack closes it after 30 minutes."""


class Address(BaseModel):
    """Address of a message, with its alternatives.

    `channel` (with `thread`): public, for all who are there, or the id of a person whom alone the message is for; "" for a
    private answer. `ts`: the message that
    this one replaces; or `replaces`, the outbox row of that message. `below`: the outbox row of the
    message in whose thread it belongs; without that message it goes to the channel itself.
    `after`: the outbox row that must have ended before this one is sent. `retracts`: the message `replaces` is deleted, or
    becomes this one where Slack does not delete it.
    `aside`: a channel in which `user` alone sees it, in its thread `aside_thread`. `response_url`: private, until
    `answerable`, at the root of the place. `user`: the last route, a direct message. `second`: a channel for messages that
    `channel` does not take; `people` get direct messages if no channel takes it. `courtesy`: worthless
    later, so tried once, in the channel alone. `dispensable`: other messages say the same, so it is given
    up without an alarm. `urgent`: it waits for urgent messages of its channel only. `pinned`: it is pinned
    when it is posted in `channel`, but not when it is edited: a person may have removed the pin. `clicked`: it replaces the
    clicked message (`ts`, or the one of the `response_url`), and is never posted anew where all would see it.
    `language` and `zone` are the message's, for the notes that are added on the way.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    channel: str = ""
    thread: str = ""
    ts: str = ""
    replaces: int = 0
    below: int = 0
    after: int = 0
    retracts: bool = False
    response_url: str = ""
    answerable: AwareDatetime | None = None
    aside: str = ""
    aside_thread: str = ""
    second: str = ""
    people: tuple[str, ...] = ()
    courtesy: bool = False
    dispensable: bool = False
    urgent: bool = False
    pinned: bool = False
    clicked: bool = False
    user: str = ""
    language: str = "en"
    zone: str = "UTC"

    @property
    def unsolicited(self) -> bool:
        """True for announcements: if their channel refuses them, they go to other recipients."""
        return bool(self.second or self.people)

    @property
    def unexplained_refusals(self) -> int:
        """Number of refusals that need no explanation: a thread may refuse what is as private at the root of its channel."""
        return int(bool(not self.channel and self.aside and self.response_url and not self.clicked))

    @property
    def public(self) -> bool:
        """True if others read it, too; a direct message is for one person."""
        return bool(self.channel) and not self.channel.startswith(DIRECT_PREFIXES)

    @property
    def shows_pictures(self) -> bool:
        """True if its first choice is a new message that others may see, or a direct message: Slack shows pictures there."""
        if self.replaces or self.ts:
            return False
        return bool(self.channel) or not (self.response_url or self.aside)

    def get_conversation_key(self) -> str:
        """Return the key within which order is kept. An edit that waits for the rate limit delays no other message."""
        if self.replaces or self.below:
            return f"{self.channel}:{'edits of' if self.replaces else 'below'} {self.replaces or self.below}"
        if self.urgent:
            return f"{self.channel or ','.join(self.people)}:urgent"
        if self.channel:
            return f"{self.channel}:{self.thread}" if self.thread else self.channel
        return self.response_url or self.aside or self.user or ",".join(self.people)

    @property
    def texts(self) -> Texts:
        """Texts of its language and zone."""
        return get_texts(self.language, ZoneInfo(self.zone))

    def render(self, phrase: Phrase) -> str:
        """Render a phrase in this address's language."""
        return phrase.render_sentence(self.texts)


@dataclass(frozen=True)
class OutboundMessage:
    """A message to send, and the operation that it belongs to. `sequels` are sent after it."""

    operation: str
    address: Address
    message: SlackMessage
    sequels: tuple["OutboundMessage", ...] = ()


def name_card_copy(operation: str, milestone: str, user: str) -> str:
    """Name the operation of the card of a change that one person got, as they were asked for a decision."""
    return f"{CARD_PREFIX}{operation}:{milestone}:{user}"


def build_post(operation: str, address: Address, message: SlackMessage, at: datetime) -> Post:
    """Build the outbox row."""
    road = Route.UPDATE if address.ts or address.replaces else Route.POST if address.channel else Route.RESPOND
    fields = address.model_dump(mode="json", exclude_defaults=True)
    return Post(
        operation, address.get_conversation_key(), road, fields, {"text": message.text, "blocks": list(message.blocks)}, at
    )


def parse_address(post: Post) -> Address:
    """Parse the address of an outbox row."""
    return Address.model_validate(post.address)


def parse_stored_message(post: Post) -> SlackMessage:
    """Parse the message of an outbox row."""
    document: Mapping[str, Any] = post.message
    return SlackMessage(str(document["text"]), tuple(document["blocks"]))


def add_notes(message: SlackMessage, *notes: str) -> SlackMessage:
    """Add small notes below the message; `notes` are mrkdwn already."""
    if not notes:
        return message
    text = "\n".join([message.text, *notes])
    return SlackMessage(shorten(text, MAX_TEXT), (*message.blocks, make_context(*notes)) if message.blocks else ())


def render_notes(notes: Sequence[Phrase], address: Address) -> list[str]:
    """Render notes as mrkdwn, in the reader's language."""
    return [escape(address.render(note), 300) for note in notes]


def make_plain(message: SlackMessage, note: str) -> SlackMessage:
    """Return the message without blocks, short enough for every method, with a note that it is not complete."""
    room = MAX_TEXT - len(note) - 1
    return SlackMessage(f"{shorten(message.text, room)}\n{note}", ())


def format_mention(user: str) -> str:
    """Format a person as a mrkdwn mention; the id was parsed before."""
    return f"<@{user}>"


def escape_foreign(text: str) -> str:
    """Escape and shorten untrusted text for a note."""
    return escape(text, 80)
