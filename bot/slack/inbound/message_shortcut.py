"""The message shortcut "Add to incident": a message becomes a note of an incident.

used on a message ─┬─ one incident fits ─▶ the dispatcher, as if typed ─▶ a private confirmation
                   ├─ several fit, or its readers would see a private message ─▶ views.open (within the trigger's 3 s)
                   │                └─ submitted ─▶ inbox row ─▶ the dispatcher
                   └─ none fits ─▶ the dispatcher, which says what to do

Slack sends the message along, so no scope is needed, and it may be of any channel. The person who uses the shortcut makes
the request; the author of the message needs no right.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog
from pydantic import ValidationError

from adapters.phrase import Phrase
from bot.incidents.slack import note_form
from bot.locale.texts import get_texts
from bot.model.incident import Incident
from bot.rendering.slack.blocks import SlackMessage, escape
from bot.slack.answers.responder import IncomingRequest, Responder, localize
from bot.slack.client.api import SlackApi
from bot.slack.client.errors import SlackFailure
from bot.slack.client.payloads import get_object, get_team, get_user, hash_payload, parse_trigger
from bot.slack.delivery_kind import DeliveryKind
from bot.slack.directory.people import Reader
from bot.slack.inbound.form import TRIGGER_LIFETIME
from bot.slack.inbound.noted_message import NotedMessage, is_hidden, make_words, parse_message
from bot.slack.outbound.message import RESPONSE_URL_LIFETIME, Address, OutboundMessage
from bot.store.inbox import Delivery

KIND = "note"
"""Delivery kind of these rows in the inbox."""

MAX_METADATA = 2_900
"""Characters of the metadata of a view, below Slack's limit of 3,000."""

_log = structlog.get_logger(__name__)


class NoteHandler:
    """Makes notes of messages. `url` is the address of the workspace, for links."""

    def __init__(self, responder: Responder, api: SlackApi, url: str) -> None:
        self._responder = responder
        self._api = api
        self._url = url

    def make_kind(self) -> DeliveryKind:
        """Make the delivery kind of shortcuts on messages, and of their submitted forms."""
        return DeliveryKind(self._build_delivery, NotedMessage, self._work, build_address, typed="text", comes_again=True)

    async def add(self, noted: NotedMessage, delivery: Delivery, incident: int = 0) -> OutboundMessage:
        """Have the note added, to the incident that the dispatcher finds if none is given; returns the answer."""
        quoted = noted.quote(await self.name_author(noted), self._url)
        words, address = make_words(noted, incident), build_address(noted, delivery)
        asked = IncomingRequest(noted.team, noted.user, noted.channel, words, address, quoted=quoted)
        return await self._responder.answer(asked, delivery)

    async def name_author(self, noted: NotedMessage) -> str:
        """Name the author: as the configuration does, else by the name and the id that Slack knows.

        People choose the names that Slack shows, so such a name never stands alone.
        """
        if noted.author_name:
            return noted.author_name
        if noted.author is None:
            return "Slack"
        if known := self._responder.dispatcher.name_author(noted.author):
            return known
        shown = (await self._responder.people.find_reader(noted.team, noted.author)).name
        return f"{shown} ({noted.author})" if shown else noted.author

    def explain(self, noted: NotedMessage, delivery: Delivery, reader: Reader, phrase: Phrase) -> OutboundMessage:
        """Return a private message with the reason why nothing was noted."""
        address = localize(reader, build_address(noted, delivery))
        return OutboundMessage(delivery.key, address, SlackMessage(escape(address.render(phrase), 1_000), ()))

    def is_note(self, body: Mapping[str, Any]) -> bool:
        """Return whether a form that is being submitted is the one of the shortcut."""
        return get_object(body, "view").get("callback_id") == note_form.CALLBACK_ID

    def find_errors(self, body: Mapping[str, Any]) -> dict[str, str] | None:
        """Return no errors, or None if the form cannot be read. For the ack: works from memory and never raises."""
        return None if _parse_submission(body) is None else {}

    async def _work(self, noted: NotedMessage, delivery: Delivery) -> OutboundMessage | None:
        reader = await self._responder.people.find_reader(noted.team, noted.user)
        if trouble := find_trouble(noted):
            return self.explain(noted, delivery, reader, trouble)
        if noted.incident:
            return await self.add(noted, delivery, noted.incident)
        places = await self._responder.dispatcher.find_note_places(reader.identity, noted.channel, delivery.key)
        if not places or fits_alone(noted, places):
            return await self.add(noted, delivery, places[0].number if places else 0)
        if await self._try_open(noted, delivery, reader, places):
            return None
        late = Phrase("Could not open the form in time, so nothing was noted. Use the shortcut again.")
        return self.explain(noted, delivery, reader, late)

    async def _try_open(self, noted: NotedMessage, delivery: Delivery, reader: Reader, places: tuple[Incident, ...]) -> bool:
        """Open the form that asks for the incident; returns whether it could be opened."""
        if self._responder.clock.now() - delivery.received_at >= TRIGGER_LIFETIME or not noted.trigger:
            return False
        carried = _fit(noted.model_copy(update={"answerable": delivery.received_at + RESPONSE_URL_LIFETIME, "trigger": ""}))
        author, texts = await self.name_author(noted), get_texts(reader.language, reader.zone)
        view = note_form.build_modal(carried.model_dump_json(exclude_defaults=True), author, noted.text, places, texts)
        try:
            await self._api.open_view(noted.trigger, view)
        except SlackFailure as failure:
            _log.info("the form of a note could not be opened", code=failure.code)
            return False
        return True

    def _build_delivery(self, body: Mapping[str, Any], at: datetime) -> Delivery | None:
        """Build the inbox row of a shortcut, whose key is the trigger id, or of its form, whose key is the view's id."""
        if body.get("type") == "view_submission":
            sent = _parse_submission(body)
            key = f"view {get_object(body, 'view').get('id')}"
        else:
            sent = _parse_use(body)
            key = sent.trigger if sent is not None else ""
        if sent is None:
            return None
        payload = sent.model_dump(mode="json")
        return Delivery(key or hash_payload(payload), KIND, payload, at)


