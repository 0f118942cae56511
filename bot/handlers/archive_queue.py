"""Archive queue: makes one archive at a time, for there is memory for one, and holds at most one of each person.

asker ─┬─ one of theirs is being made, or waits ─▶ AlreadyQueued
       └─ turn ─ gather ─▶ evidence ─ pack, in a thread ─▶ Report, and the turn ends with the thread
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from adapters.errors import Refused
from adapters.phrase import Phrase
from commands.model.report import Report

Made = TypeVar("Made")


class AlreadyQueued(Refused):
    """An archive of the same asker is being made, or waits for its turn."""


class ArchiveQueue:
    """Askers whose archive is being made or waits for its turn."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._askers: set[str] = set()

    async def make(self, asker: str, gather: Callable[[], Awaitable[Made]], pack: Callable[[Made], Report]) -> Report:
        """Packs, in a thread, what was gathered; `AlreadyQueued` where another archive of this asker is on its way.

        What is gathered is most of the memory that an archive needs, so it is gathered when it is its turn. A thread cannot
        be stopped: a cancelled asker leaves at once, and the next turn begins when the thread has ended.
        """
        with ExitStack() as turn:
            turn.enter_context(self._take_turn(asker))
            await self._turn.acquire()
            turn.callback(self._turn.release)
            packing = asyncio.ensure_future(asyncio.to_thread(pack, await gather()))
            rest = turn.pop_all()
            packing.add_done_callback(lambda _: rest.close())
            return await asyncio.shield(packing)

    @contextmanager
    def _take_turn(self, asker: str) -> Iterator[None]:
        if asker in self._askers:
            raise AlreadyQueued(Phrase("your archive is still being created. Wait for it, then try again"))
        self._askers.add(asker)
        try:
            yield
        finally:
            self._askers.remove(asker)
