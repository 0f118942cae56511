"""Handle on the TCP connection under one HTTP session, by which another thread can abort it.

Timeouts of `requests` apply to one read, so a host that sends a byte now and then would hold its thread forever. A second
handle on the same connection ends that: shutting down one shuts down both.
"""

import socket
from threading import Lock

from urllib3.connection import HTTPConnection, HTTPSConnection


class SocketHandle:
    """Handle on at most one TCP connection. `abort` may be called from any thread, everything else from the session's."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._handle: socket.socket | None = None

    def attach(self, connection: socket.socket) -> None:
        """Takes a handle on a new connection, in place of the one before."""
        with self._lock:
            self._close_handle()
            self._handle = connection.dup()

    def release(self) -> None:
        """Closes the handle. The connection ends when its owner has closed it too."""
        with self._lock:
            self._close_handle()

    def abort(self) -> None:
        """Ends the connection under the thread that reads from it or writes to it."""
        with self._lock:
            if self._handle is not None:
                try:
                    self._handle.shutdown(socket.SHUT_RDWR)
                except OSError:
                    self._close_handle()  # the peer has already closed it

    def _close_handle(self) -> None:
        if self._handle is not None:
            self._handle.close()
            self._handle = None


def make_connection_classes(handle: SocketHandle) -> dict[str, type[HTTPConnection]]:
    """Makes urllib3's connection classes by scheme. `handle` gets every TCP connection before TLS begins on it."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            connection = super()._new_conn()
            handle.attach(connection)
            return connection

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            connection = super()._new_conn()
            handle.attach(connection)
            return connection

    return {"http": Plain, "https": Secure}
