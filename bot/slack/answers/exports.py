"""Stored answers as files: a table with all details, or log lines. A file expires with its answer.

click ─▶ the stored answer ─▶ upload requested, recorded with the answer ─▶ uploaded ─▶ shown in the thread, or directly
daily ─▶ expired answers ─▶ their files are deleted ─▶ their rows are deleted
"""

from collections.abc import Sequence

import structlog

from adapters.phrase import Phrase
from bot.model.request import Answer
from bot.rendering.data import as_csv
from bot.rendering.slack.blocks import Message
from bot.rendering.slack.buttons import View
from bot.rendering.slack.log_lines import all_of
from bot.slack.answer_cache import NotKept
from bot.slack.answers.responder import Answering, in_words_of
from bot.slack.answers.views import Looking, Seen
from bot.slack.api import SlackFailure
from bot.slack.click_payload import Click, address_of
from bot.slack.directory.channels import Channels
from bot.slack.outbound.message import Address, Letter
from bot.slack.outbound.uploads import handed_over, refused
from bot.slack.tasks import insist
from bot.store.answers import Made
from bot.store.inbox import Delivery
from commands.loglines.excerpt import EVERY, Pick
from commands.model.report import File, Report
from commands.values.arguments import BadArgument

_log = structlog.get_logger(__name__)


class Filing:
    """Exports answers to files, and deletes expired files."""

    def __init__(self, answering: Answering, looking: Looking, channels: Channels) -> None:
        self._answering = answering
        self._looking = looking
        self._channels = channels

    async def file(self, click: Click, delivery: Delivery) -> Letter | None:
        """Send the answer as a file: below the clicked message, or in the direct messages if that is private."""
        reader = await self._answering.people.look(click.team, click.user)
        seen = await self._looking.find(click, delivery, reader, View.read(click.value))
        aside = in_words_of(reader, address_of(click, delivery))
        if isinstance(seen, Message):
            return self._looking.explain(seen, click, delivery, reader)
        try:
            said = await self._filed(click, seen, aside)
        except SlackFailure as failure:
            said = refused(failure)
        except (BadArgument, NotKept) as error:
            said = error.phrase
        return None if said is None else self._looking.explain(Message(aside.say(said), ()), click, delivery, reader)

    async def prune(self) -> None:
        """Delete expired answers and their files. A file that Slack does not delete now is tried the next time."""
        clock, answers = self._answering.clock, self._answering.answers
        for operation, files in await insist(lambda: answers.expired(clock.now()), clock.sleep):
            if all([await self._deleted(file) for file in files]):
                await self._forget(operation, files)

    async def _filed(self, click: Click, seen: Seen, aside: Address) -> Phrase | None:
        """Upload the file; returns a note for the person, None if they see the file itself."""
        file = await self._looking.apart(lambda: _file(seen, View.read(click.value), aside))
        channel, thread, told = await self._place(click, aside)
        title = _title(seen, View.read(click.value), aside)
        await self._answering.uploads.show(seen.kept.operation, file, title, (channel, thread))
        return told

    async def _place(self, click: Click, aside: Address) -> tuple[str, str, Phrase | None]:
        """Return channel, thread, and a note for the person."""
        if not click.private and click.channel and click.ts:
            try:
                await self._channels.check(click.channel)
            except SlackFailure as failure:
                _log.info("a file goes to the person instead of the channel", code=failure.code)
            else:
                return click.channel, click.thread or click.ts, None
        direct = await self._answering.uploads.direct(click.user, aside)
        return direct, "", handed_over(1)

    async def _deleted(self, file: Made) -> bool:
        try:
            await self._answering.uploads.withdraw(file)
        except SlackFailure as failure:
            _log.warning("a file was not deleted and is tried again tomorrow", file=file.id, code=failure.code)
            return False
        return True

    async def _forget(self, operation: str, files: Sequence[Made]) -> None:
        await insist(lambda: self._answering.answers.forget(operation, files), self._answering.clock.sleep)


def _file(seen: Seen, view: View | None, aside: Address) -> File:
    """Build the file: the table with all details, or all log lines that the view leaves."""
    report, name = seen.answer.body, f"flatnet-{seen.kept.operation}"
    assert isinstance(report, Report)  # nothing else is stored
    if report.excerpt is None:
        return File(name=f"{name}.csv", text=_table(seen.answer, report, aside))
    pick = _pick(view)
    named = f"{name}-filtered.txt" if pick.told else f"{name}.txt"
    return File(name=named, text=all_of(seen.answer, aside.texts, pick))


def _title(seen: Seen, view: View | None, aside: Address) -> str:
    """Build the title: the words of the request, and the filter if the file has not all lines."""
    return " · ".join([seen.kept.words, *map(aside.say, _pick(view).told)])


def _pick(view: View | None) -> Pick:
    return EVERY if view is None else view.pick


def _table(answer: Answer, report: Report, aside: Address) -> str:
    return as_csv(answer.model_copy(update={"body": report.model_copy(update={"details": True})}), aside.texts)
