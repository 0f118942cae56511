"""Listeners for Bolt: one for each kind of envelope, and a fallback for buttons and forms of older messages.

A listener acks and nothing else. Bolt loses the ack of a listener that raises right after it, and
runs the next matching listener if an ack is late. So nothing here raises, waits longer than the
inbox allows, or matches twice.

Event listeners: mentions and direct messages, reactions, `app_home_opened`, user-group changes.

Bolt acks an event before its listener runs. So the row is written in the listener's middleware, which runs
before the ack. If it cannot be written, the event is not acked and Slack delivers it again.

Changes of user groups: news, after which the members of the group are asked for again.

It is a row, because the copy of the bot that gets the event is perhaps not the one that knows the members.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Protocol

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.response import BoltResponse

from adapters.phrase import Phrase
from bot.incidents.slack import note_form
from bot.locale.texts import get_texts
from bot.rendering.slack.blocks import SlackMessage
from bot.rendering.slack.form import CALLBACK_ID, HOSTS_FIELD
from bot.rendering.text import COMMAND
from bot.slack import click_payload
from bot.slack.client.payloads import EventId, get_object, get_user
from bot.slack.delivery_kind import DeliveryKind
from bot.slack.directory.groups import GroupDirectory
from bot.slack.directory.people import PeopleDirectory
from bot.slack.inbound import click, form, home_tab, log_filter, mention, message_shortcut, plan, reaction, slash_command
from bot.slack.inbound.form import FormHandler
from bot.slack.inbound.intake import DeliveryIntake
from bot.slack.inbound.log_filter import LogFilterHandler
from bot.slack.inbound.message_shortcut import NoteHandler
from bot.slack.inbound.plan import PlanHandler
from bot.slack.inbound.reaction import ReactionHandler
from bot.slack.outbound.message import Address
from bot.slack.outbound.sender import Sender
from bot.slack.tasks import BackgroundTasks
from bot.store.inbox import Delivery

ANYTHING = re.compile(r".*", re.DOTALL)


class FallbackResponder:
    """Explains buttons and forms that this version of the bot does not know. They change nothing, so they have no row."""

    def __init__(self, people: PeopleDirectory, sender: Sender, running: BackgroundTasks) -> None:
        self._people = people
        self._sender = sender
        self._running = running

    def explain_click(self, body: Mapping[str, Any]) -> None:
        """Explain privately that the buttons have expired. A button that only opens a link needs no message."""
        if not _is_link(body):
            phrase = Phrase(
                "This message has expired and its buttons no longer work. Type {command} for the current status.",
                command=COMMAND,
            )
            self.explain_privately(body, phrase)

    def explain_privately(self, body: Mapping[str, Any], phrase: Phrase) -> None:
        """Send a private message to the person who clicked, after the ack."""
        url = body.get("response_url")
        if isinstance(url, str) and url:
            message, clicked = SlackMessage(self.render(get_user(body), phrase), ()), click_payload.parse_click(body)
            address = Address(response_url=url) if clicked is None else click_payload.build_private_address(clicked)
            self._running.start("explanation", self._sender.send_privately(address, message))

    def build_outdated_view(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Build the view that replaces a form from an older version."""
        phrase = Phrase("This form has expired, so nothing was done. Close it and type {command}.", command=COMMAND)
        return self.build_message_view(body, phrase)

    def build_message_view(self, body: Mapping[str, Any], phrase: Phrase) -> dict[str, Any]:
        """Build a view that shows one message."""
        text = {"type": "plain_text", "text": self.render(get_user(body), phrase)}
        return {
            "type": "modal",
            "title": {"type": "plain_text", "text": "flatnet"},
            "blocks": [{"type": "section", "text": text}],
        }

    def render(self, user: str, phrase: Phrase) -> str:
        """Render a phrase that cannot wait, in the language that is remembered for the person."""
        language, zone = self._people.recall_language(user)
        return phrase.render_sentence(get_texts(language, zone))


class ModalReader(Protocol):
    """Reader of one kind of modal."""

    def find_errors(self, body: Mapping[str, Any]) -> dict[str, str] | None:
        """Return the errors by block; None if the modal cannot be read."""


@dataclass(frozen=True)
class ModalHandlers:
    """Readers of submitted modals."""

    forms: FormHandler
    filters: LogFilterHandler
    plans: PlanHandler
    notes: NoteHandler

    def find_reader(self, body: Mapping[str, Any]) -> "tuple[str, ModalReader]":
        """Return the delivery kind of a submitted modal, and its reader."""
        if self.notes.is_note(body):
            return message_shortcut.KIND, self.notes
        if self.filters.is_filter(body):
            return log_filter.KIND, self.filters
        return (plan.KIND, self.plans) if self.plans.is_plan(body) else (form.KIND, self.forms)


