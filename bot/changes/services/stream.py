"""Carries out a transfer as a stream: the bytes of a program on one host into a program on another.

    source ─ bytes ─▶ Pipe (counts, hashes, holds a few pieces) ─ bytes ─▶ sink
      └ its count ─▶ compared ─▶ end of the sink's input ─▶ its count ─▶ compared ─▶ done

The sink starts with the first byte, and sees the end of its input only after the source has succeeded. If one end fails,
stalls, or is to be stopped, the channels of both are closed. A stream that broke off is never repeated: the check of its
step says whether all of it is there.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from adapters.errors import ActionFailed, HostError
from adapters.phrase import Phrase, Span
from adapters.transfer import STALL_TIMEOUT, StreamCount
from adapters.wsl.stream import StreamSink, StreamSource
from bot.changes.services.step_binding import BoundAction, HostAnswer, dump_answer
from bot.changes.services.transfer import TransferWatch, move_bytes
from bot.runtime.clock import Clock

BUFFER_BYTES = 1024 * 1024
"""Bytes on their way between both ends."""

WORK_TIMEOUT = 1800.0
"""Seconds in which an end that only beats must take or yield a byte, or end: podman unpacks an image after its last byte."""

LOOK_SECONDS = 1.0
"""Seconds between two looks at a stream: does it move, is it to be stopped?"""

MISMATCH = "mismatch"
"""Code of the failure that bytes were lost or added. What arrived is not what was sent, whatever a check says."""


@dataclass(frozen=True)
class Ends:
    """Both ends of a transfer, bound, with the names of their hosts."""

    source: BoundAction
    here: str
    sink: BoundAction
    there: str


class Turn:
    """Turn of one end to move bytes, with the times of its last byte and sign of life. It stalls only in its turn."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._waiting = True
        self.move()

    def beat(self) -> None:
        """Note a sign of life."""
        self._alive_at = self._monotonic()

    def move(self) -> None:
        """Note that bytes moved."""
        self._moved_at = self._alive_at = self._monotonic()

    def end(self) -> None:
        """Note that all is done here."""
        self._waiting = False

    async def wait_for(self, other: Awaitable[object]) -> None:
        """Wait for the other end, which is no fault of this one."""
        self._waiting = False
        try:
            await other
        finally:
            self._waiting = True
            self.move()

    def find_stall(self) -> float | None:
        """Find the limit in seconds that this end has exceeded."""
        if not self._waiting:
            return None
        now = self._monotonic()
        if now - self._alive_at >= STALL_TIMEOUT:
            return STALL_TIMEOUT
        return WORK_TIMEOUT if now - self._moved_at >= WORK_TIMEOUT else None


class Pipe:
    """A few pieces between both ends. It counts and hashes what goes through. `closed`: no more will come."""

    def __init__(self, source: Turn, sink: Turn) -> None:
        self._source, self._sink = source, sink
        self._pieces: list[bytes] = []
        self._buffered = 0
        self.closed = False
        self._filled, self._drained = asyncio.Event(), asyncio.Event()
        self._seen = hashlib.sha256()
        self.size = 0

    @property
    def count(self) -> StreamCount:
        return StreamCount(size=self.size, sha256=self._seen.hexdigest())

    async def write(self, data: bytes) -> None:
        """Add a piece. Waits until there is room for more."""
        self._source.move()
        self._pieces.append(data)
        self._buffered += len(data)
        self.size += len(data)
        self._seen.update(data)
        self._filled.set()
        if self._buffered >= BUFFER_BYTES:
            self._drained.clear()
            await self._source.wait_for(self._drained.wait())

    def close(self) -> None:
        """Mark the end of the bytes."""
        self.closed = True
        self._filled.set()

    async def wait_for_start(self) -> None:
        """Wait for the first piece, or the end."""
        await self._sink.wait_for(self._filled.wait())

    async def iterate(self) -> AsyncIterator[bytes]:
        """Yield the pieces as they come."""
        while True:
            self._sink.move()
            if not self._pieces:
                if self.closed:
                    return
                self._filled.clear()
                await self._sink.wait_for(self._filled.wait())
                continue
            piece = self._pieces.pop(0)
            self._buffered -= len(piece)
            if self._buffered < BUFFER_BYTES // 2:
                self._drained.set()
            yield piece


