"""Idle connections take no more than their share: who asks is answered, and the log stays short."""

import asyncio
import resource
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from bot.runtime import bounded_listener
from bot.runtime.bounded_listener import ConnectionLimits, serve_bounded

LIMITS = ConnectionLimits(most=4, lifetime=60.0, shutdown=0.1, request=60.0)

PATIENCE = 20.0


class Desk:
    """An application that answers `/now`, and `/later` when the test says so."""

    def __init__(self) -> None:
        self.begun, self.go = 0, asyncio.Event()
        self.application = web.Application()
        self.application.add_routes([web.get("/now", self._answer), web.get("/later", self._answer_later)])

    async def _answer(self, request: web.Request) -> web.Response:
        return web.Response(text="now")

    async def _answer_later(self, request: web.Request) -> web.Response:
        self.begun += 1
        await self.go.wait()
        return web.Response(text="later")


Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def listening(desk: Desk, limits: ConnectionLimits = LIMITS) -> AsyncIterator[int]:
    """The port at which the desk is served."""
    listener = socket.create_server(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]
    async with serve_bounded("test", desk.application, listener, limits):
        yield port


@asynccontextmanager
async def idle(port: int, count: int) -> AsyncIterator[list[Client]]:
    """So many connections that say nothing."""
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(count):
            clients.append(await asyncio.open_connection("127.0.0.1", port))
            stack.callback(clients[-1][1].close)
        yield clients


async def ask(port: int, path: str = "/now") -> bytes:
    """The whole answer, once the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: bot\r\n\r\n".encode())
    try:
        async with asyncio.timeout(PATIENCE):
            return await reader.read()
    finally:
        writer.close()


async def hears_the_end(client: Client) -> bool:
    """Whether a connection is cut without a word."""
    try:
        async with asyncio.timeout(PATIENCE):
            return b"" == await client[0].read()
    except ConnectionResetError:
        return True


def count_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def until_begun(desk: Desk, count: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while desk.begun < count:
            await asyncio.sleep(0.005)


async def test_a_request_is_answered_and_its_connection_is_closed() -> None:
    async with listening(Desk()) as port:
        answer = await ask(port)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b"now")


async def test_an_unknown_path_is_closed_too() -> None:
    async with listening(Desk()) as port:
        assert (await ask(port, "/else")).startswith(b"HTTP/1.1 404")


@pytest.mark.parametrize("count", [LIMITS.most, 50])
async def test_idle_connections_keep_nobody_out_and_are_logged_as_that_alone(count: int) -> None:
    with capture_logs() as logs:
        async with listening(Desk()) as port, idle(port, count):
            assert (await ask(port)).endswith(b"now")
    assert {"too many connections; those without a request are dropped"} >= {line["event"] for line in logs}


async def test_they_hold_no_more_descriptors_than_the_limit_allows() -> None:
    before = count_descriptors()
    async with listening(Desk()) as port, idle(port, 50) as clients:
        await ask(port)
        ours = count_descriptors() - before - len(clients)
    assert LIMITS.most + 5 >= ours


async def test_the_oldest_are_dropped_first() -> None:
    async with listening(Desk()) as port, idle(port, LIMITS.most + 1) as clients:
        assert await hears_the_end(clients[0])
        clients[-1][1].write(b"GET /now HTTP/1.1\r\nHost: bot\r\n\r\n")
        assert (await clients[-1][0].read()).endswith(b"now")


async def test_a_connection_without_a_request_is_dropped_in_time() -> None:
    """One that says nothing, and one that never ends its first line."""
    async with listening(Desk(), ConnectionLimits(4, 60.0, 0.1, request=0.01)) as port, idle(port, 2) as clients:
        clients[0][1].write(b"GET /now HT")
        assert [True, True] == [await hears_the_end(client) for client in clients]


async def test_a_request_under_way_is_never_dropped_for_another() -> None:
    desk = Desk()
    async with listening(desk) as port:
        asking = [asyncio.create_task(ask(port, "/later")) for _ in range(LIMITS.most)]
        await until_begun(desk, LIMITS.most)
        late = [asyncio.create_task(ask(port)) for _ in range(5)]
        desk.go.set()
        answers = await asyncio.gather(*asking, *late)
    assert [b"later"] * LIMITS.most + [b"w"] * 5 == [
        answer[-5:] if answer.endswith(b"later") else answer[-1:] for answer in answers
    ]


async def test_a_connection_does_not_outlive_its_time() -> None:
    desk = Desk()
    async with listening(desk, ConnectionLimits(4, 0.05, 0.1)) as port:
        assert b"" == await ask(port, "/later")
        desk.go.set()


async def test_without_descriptors_the_log_gets_a_line_a_second_and_the_next_client_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bounded_listener, "ACCEPT_PAUSE", 0.01)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with capture_logs() as logs:
        async with listening(Desk()) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            await ask(port)
            other = socket.socket()
            resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
            try:
                other.setblocking(False)
                with pytest.raises(BlockingIOError):
                    other.connect(("127.0.0.1", port))
                async with asyncio.timeout(PATIENCE):
                    while not logs:
                        await asyncio.sleep(0.005)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            other.close()
            assert (await ask(port)).endswith(b"now")
            writer.close()
    assert {("a connection could not be accepted", "Too many open files")} == {(line["event"], line["why"]) for line in logs}


async def test_the_end_closes_every_connection() -> None:
    async with AsyncExitStack() as stack:
        async with listening(Desk()) as port:
            clients = await stack.enter_async_context(idle(port, 3))
            await ask(port)
        assert [True] * 3 == [await hears_the_end(client) for client in clients]
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
