"""Who sees what, and who has read what."""

from collections import Counter

from tests.lab.workspace.journal import (
    Acked,
    Called,
    Change,
    ChannelChanged,
    Connected,
    Deleted,
    Delivered,
    Disconnected,
    Edited,
    FileDeleted,
    GroupChanged,
    HomePublished,
    Notified,
    PersonChanged,
    Pinned,
    Posted,
    Reacted,
    Read,
    ViewChanged,
    ViewClosed,
    ViewOpened,
)
from tests.lab.workspace.message import Message
from tests.lab.workspace.seed import Channel, Kind
from tests.lab.workspace.state import State


class Reading:
    """The eyes of people."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._read: dict[tuple[str, str], str] = {}

    def conversations(self, user: str) -> tuple[Channel, ...]:
        """Where this person is a member, archived channels too."""
        return tuple(channel for channel in self._state.channels() if user in channel.members)

    def joinable(self, user: str) -> tuple[Channel, ...]:
        """Public channels that a full member of the workspace is not in."""
        person = self._state.person(user)
        if person is None or person.kind is not Kind.MEMBER:
            return ()
        return tuple(
            channel
            for channel in self._state.channels()
            if not (channel.private or channel.direct or channel.archived or user in channel.members)
        )

    def messages(self, user: str, channel: str) -> tuple[Message, ...]:
        """What this person sees in a conversation, replies and their ephemeral messages included, oldest first."""
        return tuple(m for m in self._state.messages() if m.channel == channel and self.sees(m, user))

    def unread(self, user: str) -> dict[str, int]:
        """New messages by conversation, where there are any; replies count in threads that the person wrote in.

        Ephemeral messages and the person's own count nowhere.
        """
        followed = {(m.channel, m.thread_ts or m.ts) for m in self._state.messages() if m.user == user}
        new = Counter(m.channel for m in self._state.messages() if self._new(user, m, followed))
        return dict(new)

    def mark(self, user: str, channel: str) -> None:
        """This person has read everything there."""
        self._read[user, channel] = max((m.ts for m in self.messages(user, channel)), default="")
        self._state.journal.record(Read(user, channel))

    def sees(self, message: Message, user: str) -> bool:
        """Whether this person can see a message."""
        if message.private_to is not None:
            return message.private_to == user
        channel = self._state.channel(message.channel)
        return channel is not None and user in channel.members

    def visible(self, change: Change, user: str) -> bool:
        """Whether a person would notice this change. Nobody sees what happens between Slack and the app."""
        match change:
            case Posted(message) | Edited(message) | Deleted(message) | Pinned(message) | Reacted(message):
                return self.sees(message, user)
            case ViewOpened(view) | ViewChanged(view) | ViewClosed(view) | HomePublished(view):
                return view.user == user
            case ChannelChanged(channel):
                return not channel.private or user in channel.members
            case FileDeleted(file):
                return any(file in m.files and self.sees(m, user) for m in self._state.messages())
            case Read(reader, _) | Notified(reader, _):
                return reader == user
            case PersonChanged() | GroupChanged():
                return True
            case Called() | Connected() | Disconnected() | Delivered() | Acked():
                return False

    def _new(self, user: str, message: Message, followed: set[tuple[str, str]]) -> bool:
        if message.user == user or message.private_to is not None or not self.sees(message, user):
            return False
        if message.ts <= self._read.get((user, message.channel), ""):
            return False
        return message.thread_ts is None or (message.channel, message.thread_ts) in followed
