"""A listening port on loopback whose lines obey a `Wire`, under any protocol of asyncio.

Here live the faults below the protocol (refuse, swallow, garbage) and the latency: whatever a
client sends arrives that much later, so each exchange costs it once, as a round trip would.
"""

import asyncio
import socket
from collections.abc import Callable

from tests.lab.faults import Fault, Wire

GARBAGE = bytes(range(256)) * 16


class Listener:
    """Accepts connections for `protocol` on 127.0.0.1; the port stays ours while nothing listens on it.

    `accepted` counts connections, whatever became of them.
    """

    def __init__(self, wire: Wire, protocol: Callable[[], asyncio.Protocol]) -> None:
        self._wire = wire
        self._protocol = protocol
        self._lines: set[_Line] = set()
        self._accepting: set[asyncio.Task[object]] = set()
        self._socket: socket.socket | None = None
        self._listens = False
        self.port = 0
        self.accepted = 0

    def start(self, port: int = 0) -> int:
        """Listen from now on, unless the wire refuses; a free port is chosen where none is given."""
        self.port = port
        self._reserve()
        self._wire.watchers.append(self._changed)
        self._changed()
        return self.port

    def stop(self) -> None:
        """Drop every line and give the port back."""
        self._wire.watchers.remove(self._changed)
        self._close()

    def _reserve(self) -> None:
        """Bind the port without listening: a connection is refused, and nobody else gets the port."""
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", self.port))
        self.port = self._socket.getsockname()[1]

    def _changed(self) -> None:
        refusing = self._wire.refuses
        if refusing and self._listens:
            self._close()
            self._reserve()
        elif not refusing and not self._listens:
            assert self._socket is not None
            self._socket.listen(128)
            asyncio.get_running_loop().add_reader(self._socket, self._accept, self._socket)
            self._listens = True
        for line in tuple(self._lines):
            line.changed()

    def _accept(self, listening: socket.socket) -> None:
        try:
            accepted, _ = listening.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        self.accepted += 1
        accepted.setblocking(False)
        loop = asyncio.get_running_loop()
        task = loop.create_task(
            loop.connect_accepted_socket(lambda: _Line(self._wire, self._protocol, self._lines), accepted)
        )
        self._accepting.add(task)
        task.add_done_callback(self._accepting.discard)

    def _close(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        self._listens = False
        for line in tuple(self._lines):
            line.drop()


class _Line(asyncio.Protocol):
    """One connection: hands everything on to the real protocol, as late and as badly as the wire says."""

    def __init__(self, wire: Wire, protocol: Callable[[], asyncio.Protocol], lines: "set[_Line]") -> None:
        self._wire = wire
        self._protocol = protocol
        self._lines = lines
        self._inner: asyncio.Protocol | None = None
        self._transport: asyncio.Transport | None = None
        self._held: list[bytes] = []
        self._free_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._lines.add(self)
        self.changed()

    def changed(self) -> None:
        """Make up for what was held back, where the wire lets it through again."""
        if self._transport is None or self._wire.fault in (Fault.SWALLOW, Fault.GARBAGE):
            return
        if self._inner is None:
            self._inner = self._protocol()
            self._inner.connection_made(self._transport)
        held, self._held = self._held, []
        for data in held:
            self.data_received(data)

    def drop(self) -> None:
        """Reset the connection."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if not self._wire.latency:
            self._deliver(data)
            return
        loop = asyncio.get_running_loop()
        self._free_at = max(loop.time() + self._wire.latency, self._free_at + 1e-6)  # never out of order
        loop.call_at(self._free_at, self._deliver, data)

    def eof_received(self) -> bool | None:
        return None if self._inner is None else self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lines.discard(self)
        self._transport = None
        if self._inner is not None:
            self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._inner is not None:
            self._inner.resume_writing()

    def _deliver(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        match self._wire.fault:
            case Fault.SWALLOW:
                self._held.append(data)
            case Fault.GARBAGE:
                self._transport.write(GARBAGE)
                self._transport.close()
            case _ if self._inner is not None:
                self._inner.data_received(data)
