"""Sessions of SSH channels, as asyncssh calls them: an exchange, which is one line and its answer, and a stream.

A stream has the flow control of SSH: while the bot does not take its bytes, the host cannot send more, and the other way
round. So it holds `PIECE_LIMIT` bytes and one window of SSH (2 MiB), whatever its size.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import asyncssh

from adapters.connection import Beat
from adapters.error_text import describe_error
from adapters.errors import OutcomeUnknown, ProtocolError, Unreachable
from adapters.phrase import Phrase
from adapters.transfer import StreamCount
from adapters.wsl.action import CompletedProgram, WslAction
from adapters.wsl.shell import (
    build_shell_line,
    build_stream_line,
    find_stream_begin,
    has_beat,
    has_ended,
    parse_frames,
    parse_stream_end,
)
from adapters.wsl.stream import StreamAction
from adapters.wsl.term import build_commands

PIECE_LIMIT = 512 * 1024
"""Bytes that a stream keeps for its reader. Beyond that, it takes no more from the channel."""


class ConnectionDropped(Exception):
    """The connection ended before the answer was complete."""


class Exchange(asyncssh.SSHClientSession[bytes]):
    """One command line and its answer: the output so far, and whether it may have run."""

    def __init__(self, action: WslAction[Any], given: bytes, term: int) -> None:
        self.action = action
        self.given = given
        self.term = term
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._programs = build_commands(action, term)
        self._nonce = secrets.token_hex(16)
        self._stdout = bytearray()
        self._stderr = bytearray()
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._exited = False

    @property
    def command(self) -> str:
        return build_shell_line(self._programs, self.action.program_timeout, self._nonce)

    @property
    def maybe_ran(self) -> bool:
        """Returns whether the host may have changed: the command was sent, and it is not a read."""
        return self._channel is not None and self.action.changes

    def fail(self, error: Exception) -> None:
        """Ends the wait with an error, unless it has ended already."""
        if not self.finished.done():
            self.finished.set_exception(error)

    def parse_results(self) -> tuple[CompletedProgram, ...]:
        """Parses each program's result."""
        try:
            return parse_frames(self._stdout, self._stderr, self._nonce, len(self._programs))
        except ValueError as error:
            raise ProtocolError(
                Phrase("the command in WSL2 ended early. Log in over SSH as the bot's user and check what the shell prints"),
                maybe_ran=self.maybe_ran,
            ) from error

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        if self.finished.done():
            chan.abort()  # canceled meanwhile: the command is not sent
            return
        self._channel = chan
        self.finished.add_done_callback(lambda _: chan.abort())

    def session_started(self) -> None:
        if self._channel is not None:
            if self.given:
                self._channel.write(self.given)
            self._channel.write_eof()

    def data_received(self, data: bytes, datatype: int | None) -> None:
        (self._stdout if datatype is None else self._stderr).extend(data)
        limit = self.action.output_limit
        if len(self._stdout) + len(self._stderr) > limit:
            too_much = Phrase("the output from WSL2 is larger than {n} bytes. Check what its programs print", n=limit)
            self.fail(ProtocolError(too_much, maybe_ran=self.maybe_ran))
        self._finish_if_ended()

    def exit_status_received(self, status: int) -> None:
        self._exited = True
        self._finish_if_ended()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self.fail(ConnectionDropped())
        elif not self.finished.done():
            self.finished.set_result(None)

    def _finish_if_ended(self) -> None:
        """Finishes at the last frame, because a program's child may hold the channel open for any time.

        sshd has reaped the shell once the exit status arrives, so its session is free for the next channel.
        """
        if not self._exited or self.finished.done():
            return
        if has_ended(self._stdout, self._stderr, self._nonce, len(self._programs)):
            self.finished.set_result(None)


