"""A slash command: from Slack's payload to an inbox row, and to the dispatcher, the menu or a form.

The payload is untrusted until it is parsed here.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.rendering.slack.form import FormNote
from bot.requests.authorization import Rights
from bot.security.secret_patterns import MARK
from bot.slack.answers.responder import IncomingRequest, Responder, localize
from bot.slack.answers.views import offer_menu
from bot.slack.client.payloads import (
    ChannelId,
    ResponseUrl,
    TeamId,
    UserId,
    Words,
    hash_payload,
    is_direct_message,
    parse_trigger,
)
from bot.slack.delivery_kind import DeliveryKind
from bot.slack.directory.people import Reader
from bot.slack.inbound.form import FormHandler
from bot.slack.outbound.message import RESPONSE_URL_LIFETIME, Address, OutboundMessage
from bot.store.inbox import Delivery
from commands.language.form_filling import find_missing
from commands.values.normalize import normalize_text

KIND = "command"
"""Delivery kind of these rows in the inbox."""


class SlashCommand(BaseModel):
    """Text that a person typed after `/flatnet`, and where. `response_url` is "" if Slack gave none."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    team: TeamId
    user: UserId
    channel: ChannelId
    text: Words = ""
    response_url: ResponseUrl = ""
    trigger: str = ""


def make_kind(responder: Responder, forms: FormHandler) -> DeliveryKind:
    """Make the delivery kind of commands."""

    async def work(command: SlashCommand, delivery: Delivery) -> OutboundMessage | None:
        reader, address = await responder.people.find_reader(command.team, command.user), build_address(command, delivery)
        rights = responder.dispatcher.find_rights(reader.identity)
        if isinstance(rights, Rights) and not normalize_text(command.text).text:
            return await offer_menu(responder, reader, rights, localize(reader, address), delivery)
        if isinstance(rights, Rights) and await opens_form(command, delivery, reader, rights):
            return None
        return await responder.answer(
            IncomingRequest(command.team, command.user, command.channel, command.text, address), delivery
        )

    async def opens_form(command: SlashCommand, delivery: Delivery, reader: Reader, rights: Rights) -> bool:
        """Open a form for the missing argument; returns whether it could be opened. A withheld secret is refused instead."""
        text = normalize_text(command.text).text
        if MARK in text or find_missing(text, rights.permitted) is None:
            return False
        address = build_address(command, delivery)
        note = FormNote(
            channel=command.channel, response_url=address.response_url, answerable=address.answerable, begun=text
        )
        return await forms.try_open(command.trigger, delivery, reader, note)

    return DeliveryKind(build_delivery, SlashCommand, work, build_address, typed="text")


def build_delivery(body: Mapping[str, Any], at: datetime) -> Delivery | None:
    """Build the inbox row for Slack's payload; None if it does not name the person and the place.

    The key is the trigger id, which Slack creates for each command; without one, a hash of the payload.
    """
    try:
        command = SlashCommand.model_validate(
            {
                "team": body.get("team_id"),
                "user": body.get("user_id"),
                "channel": body.get("channel_id"),
                "text": body.get("text") or "",
                "response_url": body.get("response_url") or "",
                "trigger": parse_trigger(body),
            }
        )
    except ValidationError:
        return None
    payload = command.model_dump()
    return Delivery(key=command.trigger or hash_payload(payload), kind=KIND, payload=payload, received_at=at)


def build_address(command: SlashCommand, delivery: Delivery) -> Address:
    """Build the address of the answer: private where the command was typed, in direct messages a message that can be edited.

    Slack does not take that where two people talk without the bot. The answer is private there.
    """
    return Address(
        channel=command.channel if is_direct_message(command.channel) else "",
        response_url=command.response_url,
        answerable=delivery.received_at + RESPONSE_URL_LIFETIME,
        user=command.user,
    )
