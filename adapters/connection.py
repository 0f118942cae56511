"""Connection protocol: the only interface between the bot and a host."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, runtime_checkable

from adapters.action import Action, Answer
from adapters.transfer import StreamCount

QUEUE_TIMEOUT = 10.0
"""Seconds that an action may wait for the bot's own resources (its turn, a thread) before its deadline starts."""


Write = Callable[[bytes], Awaitable[None]]
"""Takes bytes of a stream, and returns once there is room for more."""

Beat = Callable[[], None]
"""Called for each sign of a stream's program that it is at work, which is not one of its bytes."""


class Connection(Protocol):
    """An open connection to one side of one host. Opened on first use, and reopened after it was lost."""

    async def perform(self, action: Action[Answer]) -> Answer:
        """Carries out one action within its deadline. Every failure is a `HostError`.

        Raises `NotAsked` if no resource of the bot becomes free within `QUEUE_TIMEOUT`: the bot's fault, not the host's.
        """

    async def aclose(self) -> None:
        """Releases what is held on the host and here. Never raises a `HostError`."""


@runtime_checkable
class StreamConnection(Protocol):
    """A connection that streams, too. A stream has no deadline: canceling it ends its program."""

    async def read_stream(self, action: Action[StreamCount], write: Write, beat: Beat) -> StreamCount:
        """Runs a source, and writes its bytes as they come. Returns what it counted. Every failure is a `HostError`."""

    async def write_stream(self, action: Action[StreamCount], pieces: AsyncIterator[bytes], beat: Beat) -> StreamCount:
        """Runs a sink, and gives it the bytes as they come. Ends early if its program does, as a `HostError`."""
