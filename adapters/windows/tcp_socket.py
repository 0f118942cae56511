"""The TCP connection under one HTTP session, held so that another thread can cut it.

Time-outs of `requests` hold for one read, so a host that sends a byte now and then keeps its
thread for ever. A second handle on the same connection ends that: what shuts one shuts both.
"""

import socket
from threading import Lock

from urllib3.connection import HTTPConnection, HTTPSConnection


class Line:
    """At most one TCP connection. `cut` may be called from any thread, everything else from the session's."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._handle: socket.socket | None = None

    def hold(self, connection: socket.socket) -> None:
        """Take a handle on a new connection, in place of the one before."""
        with self._lock:
            self._let_go()
            self._handle = connection.dup()

    def release(self) -> None:
        """Give the handle back; the connection ends when its owner has closed it too."""
        with self._lock:
            self._let_go()

    def cut(self) -> None:
        """End the connection under whoever reads from it or writes to it."""
        with self._lock:
            if self._handle is not None:
                try:
                    self._handle.shutdown(socket.SHUT_RDWR)
                except OSError:
                    self._let_go()  # the far side was faster

    def _let_go(self) -> None:
        if self._handle is not None:
            self._handle.close()
            self._handle = None


def connections_held_by(line: Line) -> dict[str, type[HTTPConnection]]:
    """urllib3's connection classes by scheme, with every TCP connection held by `line` before TLS begins on it."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            connection = super()._new_conn()
            line.hold(connection)
            return connection

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            connection = super()._new_conn()
            line.hold(connection)
            return connection

    return {"http": Plain, "https": Secure}
