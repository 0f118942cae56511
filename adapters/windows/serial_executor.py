"""One thing at a time on a synchronous session, in threads, without ever waiting for a stuck one.

         ┌──────────── next turn ────────────┐
turn ─▶ thread ─▶ work in it ─▶ answer ─▶ tidy up in a thread
  │       │           │ deadline or cancelled
  │       │           └─▶ the session is dropped (the next turn makes a new one), cut, and closed by its own thread
  └───────┴─▶ patience is over: `NotAsked`, and nothing has begun
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, Protocol, TypeVar

from adapters.connection import PATIENCE
from adapters.errors import NotAsked
from adapters.phrase import Phrase

Result = TypeVar("Result")

CLOSE_LIMIT = 5.0
"""Seconds that closing may take; what is then still open on the host ends by the shell's idle time-out."""

CUT_EVERY = 1.0
"""Seconds between two attempts to cut an abandoned session: it may be connecting anew just when it is cut."""


class ThreadedSession(Protocol):
    """What takes turns. All but `cut` is called from one thread at a time; none of these raises."""

    def tidy(self) -> None:
        """What remains to be done after the answer was given."""

    def close(self) -> None:
        """Give back what is held on the host and here; bounded in time."""

    def cut(self) -> None:
        """Make a thread that is busy with this session fail soon. May be called from any thread."""


Session = TypeVar("Session", bound=ThreadedSession)


class Turns(Generic[Session]):
    """The turns on one host's session; made by `make` on first use, and again after it was dropped."""

    def __init__(self, make: Callable[[], Session], pool: ThreadPoolExecutor) -> None:
        self._make = make
        self._pool = pool
        self._turn = asyncio.Lock()
        self._session: Session | None = None
        self._background: set[asyncio.Task[None]] = set()

    async def run(self, work: Callable[[Session], Result], deadline: float) -> Result:
        """What `work` brings back or raises; `TimeoutError` `deadline` seconds after its thread began.

        `NotAsked` where no turn and no thread were free within `PATIENCE`: nothing has begun then.
        """
        job: Future[Result] | None = None
        try:
            async with asyncio.timeout(PATIENCE) as limit:
                await self._turn.acquire()
                session, job, begun = self._begin(work)
                answer = asyncio.wrap_future(job)
                answer.add_done_callback(_heard)
                try:
                    await asyncio.shield(asyncio.wrap_future(begun))
                    limit.reschedule(asyncio.get_running_loop().time() + deadline)
                    return await asyncio.shield(answer)
                finally:
                    if answer.done():
                        self._later(self._tidy(session))
                    else:
                        self._leave(session, job, answer)
        except TimeoutError as error:
            if job is None:
                raise NotAsked(Phrase("the bot is still busy with this host; ask again in a moment")) from error
            if job.cancelled():
                raise NotAsked(Phrase("the bot is busy with other hosts; ask again in a minute")) from error
            raise

    async def aclose(self) -> None:
        """Close the session; waits for the present turn, but not beyond `CLOSE_LIMIT` seconds."""
        session = self._session
        try:
            async with asyncio.timeout(CLOSE_LIMIT):
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
                session.cut()

    def _begin(self, work: Callable[[Session], Result]) -> tuple[Session, Future[Result], Future[None]]:
        """The session, the work on it, and what is done as soon as a thread has taken it up."""
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

    async def _tidy(self, session: Session) -> None:
        try:
            await asyncio.wrap_future(self._pool.submit(session.tidy))
        finally:
            self._turn.release()

    def _leave(self, session: Session, job: Future[Result], answer: asyncio.Future[Result]) -> None:
        if not job.cancel():  # a thread is at it: the session is that thread's alone from now on
            self._session = None
            self._later(self._abandon(session, answer))
        self._turn.release()

    async def _abandon(self, session: Session, answer: asyncio.Future[Result]) -> None:
        while not answer.done():
            session.cut()
            await asyncio.wait([answer], timeout=CUT_EVERY)
        await asyncio.wrap_future(self._pool.submit(session.close))

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _heard(answer: asyncio.Future[Any]) -> None:
    """Whatever the answer is, it is known: asyncio would log an exception that comes after the caller has gone."""
    if not answer.cancelled():
        answer.exception()
