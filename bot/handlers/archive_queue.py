"""One archive at a time, and one of each person: there is memory for one, and nobody keeps all the others waiting.

asker ─┬─ one of theirs is being made, or waits ─▶ BeingMade
       └─ turn ─ gather ─▶ evidence ─ pack, in a thread ─▶ Report, and the turn ends with the thread
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from adapters.errors import Refused
from adapters.phrase import Phrase
from commands.model.report import Report

E = TypeVar("E")


class BeingMade(Refused):
    """Whoever asks has an archive on its way already."""


class Archiving:
    """Whose archive is being made, and who waits for their turn."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._askers: set[str] = set()

    async def make(self, asker: str, gather: Callable[[], Awaitable[E]], pack: Callable[[E], Report]) -> Report:
        """What `pack` makes, in a thread, of what was gathered; `BeingMade` where another of this asker's is on its way.

        What is gathered is most of the memory that an archive needs, so it is gathered when it is its turn. A thread cannot
        be stopped: whoever cancels goes at once, and the next turn begins when the thread has ended.
        """
        with ExitStack() as turn:
            turn.enter_context(self._only_one(asker))
            await self._turn.acquire()
            turn.callback(self._turn.release)
            packing = asyncio.ensure_future(asyncio.to_thread(pack, await gather()))
            rest = turn.pop_all()
            packing.add_done_callback(lambda _: rest.close())
            return await asyncio.shield(packing)

    @contextmanager
    def _only_one(self, asker: str) -> Iterator[None]:
        if asker in self._askers:
            raise BeingMade(Phrase("an archive is being made for you already; wait for it, then ask again"))
        self._askers.add(asker)
        try:
            yield
        finally:
            self._askers.remove(asker)
