"""`@flatnet …` in channels and threads, and direct messages: the same words as after the slash command.

    app_mention   in a channel ─▶ answered in a thread below it; in a thread ─▶ answered there
    message.im    in the direct message ─▶ answered there

Messages of the bot itself, other bots or Slack, and edits, are ignored. A mention in a direct
message is one message. The payload is untrusted until it is parsed here.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from bot.requests.authorization import Rights
from bot.slack.answers.responder import IncomingRequest, Responder
from bot.slack.delivery_kind import DeliveryKind
from bot.slack.outbound.message import Address, OutboundMessage
from bot.slack.payload_types import ChannelId, TeamId, Timestamp, UserId, Words
from bot.store.inbox import Delivery
from commands.values.normalize import normalize_text

KIND = "talk"
"""Delivery kind of these rows in the inbox."""

MENTION, DIRECT = "app_mention", "message"
"""Types of the events."""

IGNORED_MARKS = ("subtype", "bot_id", "hidden", "edited")
"""Fields of events that are not newly typed messages: edits, deletions, joins, files, other bots."""

_EventId = Annotated[str, StringConstraints(pattern=r"^Ev[A-Za-z0-9]{1,60}$")]


class IncomingMessage(BaseModel):
    """One message for the bot. `thread` is the timestamp of the thread's first message, None outside of threads."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    event: _EventId
    team: TeamId
    user: UserId
    channel: ChannelId
    ts: Timestamp
    thread: Timestamp | None = None
    text: Words = ""


def make_kind(responder: Responder, bot: str) -> DeliveryKind:
    """Make the delivery kind of messages; `bot` is the bot's own user id."""
    mention = re.compile(rf"<@{bot}(?:\|[^>]*)?>")

    async def work(said: IncomingMessage, delivery: Delivery) -> OutboundMessage:
        words, address = strip_mention(said.text, mention), build_address(said, delivery)
        reader = await responder.people.find_reader(said.team, said.user)
        rights = responder.dispatcher.find_rights(reader.identity)
        if isinstance(rights, Rights) and not normalize_text(words).text:
            return await responder.offer_menu(said.user, rights, responder.make_private(address, reader), delivery)
        return await responder.answer(IncomingRequest(said.team, said.user, said.channel, words, address), delivery)

    return DeliveryKind(build_delivery, IncomingMessage, work, build_address, typed="text")


def parse_message(body: Mapping[str, Any]) -> IncomingMessage | None:
    """Parse the message in an event's payload; None if it is not for the bot."""
    event = body.get("event")
    if not isinstance(event, dict) or any(event.get(mark) for mark in IGNORED_MARKS):
        return None
    channel = str(event.get("channel"))
    if channel.startswith("D") is not (event.get("type") == DIRECT):
        return None
    try:
        return IncomingMessage.model_validate(
            {
                "event": body.get("event_id"),
                "team": event.get("user_team") or body.get("team_id"),
                "user": event.get("user"),
                "channel": channel,
                "ts": event.get("ts"),
                "thread": event.get("thread_ts"),
                "text": event.get("text") or "",
            }
        )
    except ValidationError:
        return None


def build_delivery(body: Mapping[str, Any], at: datetime) -> Delivery | None:
    """Build the inbox row. Its key is the event's id, which stays the same when Slack delivers it again."""
    said = parse_message(body)
    return None if said is None else Delivery(key=said.event, kind=KIND, payload=said.model_dump(), received_at=at)


def build_address(said: IncomingMessage, delivery: Delivery) -> Address:
    """Build the address: in the thread or the direct message; if that fails, for this person alone."""
    if said.channel.startswith("D"):
        return Address(channel=said.channel, thread=said.thread or "", user=said.user)
    return Address(
        channel=said.channel,
        thread=said.thread or said.ts,
        aside=said.channel,
        aside_thread=said.thread or "",
        user=said.user,
    )


def strip_mention(text: str, mention: re.Pattern[str]) -> str:
    """Return the words for the bot: those after its name, or before it if none follow."""
    before, *after = mention.split(text, maxsplit=1)
    rest = mention.sub(" ", "".join(after)).strip()
    return rest or before.strip()
