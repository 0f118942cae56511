"""Streams over SSH against the lab's sshd: their bytes, their counts, and everything that can break them off."""

import asyncio
import hashlib
import json
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from adapters.errors import ActionFailed, HostError, OutcomeUnknown, ProtocolError, Unreachable
from adapters.phrase import Phrase
from adapters.transfer import StreamCount
from adapters.wsl.action import Argv
from adapters.wsl.ssh import SshConnection
from adapters.wsl.stream import StreamSink, StreamSource
from tests.adapters.wsl.conftest import Connect
from tests.lab.faults import Fault
from tests.lab.wsl.server import SshServer
from tests.lab.wsl.streams import BEAT, Stream

PIECE = bytes(range(256)) * 256
MANY = 40 * 1024 * 1024 // len(PIECE)


class Produce(StreamSource):
    def build_commands(self) -> tuple[Argv, ...]:
        return (("produce",),)


class Consume(StreamSink):
    def build_commands(self) -> tuple[Argv, ...]:
        return (("consume",),)


class Count:
    """A count of bytes that went by."""

    def __init__(self) -> None:
        self.size, self.seen = 0, hashlib.sha256()

    async def add(self, data: bytes) -> None:
        self.size += len(data)
        self.seen.update(data)

    @property
    def value(self) -> StreamCount:
        return StreamCount(size=self.size, sha256=self.seen.hexdigest())

    def write_line(self) -> str:
        return json.dumps({"size": self.size, "sha256": self.seen.hexdigest()}) + "\n"


def produce(pieces: int, *, beats: int = 0) -> Callable[[Stream], Awaitable[int]]:
    async def program(stream: Stream) -> int:
        count = Count()
        for _ in range(beats):
            await stream.complain(BEAT)
        for _ in range(pieces):
            await count.add(PIECE)
            await stream.write(PIECE)
        await stream.complain(count.write_line())
        return 0

    return program


async def consume(stream: Stream) -> int:
    count = Count()
    while data := await stream.read():
        await count.add(data)
    await stream.complain(BEAT + count.write_line())
    return 0


def fail_after(pieces: int) -> Callable[[Stream], Awaitable[int]]:
    """As a helper on a full disk."""

    async def program(stream: Stream) -> int:
        for _ in range(pieces):
            await stream.read()
        await stream.complain("flatnet-bot: no space left\n")
        return 6

    return program


async def repeat(pieces: int) -> AsyncIterator[bytes]:
    for _ in range(pieces):
        yield PIECE


async def wait_for_ever() -> AsyncIterator[bytes]:
    await asyncio.Event().wait()
    yield b""


def ignore_beat() -> None:
    """No beat counts."""


def count_pieces(pieces: int) -> StreamCount:
    return StreamCount(size=pieces * len(PIECE), sha256=hashlib.sha256(PIECE * pieces).hexdigest())


@pytest.mark.parametrize("pieces", [0, 1, 100])
async def test_the_bytes_of_a_source_arrive_with_its_count(connect: Connect, server: SshServer, pieces: int) -> None:
    server.state.streams["produce"] = produce(pieces)
    arrived = Count()
    assert (count_pieces(pieces),) * 2 == (await connect().read_stream(Produce(), arrived.add, ignore_beat), arrived.value)


@pytest.mark.parametrize("pieces", [0, 1, 100])
async def test_a_sink_counts_the_bytes_that_it_was_given(connect: Connect, server: SshServer, pieces: int) -> None:
    server.state.streams["consume"] = consume
    assert count_pieces(pieces) == await connect().write_stream(Consume(), repeat(pieces), ignore_beat)


async def test_each_beat_is_noticed(connect: Connect, server: SshServer) -> None:
    server.state.streams["produce"] = produce(0, beats=3)
    beats: list[None] = []
    await connect().read_stream(Produce(), Count().add, lambda: beats.append(None))
    assert len(beats) >= 1  # several may share a packet


async def test_a_program_in_which_nothing_happens_does_not_beat(connect: Connect, server: SshServer) -> None:
    async def program(stream: Stream) -> int:
        await stream.complain("-\n-\n")
        await stream.complain(Count().write_line())
        return 0

    server.state.streams["produce"] = program
    beats: list[None] = []
    assert count_pieces(0) == await connect().read_stream(Produce(), Count().add, lambda: beats.append(None))
    assert [] == beats


async def test_a_source_waits_for_a_slow_reader(connect: Connect, server: SshServer) -> None:
    """At most the window of SSH and what the bot keeps is under way, whatever the size."""
    sent = Count()

    async def program(stream: Stream) -> int:
        while True:
            await stream.write(PIECE)
            await sent.add(PIECE)

    server.state.streams["produce"] = program
    first = asyncio.Event()

    async def never_write(data: bytes) -> None:
        first.set()
        await asyncio.Event().wait()

    reading = asyncio.create_task(connect().read_stream(Produce(), never_write, ignore_beat))
    await first.wait()
    seen = -1
    while seen != sent.size:
        seen = sent.size
        await _pass_turns()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    assert 0 < seen < 8 * 1024 * 1024


