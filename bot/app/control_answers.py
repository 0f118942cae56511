"""Front desk: answers the requests of the control socket for whatever role the copy has, without a gap.

pause ─▶ requests wait ─ answering(…) ─▶ answered ─ left ─▶ those under way end ─▶ refused, or the next `answering`
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from adapters.phrase import Phrase
from bot.model.request import Answer, Failure, FailureKind, Request
from commands.model.operation import Progress

AnswerRequest = Callable[[Request, Progress], Awaitable[Answer]]

LAST_ANSWERS = 2.5
"""Seconds for the answers under way when the copy changes its role or ends."""


class FrontDesk:
    """Answers requests by the function of the present role. They wait until there is one."""

    def __init__(self, last_answers: float = LAST_ANSWERS) -> None:
        self._last_answers = last_answers
        self._answer: AnswerRequest | None = None
        self._opened = asyncio.Event()
        self._under_way: set[asyncio.Task[Answer]] = set()

    async def answer(self, request: Request, progress: Progress) -> Answer:
        """Answers a request. Waits while the copy takes over."""
        await self._opened.wait()
        if self._answer is None:
            return _refuse(request)
        work = asyncio.ensure_future(self._answer(request, progress))
        self._under_way.add(work)
        work.add_done_callback(self._under_way.discard)
        try:
            return await work
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise
            return _leave_open(request)  # the copy did not wait for this answer any longer

    def answer_by(self, answer: AnswerRequest) -> None:
        """Answers by this function from now on."""
        self._answer = answer
        self._opened.set()

    def pause(self) -> None:
        """Lets new requests wait for the next role. Those under way are still answered by the present one."""
        self._opened.clear()

    @asynccontextmanager
    async def answering(self, answer: AnswerRequest) -> AsyncIterator[None]:
        """Answers by this function until the block is left. Then answers under way get a moment to end."""
        self.answer_by(answer)
        try:
            yield
        finally:
            self._answer = None
            await self._finish()

    async def _finish(self) -> None:
        if not self._under_way:
            return
        _, late = await asyncio.wait(self._under_way, timeout=self._last_answers)
        for work in late:
            work.cancel()
        await asyncio.gather(*late, return_exceptions=True)


def _refuse(request: Request) -> Answer:
    phrase = Phrase("the bot is stopping. Try again in a moment")
    return Answer(operation="", understood=request.text, body=Failure(kind=FailureKind.REFUSED, phrase=phrase))


def _leave_open(request: Request) -> Answer:
    phrase = Phrase(
        "the bot stopped before the result was complete. The command may have been run. Check the current state before you "
        "repeat it"
    )
    return Answer(operation="", understood=request.text, body=Failure(kind=FailureKind.INTERNAL, phrase=phrase))
