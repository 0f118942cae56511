"""Serial executor: one job at a time on a synchronous session, in threads, without ever waiting for a stuck thread.

         ┌──────────── next turn ────────────┐
turn ─▶ thread ─▶ work in it ─▶ answer ─▶ clean-up in a thread
  │       │           │ deadline or canceled
  │       │           └─▶ the session is dropped (the next turn makes a new one), aborted, and closed by its own thread
  └───────┴─▶ queue timeout: `NotAsked`, and nothing has begun
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, Protocol, TypeVar

from adapters.connection import QUEUE_TIMEOUT
from adapters.errors import NotAsked
from adapters.phrase import Phrase

Result = TypeVar("Result")

CLOSE_TIMEOUT = 5.0
"""Seconds that closing may take. What then remains open on the host ends by the shell's idle timeout."""

ABORT_INTERVAL = 1.0
"""Seconds between two attempts to abort an abandoned session, which may be reconnecting at the time of one."""


class ThreadedSession(Protocol):
    """A session that an executor serves. All methods but `abort` are called from one thread at a time. None raises."""

    @property
    def is_clean(self) -> bool:
        """Returns whether `clean_up` has nothing to do."""

    def clean_up(self) -> None:
        """Cleans up after the answer was returned."""

    def close(self) -> None:
        """Releases what is held on the host and here; bounded in time."""

    def abort(self) -> None:
        """Makes a thread that is busy with this session fail soon. May be called from any thread."""


Session = TypeVar("Session", bound=ThreadedSession)


class SerialExecutor(Generic[Session]):
    """Serial executor of one host's session. The session is made by `make` on first use, and again after it was dropped."""

    def __init__(self, make: Callable[[], Session], pool: ThreadPoolExecutor) -> None:
        self._make = make
        self._pool = pool
        self._turn = asyncio.Lock()
        self._session: Session | None = None
        self._background: set[asyncio.Task[None]] = set()

    async def run(self, work: Callable[[Session], Result], deadline: float) -> Result:
        """Runs `work` and returns its result, or raises its error. Raises `TimeoutError` `deadline` seconds after its start.

        Raises `NotAsked` if no turn and no thread became free within `QUEUE_TIMEOUT`. Nothing has begun then.
        """
        job: Future[Result] | None = None
        try:
            async with asyncio.timeout(QUEUE_TIMEOUT) as limit:
                await self._turn.acquire()
                session, job, begun = self._submit(work)
                answer = asyncio.wrap_future(job)
                answer.add_done_callback(_consume_exception)
                try:
                    await asyncio.shield(asyncio.wrap_future(begun))
                    limit.reschedule(asyncio.get_running_loop().time() + deadline)
                    return await asyncio.shield(answer)
                finally:
                    if not answer.done():
                        self._leave_unfinished(session, job, answer)
                    elif session.is_clean:
                        self._turn.release()
                    else:
                        self._run_in_background(self._clean_up(session))
        except TimeoutError as error:
            if job is None:
                raise NotAsked(Phrase("the bot is still working on this host. Try again shortly")) from error
            if job.cancelled():
                raise NotAsked(Phrase("the bot is busy with other hosts. Try again in a minute")) from error
            raise

    async def aclose(self) -> None:
        """Closes the session after the present turn. Waits at most `CLOSE_TIMEOUT` seconds."""
        session = self._session
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                async with self._turn:
                    session, self._session = self._session, None
                    if session is not None:
                        await asyncio.shield(asyncio.wrap_future(self._pool.submit(session.close)))
                while self._background:
                    await asyncio.wait(self._background)
        except TimeoutError:
            self._session = None
            for task in self._background:
                task.cancel()
            if session is not None:
                session.abort()

    def _submit(self, work: Callable[[Session], Result]) -> tuple[Session, Future[Result], Future[None]]:
        """Submits the work. Returns the session, the job, and a future that is done as soon as a thread has started it."""
        begun: Future[None] = Future()

        def take_up(session: Session) -> Result:
            begun.set_result(None)
            return work(session)

        try:
            self._session = self._session or self._make()
            return self._session, self._pool.submit(take_up, self._session), begun
        except BaseException:
            self._turn.release()
            raise

    async def _clean_up(self, session: Session) -> None:
        try:
            await asyncio.wrap_future(self._pool.submit(session.clean_up))
        finally:
            self._turn.release()

    def _leave_unfinished(self, session: Session, job: Future[Result], answer: asyncio.Future[Result]) -> None:
        if not job.cancel():  # a thread is running it: from now on only that thread uses the session
            self._session = None
            self._run_in_background(self._abort_and_close(session, answer))
        self._turn.release()

    async def _abort_and_close(self, session: Session, answer: asyncio.Future[Result]) -> None:
        while not answer.done():
            session.abort()
            await asyncio.wait([answer], timeout=ABORT_INTERVAL)
        await asyncio.wrap_future(self._pool.submit(session.close))

    def _run_in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _consume_exception(answer: asyncio.Future[Any]) -> None:
    """Retrieves the answer's exception, or asyncio would log one that arrives after the caller has gone."""
    if not answer.cancelled():
        answer.exception()
