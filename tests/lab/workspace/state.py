"""What the workspace remembers: channels, members, messages. Every change goes through here and into the journal."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from tests.lab.workspace.clock import Clock
from tests.lab.workspace.form import named
from tests.lab.workspace.journal import (
    ChannelChanged,
    Deleted,
    Edited,
    GroupChanged,
    Journal,
    Notified,
    PersonChanged,
    Pinned,
    Posted,
    Reacted,
)
from tests.lab.workspace.message import Content, Message
from tests.lab.workspace.notifications import find_notified
from tests.lab.workspace.seed import BOT_USER, SLACKBOT, Channel, Person, Seed, UserGroup


class State:
    """The one place where the workspace's state lives."""

    def __init__(self, seed: Seed, clock: Clock) -> None:
        self.seed = seed
        self.journal = Journal()
        self.clock = clock
        self._people = {person.id: person for person in seed.people}
        self._channels = {channel.id: channel for channel in seed.channels}
        self._groups = {group.id: group for group in seed.groups}
        self._messages: dict[tuple[str, str], Message] = {}
        self._last_ts = 0

    def person(self, user: str) -> Person | None:
        return self._people.get(user)

    def people(self) -> tuple[Person, ...]:
        return tuple(self._people.values())

    def channel(self, name: str) -> Channel | None:
        return self._channels.get(name)

    def channels(self) -> tuple[Channel, ...]:
        return tuple(self._channels.values())

    def next_channel(self) -> str:
        """The id of a channel that is about to be made."""
        return f"C0NEW{len(self._channels)}"

    def group(self, name: str) -> UserGroup | None:
        return self._groups.get(name)

    def groups(self) -> tuple[UserGroup, ...]:
        return tuple(self._groups.values())

    def regroup(self, group: UserGroup) -> None:
        """A new user group, or a known one with other people or another standing."""
        self._groups[group.id] = group
        self.journal.record(GroupChanged(group))

    def direct(self, user: str) -> Channel:
        """The direct messages between the bot and this person, opened where there are none yet."""
        name = f"D{user[1:]}"
        if name not in self._channels:
            self.change(Channel(name, "directmessage", frozenset({user, BOT_USER}), private=True))
        return self._channels[name]

    def change(self, channel: Channel) -> None:
        """A new channel, or a known one with other members or another standing."""
        self._channels[channel.id] = channel
        self.journal.record(ChannelChanged(channel))

    def update(self, person: Person) -> None:
        """A person who became something else: a guest, a member, deactivated."""
        self._people[person.id] = person
        self.journal.record(PersonChanged(person))

    def post(self, channel: str, user: str, content: Content, **more: Any) -> Message:
        """A new message by `user`; `more` are other fields of `Message`."""
        message = Message(channel, self.stamp(), user, content.text, named(content.blocks, "b"), **more)
        self._messages[channel, message.ts] = message
        self.journal.record(Posted(message))
        for notified in sorted(find_notified(message, self._channels[channel], self.groups())):
            self.journal.record(Notified(notified, message))
        return message

    def notice(self, channel: str, user: str, text: str, thread_ts: str | None = None) -> Message:
        """What Slackbot tells one person: that a command failed, for example."""
        return self.post(channel, SLACKBOT, Content(text), private_to=user, thread_ts=thread_ts)

    def edit(self, message: Message, content: Content, unseen: tuple[str, ...] = ()) -> Message:
        """The message says something else now; what it said is kept in `edits`."""
        former = Content(message.text, message.blocks)
        edited = replace(
            message,
            text=content.text,
            blocks=named(content.blocks, "b"),
            unseen=unseen,
            edits=(*message.edits, former),
        )
        self._messages[message.channel, message.ts] = edited
        self.journal.record(Edited(edited))
        return edited

    def react(self, message: Message, reactions: tuple[tuple[str, str], ...]) -> Message:
        """The message has other reactions now; that is no edit."""
        changed = replace(message, reactions=reactions)
        self._messages[message.channel, message.ts] = changed
        self.journal.record(Reacted(changed))
        return changed

    def delete(self, message: Message) -> None:
        """The message is gone for everybody."""
        del self._messages[message.channel, message.ts]
        self.journal.record(Deleted(message))

    def pin(self, message: Message, user: str) -> None:
        """Someone pins the message to its channel; "" for `user` removes the pin."""
        pinned = replace(message, pinned_by=user)
        self._messages[message.channel, message.ts] = pinned
        self.journal.record(Pinned(pinned))

    def list_pins(self, channel: str) -> tuple[Message, ...]:
        """What is pinned to a channel, oldest message first."""
        return tuple(m for m in self.messages() if m.channel == channel and m.pinned_by)

    def find(self, channel: str, ts: str) -> Message | None:
        return self._messages.get((channel, ts))

    def messages(self) -> Iterable[Message]:
        """All messages of all channels, oldest first."""
        return self._messages.values()

    def replies(self, channel: str, ts: str) -> tuple[Message, ...]:
        """What everybody sees below a message."""
        return tuple(m for m in self.messages() if m.channel == channel and m.thread_ts == ts and m.private_to is None)

    def stamp(self) -> str:
        """Slack's message ids: the time in microseconds, unique and rising."""
        self._last_ts = max(self._last_ts + 1, int(self.clock.now().timestamp() * 1_000_000))
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"
