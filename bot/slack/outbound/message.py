"""A message with where it goes: as it stands in an outbox row, and the sentences that are added on its way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict

from adapters.phrase import Phrase, Texts
from bot.locale.texts import texts
from bot.rendering.slack.blocks import TEXT, Message, context, escape
from bot.store.outbox import Post, Road

ANSWERABLE = timedelta(minutes=29)
"""How long a response_url is used: Slack closes it after 30 minutes."""

CUT = "…"


class Address(BaseModel):
    """Where a message goes, and where it goes instead.

    `channel` (with `thread`): for all who are there; "" for a private answer. `ts`: the message that
    this one replaces; or `replaces`, the outbox row of that message. `below`: the outbox row of the
    message in whose thread it stands; in the channel itself where that message is not there.
    `response_url`: private, until `answerable`. `aside`: a channel in which `user` alone sees it, in
    its thread `aside_thread`. `user`: the last road, a direct message. `second`: a channel that takes what `channel`
    does not; `people` are told directly where no channel takes it. `courtesy`: worth nothing
    later, so tried once, in the channel alone. `dispensable`: others say the same, so that it is given
    up without alarm. `clicked`: it goes in place of the message that was clicked (`ts`, or the one of
    the `response_url`), and never anew where all would see it. `language` and `zone` are the
    message's, for the sentences that are added on the way.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    channel: str = ""
    thread: str = ""
    ts: str = ""
    replaces: int = 0
    below: int = 0
    response_url: str = ""
    answerable: AwareDatetime | None = None
    aside: str = ""
    aside_thread: str = ""
    second: str = ""
    people: tuple[str, ...] = ()
    courtesy: bool = False
    dispensable: bool = False
    clicked: bool = False
    user: str = ""
    language: str = "en"
    zone: str = "UTC"

    @property
    def unasked(self) -> bool:
        """Whether the bot says it by itself: others than whoever asked hear it where its channel does not take it."""
        return bool(self.second or self.people)

    @property
    def for_all(self) -> bool:
        """Whether others read it, too: a direct message is for one."""
        return bool(self.channel) and not self.channel.startswith("D")

    def conversation(self) -> str:
        """The key in which order is kept. What waits for the pace of edits holds up nothing else in its channel."""
        if self.replaces or self.below:
            return f"{self.channel}:{'edits of' if self.replaces else 'below'} {self.replaces or self.below}"
        if self.channel:
            return f"{self.channel}:{self.thread}" if self.thread else self.channel
        return self.response_url or self.aside or self.user or ",".join(self.people)

    @property
    def texts(self) -> Texts:
        """Its language and zone."""
        return texts(self.language, ZoneInfo(self.zone))

    def say(self, phrase: Phrase) -> str:
        """A sentence in this address's language."""
        return phrase.render(self.texts)


@dataclass(frozen=True)
class Letter:
    """A message that is to be sent, and the operation that it belongs to."""

    operation: str
    address: Address
    message: Message


def post_of(operation: str, address: Address, message: Message, at: datetime) -> Post:
    """The outbox row."""
    road = Road.UPDATE if address.ts or address.replaces else Road.POST if address.channel else Road.RESPOND
    fields = address.model_dump(mode="json", exclude_defaults=True)
    return Post(operation, address.conversation(), road, fields, {"text": message.text, "blocks": list(message.blocks)}, at)


def address_in(post: Post) -> Address:
    return Address.model_validate(post.address)


def message_in(post: Post) -> Message:
    document: Mapping[str, Any] = post.message
    return Message(str(document["text"]), tuple(document["blocks"]))


def noted(message: Message, *notes: str) -> Message:
    """The message with small sentences below it; `notes` are mrkdwn already."""
    if not notes:
        return message
    text = "\n".join([message.text, *notes])
    return Message(shortened(text), (*message.blocks, context(*notes)) if message.blocks else ())


def small(notes: Sequence[Phrase], address: Address) -> list[str]:
    """Notes in mrkdwn, in the words of whoever reads them."""
    return [escape(address.say(note), 300) for note in notes]


def plain(message: Message, note: str) -> Message:
    """The message without blocks, short enough for every method, saying that it is not all."""
    room = TEXT - len(note) - 1
    return Message(f"{shortened(message.text, room)}\n{note}", ())


def shortened(text: str, most: int = TEXT) -> str:
    return text if len(text) <= most else text[: most - 1] + CUT


def mention(user: str) -> str:
    """A person in mrkdwn; the id was parsed before."""
    return f"<@{user}>"


def foreign(text: str) -> str:
    return escape(text, 80)