def register_listeners(app: AsyncApp, intake: DeliveryIntake, modals: ModalHandlers, last_resort: FallbackResponder) -> None:
    """Register the app's listeners: one for each kind of envelope, so that no two can match."""

    async def handle_command(ack: AsyncAck, body: dict[str, Any]) -> BoltResponse:
        receipt = await intake.accept(slash_command.KIND, body)
        if not receipt.acks:
            return _leave_unacked()
        return await ack(last_resort.render(str(body.get("user_id", "")), receipt.phrase) if receipt.phrase else "")

    async def store(ack: AsyncAck, kind: str, body: dict[str, Any]) -> BoltResponse:
        """Store what has a private message for its problems, and ack it."""
        receipt = await intake.accept(kind, body)
        if not receipt.acks:
            return _leave_unacked()
        if receipt.phrase:
            last_resort.explain_privately(body, receipt.phrase)
        return await ack()

    async def handle_click(ack: AsyncAck, body: dict[str, Any]) -> BoltResponse:
        if click.is_current(body):
            return await store(ack, click_payload.KIND, body)
        last_resort.explain_click(body)
        return await ack()

    async def handle_submission(ack: AsyncAck, body: dict[str, Any]) -> BoltResponse | None:
        kind, reader = modals.find_reader(body)
        errors = reader.find_errors(body)
        if errors is None:
            await ack(response_action="update", view=last_resort.build_outdated_view(body))
        elif errors:
            await ack(response_action="errors", errors=errors)
        elif not (receipt := await intake.accept(kind, body)).acks:
            return _leave_unacked()
        elif receipt.phrase:
            await ack(response_action="update", view=last_resort.build_message_view(body, receipt.phrase))
        else:
            await ack()
        return None

    async def handle_shortcut(ack: AsyncAck, body: dict[str, Any]) -> BoltResponse:
        return await store(ack, form.SHORTCUT, body)

    async def handle_note(ack: AsyncAck, body: dict[str, Any]) -> BoltResponse:
        return await store(ack, message_shortcut.KIND, body)

    async def handle_options(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack(options=modals.forms.list_host_options(body))

    async def ack_closed(ack: AsyncAck) -> None:
        await ack()

    app.command(COMMAND)(handle_command)
    app.action(ANYTHING)(handle_click)
    app.view_submission(ANYTHING)(handle_submission)
    app.view_closed(ANYTHING)(ack_closed)
    app.shortcut(CALLBACK_ID)(handle_shortcut)
    app.shortcut(note_form.CALLBACK_ID)(handle_note)
    app.options(HOSTS_FIELD)(handle_options)


def _leave_unacked() -> BoltResponse:
    """Return what Bolt does not pass to Slack, which then tells the person that the bot did not answer."""
    return BoltResponse(status=503)


def _is_link(body: Mapping[str, Any]) -> bool:
    actions = body.get("actions")
    return isinstance(actions, list) and any(isinstance(action, dict) and action.get("url") for action in actions)


KIND = "group"
"""Delivery kind of these rows in the inbox."""

MEMBERS, UPDATED = "subteam_members_changed", "subteam_updated"
"""Types of the events."""


class GroupChange(BaseModel):
    """A change of a user group."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    event: EventId
    group: Annotated[str, StringConstraints(pattern=r"^S[A-Z0-9]{1,40}$")]


def make_kind(groups: GroupDirectory) -> DeliveryKind:
    """Make the delivery kind of changes of user groups."""

    async def work(changed: GroupChange, delivery: Delivery) -> None:
        groups.invalidate(changed.group)

    return DeliveryKind(_build_delivery, GroupChange, work, lambda changed, delivery: None, comes_again=True, is_news=True)


def parse(body: Mapping[str, Any]) -> GroupChange | None:
    """Parse a change of a group; None for anything else."""
    event = get_object(body, "event")
    try:
        return GroupChange(
            event=str(body.get("event_id")), group=str(event.get("subteam_id") or get_object(event, "subteam").get("id"))
        )
    except ValidationError:
        return None


def _build_delivery(body: Mapping[str, Any], at: datetime) -> Delivery | None:
    changed = parse(body)
    return None if changed is None else Delivery(f"group {changed.event}", KIND, changed.model_dump(), at)


Next = Callable[[], Awaitable[None]]

Store = Callable[[dict[str, Any], Next], Awaitable[BoltResponse | None]]
"""Middleware that stores an event, and lets Bolt ack it."""


def register_event_listeners(app: AsyncApp, intake: DeliveryIntake, reactions: ReactionHandler, bot: str) -> None:
    """Register the app's listeners for events; `bot` is the bot's own user id."""
    name = mention.make_mention_pattern(bot)

    def store(kind: str, parse: Callable[[Mapping[str, Any]], object]) -> Store:
        """Make the middleware that stores what `parse` can read. All else is acked and dropped."""

        async def store_event(body: dict[str, Any], next_: Next) -> BoltResponse | None:
            if parse(body) is None or await intake.accept_event(kind, body):
                await next_()
                return None
            return BoltResponse(status=503)  # no ack; without an answer Bolt would log that nothing handles the event

        return store_event

    async def do_nothing() -> None:
        """Do nothing: Bolt acks, and the row is written already."""

    store_message = store(mention.KIND, lambda body: mention.parse_message(body, name))
    app.event(mention.MENTION, middleware=[store_message])(do_nothing)
    app.event(mention.MESSAGE, middleware=[store_message])(do_nothing)
    app.event(reaction.EVENT, middleware=[store(reaction.KIND, reactions.parse)])(do_nothing)
    app.event(home_tab.EVENT, middleware=[store(home_tab.KIND, home_tab.parse_opening)])(do_nothing)
    store_group = store(KIND, parse)
    app.event(MEMBERS, middleware=[store_group])(do_nothing)
    app.event(UPDATED, middleware=[store_group])(do_nothing)
