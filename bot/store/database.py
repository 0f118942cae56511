"""The database, owned by one process and used by one thread of it: SQLite in WAL mode, or a session of PostgreSQL.

    async callers ─ run(work) ─▶ queue ─▶ the one thread: BEGIN, each work, COMMIT
                                          (pending work is committed together: one fsync for all)

A `run` returns when the commit is on the disk (`synchronous=FULL`). If it raises, nothing of that work was written. A work
gets the connection and its arguments, and returns plain values, never an open result.

    SQLite       open ─▶ owned (a file lock)
    PostgreSQL   connect ─▶ stands by ─ try_lead ─▶ owned (an advisory lock of this session, `bot.store.leadership`)
"""

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, NoReturn, ParamSpec, TypeVar

import structlog
from sqlalchemy import Connection

from adapters.phrase import Phrase
from bot.store import leadership as lead
from bot.store.address import DatabaseAddress, PostgresAddress
from bot.store.errors import DatabaseError, map_os_error
from bot.store.leadership import NO_TERM, CopyIdentity
from bot.store.replicas import LEADS, STANDS_BY, STOPPED, CopyReport, forget_copies
from bot.store.schema import creation as schema
from bot.store.sqlite import FileLock, SqliteConnection

if TYPE_CHECKING:
    from bot.store.leader_heartbeat import SessionBeat
    from bot.store.postgres_connection import Lose, PostgresConnection
    from bot.store.postgres_session import SessionLimits


T = TypeVar("T")
P = ParamSpec("P")

LOCK_TIMEOUT = 1.0
"""Seconds to wait for another program's write lock. A Slack listener must ack within 3 s, and may have to wait twice."""

MAX_SHARED_COMMITS = 64
"""Maximum number of callers that share one commit, so that the first of them does not wait long."""

LEAD_LOST = 75
"""Exit code of a process that lost the lead (EX_TEMPFAIL): the service manager starts it again."""

LOG_SECONDS = 0.5
"""Seconds that a process which lost the lead spends on saying so."""

_log = structlog.get_logger("bot.store.database")


def end_process(error: DatabaseError) -> NoReturn:
    """Ends this process at once, in the thread that saw the loss, before any waiter learns of it."""

    def log() -> None:
        _log.error("the lead is lost; the process ends", why=str(error))

    # a log that cannot be written must not keep the process alive
    thread = threading.Thread(target=log, daemon=True)
    thread.start()
    thread.join(LOG_SECONDS)
    os._exit(LEAD_LOST)


def _allow(connection: Connection) -> None:
    """Allows every lead."""


@dataclass(frozen=True)
class _PendingWork:
    work: Callable[[Connection], Any]
    future: Future[Any] = field(default_factory=Future)


