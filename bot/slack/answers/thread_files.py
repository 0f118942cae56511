"""Files in the thread of a message of ours, wherever that message landed; each once.

Of a bulletin also after a crash, for it is announced again; files of an answer are asked for again.
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
"""Seconds between two looks whether a message is there."""

LOOKS = 600
"""Looks after which its files are given up."""

PAUSES = (2.0, 8.0, 30.0)
"""Seconds before each further try of a file, at least; Slack may ask for more."""

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
        """Begin to show them; whoever waits for the answer does not wait for its files."""
        self._running.start(f"files of {name}", self.show(name, channel, files, thread))

    async def drain(self, deadline: float) -> None:
        """Finish what is being shown; what is not shown then is said to be asked for again."""
        await self._running.drain(deadline)

    async def show(self, name: str, channel: str, files: Sequence[File | Bundle], thread: str = "") -> None:
        """Show the files of an answer in the thread of its message, or in the `thread` of `channel` in which that stands.

        They follow the message: what its channel did not take is not shown there, but where the message went. Where that
        was to people alone, or the answer is no longer kept, whoever wants the files asks for them.
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
        """Show one file, and try again what passes by itself; why Slack does not take it, None where it does."""
        try:
            await patiently(partial(self._show, name, file, place), PAUSES, self._clock.sleep)
        except SlackFailure as failure:
            _log.warning("a file was refused", operation=name, file=file.name, code=failure.code)
            return failure
        return None

    async def _show(self, name: str, file: File | Bundle, place: tuple[str, str]) -> None:
        """Try once. What was begun before goes first, for nobody knows whether it is seen."""
        for made in await self._made(name) or ():
            if made.name == file.name:
                await self._uploads.withdraw(made)
        await self._uploads.show(name, file, file.name, place)

    async def _confess(self, name: str, channel: str, thread: str, why: Phrase) -> None:
        """Say once where the files would be, wherever the message went, that they are missing."""
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
        """Where its message is, `NOWHERE` where it does not come to a channel; None where that is open for too long."""
        for _ in range(LOOKS):
            place = await insist(partial(self._looked, name), self._clock.sleep)
            if place is not None:
                return place
            await self._clock.sleep(LOOK)
        return None

    async def _looked(self, name: str) -> Place | None:
        """As `_landed`, at this moment."""
        row = await self._sender.posted(name)
        return await self._sender.place_of(row) if row else None
