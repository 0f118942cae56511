"""A slash command: from Slack's payload to an inbox row, and to the desk, the menu or a form.

The payload is foreign until it is parsed here.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.rendering.slack.form import BEGUN, Note
from bot.requests.active_config import Rights
from bot.slack.answers.responder import Answering, Asked, in_words_of
from bot.slack.delivery_kind import Kind
from bot.slack.directory.people import Reader
from bot.slack.inbound.form import Forms
from bot.slack.outbound.message import ANSWERABLE, Address, Letter
from bot.slack.payload_types import ChannelId, ResponseUrl, TeamId, UserId, Words, trigger_in
from bot.store.inbox import Delivery
from commands.language.form_filling import lacking
from commands.values.normalize import read

KIND = "command"
"""The kind of these rows in the inbox."""


class SlashCommand(BaseModel):
    """What a person typed after `/flatnet`, and where. `response_url` is "" where Slack gave none."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    team: TeamId
    user: UserId
    channel: ChannelId
    text: Words = ""
    response_url: ResponseUrl = ""
    trigger: str = ""


def kind(answering: Answering, forms: Forms) -> Kind:
    """Commands, for the table of the inbox."""

    async def work(command: SlashCommand, delivery: Delivery) -> Letter | None:
        reader, address = await answering.people.look(command.team, command.user), address_of(command, delivery)
        rights = answering.desk.rights(reader.identity)
        if isinstance(rights, Rights) and not read(command.text).text:
            return await answering.offer(command.user, rights, in_words_of(reader, address), delivery)
        if isinstance(rights, Rights) and await completed(command, delivery, reader, rights):
            return None
        return await answering.answer(Asked(command.team, command.user, command.channel, command.text, address), delivery)

    async def completed(command: SlashCommand, delivery: Delivery, reader: Reader, rights: Rights) -> bool:
        """Whether a form for what is missing could be opened."""
        text = read(command.text).text
        if len(text) > BEGUN or lacking(text, rights.permitted) is None:
            return False
        address = address_of(command, delivery)
        note = Note(channel=command.channel, response_url=address.response_url, answerable=address.answerable, begun=text)
        return await forms.opened(command.trigger, delivery, reader, note)

    return Kind(delivery_of, SlashCommand, work, address_of)


def delivery_of(body: Mapping[str, Any], at: datetime) -> Delivery | None:
    """The inbox row for Slack's payload; None where it does not say who typed it where.

    The key is the trigger id, which Slack makes for each command; without one, a hash of what arrived.
    """
    try:
        command = SlashCommand.model_validate(
            {
                "team": body.get("team_id"),
                "user": body.get("user_id"),
                "channel": body.get("channel_id"),
                "text": body.get("text") or "",
                "response_url": body.get("response_url") or "",
                "trigger": trigger_in(body),
            }
        )
    except ValidationError:
        return None
    return Delivery(key=command.trigger or _hash(command), kind=KIND, payload=command.model_dump(), received_at=at)


def address_of(command: SlashCommand, delivery: Delivery) -> Address:
    """Private, at the place where it was typed."""
    return Address(response_url=command.response_url, answerable=delivery.received_at + ANSWERABLE, user=command.user)


def _hash(command: SlashCommand) -> str:
    return hashlib.sha256(json.dumps(command.model_dump(), sort_keys=True).encode()).hexdigest()
