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
from bot.access.policy import Refuse
from bot.locale.texts import texts
from bot.model.request import Answer, Failure, FailureKind
from bot.rendering.labels import COMMAND as SLASH
from bot.rendering.slack.answer import render
from bot.rendering.slack.blocks import Message
from bot.rendering.slack.form import COMMAND, Note, block_of, form_in, given_in, host_options, modal
from bot.slack.answers.responder import Answering, Asked, in_words_of
from bot.slack.api import Api, SlackFailure
from bot.slack.click_payload import Click
from bot.slack.delivery_kind import Kind
from bot.slack.directory.people import Reader
from bot.slack.outbound.message import Address, Letter
from bot.slack.payload_types import ChannelId, ResponseUrl, TeamId, UserId, Words, get_object, get_user, trigger_in
from bot.store.inbox import Delivery
from commands.language.form_filling import filled
from commands.model.operation import Operation

KIND, SHORTCUT = "form", "shortcut"
"""Delivery kinds of these rows in the inbox."""

TRIGGER = timedelta(seconds=3)
"""Time in which Slack lets a trigger open a view."""

REMEMBERED = 1_000
"""Maximum number of open forms whose latest choice is remembered."""

_log = structlog.get_logger(__name__)


class Filled(BaseModel):
    """A submitted form, as words, and where it was opened."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    team: TeamId
    user: UserId
    channel: ChannelId | None = None
    response_url: ResponseUrl = ""
    answerable: AwareDatetime | None = None
    words: Words


class Used(BaseModel):
    """A use of the global shortcut."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    team: TeamId
    user: UserId
    trigger: Annotated[str, StringConstraints(min_length=1)]


