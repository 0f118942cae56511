"""Bounded listener: serves HTTP on a socket with a limited number of connections, one request each.

accept ─▶ connection ─┬─ a request within `request` seconds ─▶ answer ─▶ closed
                      └─ none ─▶ dropped
too many ─┬─ one of them has sent no request yet ─▶ the oldest of those is dropped at once
          └─ all are being answered ─▶ further clients wait in the kernel's queue, and take no descriptor

Any local user can open connections to a status port, and idle ones must not use up the descriptors that hosts, Slack and the
database need. asyncio's own server, once it has none left, accepts again and again and logs each failure.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

ACCEPT_PAUSE = 1.0
"""Seconds before the next attempt after a connection could not be accepted."""

LINGERING_TIME = 1.0
"""Seconds for which the rest of a request is read after its answer."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ConnectionLimits:
    """Limits of a listener: connections at a time, seconds until the request, and until the end of each connection.

    `shutdown` is the time in seconds that answers under way get at the end; aiohttp waits for them twice.
    """

    most: int
    lifetime: float
    shutdown: float
    request: float = 5.0


class _Connection(asyncio.Protocol):
    """One connection: aiohttp's handler, and whether it has received a request."""

    def __init__(self, handler: asyncio.Protocol, end: Callable[["_Connection"], None]) -> None:
        self._handler = handler
        self._end = end
        self._transport: asyncio.Transport | None = None
        self.requested = False

    @property
    def transport(self) -> asyncio.Transport | None:
        return self._transport

    def abort(self) -> None:
        """Cut the connection; nothing more is sent."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._handler.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._handler.connection_lost(exc)
        self._end(self)

    def data_received(self, data: bytes) -> None:
        self._handler.data_received(data)

    def eof_received(self) -> bool | None:
        return self._handler.eof_received()

    def pause_writing(self) -> None:
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        self._handler.resume_writing()


class _BoundedListener:
    """Accepts connections as `ConnectionLimits` allow."""

    def __init__(self, name: str, listener: socket.socket, limits: ConnectionLimits) -> None:
        self._name = name
        self._listener = listener
        self._limits = limits
        self._open: dict[_Connection, None] = {}
        self._ended = asyncio.Event()

    async def accept(self, make_handler: Callable[[], asyncio.Protocol]) -> None:
        """Accept connections until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                line, _ = await loop.sock_accept(self._listener)
            except ConnectionAbortedError:
                continue
            except OSError as error:
                _log.error("a connection could not be accepted", listener=self._name, why=error.strerror)
                await asyncio.sleep(ACCEPT_PAUSE)
                continue
            connection = _Connection(make_handler(), self._forget)
            self._open[connection] = None
            loop.call_later(self._limits.request, self._drop_idle, connection)
            loop.call_later(self._limits.lifetime, connection.abort)
            await loop.connect_accepted_socket(lambda: connection, line)  # noqa: B023 - it is called before the next one
            while len(self._open) > self._limits.most:
                await self._make_room()

    @web.middleware
    async def record_request(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Record that a connection has sent its request, and have it closed after the answer."""
        for connection in self._open:
            if connection.transport is request.transport:
                connection.requested = True
        try:
            response = await handler(request)
        except web.HTTPException as error:
            error.force_close()
            raise
        response.force_close()
        return response

    async def _make_room(self) -> None:
        """Drop the oldest connection without a request, or wait until one ends."""
        idle = next((connection for connection in self._open if not connection.requested), None)
        self._ended.clear()
        if idle is not None:
            _log.warning("too many connections; those without a request are dropped", listener=self._name)
            idle.abort()
        await self._ended.wait()

    def _drop_idle(self, connection: _Connection) -> None:
        if not connection.requested:
            connection.abort()

    def _forget(self, connection: _Connection) -> None:
        self._open.pop(connection, None)
        self._ended.set()


@asynccontextmanager
async def serve_bounded(
    name: str, application: web.Application, listener: socket.socket, limits: ConnectionLimits
) -> AsyncIterator[None]:
    """Serve an application on a listening socket until the block is left; then the socket is closed. `name` is logged."""
    bounded = _BoundedListener(name, listener, limits)
    application.middlewares.append(bounded.record_request)
    listener.setblocking(False)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=limits.shutdown, lingering_time=LINGERING_TIME)
    await runner.setup()
    assert runner.server is not None
    accepting = asyncio.create_task(bounded.accept(runner.server), name=f"accepting {name}")
    try:
        yield
    finally:
        accepting.cancel()
        await asyncio.gather(accepting, return_exceptions=True)
        listener.close()
        await runner.cleanup()
