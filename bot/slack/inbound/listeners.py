"""Listeners for Bolt: one for each kind of envelope, and a fallback for buttons and forms of older messages.

A listener acks and nothing else. Bolt loses the ack of a listener that raises right after it, and
runs the next matching listener if an ack is late. So nothing here raises, waits longer than the
inbox allows, or matches twice.
"""

import re
from collections.abc import Mapping
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from adapters.phrase import Phrase
from bot.locale.texts import texts
from bot.rendering.labels import COMMAND
from bot.rendering.slack.blocks import Message
from bot.rendering.slack.form import CALLBACK, HOSTS
from bot.slack import click_payload
from bot.slack.directory.people import People
from bot.slack.inbound import click, form, log_filter, slash_command
from bot.slack.inbound.form import Forms
from bot.slack.inbound.log_filter import Filters
from bot.slack.inbound.worker import Receiver
from bot.slack.outbound.message import Address
from bot.slack.outbound.sender import Sender
from bot.slack.payload_types import get_user
from bot.slack.tasks import Running

ANYTHING = re.compile(r".*", re.DOTALL)


class LastResort:
    """Explains buttons and forms that this version of the bot does not know. They change nothing, so they have no row."""

    def __init__(self, people: People, sender: Sender, running: Running) -> None:
        self._people = people
        self._sender = sender
        self._running = running

    def clicked(self, body: Mapping[str, Any]) -> None:
        """Tell the person privately, after the ack. A button that only opens a link needs no message."""
        if not _opens_a_link(body):
            phrase = Phrase(
                "This message is out of date and its buttons do nothing. Type {command} to see how things are now.",
                command=COMMAND,
            )
            self.explain(body, phrase)

    def explain(self, body: Mapping[str, Any], phrase: Phrase) -> None:
        """Send a private message to the person who clicked, after the ack."""
        url = body.get("response_url")
        if isinstance(url, str) and url:
            message = Message(self.say(get_user(body), phrase), ())
            self._running.start("explanation", self._sender.whisper(Address(response_url=url), message))

    def submitted(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Build the view that replaces a form from an older version."""
        phrase = Phrase("This form is out of date and nothing was done. Close it and type {command}.", command=COMMAND)
        return self.told(body, phrase)

    def told(self, body: Mapping[str, Any], phrase: Phrase) -> dict[str, Any]:
        """Build a view that shows one message."""
        text = {"type": "plain_text", "text": self.say(get_user(body), phrase)}
        return {
            "type": "modal",
            "title": {"type": "plain_text", "text": "flatnet"},
            "blocks": [{"type": "section", "text": text}],
        }

    def say(self, user: str, phrase: Phrase) -> str:
        """Render a phrase that cannot wait, in the language that is remembered for the person."""
        language, zone = self._people.remembered(user)
        return phrase.render_sentence(texts(language, zone))


def register(app: AsyncApp, receiver: Receiver, forms: Forms, filters: Filters, last_resort: LastResort) -> None:
    """Register the app's listeners: one for each kind of envelope, so that no two can match."""

    async def handle_command(ack: AsyncAck, body: dict[str, Any]) -> None:
        trouble = await receiver.take(slash_command.KIND, body)
        await ack(last_resort.say(str(body.get("user_id", "")), trouble) if trouble else "")

    async def handle_click(ack: AsyncAck, body: dict[str, Any]) -> None:
        if not click.ours(body):
            last_resort.clicked(body)
        elif trouble := await receiver.take(click_payload.KIND, body):
            last_resort.explain(body, trouble)
        await ack()

    async def handle_submission(ack: AsyncAck, body: dict[str, Any]) -> None:
        filter_sent = filters.ours(body)
        errors = filters.errors(body) if filter_sent else forms.errors(body)
        if errors is None:
            await ack(response_action="update", view=last_resort.submitted(body))
        elif errors:
            await ack(response_action="errors", errors=errors)
        elif trouble := await receiver.take(log_filter.KIND if filter_sent else form.KIND, body):
            await ack(response_action="update", view=last_resort.told(body, trouble))
        else:
            await ack()

    async def handle_shortcut(ack: AsyncAck, body: dict[str, Any]) -> None:
        await receiver.take(form.SHORTCUT, body)
        await ack()

    async def handle_options(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack(options=forms.options(body))

    async def ack_closed(ack: AsyncAck) -> None:
        await ack()

    app.command(COMMAND)(handle_command)
    app.action(ANYTHING)(handle_click)
    app.view_submission(ANYTHING)(handle_submission)
    app.view_closed(ANYTHING)(ack_closed)
    app.shortcut(CALLBACK)(handle_shortcut)
    app.options(HOSTS)(handle_options)


def _opens_a_link(body: Mapping[str, Any]) -> bool:
    actions = body.get("actions")
    return isinstance(actions, list) and any(isinstance(action, dict) and action.get("url") for action in actions)
