"""Files in the thread of a message of ours, wherever that message was posted; each once.

An announcement's files are shown after a crash, too, because it is announced again; an answer's files must be
requested again.
"""

from collections.abc import Sequence
from functools import partial

import structlog

from adapters.phrase import Phrase
from bot.rendering.slack.blocks import Message, escape
from bot.runtime.clock import Clock
from bot.slack.answer_cache import NotKept
from bot.slack.directory.people import People
from bot.slack.errors import SlackFailure, patiently
from bot.slack.outbound.message import Address
from bot.slack.outbound.sender import Sender
from bot.slack.outbound.uploads import Uploads, refused
from bot.slack.tasks import Running, insist
from bot.store.answers import Answers, Made
from bot.store.outbox import NOWHERE, Place
from commands.model.report import Bundle, File

LOOK = 1.0
"""Seconds between two checks whether a message is posted."""

LOOKS = 600
"""Checks after which its files are given up."""

PAUSES = (2.0, 8.0, 30.0)
"""Minimum seconds before each retry of a file; Slack may ask for more."""

LATE = Phrase("The files are missing here: Slack took this message too late. Ask for the same words again to get them.")

_log = structlog.get_logger(__name__)


class Threads:
    """Shows files in threads."""

    def __init__(self, people: People, sender: Sender, uploads: Uploads, answers: Answers, clock: Clock) -> None:
        self._people = people
        self._sender = sender
        self._uploads = uploads
        self._answers = answers
        self._clock = clock
        self._running = Running()

    def later(self, name: str, channel: str, files: Sequence[File | Bundle], thread: str = "") -> None:
        """Start showing the files, so that the answer does not wait for them."""
        self._running.start(f"files of {name}", self.show(name, channel, files, thread))

    async def drain(self, deadline: float) -> None:
        """Finish the uploads under way. For files that are missing then, the message says to ask again."""
        await self._running.drain(deadline)

    async def show(self, name: str, channel: str, files: Sequence[File | Bundle], thread: str = "") -> None:
        """Show the files of an answer in the thread of its message, or in the `thread` of `channel` that the message is in.

        The files follow the message: if its channel did not take it, they are shown where it was posted instead. If that
        was to people alone, or the answer has expired, the files must be requested again.
        """
        made = await self._made(name)
        if made is None:
            return
        seen = {each.name for each in made if each.shown}
        left = [file for file in files if file.name not in seen]
        place = await self._landed(name) if left and channel else NOWHERE
        if place is None:
            await self._confess(name, channel, thread, LATE)
        elif left and not place.ts:
            _log.warning("files are not shown, for their message is in no channel", operation=name)
        else:
            there = (place.channel, thread if thread and place.channel == channel else place.ts)
            try:
                refusals = [failure for file in left if (failure := await self._shown(name, file, there))]
            except NotKept:
                return
            if refusals:
                await self._confess(name, channel, thread, refused(refusals[-1]))

    async def _made(self, name: str) -> tuple[Made, ...] | None:
        return await insist(lambda: self._answers.files(name, self._clock.now()), self._clock.sleep)

    async def _shown(self, name: str, file: File | Bundle, place: tuple[str, str]) -> SlackFailure | None:
        """Show one file and retry transient failures; returns the failure if Slack refuses it."""
        try:
            await patiently(partial(self._show, name, file, place), PAUSES, self._clock.sleep)
        except SlackFailure as failure:
            _log.warning("a file was refused", operation=name, file=file.name, code=failure.code)
            return failure
        return None

    async def _show(self, name: str, file: File | Bundle, place: tuple[str, str]) -> None:
        """Try once. A file of an interrupted attempt is deleted first, because it may or may not be visible."""
        for made in await self._made(name) or ():
            if made.name == file.name:
                await self._uploads.withdraw(made)
        await self._uploads.show(name, file, file.name, place)

    async def _confess(self, name: str, channel: str, thread: str, why: Phrase) -> None:
        """Say once, at the place where the files would be, that they are missing."""
        said = f"{name}:files"
        if await insist(partial(self._sender.added, said), self._clock.sleep):
            return
        row = await insist(partial(self._sender.posted, name), self._clock.sleep)
        language, zone = self._people.read_in(channel)
        there = Address(channel=channel, dispensable=True, language=language, zone=zone.key)
        there = there.model_copy(update={"thread": thread} if thread else {"below": row})
        message = Message(escape(there.say(why), 300), ())
        await insist(lambda: self._sender.add(said, there, message), self._clock.sleep)

    async def _landed(self, name: str) -> Place | None:
        """Return the place of the message, `NOWHERE` if it is in no channel; None if that stays open for too long."""
        for _ in range(LOOKS):
            place = await insist(partial(self._looked, name), self._clock.sleep)
            if place is not None:
                return place
            await self._clock.sleep(LOOK)
        return None

    async def _looked(self, name: str) -> Place | None:
        """As `_wait_for_place`, at this moment."""
        row = await self._sender.posted(name)
        return await self._sender.place_of(row) if row else None
