"""Event listeners: mentions and direct messages, reactions, `app_home_opened`, user-group changes.

Bolt acks an event before its listener runs. So the row is written in the listener's middleware, which runs
before the ack. If it cannot be written, the event is not acked and Slack delivers it again.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from slack_bolt.app.async_app import AsyncApp

from bot.slack.directory.groups import GroupDirectory
from bot.slack.inbound import mention, reaction
from bot.slack.inbound.home_tab import HomeTabs
from bot.slack.inbound.reaction import ReactionHandler
from bot.slack.inbound.worker import InboxWorker

Next = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class EventTargets:
    """Targets of events."""

    groups: GroupDirectory
    homes: HomeTabs
    reactions: ReactionHandler


def register_event_listeners(app: AsyncApp, receiver: InboxWorker, heard: EventTargets, bot: str) -> None:
    """Register the app's listeners for events; `bot` is the bot's own user id."""
    name = mention.make_mention_pattern(bot)

    async def store_message(body: dict[str, Any], next_: Next) -> None:
        if mention.parse_message(body, name) is None or await receiver.accept(mention.KIND, body) is None:
            await next_()

    async def store_reaction(body: dict[str, Any], next_: Next) -> None:
        wanted = heard.reactions.parse(body) is not None
        if not wanted or await receiver.accept(reaction.KIND, body) is None:
            await next_()

    async def do_nothing() -> None:
        """Do nothing: Bolt acks, and the row is written already."""

    async def refresh_home(body: dict[str, Any]) -> None:
        heard.homes.handle_opened(body)

    async def invalidate_group(event: dict[str, Any]) -> None:
        group = event.get("subteam")
        heard.groups.invalidate(str(event.get("subteam_id") or (group.get("id") if isinstance(group, dict) else "")))

    app.event(mention.MENTION, middleware=[store_message])(do_nothing)
    app.event(mention.MESSAGE, middleware=[store_message])(do_nothing)
    app.event(reaction.EVENT, middleware=[store_reaction])(do_nothing)
    app.event("app_home_opened")(refresh_home)
    app.event("subteam_members_changed")(invalidate_group)
    app.event("subteam_updated")(invalidate_group)
