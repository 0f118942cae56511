"""A TCP proxy on loopback that can be cut one way or both, slowed down and healed, as a network between two machines.

While a way is cut, what is sent on it is held, also the end of a connection. It arrives when the way is healed, as TCP sends
again what was lost. Neither end notices more than silence. The proxy has a thread of its own: any thread or loop may use it.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from types import TracebackType
from typing import Self

PIECE = 64 * 1024

RESET = struct.pack("ii", 1, 0)
"""Setting of a socket by which its end is a reset (`SO_LINGER`)."""


class Way(Enum):
    """A direction through the proxy."""

    TO_SERVER = "to server"
    TO_CLIENT = "to client"


class CutProxy:
    """Passes connections to `port` on to a server of loopback, from its creation to `close`."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._delay = 0.0
        self._loop = asyncio.new_event_loop()
        self._gates = {way: asyncio.Event() for way in Way}
        self._serving: set[asyncio.Task[None]] = set()
        for gate in self._gates.values():
            gate.set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="cut-proxy", daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        self.port: int = self._server.sockets[0].getsockname()[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def cut(self, *ways: Way) -> None:
        """Hold what is sent on these ways (none named: on both), of present and of new connections."""
        for way in ways or tuple(Way):
            self._call(self._gates[way].clear)

    def delay(self, seconds: float) -> None:
        """Let what is sent from now on arrive this much later, on both ways."""
        self._delay = seconds

    def heal(self) -> None:
        """Deliver what was held, and pass everything on at once from now on."""
        self._delay = 0.0
        for gate in self._gates.values():
            self._call(gate.set)

    def drop(self) -> None:
        """Reset all present connections, at both ends."""
        self._call(self._cancel)

    def close(self) -> None:
        """Reset all connections, and listen no more."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, act: Callable[[], object]) -> None:
        """Act in the proxy's thread; it is done at the return."""

        async def call() -> None:
            act()

        asyncio.run_coroutine_threadsafe(call(), self._loop).result()

    def _cancel(self) -> None:
        for task in self._serving:
            task.cancel()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def _end(self) -> None:
        self._server.close()
        self._cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._server_port)
            ends.append(back)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_on(reader, back, Way.TO_SERVER))
                both.create_task(self._pass_on(there, writer, Way.TO_CLIENT))
        except* (OSError, asyncio.CancelledError):
            for end in ends:
                with suppress(OSError):  # this end is closed already
                    end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        finally:
            for end in ends:
                end.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way) -> None:
        """Pass one way on, and its end. What arrives is taken at once, so that its sender notices nothing."""
        pieces = asyncio.Queue[tuple[float, bytes]]()
        async with asyncio.TaskGroup() as both:
            both.create_task(self._take(reader, pieces))
            while True:
                due, piece = await pieces.get()
                await asyncio.sleep(due - self._loop.time())
                await self._gates[way].wait()
                if not piece:
                    break
                writer.write(piece)
                await writer.drain()
        with suppress(OSError):  # the receiver has gone meanwhile
            writer.write_eof()

    async def _take(self, reader: asyncio.StreamReader, pieces: asyncio.Queue[tuple[float, bytes]]) -> None:
        piece = b"?"
        while piece:
            try:
                piece = await reader.read(PIECE)
            except OSError:
                piece = b""
            pieces.put_nowait((self._loop.time() + self._delay, piece))