class Forms:
    """Opens, changes and reads forms."""

    def __init__(self, answering: Answering, api: Api) -> None:
        self._answering = answering
        self._api = api
        self._newest: dict[str, str] = {}

    def sent(self) -> Kind:
        """Make the delivery kind of submitted forms."""

        async def work(sent: Filled, delivery: Delivery) -> Letter:
            asked = Asked(sent.team, sent.user, sent.channel or "", sent.words, _where(sent, delivery))
            return await self._answering.answer(asked, delivery)

        return Kind(self.delivery_of, Filled, work, _where)

    def used(self) -> Kind:
        """Make the delivery kind of shortcuts."""

        def address(used: Used, delivery: Delivery) -> Address:
            return Address(user=used.user)

        async def work(used: Used, delivery: Delivery) -> Letter | None:
            reader = await self._answering.people.look(used.team, used.user)
            return await self.open(used.trigger, delivery, reader, address(used, delivery))

        return Kind(_used_in, Used, work, address)

    async def open(
        self, trigger: str, delivery: Delivery, reader: Reader, aside: Address, note: Note | None = None
    ) -> Letter | None:
        """Open the form. If that fails, return a private message with the reason or another way."""
        if await self.opened(trigger, delivery, reader, note or Note()):
            return None
        aside = in_words_of(reader, aside)
        return Letter(delivery.key, aside, self._instead(reader, aside, delivery))

    async def opened(self, trigger: str, delivery: Delivery, reader: Reader, note: Note) -> bool:
        """Open the form for this person; returns whether it could be opened."""
        rights = self._answering.desk.rights(reader.identity)
        late = self._answering.clock.now() - delivery.received_at >= TRIGGER
        if isinstance(rights, Refuse) or late or not trigger or not rights.permitted:
            return False
        view = modal(note, None, rights.permitted, self._answering.desk.hosts, texts(reader.language, reader.zone))
        try:
            await self._api.open_view(trigger, view)
        except SlackFailure as failure:
            _log.info("a form could not be opened", code=failure.code)
            return False
        return True

    async def choose(self, click: Click, delivery: Delivery) -> None:
        """Show the fields of the chosen command. If choices cross on their way, the last one stays."""
        note = None if click.view is None else Note.read(click.view.note)
        if click.view is None or note is None:
            return
        self._newest[click.view.id] = delivery.key
        if len(self._newest) > REMEMBERED:
            del self._newest[next(iter(self._newest))]
        reader = await self._answering.people.look(click.team, click.user)
        rights = self._answering.desk.rights(reader.identity)
        permitted = () if isinstance(rights, Refuse) else rights.permitted
        chosen = _named(click.value, permitted)
        if chosen is None:
            return
        view = modal(note, chosen, permitted, self._answering.desk.hosts, texts(reader.language, reader.zone))
        try:
            await self._api.update_view(click.view.id, click.view.hash, view)
        except SlackFailure as failure:
            if failure.code == "hash_conflict" and self._newest.get(click.view.id) == delivery.key:
                await self._overwrite(click.view.id, view)
            else:
                _log.info("a form was not changed", code=failure.code)

    def errors(self, body: Mapping[str, Any]) -> dict[str, str] | None:
        """Return the errors of a form that is being submitted, by block; None if another version of the bot made it.

        For the ack: works from memory and never raises.
        """
        read = self._read(body)
        if not read:
            return None
        if isinstance(read, str):
            return {}
        language, zone = self._answering.people.remembered(get_user(body))
        return {block: phrase.render_sentence(texts(language, zone)) for block, phrase in read.items()}

    def options(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        """List hosts that match the text typed in the form's menu."""
        return host_options(self._answering.desk.hosts, str(body.get("value") or ""))

    def delivery_of(self, body: Mapping[str, Any], at: datetime) -> Delivery | None:
        """Build the inbox row. Its key is the view's id, so repeated presses of the button submit the form once."""
        words, view = self._read(body), body.get("view", {})
        note = Note.read(str(view.get("private_metadata")))
        if not isinstance(words, str) or note is None:
            return None
        try:
            sent = Filled.model_validate(
                {**_who(body), **note.model_dump(exclude={"begun"}), "channel": note.channel or None, "words": words}
            )
        except ValidationError:
            return None
        return Delivery(f"view {view.get('id')}", KIND, sent.model_dump(mode="json"), at)

    def _read(self, body: Mapping[str, Any]) -> str | Mapping[str, Phrase]:
        """Return the words, or the errors by block; an empty mapping if the form is not ours."""
        view = get_object(body, "view")
        values = get_object(view, "state").get("values")
        note = Note.read(str(view.get("private_metadata") or "{}"))
        if note is None or not isinstance(values, dict):
            return {}
        desk = self._answering.desk
        form = form_in(values, note, desk.known)
        if form is None:
            return {}
        read = filled(form, given_in(values, form), desk.known, desk.hosts)
        if isinstance(read, str):
            return read
        return {block_of(form, field) if field else COMMAND: phrase for field, phrase in read.items()}

    async def _overwrite(self, view: str, changed: Mapping[str, Any]) -> None:
        try:
            await self._api.update_view(view, "", changed)
        except SlackFailure as failure:
            _log.info("a form was not changed", code=failure.code)

    def _instead(self, reader: Reader, aside: Address, delivery: Delivery) -> Message:
        rights = self._answering.desk.rights(reader.identity)
        if isinstance(rights, Refuse):
            failure = Failure(kind=FailureKind.REFUSED, phrase=rights.reason)
            return render(Answer(operation=delivery.key, understood="", body=failure), aside.texts)
        typed = Phrase(
            "Slack did not let the form open in time. Type {command} instead, or press the button again.",
            command=f"{SLASH} health",
        )
        return Message(aside.say(typed), ())


def _where(sent: Filled, delivery: Delivery) -> Address:
    """Build the address: where the form was opened as long as that takes answers, else the person directly."""
    return Address(response_url=sent.response_url, answerable=sent.answerable, user=sent.user)


def _named(words: str, permitted: tuple[type[Operation], ...]) -> type[Operation] | None:
    return next((operation for operation in permitted if " ".join(operation.words) == words), None)


def _used_in(body: Mapping[str, Any], at: datetime) -> Delivery | None:
    try:
        used = Used.model_validate({**_who(body), "trigger": trigger_in(body)})
    except ValidationError:
        return None
    return Delivery(used.trigger, SHORTCUT, used.model_dump(), at)


def _who(body: Mapping[str, Any]) -> Mapping[str, Any]:
    user, team = get_object(body, "user"), get_object(body, "team")
    return {"user": user.get("id"), "team": user.get("team_id") or team.get("id")}
