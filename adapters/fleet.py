"""Fleet: the hosts of the inventory and the open connections to them.

One bad host never delays or hides the others. Every action has its own deadline here, outside the library that speaks the
protocol, and a failure is returned as that host's value.

Equal reads of one host at the same time are sent once: a later one joins the read in progress and shares its answer or
failure. So an answer may be a few seconds older than the question; `ReadResult.age` is its greatest age.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic

from adapters.action import Action, Answer, Place, SideName
from adapters.connection import QUEUE_TIMEOUT, Beat, Connection, StreamConnection, Write
from adapters.errors import DeadlineExceeded, HostError
from adapters.inventory import Host, Inventory
from adapters.transfer import StreamCount

ConnectionFactory = Callable[[Host, SideName], Connection]
"""Makes the connection to one side of a host, not yet opened. Passed in by the composition root."""

ReadObserver = Callable[[Place, HostError | None, float], None]
"""Callback at the end of every read of one side of a host, with its failure or None, and its duration in seconds."""

MAX_CONCURRENT_ACTIONS = 256
"""Actions in progress at once on each kind of side. It exceeds the largest fleet, so that hanging hosts delay no others."""

START_INTERVALS: dict[SideName, float] = {"windows": 0.0015, "wsl": 0.001, "gateway": 0.001}
"""Seconds between two starts on one kind of side: about the work for a host on that side.

If all started at once, the event loop would serve nothing else meanwhile, and hundreds of threads would wait for the
interpreter.
"""

OPENING_INTERVAL = 0.006
"""Seconds before the next start on one kind of side if this one opens its connection: agrees on keys, and logs in."""

CATCH_UP = 0.002
"""Seconds of delay that the following starts make up for: timers of the event loop are a millisecond late."""

DEADLINE_GRACE = 1.0
"""Seconds beyond the deadline in which a connection may still raise its own error."""


@dataclass(frozen=True)
class ReadResult(Generic[Answer]):
    """Outcome of a read: the answer, or the host's failure as a value, and the seconds since the read started."""

    outcome: Answer | HostError
    age: float


@dataclass(frozen=True)
class _SharedRead:
    """A read in progress, and its start in the loop's time. Its task raises nothing but bugs."""

    task: asyncio.Task[Any]
    began: float


@dataclass(frozen=True)
class _HiddenConnection:
    """A connection to a host that must not be asked."""

    failure: HostError

    async def perform(self, action: Action[Answer]) -> Answer:
        raise self.failure

    async def aclose(self) -> None:
        """Closes nothing."""