async def test_a_sink_that_does_not_read_is_given_no_more(connect: Connect, server: SshServer) -> None:
    given = Count()

    async def program(stream: Stream) -> int:
        return await asyncio.Event().wait() or 0

    async def offer() -> AsyncIterator[bytes]:
        while True:
            yield PIECE
            await given.add(PIECE)

    server.state.streams["consume"] = program
    writing = asyncio.create_task(connect().write_stream(Consume(), offer(), ignore_beat))
    seen = -1
    while seen != given.size or not seen:
        seen = given.size
        await _pass_turns()
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    assert 0 < seen < 8 * 1024 * 1024


async def test_the_memory_of_a_stream_does_not_grow_with_its_size(connect: Connect, server: SshServer) -> None:
    server.state.streams["produce"] = produce(MANY)
    tracemalloc.start()
    try:
        counted = await connect().read_stream(Produce(), Count().add, ignore_beat)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert MANY * len(PIECE) == counted.size
    assert most < 12 * 1024 * 1024  # both ends of the lab, and 40 MB went through


async def test_a_failed_source_says_why_although_bytes_have_come(connect: Connect, server: SshServer) -> None:
    async def program(stream: Stream) -> int:
        await stream.write(PIECE)
        await stream.complain("flatnet-bot: no such image\n")
        return 6

    server.state.streams["produce"] = program
    with pytest.raises(ActionFailed, match="no such image"):
        await connect().read_stream(Produce(), Count().add, ignore_beat)


@pytest.mark.parametrize("pieces", [0, 3])
async def test_a_sink_that_fails_in_mid_stream_ends_it_at_once(connect: Connect, server: SshServer, pieces: int) -> None:
    server.state.streams["consume"] = fail_after(pieces)
    with pytest.raises(ActionFailed, match="no space left"):
        await connect().write_stream(Consume(), repeat(MANY), ignore_beat)


async def test_a_sink_that_fails_while_nothing_comes_is_noticed(connect: Connect, server: SshServer) -> None:
    server.state.streams["consume"] = fail_after(0)
    with pytest.raises(ActionFailed, match="no space left"):
        await connect().write_stream(Consume(), wait_for_ever(), ignore_beat)


async def test_a_failing_supplier_of_a_sink_is_not_hidden(connect: Connect, server: SshServer) -> None:
    async def supply() -> AsyncIterator[bytes]:
        yield PIECE
        raise ActionFailed(Phrase("the source failed"))

    server.state.streams["consume"] = consume
    with pytest.raises(ActionFailed, match="the source failed"):
        await connect().write_stream(Consume(), supply(), ignore_beat)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        pytest.param("", ProtocolError, id="nothing"),
        pytest.param("no count\n", ProtocolError, id="no count"),
        pytest.param('{"size":-1,"sha256":""}\n', ProtocolError, id="no size"),
        pytest.param("x" * 100_000, ProtocolError, id="too much"),
    ],
)
async def test_a_stream_without_a_count_is_no_success(
    connect: Connect, server: SshServer, said: str, error: type[HostError]
) -> None:
    async def program(stream: Stream) -> int:
        await stream.complain(said)
        return 0

    server.state.streams |= {"produce": program, "consume": program}
    with pytest.raises(error):
        await connect().read_stream(Produce(), Count().add, ignore_beat)
    with pytest.raises(error) as caught:
        await connect().write_stream(Consume(), repeat(1), ignore_beat)
    assert caught.value.maybe_ran


async def test_a_connection_that_is_lost_in_mid_stream_ends_both_kinds(connect: Connect, server: SshServer) -> None:
    async def cut(stream: Stream) -> int:
        server.wire.fault = Fault.CLOSE
        await stream.write(b"more")
        return 0

    server.state.streams |= {"produce": cut, "consume": cut}
    with pytest.raises(Unreachable, match="lost"):
        await connect().read_stream(Produce(), Count().add, ignore_beat)
    server.wire.fault = Fault.NONE
    with pytest.raises(OutcomeUnknown):
        await connect().write_stream(Consume(), wait_for_ever(), ignore_beat)


async def test_a_canceled_stream_ends_its_program_and_frees_its_session(connect: Connect, server: SshServer) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def program(stream: Stream) -> int:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return 0

    server.state.streams["produce"] = program
    reading = asyncio.create_task(connect().read_stream(Produce(), Count().add, ignore_beat))
    await begun.wait()
    reading.cancel()
    await ended.wait()
    await asyncio.gather(reading, return_exceptions=True)
    assert (True, 0) == (reading.cancelled(), server.sessions)


async def test_a_kept_connection_that_was_lost_is_opened_again_for_a_stream(connect: Connect, server: SshServer) -> None:
    server.state.streams["produce"] = produce(1)
    connection = connect()
    await connection.read_stream(Produce(), Count().add, ignore_beat)
    await _cut(connection)
    assert count_pieces(1) == await connection.read_stream(Produce(), Count().add, ignore_beat)
    assert server.connections == 2


async def _cut(connection: SshConnection) -> None:
    line = connection._line
    assert line is not None
    line.abort()


async def _pass_turns() -> None:
    """Lets everything else in the loop run until it has nothing left to do."""
    for _ in range(200):
        await asyncio.sleep(0)
