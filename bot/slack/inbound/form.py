"""The form, from opening it to the command that it becomes.

menu button, shortcut, words that lack one argument ─▶ views.open (within the trigger's 3 s)
another command is chosen ─▶ views.update
submitted ─ invalid ─▶ errors at their fields, in the ack, from memory
          └ valid ───▶ inbox row ─▶ the dispatcher, as if typed ─▶ answer where the form was opened, else a direct message
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints, ValidationError

from adapters.phrase import Phrase
from bot.access.policy import Refusal
from bot.answers.slack import render
from bot.incidents.slack import update_form
from bot.locale.texts import get_texts
from bot.model.incident import UpdatePreview
from bot.model.request import Answer, Failure, FailureKind
from bot.rendering.slack.blocks import SlackMessage, escape
from bot.rendering.slack.form import (
    COMMAND_FIELD,
    FormNote,
    build_modal,
    find_form,
    list_host_options,
    make_block_id,
    parse_input,
)
from bot.rendering.text import COMMAND as SLASH
from bot.slack.answers.responder import IncomingRequest, Responder, localize
from bot.slack.click_payload import Click
from bot.slack.client.api import SlackApi
from bot.slack.client.errors import SlackFailure
from bot.slack.client.payloads import (
    ChannelId,
    ResponseUrl,
    TeamId,
    Timestamp,
    UserId,
    Words,
    get_object,
    get_team,
    get_user,
    parse_trigger,
)
from bot.slack.delivery_kind import DeliveryKind
from bot.slack.directory.people import Reader
from bot.slack.outbound.message import Address, OutboundMessage
from bot.store.inbox import Delivery
from commands.language.form_filling import fill_form
from commands.model.operation import Operation

KIND, SHORTCUT = "form", "shortcut"
"""Delivery kinds of these rows in the inbox."""

TRIGGER_LIFETIME = timedelta(seconds=3)
"""Time in which Slack lets a trigger open a view."""

MAX_REMEMBERED_FORMS = 1_000
"""Maximum number of open forms whose latest choice is remembered."""

_log = structlog.get_logger(__name__)


class FormSubmission(BaseModel):
    """A submitted form, as words, and where it was opened."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    team: TeamId
    user: UserId
    channel: ChannelId | None = None
    response_url: ResponseUrl = ""
    answerable: AwareDatetime | None = None
    thread: Timestamp | None = None
    words: Words
    trigger: str = ""
    previewed: bool = False
    """The person has seen what the words will post."""