class Fleet:
    """Connections to all hosts: opened on first use, kept, and closed together. `observe` is called once per shared read."""

    def __init__(
        self,
        inventory: Inventory,
        connect: ConnectionFactory,
        observe: ReadObserver = lambda side, failure, seconds: None,
    ) -> None:
        self.inventory = inventory
        self._connect = connect
        self._observe = observe
        self._connections: dict[tuple[str, SideName], Connection] = {}
        self._reads: dict[tuple[str, Action[Any]], _SharedRead] = {}
        self._slots = {side: asyncio.Semaphore(MAX_CONCURRENT_ACTIONS) for side in START_INTERVALS}
        self._turns = {side: asyncio.Lock() for side in START_INTERVALS}
        self._next_at = dict.fromkeys(START_INTERVALS, 0.0)
        self._streams = 0
        self._no_streams = asyncio.Event()
        self._no_streams.set()

    async def perform(self, host: Host, action: Action[Answer]) -> Answer:
        """Carries out one action on one host. Raises `HostError` if the host fails.

        The host must have the action's side; its absence is a bug (`KeyError`).
        """
        side = action.side
        if side == "bot" or host.get_side(side) is None:
            raise KeyError(f"{host.name} has no {side} side")
        async with self._slots[side]:
            await self._wait_to_start(host, side)
            try:
                async with asyncio.timeout(QUEUE_TIMEOUT + action.time_limit + DEADLINE_GRACE):
                    return await self._get_connection(host, side).perform(action)
            except TimeoutError as error:
                raise DeadlineExceeded.after(action.time_limit, maybe_ran=action.changes) from error

    async def read_stream(self, host: Host, source: Action[StreamCount], write: Write, beat: Beat) -> StreamCount:
        """Runs the source of a stream, however long that takes. Raises `HostError` if the host fails."""
        with self._count_stream():
            return await (await self._prepare_stream(host, source)).read_stream(source, write, beat)

    async def write_stream(
        self, host: Host, sink: Action[StreamCount], pieces: AsyncIterator[bytes], beat: Beat
    ) -> StreamCount:
        """Runs the sink of a stream, however long that takes. Raises `HostError` if the host fails."""
        with self._count_stream():
            return await (await self._prepare_stream(host, sink)).write_stream(sink, pieces, beat)

    async def wait_for_streams(self) -> None:
        """Waits until no stream runs. A stream has no deadline."""
        await self._no_streams.wait()

    async def read(self, host: Host, read: Action[Answer]) -> ReadResult[Answer]:
        """Reads from a host, or joins the equal read in progress. A canceled caller does not cancel the read for others."""
        if read.changes:
            raise TypeError(f"{type(read).__name__} changes the host, so every one of them counts")
        loop = asyncio.get_running_loop()
        key = (host.name, read)
        shared = self._reads.get(key)
        if shared is None:
            shared = self._reads[key] = _SharedRead(asyncio.create_task(self._perform_read(host, read)), loop.time())
            shared.task.add_done_callback(lambda _: self._reads.pop(key))
        outcome: Answer | HostError = await asyncio.shield(shared.task)
        return ReadResult(outcome, loop.time() - shared.began)

    def hide(self, failures: Mapping[str, HostError]) -> "Fleet":
        """Returns this fleet with hosts that fail like this, by name. It shares the connections, and is not closed."""

        def connect(host: Host, side: SideName) -> Connection:
            failure = failures.get(host.name)
            return self._get_connection(host, side) if failure is None else _HiddenConnection(failure)

        def observe(place: Place, failure: HostError | None, seconds: float) -> None:
            if failure not in failures.values():
                self._observe(place, failure, seconds)

        return Fleet(self.inventory, connect, observe)

    async def aclose(self) -> None:
        """Cancels the reads in progress and closes every connection. A failure to close one does not leave others open."""
        tasks = [shared.task for shared in self._reads.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        connections = list(self._connections.values())
        self._connections.clear()
        await asyncio.gather(*(connection.aclose() for connection in connections), return_exceptions=True)

    @contextmanager
    def _count_stream(self) -> Iterator[None]:
        self._streams += 1
        self._no_streams.clear()
        try:
            yield
        finally:
            self._streams -= 1
            if not self._streams:
                self._no_streams.set()

    async def _prepare_stream(self, host: Host, end: Action[StreamCount]) -> StreamConnection:
        """Waits for the turn of a stream. It holds no slot, because it may last for hours. Such streams are few."""
        side = end.side
        if side == "bot" or host.get_side(side) is None:
            raise KeyError(f"{host.name} has no {side} side")
        async with self._slots[side]:
            await self._wait_to_start(host, side)
        connection = self._get_connection(host, side)
        if not isinstance(connection, StreamConnection):
            raise TypeError(f"the {side} side of {host.name} has no streams")
        return connection

    async def _perform_read(self, host: Host, read: Action[Answer]) -> Answer | HostError:
        """Carries out a read, reports it to the observer, and returns its answer or failure."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            answer = await self.perform(host, read)
        except HostError as error:
            self._observe(read.side, error, loop.time() - began)
            return error
        self._observe(read.side, None, loop.time() - began)
        return answer

    async def _wait_to_start(self, host: Host, side: SideName) -> None:
        """Waits for the next start on this kind of side.

        Hosts start in turn, so a bot that is short of processor time starts them as slowly as it serves them. If all
        started on time, their deadlines would pass while the bot is busy, and healthy hosts would seem unreachable.
        Windows starts before the other sides, because its answer takes the longest.
        """
        if side != "windows":
            await asyncio.sleep(0)  # the same request may be about to read Windows
            async with self._turns["windows"]:
                pass
        loop = asyncio.get_running_loop()
        async with self._turns[side]:
            await asyncio.sleep(max(0.0, self._next_at[side] - loop.time()))
            is_open = (host.name, side) in self._connections
            interval = START_INTERVALS[side] if is_open else OPENING_INTERVAL
            self._next_at[side] = max(self._next_at[side], loop.time() - CATCH_UP) + interval

    def _get_connection(self, host: Host, side: SideName) -> Connection:
        key = (host.name, side)
        if key not in self._connections:
            self._connections[key] = self._connect(host, side)
        return self._connections[key]
