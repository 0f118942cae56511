"""`@flatnet …` in channels and threads, and direct messages: the same words as after the slash command.

    app_mention        in a channel ─▶ answered in a thread below it; in a thread ─▶ answered there
    message            in the direct message ─▶ answered there
    message, mention   in a channel ─▶ as app_mention; Slack sends both events, or this one alone if the message has a file

One message is one delivery, however many events Slack sends of it: its key is its channel and timestamp. Messages of the bot
itself, other bots or Slack, and edits, are ignored. Files are not read. The payload is untrusted until it is parsed here.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.requests.authorization import Rights
from bot.slack.answers.responder import IncomingRequest, Responder
from bot.slack.answers.views import offer_menu
from bot.slack.client.payloads import ChannelId, EventId, TeamId, Timestamp, UserId, Words, is_direct_message
from bot.slack.delivery_kind import DeliveryKind
from bot.slack.outbound.message import Address, OutboundMessage
from bot.store.inbox import Delivery
from commands.values.normalize import normalize_text

KIND = "talk"
"""Delivery kind of these rows in the inbox."""

MENTION, MESSAGE = "app_mention", "message"
"""Types of the events."""

IGNORED_MARKS = ("bot_id", "hidden", "edited")
"""Fields of events that are not newly typed messages: edits, deletions, other bots."""

TYPED_SUBTYPES = (None, "file_share", "thread_broadcast")
"""Subtypes of messages that a person typed: without one, with a file, or sent to the channel from a thread."""


class IncomingMessage(BaseModel):
    """One message for the bot. `thread` is the timestamp of the thread's first message, None outside of threads."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    event: EventId
    team: TeamId
    user: UserId
    channel: ChannelId
    ts: Timestamp
    thread: Timestamp | None = None
    text: Words = ""


def make_kind(responder: Responder, bot: str) -> DeliveryKind:
    """Make the delivery kind of messages; `bot` is the bot's own user id."""
    mention = make_mention_pattern(bot)

    def build_row(body: Mapping[str, Any], at: datetime) -> Delivery | None:
        said = parse_message(body, mention)
        return None if said is None else build_delivery(said, at)

    async def work(said: IncomingMessage, delivery: Delivery) -> OutboundMessage:
        words, address = strip_mention(said.text, mention), build_address(said, delivery)
        reader = await responder.people.find_reader(said.team, said.user)
        rights = responder.dispatcher.find_rights(reader.identity)
        if isinstance(rights, Rights) and not normalize_text(words).text:
            return await offer_menu(responder, reader, rights, responder.make_private(address, reader), delivery)
        return await responder.answer(IncomingRequest(said.team, said.user, said.channel, words, address), delivery)

    return DeliveryKind(build_row, IncomingMessage, work, build_address, typed="text", comes_again=True)


def make_mention_pattern(bot: str) -> re.Pattern[str]:
    """Make the pattern of the bot's name in a message."""
    return re.compile(rf"<@{bot}(?:\|[^>]*)?>")


def parse_message(body: Mapping[str, Any], mention: re.Pattern[str]) -> IncomingMessage | None:
    """Parse the message in an event's payload; None if it is not for the bot."""
    event = body.get("event")
    if not isinstance(event, dict) or any(event.get(mark) for mark in IGNORED_MARKS):
        return None
    if event.get("subtype") not in TYPED_SUBTYPES or not _is_addressed(event, mention):
        return None
    channel = str(event.get("channel"))
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


def build_delivery(said: IncomingMessage, at: datetime) -> Delivery:
    """Build the inbox row. Its key is the message, which stays the same in all its events and repetitions."""
    return Delivery(key=f"said {said.channel} {said.ts}", kind=KIND, payload=said.model_dump(), received_at=at)


def _is_addressed(event: Mapping[str, Any], mention: re.Pattern[str]) -> bool:
    """Return whether a message is for the bot: every one in its direct messages, elsewhere those that name it."""
    direct = is_direct_message(str(event.get("channel")))
    if event.get("type") == MESSAGE:
        return direct or mention.search(str(event.get("text"))) is not None
    return not direct


def build_address(said: IncomingMessage, delivery: Delivery) -> Address:
    """Build the address: in the thread or the direct message; if that fails, for this person alone."""
    if is_direct_message(said.channel):
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
