"""Archive queue: makes one archive at a time, because memory is limited, and accepts at most one per requester.

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
    """Queue of archives that are being made or wait for their turn."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._askers: set[str] = set()

    async def make(self, asker: str, gather: Callable[[], Awaitable[Made]], pack: Callable[[Made], Report]) -> Report:
        """Gathers data and packs it in a thread. Raises `AlreadyQueued` if the requester has an archive in the queue.

        The gathered data is most of the memory of an archive, so it is gathered only when its turn comes. A thread cannot
        be stopped: a cancelled requester leaves at once, and the next turn begins when the thread has ended.
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
