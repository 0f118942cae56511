"""An HTTP proxy on the overlay, by which a bot that is not there reaches gateways at their addresses on it.

It passes bytes on, so what is wrong with the line to a gateway is seen behind it, too. What it does not reach is 502.
"""

import asyncio
from collections.abc import Callable
from contextlib import closing, suppress
from urllib.parse import urlsplit

FindPort = Callable[[str, int], int | None]
"""Finds the port on loopback of an address and its port; None where nothing answers there."""

UNREACHED = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

PIECE = 64 * 1024


class OverlayProxy:
    """Listens on loopback for requests with a whole address, `GET http://10.100.4.1:8080/api/health`."""

    def __init__(self, find_port: FindPort) -> None:
        self._find_port = find_port
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        """Listen; the port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Drop all connections."""
        assert self._server is not None
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(ConnectionError, ValueError):
            line = await reader.readline()
            if not line:
                return
            port = self._find(line)
            try:
                there, back = await asyncio.open_connection("127.0.0.1", port or 0)
            except OSError:
                writer.write(UNREACHED)
                await writer.drain()
                return
            with closing(back):
                back.write(line)
                await pass_both_ways(reader, back, there, writer)

    def _find(self, line: bytes) -> int | None:
        """The port that the request line means; a `ValueError` where it is none."""
        _, url, _ = line.decode("ascii").split()
        target = urlsplit(url)
        return self._find_port(target.hostname or "", target.port or 80)


async def pass_both_ways(
    reader: asyncio.StreamReader, back: asyncio.StreamWriter, there: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Pass bytes on until one end is at its end."""
    ways = {asyncio.create_task(_pass(reader, back)), asyncio.create_task(_pass(there, writer))}
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _pass(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while piece := await source.read(PIECE):
        sink.write(piece)
        await sink.drain()