async def carry_out_transfer(ends: Ends, watch: TransferWatch, clock: Clock) -> HostAnswer:
    """Carry out the transfer of a step, by a stream or by pieces. Returns the sink's answer. Raises an `ActionFailed`."""
    if isinstance(ends.source.action, StreamSource) and isinstance(ends.sink.action, StreamSink):
        return dump_answer(await move_stream(ends, ends.sink.action.expected, watch, clock))
    return await move_bytes(ends.source, ends.here, ends.sink, ends.there, watch)


async def move_stream(ends: Ends, expected: int, watch: TransferWatch, clock: Clock) -> StreamCount:
    """Move all bytes of a source into a sink, and return their count. Raises an `ActionFailed` that names the failed end.

    `expected` is the number of bytes for reports, 0 if it is not known.
    """
    stream = _Stream(ends, expected, watch, clock)
    try:
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(stream.watch())
            sending = group.create_task(stream.send())
            receiving = group.create_task(stream.receive())
            await asyncio.wait({sending, receiving})
            watching.cancel()
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None  # the others were canceled by it
    return receiving.result()


class _Stream:
    """One stream that runs: its ends, each in a task, and a look at both."""

    def __init__(self, ends: Ends, expected: int, watch: TransferWatch, clock: Clock) -> None:
        self._ends, self._expected, self._watch, self._clock = ends, expected, watch, clock
        self._source, self._sink = Turn(clock.monotonic), Turn(clock.monotonic)
        self._pipe = Pipe(self._source, self._sink)
        self._begun = False  # the sink was asked for, so its host may be different

    async def send(self) -> None:
        """Run the source. The sink's input ends only if all of it is there."""
        try:
            counted = await self._ends.source.read_stream(self._pipe.write, self._source.beat)
        except HostError as error:
            raise _name_end(self._ends.here, error, maybe_ran=self._begun) from error
        if counted != self._pipe.count:
            raise ActionFailed(
                Phrase("the file on {host} was changed while it was transferred. Try again", host=self._ends.here),
                maybe_ran=self._begun,
            )
        self._source.end()
        self._pipe.close()

    async def receive(self) -> StreamCount:
        """Run the sink, once there is something for it."""
        await self._pipe.wait_for_start()
        self._begun = True
        try:
            counted = await self._ends.sink.write_stream(self._pipe.iterate(), self._sink.beat)
        except HostError as error:
            raise _name_end(self._ends.there, error, maybe_ran=error.maybe_ran) from error
        if counted != self._pipe.count:
            raise ActionFailed(
                Phrase("the file that arrived at {host} is not the one that was sent. Try again", host=self._ends.there),
                code=MISMATCH,
            )
        return counted

    async def watch(self) -> None:
        """Look at the stream until it is canceled. Raises an `ActionFailed` if it is to end."""
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            if (why := await self._watch.find_stop_reason()) is not None:
                raise ActionFailed(why, maybe_ran=self._begun)
            for host, turn in ((self._ends.here, self._source), (self._ends.there, self._sink)):
                if (limit := turn.find_stall()) is not None:
                    why = Phrase(
                        "{host} has not moved a byte for {span}. Check WSL2 and podman there, then try again",
                        host=host,
                        span=Span(limit),
                    )
                    raise ActionFailed(why, maybe_ran=self._begun)
            await self._watch.report(self._pipe.size, self._pipe.size if self._pipe.closed else self._expected)


def _name_end(host: str, error: HostError, *, maybe_ran: bool) -> ActionFailed:
    return ActionFailed(Phrase("{host}: {why}", host=host, why=error.phrase), maybe_ran=maybe_ran)
