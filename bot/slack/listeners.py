"""What Bolt calls: one listener for the command, and a last resort for buttons and forms of older messages.

A listener acks and nothing else. Bolt loses the ack of a listener that raises right after it, and
runs the next matching listener when an ack is late: so nothing here raises, waits longer than the
inbox allows, or matches twice.
"""

import re
from collections.abc import Mapping
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from adapters.phrase import Phrase
from bot.locale.texts import texts
from bot.messages.slack import COMMAND, Message
from bot.slack.inbox import Receiver
from bot.slack.letter import Address
from bot.slack.outbox import Sender
from bot.slack.people import People
from bot.slack.running import Running

ANYTHING = re.compile(r".*", re.DOTALL)


class LastResort:
    """Explains buttons and forms that this version of the bot does not know. They change nothing, so they have no row."""

    def __init__(self, people: People, sender: Sender, running: Running) -> None:
        self._people = people
        self._sender = sender
        self._running = running

    def clicked(self, body: Mapping[str, Any]) -> None:
        """Tell the person privately, after the ack. A button that only opens a link needs no words."""
        url = body.get("response_url")
        if isinstance(url, str) and url and not _opens_a_link(body):
            phrase = Phrase(
                "This message is out of date and its buttons do nothing. Type {command} to see how things are now.",
                command=COMMAND,
            )
            message = Message(self._say(body, phrase), ())
            self._running.start("old button", self._sender.whisper(Address(response_url=url), message))

    def submitted(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The view that takes the place of a form from an older version."""
        phrase = Phrase("This form is out of date and nothing was done. Close it and type {command}.", command=COMMAND)
        text = {"type": "plain_text", "text": self._say(body, phrase)}
        return {
            "type": "modal",
            "title": {"type": "plain_text", "text": "flatnet"},
            "blocks": [{"type": "section", "text": text}],
        }

    def _say(self, body: Mapping[str, Any], phrase: Phrase) -> str:
        user = body.get("user")
        language, zone = self._people.remembered(str(user.get("id", "")) if isinstance(user, dict) else "")
        return phrase.render(texts(language, zone))


def register(app: AsyncApp, receiver: Receiver, last_resort: LastResort) -> None:
    """Give the app its listeners."""

    async def command(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack(await receiver.take(body))

    async def old_button(ack: AsyncAck, body: dict[str, Any]) -> None:
        last_resort.clicked(body)
        await ack()

    async def old_form(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack(response_action="update", view=last_resort.submitted(body))

    async def closed_form(ack: AsyncAck) -> None:
        await ack()

    app.command(COMMAND)(command)
    app.action(ANYTHING)(old_button)
    app.view_submission(ANYTHING)(old_form)
    app.view_closed(ANYTHING)(closed_form)


def _opens_a_link(body: Mapping[str, Any]) -> bool:
    actions = body.get("actions")
    return isinstance(actions, list) and any(isinstance(action, dict) and action.get("url") for action in actions)
