"""Events: what happens in the workspace, told to the app where its manifest subscribes and it may see.

What people say is told at once (`said`); everything else is read from the journal as it happens,
the app's own messages and edits too, as Slack does it.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from tests.lab.workspace import payloads
from tests.lab.workspace.journal import Change, ChannelChanged, Deleted, Edited, GroupChanged, Posted
from tests.lab.workspace.manifest import Manifest
from tests.lab.workspace.message import Message
from tests.lab.workspace.seed import BOT_USER, Channel, UserGroup
from tests.lab.workspace.socket_mode import Delivery, EnvelopeType, SocketMode
from tests.lab.workspace.state import State

Event = Mapping[str, Any]
_SUBSCRIPTIONS = {
    "im": "message.im",
    "mpim": "message.mpim",
    "group": "message.groups",
    "channel": "message.channels",
}


class Events:
    """Tells the app."""

    def __init__(self, state: State, manifest: Manifest, sockets: SocketMode) -> None:
        self._state = state
        self._manifest = manifest
        self._sockets = sockets
        self._members = {channel.id: channel.members for channel in state.channels()}
        self._groups = {group.id: group.users for group in state.groups()}
        self._told: set[asyncio.Task[Any]] = set()

    def start(self) -> None:
        """Follow the journal from here on."""
        self._keep(asyncio.ensure_future(self._follow(len(self._state.journal.changes))))

    async def stop(self) -> None:
        for task in self._told:
            task.cancel()
        await asyncio.gather(*self._told, return_exceptions=True)

    async def emit(self, subscription: str, event: Event) -> Delivery | None:
        """Tell one event and wait for its ack; None where the manifest does not subscribe to it."""
        if subscription not in self._manifest.events:
            return None
        happened = {"event_ts": self._state.clock.stamp(), **event}
        payload = payloads.event(self._state.seed, happened, self._state.clock.now().timestamp())
        return await self._sockets.deliver(Delivery(EnvelopeType.EVENT, payload))

    def tell(self, subscription: str, event: Event) -> None:
        """As `emit`, without waiting."""
        self._keep(asyncio.ensure_future(self.emit(subscription, event)))

    async def said(self, message: Message) -> None:
        """A person wrote this. A mention in direct messages is no `app_mention`: there, every message is for the app.

        One beside a file is none either: the message is all that the app hears of it (bolt-python #925).
        """
        place = self._place(message)
        if place is None:
            return
        shown = {**payloads.message_json(self._state.seed, message), "channel": place.id, "event_ts": message.ts}
        if f"<@{BOT_USER}>" in message.text and not (place.direct or message.files):
            await self.emit("app_mention", {**shown, **_broadcast(message), "type": "app_mention"})
        await self.emit(*_message_event(place, message, shown))

    async def rewritten(self, place: Channel, message: Message) -> None:
        """A person edited this."""
        if self._place(message) is not None:
            await self.emit(*_message_event(place, message, self._describe_edit(place, message)))

    async def reacted(self, place: Channel, message: Message, given: tuple[str, str]) -> Delivery | None:
        """A person reacted with an emoji, by name. Messages of apps that are no user carry no `item_user`."""
        if self._place(message) is None:
            return None
        name, user = given
        item = {"type": "message", "channel": place.id, "ts": message.ts}
        event = {"type": "reaction_added", "user": user, "reaction": name, "item": item, "item_user": message.user}
        return await self.emit("reaction_added", event)

    def _describe_edit(self, place: Channel, message: Message) -> Event:
        shown = payloads.message_json(self._state.seed, message)
        former = {**shown, "text": message.edits[-1].text, "blocks": list(message.edits[-1].blocks)}
        hidden = {"type": "message", "channel": place.id, "hidden": True, "ts": self._state.clock.stamp()}
        return {**hidden, "subtype": "message_changed", "message": shown, "previous_message": former}

    async def _follow(self, after: int) -> None:
        async for _, change in self._state.journal.subscribe(after):
            self._notice(change)

    def _notice(self, change: Change) -> None:
        match change:
            case Posted(message) | Edited(message) | Deleted(message) if message.user == BOT_USER:
                self._own(change, message)
            case ChannelChanged(channel):
                self._joined(channel)
            case GroupChanged(group):
                self._regrouped(group)
            case _:
                pass

    def _own(self, change: Posted | Edited | Deleted, message: Message) -> None:
        """What the app itself wrote, changed or deleted comes back to it where it hears messages."""
        place = self._place(message)
        if place is None or message.private_to is not None:
            return
        shown = payloads.message_json(self._state.seed, message)
        hidden = {"type": "message", "channel": place.id, "hidden": True, "ts": self._state.clock.stamp()}
        match change:
            case Posted():
                event: Event = {**shown, "channel": place.id, "event_ts": message.ts}
            case Edited():
                event = self._describe_edit(place, message)
            case Deleted():
                event = {**hidden, "subtype": "message_deleted", "deleted_ts": message.ts, "previous_message": shown}
        self.tell(*_message_event(place, message, event))

    def _joined(self, channel: Channel) -> None:
        """The app hears of everybody who joins a channel that it is in, itself included."""
        came = channel.members - self._members.get(channel.id, frozenset())
        self._members[channel.id] = channel.members
        if channel.direct or channel.group or BOT_USER not in channel.members:
            return
        kind = "G" if channel.private else "C"
        for user in sorted(came):
            event = {"type": "member_joined_channel", "user": user, "channel": channel.id, "channel_type": kind}
            self.tell("member_joined_channel", {**event, "team": self._state.seed.team})

    def _regrouped(self, group: UserGroup) -> None:
        former = self._groups.get(group.id, frozenset())
        self._groups[group.id] = group.users
        shown = payloads.group_json(self._state.seed, group)
        self.tell("subteam_updated", {"type": "subteam_updated", "subteam": shown})
        added, removed = sorted(group.users - former), sorted(former - group.users)
        if added or removed:
            event = {"type": "subteam_members_changed", "subteam_id": group.id, "team_id": self._state.seed.team}
            users = {"added_users": added, "added_users_count": len(added)}
            gone = {"removed_users": removed, "removed_users_count": len(removed)}
            self.tell("subteam_members_changed", {**event, **users, **gone})

    def _place(self, message: Message) -> Channel | None:
        """Where it was written, if the app is a member there."""
        place = self._state.channel(message.channel)
        return place if place is not None and BOT_USER in place.members else None

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._told.add(task)
        task.add_done_callback(self._told.discard)


def _broadcast(message: Message) -> Event:
    """Mentions carry this subtype, too (SlackNet #69)."""
    return {"subtype": "thread_broadcast"} if message.broadcast else {}


def _message_event(place: Channel, message: Message, event: Event) -> tuple[str, Event]:
    """The subscription, and the event as a `message` in this kind of channel."""
    kind = "im" if place.direct else "mpim" if place.group else "group" if place.private else "channel"
    subtype = "file_share" if message.files else "thread_broadcast" if message.broadcast else ""
    marks = {"subtype": subtype} if subtype and "subtype" not in event else {}
    return _SUBSCRIPTIONS[kind], {**event, **marks, "channel_type": kind}