class StreamSession(asyncssh.SSHClientSession[bytes]):
    """One program that reads or writes for as long as bytes come. `finished` is done once its channel is closed."""

    def __init__(self, action: StreamAction, beat: Beat, term: int) -> None:
        self.action = action
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._beat = beat
        self._term = term
        self._nonce = secrets.token_hex(16)
        self._received = bytearray()
        self._begun = False  # the frame before the first byte has arrived
        self._stderr = bytearray()
        self._started = asyncio.Event()
        self._readable = asyncio.Event()
        self._writable = asyncio.Event()
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None

    @property
    def command(self) -> str:
        (program,) = build_commands(self.action, self._term)
        return build_stream_line(program, self._nonce)

    def renew(self) -> "StreamSession":
        """Makes a session for another attempt."""
        return StreamSession(self.action, self._beat, self._term)

    def fail(self, error: Exception) -> None:
        """Ends the stream with an error, unless it has ended already."""
        if not self.finished.done():
            self.finished.set_exception(error)
            self._wake()

    def abort(self) -> None:
        """Closes the channel, which ends the program."""
        if self.finished.done() and not self.finished.cancelled():
            self.finished.exception()  # seen by now, or of no interest any more
        self.finished.cancel()
        self._wake()

    async def wait_for_start(self) -> bool:
        """Waits until the line was sent. Returns False if the connection was lost before. Raises a `HostError`."""
        try:
            await self._started.wait()
        except asyncio.CancelledError:
            self.abort()
            raise
        if self._channel is not None:
            return True
        try:
            self.finished.result()
        except ConnectionDropped:
            return False
        return False

    async def read(self) -> bytes:
        """Returns the next bytes, and b"" at the end. Raises a `HostError` if the stream breaks off."""
        while not (self._begun and self._received):
            if self.finished.done():
                self._require_end()
                return b""
            self._readable.clear()
            await self._readable.wait()
        piece = bytes(self._received)
        self._received.clear()
        if self._channel is not None:
            self._channel.resume_reading()
        return piece

    async def feed(self, pieces: AsyncIterator[bytes]) -> None:
        """Writes all pieces, then waits for the end of the program. Ends early where the program does."""
        writer = asyncio.create_task(self._write_all(pieces))
        try:
            await asyncio.wait({writer, self.finished}, return_when=asyncio.FIRST_COMPLETED)
            if writer.done():
                writer.result()
                await asyncio.wait({self.finished})
        finally:
            writer.cancel()
            await asyncio.wait({writer})
        self._require_end()

    def parse_count(self) -> StreamCount:
        """Parses what the program counted. Raises a `HostError` if it failed."""
        try:
            return self.action.parse([parse_stream_end(self._stderr, self._nonce)])
        except ValueError as error:
            raise ProtocolError(
                Phrase("could not parse the response from WSL2: {why}", why=describe_error(error)),
                maybe_ran=self.action.changes,
            ) from error

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        if self.finished.done():
            chan.abort()  # canceled meanwhile: the line is not sent
            return
        self._channel = chan
        self.finished.add_done_callback(lambda _: chan.abort())

    def session_started(self) -> None:
        self._started.set()
        self._writable.set()

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if datatype is not None:
            if has_beat(data):
                self._beat()
            self._stderr += data
            self._limit(self._stderr)
            return
        if self.action.changes:
            return  # a sink says what it has to say on standard error
        self._received += data
        if not self._begun:
            self._find_begin()
        self._readable.set()
        if len(self._received) > PIECE_LIMIT and self._channel is not None:
            self._channel.pause_reading()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def eof_received(self) -> bool:
        return True  # a sink closes its output long before it has read all of its input

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self.fail(ConnectionDropped())
        elif not self.finished.done():
            self.finished.set_result(None)
        self._wake()

    async def _write_all(self, pieces: AsyncIterator[bytes]) -> None:
        assert self._channel is not None
        async for piece in pieces:
            await self._writable.wait()
            try:
                self._channel.write(piece)
            except BrokenPipeError:  # the program has ended, and its result says why
                return
        self._channel.write_eof()

    def _find_begin(self) -> None:
        """Drops what a login script printed before the stream."""
        begin = find_stream_begin(self._received, self._nonce)
        if begin is None:
            self._limit(self._received)
            return
        self._begun = True
        del self._received[:begin]

    def _limit(self, output: bytearray) -> None:
        limit = self.action.output_limit
        if len(output) > limit:
            too_much = Phrase("the output from WSL2 is larger than {n} bytes. Check what its programs print", n=limit)
            self.fail(ProtocolError(too_much, maybe_ran=self.action.changes))

    def _require_end(self) -> None:
        """Raises a `HostError` unless the channel was closed by the host."""
        try:
            self.finished.result()
        except ConnectionDropped as error:
            if self.action.changes:
                raise OutcomeUnknown(
                    Phrase("the SSH connection was lost before the response arrived. Check the host before retrying")
                ) from error
            raise Unreachable(Phrase("the SSH connection was lost. Check sshd and the WSL2 network")) from error

    def _wake(self) -> None:
        for event in (self._started, self._readable, self._writable):
            event.set()


Session = Exchange | StreamSession
