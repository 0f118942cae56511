"""Everything that happens in the workspace, in order: read by waiting tests and by a page that shows it live."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.lab.workspace.message import Message
from tests.lab.workspace.seed import Channel, Person, UserGroup
from tests.lab.workspace.view import View


@dataclass(frozen=True)
class Posted:
    """A message appeared; for one person only where `message.private_to` is set."""

    message: Message


@dataclass(frozen=True)
class Edited:
    """A message changed; it carries its former texts."""

    message: Message


@dataclass(frozen=True)
class Reacted:
    """A person added an emoji to a message, or took it back; the message carries all that are left."""

    message: Message


@dataclass(frozen=True)
class Deleted:
    """A message is gone; this is its last state."""

    message: Message


@dataclass(frozen=True)
class Pinned:
    """A message was pinned to its channel, or, without `pinned_by`, is no longer pinned."""

    message: Message


@dataclass(frozen=True)
class Notified:
    """A person was notified of a new message (`tests.lab.workspace.notifications`)."""

    user: str
    message: Message


@dataclass(frozen=True)
class ChannelChanged:
    """A channel was opened, archived, or its members changed."""

    channel: Channel


@dataclass(frozen=True)
class PersonChanged:
    """Somebody became something else."""

    person: Person


@dataclass(frozen=True)
class GroupChanged:
    """A user group has other people, or was disabled."""

    group: UserGroup


@dataclass(frozen=True)
class FileDeleted:
    """A file is gone; messages that showed it still name it."""

    file: str


@dataclass(frozen=True)
class Read:
    """A person has read everything in a conversation."""

    user: str
    channel: str


@dataclass(frozen=True)
class ViewOpened:
    """A modal appeared on top of this person's others."""

    view: View


@dataclass(frozen=True)
class ViewChanged:
    """A modal or a home tab shows something else: other blocks, what was filled in, errors, trouble."""

    view: View


@dataclass(frozen=True)
class ViewClosed:
    """A modal is gone; this is its last state."""

    view: View


@dataclass(frozen=True)
class HomePublished:
    """A person's home tab was published, for the first time or again."""

    view: View


@dataclass(frozen=True)
class Called:
    """The app called a Web API method. `error` as in its answer, or empty; an injected fault by its name."""

    method: str
    arguments: Mapping[str, Any]
    error: str


@dataclass(frozen=True)
class Connected:
    """A Socket Mode connection said hello; so many are open now."""

    open: int


@dataclass(frozen=True)
class Disconnected:
    """A Socket Mode connection ended; so many are open now."""

    open: int


@dataclass(frozen=True)
class Delivered:
    """An envelope was sent to a connection; a later attempt or a copy is an event of its own."""

    envelope_id: str
    payload: Mapping[str, Any]
    attempt: int


@dataclass(frozen=True)
class Acked:
    """The app acknowledged an envelope, `after` so many seconds from its first sending."""

    envelope_id: str
    after: float
    payload: Mapping[str, Any] | None


Said = Posted | Edited | Deleted | Pinned | Reacted
Shown = ViewOpened | ViewChanged | ViewClosed | HomePublished
Behind = Called | Connected | Disconnected | Delivered | Acked
"""What happens between Slack and the app, where no person looks."""
Change = Said | Shown | Behind | ChannelChanged | PersonChanged | GroupChanged | FileDeleted | Read | Notified

Answer = TypeVar("Answer")


class Journal:
    """An append-only list of changes; whoever waits is woken by each of them."""

    def __init__(self) -> None:
        self._changes: list[Change] = []
        self._pulse = asyncio.Event()

    @property
    def changes(self) -> tuple[Change, ...]:
        return tuple(self._changes)

    def record(self, change: Change) -> None:
        """Append and wake everybody; they look after the caller is done."""
        self._changes.append(change)
        self._pulse.set()
        self._pulse = asyncio.Event()

    async def subscribe(self, after: int = 0) -> AsyncIterator[tuple[int, Change]]:
        """Each change with its number, from the one after `after` on, for ever; 0 begins with the first."""
        position = after
        while True:
            while position < len(self._changes):
                position += 1
                yield position, self._changes[position - 1]
            await self._pulse.wait()

    async def wait(self, look: Callable[[], Answer], timeout: float) -> Answer:
        """Look now and after every change until it finds something; `TimeoutError` tells what happened last."""
        try:
            async with asyncio.timeout(timeout):
                while not (found := look()):
                    await self._pulse.wait()
                return found
        except TimeoutError as error:
            last = "\n".join(f"  {change}" for change in self._changes[-10:])
            raise TimeoutError(f"not seen within {timeout:g} s; the last changes were:\n{last}") from error
