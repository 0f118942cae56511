"""Forwarder of connections to the machine's loopback into a network namespace, as Windows' port proxy does with NAT.

    nsenter --net … python -m tests.fleet.door FD PORT

It inherits the listening socket FD, which stays in the machine's namespace, and connects to PORT in its own.
"""

import asyncio
import contextlib
import socket
import sys

CHUNK = 256 * 1024


async def forward(listening: socket.socket, port: int) -> None:
    """Serves until it is killed."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port, limit=CHUNK)
            await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))
        writer.close()

    server = await asyncio.start_server(carry, sock=listening, limit=CHUNK)
    async with server:
        await server.serve_forever()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Copies one direction. Its end, in whatever way, closes the sink, and so ends the other direction too."""
    try:
        while data := await source.read(CHUNK):
            sink.write(data)
            await sink.drain()
    finally:
        sink.close()


if __name__ == "__main__":
    asyncio.run(forward(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])))
