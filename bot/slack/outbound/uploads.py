"""Files that the bot shows: announced, noted with their answer, uploaded, shown. They go when that answer goes."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from adapters.phrase import Phrase
from bot.rendering.files import packed
from bot.rendering.slack.blocks import Message
from bot.runtime.clock import Clock
from bot.slack.answer_cache import NotKept
from bot.slack.api import Api, SlackFailure
from bot.slack.directory.channels import Channels
from bot.slack.outbound.message import Address
from bot.slack.tasks import insist
from bot.store.answers import Answers, Made
from commands.model.report import Bundle, File

MARK = "\ufeff"
"""Without it Excel takes a table for something else than UTF-8."""

GONE = frozenset({"file_not_found", "file_deleted"})
"""Slack's codes for a file that is no longer there."""


class Uploads:
    """Makes files in Slack. Secrets are taken out where they are announced (`bot.slack.api`)."""

    def __init__(self, api: Api, channels: Channels, answers: Answers, clock: Clock) -> None:
        self._api = api
        self._channels = channels
        self._answers = answers
        self._clock = clock

    async def show(self, operation: str, file: File | Bundle, title: str, place: tuple[str, str]) -> None:
        """Show a file of an answer in a channel, or in a thread of it.

        A `SlackFailure` where Slack does not take it; `NotKept` where nothing is left of the answer.
        """
        await self._channels.check(place[0])
        made = await self._sent(operation, file.name, await self._content(file))
        await self._api.complete_file(made.id, title, *place)
        await self._note(operation, replace(made, shown=True))

    async def keep(self, operation: str, name: str, content: bytes) -> str:
        """Upload a file that only messages of ours show; Slack's id of it. Raises as `show`."""
        made = await self._sent(operation, name, content)
        await self._api.complete_file(made.id, name)
        return made.id

    async def withdraw(self, made: Made) -> None:
        """Delete a file, wherever it is shown; a `SlackFailure` where Slack does not do it now."""
        try:
            await self._api.delete_file(made.id)
        except SlackFailure as failure:
            if failure.code not in GONE:
                raise

    async def direct(self, user: str, aside: Address) -> str:
        """The channel of the direct messages with a person, with a word about the file that comes."""
        here = aside.say(Phrase("Here is the answer as a file."))
        return await self._api.open_direct(user, Message(here, ()))

    async def hand_over(self, operation: str, files: Sequence[File | Bundle], title: str, aside: Address) -> Phrase:
        """Files for one person alone, in the direct messages; what they are told beside."""
        try:
            place = (await self.direct(aside.user, aside), "")
            for file in files:
                await self.show(operation, file, title, place)
        except SlackFailure as failure:
            return refused(failure)
        except NotKept as error:
            return error.phrase
        return handed_over(len(files))

    async def _content(self, file: File | Bundle) -> str | bytes:
        """What is uploaded. A bundle is cleaned and packed off the loop: it may hold megabytes."""
        if isinstance(file, Bundle):
            return await asyncio.to_thread(packed, file, self._api.cleaned)
        return MARK + file.text if file.name.endswith(".csv") else file.text

    async def _sent(self, operation: str, name: str, content: str | bytes) -> Made:
        """A file is in Slack, noted with its answer before anybody can see it."""
        upload = await self._api.announce_file(name, content)
        made = Made(upload.file, name)
        await self._note(operation, made)
        await self._api.upload(upload)
        return made

    async def _note(self, operation: str, made: Made) -> None:
        """Without its answer the file would stay for ever, so it goes."""
        if not await insist(lambda: self._answers.note_file(operation, made), self._clock.sleep):
            await self.withdraw(made)
            raise NotKept


def handed_over(count: int) -> Phrase:
    """Where somebody finds so many files."""
    return Phrase("The file is in our direct messages.", plural="The files are in our direct messages.", n=count)


def refused(failure: SlackFailure) -> Phrase:
    """Why there is no file."""
    return Phrase("The file could not be made: Slack refused it ({code}). Try again later.", code=failure.code)
