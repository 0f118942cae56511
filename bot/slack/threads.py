"""Files in the thread of a message of ours, wherever that message landed; each once, also after a crash."""

from collections.abc import Sequence
from functools import partial

import structlog

from bot.clock import Clock
from bot.slack.api import SlackFailure
from bot.slack.outbox import Sender
from bot.slack.running import insist
from bot.slack.uploads import Uploads
from bot.store.answers import Answers, Made
from bot.store.outbox import NOWHERE, Place
from commands.report import File

LOOK = 1.0
"""Seconds between two looks whether a message is there."""

LOOKS = 600
"""Looks after which its files are given up: whoever wants them asks for them."""

_log = structlog.get_logger(__name__)


class Threads:
    """Shows files in threads."""

    def __init__(self, sender: Sender, uploads: Uploads, answers: Answers, clock: Clock) -> None:
        self._sender = sender
        self._uploads = uploads
        self._answers = answers
        self._clock = clock

    async def show(self, name: str, channel: str, files: Sequence[File], thread: str = "") -> None:
        """Show the files of an answer in the thread of its message, or in the `thread` of `channel` in which that stands.

        They follow the message: what its channel did not take is not shown there, but where the message went. Where that
        was to people alone, or the answer is no longer kept, whoever wants the files asks for them.
        """
        kept = await insist(lambda: self._answers.find(name, self._clock.now()), self._clock.sleep)
        if kept is None:
            return
        seen = {made.name for made in kept.files if made.shown}
        left = [file for file in files if file.name not in seen]
        place = await self._landed(name) if left else NOWHERE
        if left and not place.ts:
            _log.warning("files are not shown, for their message is in no channel", operation=name)
            return
        if thread and place.channel == channel:
            place = Place(channel, thread)
        for file in left:
            cut_off = [made for made in kept.files if made.name == file.name]
            await self._show(name, file, cut_off, place)

    async def _show(self, name: str, file: File, cut_off: Sequence[Made], place: Place) -> None:
        """Show one file. `cut_off` is what an earlier life began: nobody knows whether it is seen, so it goes first."""
        try:
            for made in cut_off:
                await self._uploads.withdraw(made)
            await self._uploads.show(name, file, file.name, (place.channel, place.ts))
        except SlackFailure as failure:
            _log.warning("a file was refused", operation=name, file=file.name, code=failure.code)

    async def _landed(self, name: str) -> Place:
        """Where its message is; `NOWHERE` where it does not come to a channel."""
        for _ in range(LOOKS):
            place = await insist(partial(self._looked, name), self._clock.sleep)
            if place is not None:
                return place
            await self._clock.sleep(LOOK)
        return NOWHERE

    async def _looked(self, name: str) -> Place | None:
        """As `_landed`; None while that is open."""
        row = await self._sender.posted(name)
        return await self._sender.place_of(row) if row else None
