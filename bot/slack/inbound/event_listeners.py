"""Event listeners: mentions and direct messages, reactions, `app_home_opened`, user-group changes.

Bolt acks an event before its listener runs. So the row is written in the listener's middleware, which runs
before the ack. If it cannot be written, the event is not acked and Slack delivers it again.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.response import BoltResponse

from bot.slack.inbound import group_change, home_tab, mention, reaction
from bot.slack.inbound.intake import DeliveryIntake
from bot.slack.inbound.reaction import ReactionHandler

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
    store_group = store(group_change.KIND, group_change.parse)
    app.event(group_change.MEMBERS, middleware=[store_group])(do_nothing)
    app.event(group_change.UPDATED, middleware=[store_group])(do_nothing)
