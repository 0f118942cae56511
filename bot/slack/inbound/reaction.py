"""Reactions: the emoji of `[incidents] reaction` makes a message of an incident's channel a note.

reaction_added ─ another emoji, or switched off ─▶ dropped, unread and unstored
               └ inbox row ─ no incident in the channel ─▶ nothing
                           └ the message is fetched ─▶ the dispatcher, as if typed ─▶ an answer for the person alone

Slack sends no text with a reaction, so the message is read then, as it is by then. Taking the reaction back changes nothing.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from adapters.phrase import Phrase
from bot.slack.answers.responder import Responder
from bot.slack.client.api import SlackApi
from bot.slack.client.errors import SlackFailure, retry_quickly
from bot.slack.client.payloads import ChannelId, EventId, TeamId, UserId, get_object
from bot.slack.delivery_kind import DeliveryKind
from bot.slack.inbound.message_shortcut import NoteHandler, find_trouble
from bot.slack.inbound.noted_message import MessageTs, NotedMessage, parse_message
from bot.slack.inbound.typed_secrets import redact_typed_text
from bot.slack.outbound.message import Address, OutboundMessage
from bot.store.inbox import Delivery

KIND = "reaction"
"""Delivery kind of these rows in the inbox."""

EVENT = "reaction_added"
"""Type of the event."""

_log = structlog.get_logger(__name__)


class Reaction(BaseModel):
    """An emoji that a person added to a message."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    event: EventId
    team: TeamId
    user: UserId
    channel: ChannelId
    ts: MessageTs


class ReactionHandler:
    """Makes notes of messages to which a person reacted. `clean` puts the mark in place of secrets."""

    def __init__(self, responder: Responder, api: SlackApi, notes: NoteHandler, clean: Callable[[str], str]) -> None:
        self._responder = responder
        self._api = api
        self._notes = notes
        self._clean = clean

    def make_kind(self) -> DeliveryKind:
        """Make the delivery kind of reactions."""
        return DeliveryKind(self._build_delivery, Reaction, self._work, _build_address, comes_again=True)

    def parse(self, body: Mapping[str, Any]) -> Reaction | None:
        """Parse a reaction with the configured emoji; None for any other."""
        event, wanted = get_object(body, "event"), self._responder.dispatcher.note_reaction
        item = get_object(event, "item")
        name = str(event.get("reaction") or "").partition("::")[0]  # the tone of a skin follows
        if not wanted or name != wanted or item.get("type") != "message":
            return None
        try:
            return Reaction.model_validate(
                {
                    "event": body.get("event_id"),
                    "team": event.get("user_team") or body.get("team_id"),
                    "user": event.get("user"),
                    "channel": item.get("channel"),
                    "ts": item.get("ts"),
                }
            )
        except ValidationError:
            return None

    def _build_delivery(self, body: Mapping[str, Any], at: datetime) -> Delivery | None:
        """Build the inbox row. Its key is the event's id, which stays the same in all its repetitions."""
        added = self.parse(body)
        return None if added is None else Delivery(f"reaction {added.event}", KIND, added.model_dump(), at)

    async def _work(self, added: Reaction, delivery: Delivery) -> OutboundMessage | None:
        reader = await self._responder.people.find_reader(added.team, added.user)
        places = await self._responder.dispatcher.find_note_places(reader.identity, added.channel, delivery.key)
        here = next((each for each in places if each.channel == added.channel), None)
        if here is None:
            return None
        sender = {"team": added.team, "user": added.user, "channel": added.channel}
        try:
            message = await retry_quickly(
                partial(self._api.get_message, added.channel, added.ts), self._responder.clock.sleep
            )
        except SlackFailure as failure:
            _log.warning("the message of a reaction could not be read", code=failure.code)
            bare = NotedMessage.model_validate({**sender, "ts": added.ts})
            return self._notes.explain(bare, delivery, reader, _describe_unread(failure.code))
        noted = parse_message(message, sender)
        if noted is None or noted.ts != added.ts:
            bare = NotedMessage.model_validate({**sender, "ts": added.ts})
            return self._notes.explain(bare, delivery, reader, _describe_unread("protocol"))
        if trouble := find_trouble(noted):
            return self._notes.explain(noted, delivery, reader, trouble)
        cleaned = noted.model_copy(update={"text": redact_typed_text(noted.text, self._clean)})
        return await self._notes.add(cleaned, delivery, here.number)


def _describe_unread(code: str) -> Phrase:
    return Phrase(
        "Could not read the message that you reacted to ({code}), so nothing was noted. Use {shortcut} in the menu of the "
        "message instead.",
        code=code,
        shortcut=Phrase("Add to incident"),
    )


def _build_address(added: Reaction, delivery: Delivery) -> Address:
    """Build the address: for this person alone, in the channel, else as a direct message."""
    return Address(aside=added.channel, user=added.user)
