"""An outbound message with its address, as an outbox row stores it, and the notes that are added on its way.

Simplifies a message whose content Slack refuses, until it is accepted.

    charts  ─ refused ─▶ without charts ─ refused ─▶ its text alone
    picture ─ refused ─▶ later, whole again ─ refused ─▶ with words for its pictures ─ refused ─▶ its text alone

Slack draws charts only where the workspace has the block (`bot.rendering.slack.blocks`).
Slack scans an uploaded file before it may be shown, and until then refuses the blocks that show it
(slackapi/python-slack-sdk #1658, node-slack-sdk #1865). It does not report when the file is ready.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict

from adapters.phrase import Phrase, Texts
from bot.locale.texts import get_texts
from bot.rendering.slack.blocks import MAX_TEXT, SlackMessage, escape, make_context
from bot.rendering.slack.pictures import drop_charts, has_charts, has_pictures, replace_pictures
from bot.security.untrusted_text import shorten
from bot.slack.client.errors import SlackFailure
from bot.slack.client.payloads import DIRECT_PREFIXES
from bot.store.outbox_values import CARD_PREFIX, MessagePlace, Post, Route

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


PICTURE_PAUSES = (4.0, 12.0)
"""Seconds before each retry with a refused picture. No more than two: a response_url takes five messages in all."""

REFUSED_BLOCKS_CODES = frozenset({"invalid_blocks", "invalid_blocks_format", "http_400"})
"""Slack's codes for invalid blocks; a response_url answers 400 without a code."""

SIMPLIFIABLE_CODES = REFUSED_BLOCKS_CODES | {"msg_blocks_too_long", "msg_too_long"}
"""Slack's codes for a message that may be accepted without its blocks."""

Send = Callable[[SlackMessage], Awaitable[MessagePlace]]

_log = structlog.get_logger(__name__)


async def send_simplified(send: Send, message: SlackMessage, post: Post, address: Address) -> MessagePlace:
    """Send as much of the message as Slack accepts.

    Raises a transient `SlackFailure` if its pictures may be accepted later.
    """
    try:
        return await send(message)
    except SlackFailure as failure:
        if failure.code not in SIMPLIFIABLE_CODES:
            raise
        if failure.code in REFUSED_BLOCKS_CODES and has_charts(message):
            _log.info("slack does not draw the charts of a message", operation=post.operation)
            return await send_simplified(send, drop_charts(message), post, address)
        pictured = failure.code in REFUSED_BLOCKS_CODES and has_pictures(message)
        if pictured and post.attempts <= len(PICTURE_PAUSES):
            pause = PICTURE_PAUSES[post.attempts - 1]
            raise SlackFailure(failure.code, passing=True, retry_after=pause) from failure
        _log.warning("slack refused the blocks of a message", code=failure.code, operation=post.operation, pictured=pictured)
    if pictured:
        noted = add_notes(replace_pictures(message), address.render(Phrase("The chart could not be displayed.")))
        return await send_simplified(send, noted, post, address)
    return await send(make_plain(message, explain_short_form(address)))


def explain_short_form(address: Address) -> str:
    """Return the note below a message that is not complete."""
    return address.render(Phrase("Shortened: the full result did not fit in Slack. Choose fewer hosts to see more."))
