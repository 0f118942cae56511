"""The beat of a session of PostgreSQL: a thread that makes the database's thread speak each second.

    beat ─ each second ─▶ the database's thread ─▶ server: the report of this copy; so the session is not idle
      └─ the server has been silent for too long ─▶ the process ends, if it leads

It does not depend on the event loop: a loop that is busy for a while must not lose the lead.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import Connection

from bot.store.database_time import read_time
from bot.store.postgres_connection import PostgresConnection
from bot.store.postgres_session import read_clock
from bot.store.replicas import CopyReport, report_copy

_log = structlog.get_logger("bot.store.leader_heartbeat")

Submit = Callable[[Callable[[], None]], Future[None]]
"""Runs a function in the database's thread."""


class SessionBeat:
    """A thread from the creation to `stop`. `trouble` is the error of the last beat; None if it reached the server."""

    def __init__(self, line: PostgresConnection, submit: Submit) -> None:
        self.line = line
        self.trouble: Exception | None = None
        self._submit = submit
        self._report: CopyReport | None = None
        self._ahead = timedelta()
        self._wake = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="database-beat", daemon=True)
        self._thread.start()

    def say(self, report: CopyReport) -> None:
        """Reports this from now on, and the first time at once."""
        if report != self._report:
            self._report = report
            self._wake.set()

    def stop(self) -> None:
        """Stops the thread."""
        self._stopped = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        spoken: Future[None] | None = None
        while not self._wait():
            self.line.end_silent()
            if spoken is None or spoken.done():
                spoken = self._submit(self.speak)

    def _wait(self) -> bool:
        """Waits for the next beat. Returns whether the thread is stopped."""
        self._wake.wait(self.line.limits.beat)
        self._wake.clear()
        return self._stopped

    def speak(self) -> None:
        """Reports now, in the database's thread."""
        began = read_clock()
        try:
            at = self.line.write_one(self._speak_in)
        except Exception as error:
            self._note(error)
            return
        self._note(None)
        self._ahead = datetime.now(UTC) - timedelta(seconds=(read_clock() - began) / 2) - at

    def _speak_in(self, connection: Connection) -> datetime:
        if self._report is None:
            return read_time(connection)
        # the report is soon followed by another one
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
        return report_copy(connection, replace(self._report, clock_ms=int(self._ahead / timedelta(milliseconds=1))))

    def _note(self, error: Exception | None) -> None:
        """Logs a trouble once, and its end."""
        if str(error) != str(self.trouble):
            if error is None:
                _log.info("the database can be used again")
            else:
                _log.warning("could not report to the database", why=str(error))
        self.trouble = error