class Database:
    """An open database: created by `open` or `connect`, released by `aclose`. `term` is the number of its lead."""

    def __init__(
        self,
        address: DatabaseAddress,
        line: "SqliteConnection | PostgresConnection",
        lock: FileLock | None,
        thread: ThreadPoolExecutor,
    ) -> None:
        self.address = address
        self.term = NO_TERM
        self._line = line
        self._lock = lock
        self._thread = thread
        self._waiting: deque[_PendingWork] = deque()
        self._beat: SessionBeat | None = None
        self._report: CopyReport | None = None

    @classmethod
    def open(cls, path: Path, *, patience: float = LOCK_TIMEOUT) -> "Database":
        """Acquires the SQLite database at `path` and creates the tables in a new file. Raises `DatabaseError`."""
        lock = FileLock.acquire(path)
        thread = ThreadPoolExecutor(1, thread_name_prefix="database")
        try:
            make_private(path)
            line = thread.submit(_open_connection, path, patience).result()
        except BaseException:
            thread.shutdown()
            lock.release()
            raise
        return cls(path, line, lock, thread)

    @classmethod
    def connect(cls, address: PostgresAddress, limits: "SessionLimits | None" = None) -> "Database":
        """Opens a session of a PostgreSQL database, which stands by. Creates the tables in an empty one.

        Tables of another revision are left as they are: see `schema.check_tables`. Raises `DatabaseError`.
        """
        from bot.store.leader_heartbeat import SessionBeat
        from bot.store.postgres_connection import PostgresConnection
        from bot.store.postgres_session import OWNER_LIMITS

        thread = ThreadPoolExecutor(1, thread_name_prefix="database")
        try:
            line = thread.submit(PostgresConnection, address, limits or OWNER_LIMITS).result()
            thread.submit(line.write_one, lambda connection: schema.share_tables(connection, address)).result()
        except BaseException:
            thread.shutdown()
            raise
        database = cls(address, line, None, thread)
        database._beat = SessionBeat(line, thread.submit)
        return database

    @property
    def path(self) -> Path:
        """The file of an SQLite database."""
        assert isinstance(self.address, Path)
        return self.address

    async def take_name(self, name: str) -> None:
        """Holds the name of a copy until `aclose`. Raises `DatabaseInUse` while another session has it.

        The session of a copy whose machine died holds its name until the server ends it.
        """
        await self._in_thread(self._find_beat().line.take_name, name)

    def report(self, me: CopyIdentity, why: Phrase | None = None) -> None:
        """Reports this copy to the others from now on. `why`: why it could not take over; None if it could, or leads.

        Does nothing on SQLite, where there is one copy.
        """
        self._report = CopyReport(me, schema.HEAD_REVISION, STANDS_BY if self.term == NO_TERM else LEADS, why)
        if self._beat is not None:
            self._beat.say(self._report)

    async def try_lead(
        self, me: CopyIdentity, lose: "Lose" = end_process, check: Callable[[Connection], None] = _allow
    ) -> bool:
        """Tries to take the lead for this session; `term` is the new term then. `lose` is called if it is lost later.

        Returns False while another session has it. Only for PostgreSQL. `check` is called under the lock, before the term
        begins: if it raises, the lock is released and nothing was written.
        """

        def take(connection: Connection) -> int:
            # one transaction is of one session: the lock and the term belong together
            if not lead.try_lock(connection):
                return NO_TERM
            check(connection)
            forget_copies(connection)
            return lead.begin_term(connection, me)

        self.term = await self._in_thread(_take_lead, self._find_beat().line, take, lose)
        if self.term == NO_TERM:
            return False
        self.report(me)
        return True

    def _find_beat(self) -> "SessionBeat":
        assert self._beat is not None, "only for PostgreSQL"
        return self._beat

    def _in_thread(self, function: Callable[..., T], *arguments: object) -> asyncio.Future[T]:
        return asyncio.wrap_future(self._thread.submit(function, *arguments))

    def run(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **named: P.kwargs) -> asyncio.Future[T]:
        """Runs a work that may write, in one transaction. The future is done when the commit is on the disk.

        The work may run a second time, so its arguments must not be iterators.
        """
        return self._submit(_PendingWork(lambda connection: work(connection, *args, **named)))

    def commit(self, work: Callable[[Connection], T], committed: Callable[[T], None]) -> asyncio.Future[T]:
        """Runs a work as `run` does. `committed` gets its value in this thread, before any other work begins.

        It is called also if the waiting task is cancelled meanwhile.
        """
        job = _PendingWork(work)

        def report(future: Future[T]) -> None:
            if not future.cancelled() and future.exception() is None:
                committed(future.result())

        job.future.add_done_callback(report)
        return self._submit(job)

    def read(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **named: P.kwargs) -> asyncio.Future[T]:
        """Runs a work that only reads. Does not wait for another program's write lock. Sees every `run` called before."""
        call = self._thread.submit(self._line.read, lambda connection: work(connection, *args, **named))
        return asyncio.wrap_future(call)

    def _submit(self, job: _PendingWork) -> asyncio.Future[Any]:
        self._waiting.append(job)
        self._thread.submit(self._commit_waiting)
        return asyncio.wrap_future(job.future)

    def erase_deleted(self) -> asyncio.Future[bool]:
        """Erases what was deleted from the WAL file, too; False if a reader prevents that for now."""
        return asyncio.wrap_future(self._thread.submit(self._line.truncate_wal))

    async def aclose(self) -> None:
        """Finishes the pending work, closes the file and releases its lock."""
        if self._beat is not None:
            await asyncio.to_thread(self._leave, self._beat)
        await self._in_thread(self._line.close)
        self._thread.shutdown()
        if self._lock is not None:
            self._lock.release()

    def _leave(self, beat: "SessionBeat") -> None:
        """Reports the end of this copy, so that the others need not wait for its next report."""
        beat.stop()
        self._thread.submit(beat.line.give_up).result()
        if self._report is not None and beat.trouble is None:
            beat.say(replace(self._report, role=STOPPED))
            self._thread.submit(beat.speak).result()

    def _commit_waiting(self) -> None:
        """Commits the pending work together; runs in the thread. Does nothing if an earlier call took it."""
        jobs = self._take_pending()
        if not jobs:
            return
        try:
            values = self._line.write([job.work for job in jobs])
        except BaseException as error:
            values = [error] * len(jobs)
        for job, value in zip(jobs, values, strict=True):
            if isinstance(value, BaseException):
                job.future.set_exception(value)
            else:
                job.future.set_result(value)

    def _take_pending(self) -> list[_PendingWork]:
        """Takes the pending work that was not cancelled."""
        taken = [self._waiting.popleft() for _ in range(min(MAX_SHARED_COMMITS, len(self._waiting)))]
        return [job for job in taken if job.future.set_running_or_notify_cancel()]


def _take_lead(line: "PostgresConnection", take: Callable[[Connection], int], lose: "Lose") -> int:
    """Takes the lead for the session of `line`, which no other one may replace then. Runs in the database's thread."""
    try:
        term = line.write_one(take)
    except BaseException:
        line.release(lead.release_lock)
        raise
    if term != NO_TERM:
        line.keep(lose)
    return term


def make_private(path: Path) -> None:
    """Creates the file if needed and makes it private to its owner. SQLite gives its companion files the same mode.

    Must not be called for a file that this process has open in SQLite: closing it here would drop SQLite's locks.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)
    except OSError as error:
        raise map_os_error(error, path) from error


def _open_connection(path: Path, patience: float) -> SqliteConnection:
    line = SqliteConnection(path, patience)
    try:
        with line.transaction("BEGIN IMMEDIATE") as connection:
            schema.prepare_tables(connection, path)
    except BaseException:
        line.close()
        raise
    return line
