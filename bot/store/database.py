"""The database: SQLite in WAL mode, owned by one process and used by one thread of it.

    async callers ─ run(work) ─▶ queue ─▶ the one thread: BEGIN IMMEDIATE, each work, COMMIT
                                          (pending work is committed together: one fsync for all)

A `run` returns when the commit is on the disk (`synchronous=FULL`). If it raises, nothing of that work was written. A work
gets the connection and returns plain values, never an open result.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection

from bot.store import schema
from bot.store.errors import map_os_error
from bot.store.file_lock import FileLock
from bot.store.sqlite_connection import SqliteConnection

T = TypeVar("T")

LOCK_TIMEOUT = 1.0
"""Seconds to wait for another program's write lock. A Slack listener must ack within 3 s, and may have to wait twice."""

MAX_SHARED_COMMITS = 64
"""Maximum number of callers that share one commit, so that the first of them does not wait long."""


@dataclass(frozen=True)
class _PendingWork:
    work: Callable[[Connection], Any]
    future: Future[Any] = field(default_factory=Future)


class Database:
    """An open database: created by `open`, released by `aclose`."""

    def __init__(self, path: Path, line: SqliteConnection, lock: FileLock, thread: ThreadPoolExecutor) -> None:
        self.path = path
        self._line = line
        self._lock = lock
        self._thread = thread
        self._waiting: deque[_PendingWork] = deque()

    @classmethod
    def open(cls, path: Path, *, patience: float = LOCK_TIMEOUT) -> "Database":
        """Acquires the database at `path` and creates the tables in a new file. Raises `DatabaseError`."""
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

    def run(self, work: Callable[[Connection], T]) -> asyncio.Future[T]:
        """Runs a work that may write, in one transaction. The future is done when the commit is on the disk."""
        job = _PendingWork(work)
        self._waiting.append(job)
        self._thread.submit(self._commit_waiting)
        return asyncio.wrap_future(job.future)

    def read(self, work: Callable[[Connection], T]) -> asyncio.Future[T]:
        """Runs a work that only reads. Does not wait for another program's write lock. Sees every `run` called before."""
        return asyncio.wrap_future(self._thread.submit(self._line.read, work))

    def erase_deleted(self) -> asyncio.Future[bool]:
        """Erases what was deleted from the WAL file, too; False if a reader prevents that for now."""
        return asyncio.wrap_future(self._thread.submit(self._line.truncate_wal))

    async def aclose(self) -> None:
        """Finishes the pending work, closes the file and releases its lock."""
        await asyncio.wrap_future(self._thread.submit(self._line.close))
        self._thread.shutdown()
        self._lock.release()

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