def fits_alone(noted: NotedMessage, places: tuple[Incident, ...]) -> bool:
    """Return whether a note needs no question: one incident is open, and no one reads a private message by it."""
    return len(places) == 1 and (not noted.hidden or places[0].channel == noted.channel)


def build_address(noted: NotedMessage, delivery: Delivery) -> Address:
    """Build the address: for this person alone, where the message is, else as a direct message."""
    aside = {"aside": noted.channel, "aside_thread": noted.in_thread} if noted.in_thread or not noted.response_url else {}
    answerable = noted.answerable or delivery.received_at + RESPONSE_URL_LIFETIME
    return Address(response_url=noted.response_url, answerable=answerable, user=noted.user, **aside)


def find_trouble(noted: NotedMessage) -> Phrase | None:
    """Find the reason why a message cannot become a note."""
    if noted.private:
        return Phrase(
            "Nothing was noted: only you see this message, and no link leads to it. Type {command} instead.", command=_TYPED
        )
    if not noted.text.strip():
        return Phrase("Nothing was noted: this message has no text. Type {command} instead.", command=_TYPED)
    return None


_TYPED = '/flatnet incident note "…"'


def _parse_use(body: Mapping[str, Any]) -> NotedMessage | None:
    """Parse the payload of the shortcut."""
    channel = get_object(body, "channel")
    sender = {
        "team": get_team(body),
        "user": get_user(body),
        "channel": channel.get("id"),
        "hidden": is_hidden(channel),
        "response_url": body.get("response_url") or "",
        "trigger": parse_trigger(body),
    }
    return parse_message(get_object(body, "message"), sender)


def _parse_submission(body: Mapping[str, Any]) -> NotedMessage | None:
    """Parse the submitted form, on behalf of the person who opened it."""
    view = get_object(body, "view")
    try:
        noted = NotedMessage.model_validate_json(str(view.get("private_metadata") or "{}"))
    except ValidationError:
        return None
    values = get_object(view, "state").get("values")
    incident = note_form.parse_incident(values) if isinstance(values, dict) else 0
    return noted.model_copy(update={"incident": incident}) if incident and noted.user == get_user(body) else None


def _fit(noted: NotedMessage) -> NotedMessage:
    """Shorten the text until the metadata of a view can carry it."""
    while len(noted.model_dump_json(exclude_defaults=True)) > MAX_METADATA:
        noted = noted.model_copy(update={"text": f"{noted.text[: max(len(noted.text) - 200, 0)].rstrip('…')}…"})
    return noted
