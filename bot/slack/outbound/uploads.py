"""Files from the bot: upload requested, recorded with their answer, uploaded, shown. They expire with that answer."""

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
"""Byte order mark. Without it Excel does not read a CSV file as UTF-8."""

GONE = frozenset({"file_not_found", "file_deleted"})
"""Slack's codes for a file that no longer exists."""


class Uploads:
    """Uploads files to Slack. Secrets are removed when an upload is requested (`bot.slack.api`)."""

    def __init__(self, api: Api, channels: Channels, answers: Answers, clock: Clock) -> None:
        self._api = api
        self._channels = channels
        self._answers = answers
        self._clock = clock

    async def show(self, operation: str, file: File | Bundle, title: str, place: tuple[str, str]) -> None:
        """Show a file of an answer in a channel, or in a thread of it.

        Raises `SlackFailure` if Slack refuses it, `AnswerExpired` if the answer has expired.
        """
        await self._channels.check(place[0])
        made = await self._sent(operation, file.name, await self._content(file))
        await self._api.complete_file(made.id, title, *place)
        await self._note(operation, replace(made, shown=True))

    async def keep(self, operation: str, name: str, content: bytes) -> str:
        """Upload a file that only our messages show; returns its id in Slack. Raises as `show`."""
        made = await self._sent(operation, name, content)
        await self._api.complete_file(made.id, name)
        return made.id

    async def withdraw(self, made: Made) -> None:
        """Delete a file, wherever it is shown. Raises `SlackFailure` if Slack does not do so now."""
        try:
            await self._api.delete_file(made.id)
        except SlackFailure as failure:
            if failure.code not in GONE:
                raise

    async def direct(self, user: str, aside: Address) -> str:
        """Open the direct messages with a person, with a note about the file that comes; returns their channel."""
        here = aside.say(Phrase("Here is the answer as a file."))
        return await self._api.open_direct(user, Message(here, ()))

    async def hand_over(self, operation: str, files: Sequence[File | Bundle], title: str, aside: Address) -> Phrase:
        """Send files to one person in the direct messages; returns the note for the answer."""
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
        """Build the bytes or text to upload. A bundle is redacted and packed off the loop, because it may hold megabytes."""
        if isinstance(file, Bundle):
            return await asyncio.to_thread(packed, file, self._api.cleaned)
        return MARK + file.text if file.name.endswith(".csv") else file.text

    async def _sent(self, operation: str, name: str, content: str | bytes) -> Made:
        """Upload a file, recorded with its answer before it can be seen."""
        upload = await self._api.announce_file(name, content)
        made = Made(upload.file, name)
        await self._note(operation, made)
        await self._api.upload(upload)
        return made

    async def _note(self, operation: str, made: Made) -> None:
        """Record the file with its answer. If the answer has expired, delete the file, because it would stay forever."""
        if not await insist(lambda: self._answers.note_file(operation, made), self._clock.sleep):
            await self.withdraw(made)
            raise NotKept


def handed_over(count: int) -> Phrase:
    """Say where the files are."""
    return Phrase("The file is in our direct messages.", plural="The files are in our direct messages.", n=count)


def refused(failure: SlackFailure) -> Phrase:
    """Explain why there is no file."""
    return Phrase("The file could not be made: Slack refused it ({code}). Try again later.", code=failure.code)
