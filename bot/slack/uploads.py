"""Files that the bot shows: announced, noted with their answer, uploaded, shown. They go when that answer goes."""

from adapters.phrase import Phrase
from bot.clock import Clock
from bot.messages.blocks import Message
from bot.slack.api import Api, SlackFailure
from bot.slack.letter import Address
from bot.slack.running import insist
from bot.store.answers import Answers
from commands.report import File

MARK = "\ufeff"
"""Without it Excel takes a table for something else than UTF-8."""


class Uploads:
    """Makes files in Slack. Secrets are taken out where they are announced (`bot.slack.api`)."""

    def __init__(self, api: Api, answers: Answers, clock: Clock) -> None:
        self._api = api
        self._answers = answers
        self._clock = clock

    async def show(self, operation: str, file: File, title: str, place: tuple[str, str]) -> None:
        """Show a file of an answer in a channel, or in a thread of it; a `SlackFailure` where Slack does not take it."""
        text = MARK + file.text if file.name.endswith(".csv") else file.text
        await self._api.complete_file(await self._sent(operation, file.name, text), title, *place)

    async def keep(self, operation: str, name: str, content: bytes) -> str:
        """Upload a file that only messages of ours show; Slack's id of it, or a `SlackFailure`."""
        file = await self._sent(operation, name, content)
        await self._api.complete_file(file, name)
        return file

    async def direct(self, user: str, aside: Address) -> str:
        """The channel of the direct messages with a person, with a word about the file that comes."""
        here = aside.say(Phrase("Here is the answer as a file."))
        return await self._api.open_direct(user, Message(here, ()))

    async def hand_over(self, operation: str, file: File, title: str, aside: Address) -> Phrase:
        """A file for one person alone, in the direct messages; what they are told beside."""
        try:
            await self.show(operation, file, title, (await self.direct(aside.user, aside), ""))
        except SlackFailure as failure:
            return Phrase("The file could not be made: Slack refused it ({code}). Try again later.", code=failure.code)
        return Phrase("The file is in our direct messages.")

    async def _sent(self, operation: str, name: str, content: str | bytes) -> str:
        """A file is in Slack, noted with its answer before anybody can see it; its id."""
        upload = await self._api.announce_file(name, content)
        await insist(lambda: self._answers.add_file(operation, upload.file), self._clock.sleep)
        await self._api.upload(upload)
        return upload.file