class ShortcutUse(BaseModel):
    """A use of the global shortcut."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    team: TeamId
    user: UserId
    trigger: Annotated[str, StringConstraints(min_length=1)]


class FormHandler:
    """Opens, changes and reads forms."""

    def __init__(self, responder: Responder, api: SlackApi) -> None:
        self._responder = responder
        self._api = api
        self._newest: dict[str, str] = {}

    def make_submission_kind(self) -> DeliveryKind:
        """Make the delivery kind of submitted forms."""

        async def work(sent: FormSubmission, delivery: Delivery) -> OutboundMessage | None:
            reader = await self._responder.people.find_reader(sent.team, sent.user)
            if not sent.previewed and (preview := await self._find_preview(sent, reader)) is not None:
                return await self._show_preview(sent, delivery, reader, preview)
            asked = IncomingRequest(sent.team, sent.user, sent.channel or "", sent.words, _build_address(sent, delivery))
            return await self._responder.answer(asked, delivery)

        return DeliveryKind(self.build_delivery, FormSubmission, work, _build_address, typed="words", comes_again=True)

    def make_shortcut_kind(self) -> DeliveryKind:
        """Make the delivery kind of shortcuts."""

        def address(used: ShortcutUse, delivery: Delivery) -> Address:
            return Address(user=used.user)

        async def work(used: ShortcutUse, delivery: Delivery) -> OutboundMessage | None:
            reader = await self._responder.people.find_reader(used.team, used.user)
            return await self.open_or_explain(used.trigger, delivery, reader, address(used, delivery))

        return DeliveryKind(_build_shortcut_delivery, ShortcutUse, work, address)

    async def _find_preview(self, sent: FormSubmission, reader: Reader) -> UpdatePreview | None:
        return await self._responder.dispatcher.preview_update(reader.identity, sent.channel or "", sent.words)

    async def _show_preview(
        self, sent: FormSubmission, delivery: Delivery, reader: Reader, preview: UpdatePreview
    ) -> OutboundMessage | None:
        """Show what the words will post, and post nothing yet. If that fails, return a private message."""
        note = FormNote(
            channel=sent.channel or "",
            response_url=sent.response_url,
            answerable=sent.answerable,
            thread=sent.thread or "",
            begun=preview.words,
            previewed=True,
        )
        posted = get_texts(*self._responder.people.get_channel_language(preview.channel))
        texts = get_texts(reader.language, reader.zone)
        view = update_form.build_modal(note.model_dump_json(exclude_defaults=True), preview, texts, posted)
        try:
            await self._api.open_view(sent.trigger, view)
        except SlackFailure as failure:
            _log.info("a preview could not be opened", code=failure.code)
            aside = localize(reader, _build_address(sent, delivery))
            phrase = Phrase("Could not show the preview in time, so nothing was posted. Press the button again.")
            return OutboundMessage(delivery.key, aside, SlackMessage(escape(aside.render(phrase), 1_000), ()))
        return None

    async def open_or_explain(
        self, trigger: str, delivery: Delivery, reader: Reader, aside: Address, note: FormNote | None = None
    ) -> OutboundMessage | None:
        """Open the form. If that fails, return a private message with the reason or another way."""
        note = note or FormNote()
        if await self.try_open(trigger, delivery, reader, note):
            return None
        aside = localize(reader, aside)
        return OutboundMessage(delivery.key, aside, self._explain(reader, aside, delivery, note.begun or "health"))

    async def try_open(self, trigger: str, delivery: Delivery, reader: Reader, note: FormNote) -> bool:
        """Open the form for this person; returns whether it could be opened."""
        rights = self._responder.dispatcher.find_rights(reader.identity)
        late = self._responder.clock.now() - delivery.received_at >= TRIGGER_LIFETIME
        if isinstance(rights, Refusal) or late or not trigger or not rights.permitted:
            return False
        view = build_modal(
            note, None, rights.permitted, self._responder.dispatcher.hosts, get_texts(reader.language, reader.zone)
        )
        try:
            await self._api.open_view(trigger, view)
        except SlackFailure as failure:
            _log.info("a form could not be opened", code=failure.code)
            return False
        return True

    async def show_fields(self, click: Click, delivery: Delivery) -> None:
        """Show the fields of the chosen command. If choices cross on their way, the last one stays."""
        note = None if click.view is None else FormNote.from_json(click.view.note)
        if click.view is None or note is None:
            return
        self._newest[click.view.id] = delivery.key
        if len(self._newest) > MAX_REMEMBERED_FORMS:
            del self._newest[next(iter(self._newest))]
        reader = await self._responder.people.find_reader(click.team, click.user)
        rights = self._responder.dispatcher.find_rights(reader.identity)
        permitted = () if isinstance(rights, Refusal) else rights.permitted
        chosen = _find_operation(click.value, permitted)
        if chosen is None:
            return
        view = build_modal(
            note, chosen, permitted, self._responder.dispatcher.hosts, get_texts(reader.language, reader.zone)
        )
        try:
            await self._api.update_view(click.view.id, click.view.hash, view)
        except SlackFailure as failure:
            if failure.code == "hash_conflict" and self._newest.get(click.view.id) == delivery.key:
                await self._overwrite(click.view.id, view)
            else:
                _log.info("a form was not changed", code=failure.code)

    def find_errors(self, body: Mapping[str, Any]) -> dict[str, str] | None:
        """Return the errors of a form that is being submitted, by block; None if another version of the bot made it.

        For the ack: works from memory and never raises.
        """
        read = self._parse(body)
        if not read:
            return None
        if isinstance(read, str):
            return {}
        language, zone = self._responder.people.recall_language(get_user(body))
        return {block: phrase.render_sentence(get_texts(language, zone)) for block, phrase in read.items()}

    def list_host_options(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        """List hosts that match the text typed in the form's menu."""
        return list_host_options(self._responder.dispatcher.hosts, str(body.get("value") or ""))

    def build_delivery(self, body: Mapping[str, Any], at: datetime) -> Delivery | None:
        """Build the inbox row. Its key is the view's id, so repeated presses of the button submit the form once."""
        words, view = self._parse(body), body.get("view", {})
        note = FormNote.from_json(str(view.get("private_metadata")))
        if not isinstance(words, str) or note is None:
            return None
        try:
            sent = FormSubmission.model_validate(
                {
                    **_parse_sender(body),
                    **note.model_dump(exclude={"begun"}),
                    "channel": note.channel or None,
                    "thread": note.thread or None,
                    "words": words,
                    "trigger": parse_trigger(body),
                }
            )
        except ValidationError:
            return None
        return Delivery(f"view {view.get('id')}", KIND, sent.model_dump(mode="json"), at)

    def _parse(self, body: Mapping[str, Any]) -> str | Mapping[str, Phrase]:
        """Return the words, or the errors by block; an empty mapping if the form is not ours."""
        view = get_object(body, "view")
        values = get_object(view, "state").get("values")
        note = FormNote.from_json(str(view.get("private_metadata") or "{}"))
        if note is None or not isinstance(values, dict):
            return {}
        dispatcher = self._responder.dispatcher
        form = find_form(values, note, dispatcher.known_operations)
        if form is None:
            return {}
        read = fill_form(form, parse_input(values, form), dispatcher.known_operations, dispatcher.hosts)
        if isinstance(read, str):
            return read
        return {make_block_id(form, field) if field else COMMAND_FIELD: phrase for field, phrase in read.items()}

    async def _overwrite(self, view: str, changed: Mapping[str, Any]) -> None:
        try:
            await self._api.update_view(view, "", changed)
        except SlackFailure as failure:
            _log.info("a form was not changed", code=failure.code)

    def _explain(self, reader: Reader, aside: Address, delivery: Delivery, words: str) -> SlackMessage:
        rights = self._responder.dispatcher.find_rights(reader.identity)
        if isinstance(rights, Refusal):
            failure = Failure(kind=FailureKind.REFUSED, phrase=rights.reason)
            return render(Answer(operation=delivery.key, understood="", body=failure), aside.texts)
        typed = Phrase(
            "Could not open the form in time. Type {command}, or press the button again.",
            command=f"{SLASH} {words}",
        )
        return SlackMessage(escape(aside.render(typed), 1_000), ())


def _build_address(sent: FormSubmission, delivery: Delivery) -> Address:
    """Build the address: where the form was opened as long as that takes answers, else the person directly."""
    aside = {"aside": sent.channel, "aside_thread": sent.thread} if sent.channel and sent.thread else {}
    return Address(response_url=sent.response_url, answerable=sent.answerable, user=sent.user, **aside)


def _find_operation(words: str, permitted: tuple[type[Operation], ...]) -> type[Operation] | None:
    return next((operation for operation in permitted if " ".join(operation.words) == words), None)


def _build_shortcut_delivery(body: Mapping[str, Any], at: datetime) -> Delivery | None:
    try:
        used = ShortcutUse.model_validate({**_parse_sender(body), "trigger": parse_trigger(body)})
    except ValidationError:
        return None
    return Delivery(used.trigger, SHORTCUT, used.model_dump(), at)


def _parse_sender(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"user": get_object(body, "user").get("id"), "team": get_team(body)}
