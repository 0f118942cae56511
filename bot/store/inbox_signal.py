"""The signal that a delivery was stored by another copy of the bot: a session of PostgreSQL that listens, and its thread.

    opened ─▶ connected ─ NOTIFY ─▶ wake
                 ▲   └ lost ─▶ a pause ─┐
                 └───────── wake ◀──────┘ (what was stored meanwhile was not heard)

A lost signal costs time and nothing else, because the leader looks for deliveries every few seconds, too.
"""

from collections.abc import Callable
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import structlog

from bot.store.address import PostgresAddress

if TYPE_CHECKING:
    import psycopg

CHANNEL = "flatnet_inbox"
"""Channel of the notifications."""

RECONNECT_PAUSE = 1.0
"""Seconds between two attempts to connect."""

WAIT_SECONDS = 0.5
"""Seconds after which the thread looks whether it is to end."""

_log = structlog.get_logger("bot.store.inbox_signal")


class InboxSignal:
    """A session that listens, until `close`. `wake` is called in its thread."""

    def __init__(self, address: PostgresAddress, wake: Callable[[], None]) -> None:
        self._address = address
        self._wake = wake
        self._over = Event()
        self._thread = Thread(target=self._run, name="inbox signal", daemon=True)

    @classmethod
    def open(cls, address: PostgresAddress, wake: Callable[[], None]) -> "InboxSignal":
        """Starts to listen, in a thread of its own. A server that does not answer is tried again."""
        signal = cls(address, wake)
        signal._thread.start()
        return signal

    def close(self) -> None:
        """Ends the thread, which takes up to `WAIT_SECONDS` and is not waited for."""
        self._over.set()

    def join(self) -> None:
        """Waits for the end of the thread."""
        self._thread.join()

    def _run(self) -> None:
        from bot.store.postgres_errors import map_postgres_error
        from bot.store.postgres_session import connect

        while not self._over.is_set():
            try:
                with connect(self._address) as session:
                    self._listen(session)
            except Exception as error:  # any error: the leader looks for deliveries without this signal, too
                if not self._over.wait(RECONNECT_PAUSE):
                    why = map_postgres_error(error, self._address) or repr(error)
                    _log.warning("the signal of new deliveries was lost and is tried again", why=str(why))

    def _listen(self, session: "psycopg.Connection[Any]") -> None:
        session.execute("SET idle_session_timeout = 0")  # it says nothing for as long as no delivery comes
        session.execute(f"LISTEN {CHANNEL}".encode())
        self._wake()
        while not self._over.is_set():
            if list(session.notifies(timeout=WAIT_SECONDS, stop_after=1)):
                self._wake()
