"""Attaches files in the thread of a bot's message, each once, wherever that message was posted.

An announcement's files are shown after a crash, too, because it is announced again; an answer's files must be
requested again.

Pictures of charts: drawn in a process of their own, uploaded, and shown by new messages. Words replace a missing one.

chart ─▶ redacted ─▶ drawn in its own process ─▶ uploaded, recorded with its answer ─▶ the file's id, for an image block
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import structlog

from adapters.phrase import Phrase, Texts
from bot.model.request import Answer
from bot.rendering.chart_process import DrawingFailed, draw_in_process
from bot.rendering.slack.blocks import SlackMessage, escape
from bot.rendering.slack.buttons import AnswerView
from bot.runtime.clock import Clock
from bot.slack.answer_cache import AnswerExpired
from bot.slack.client.api import Redact
from bot.slack.client.errors import SlackFailure, retry_transient
from bot.slack.directory.people import PeopleDirectory
from bot.slack.outbound.message import Address
from bot.slack.outbound.sender import Sender
from bot.slack.outbound.uploads import Uploads, explain_refusal
from bot.slack.tasks import BackgroundTasks, retry_write
from bot.store.answers import AnswerFile, AnswerTable
from bot.store.outbox_values import NO_MESSAGE_PLACE, MessagePlace
from commands.model.lanes import Drawing
from commands.model.report import Bundle, Report, TextFile

POLL_INTERVAL = 1.0
"""Seconds between two checks whether a message is posted."""

MAX_POLLS = 600
"""Checks after which its files are given up."""

RETRY_PAUSES = (2.0, 8.0, 30.0)
"""Minimum seconds before each retry of a file; Slack may ask for more."""

TOO_LATE = Phrase("Files could not be attached because this message was delayed. Run the same command again to get them.")

_log = structlog.get_logger(__name__)


class ThreadFiles:
    """Shows files in threads."""

    def __init__(
        self, people: PeopleDirectory, sender: Sender, uploads: Uploads, answers: AnswerTable, clock: Clock
    ) -> None:
        self._people = people
        self._sender = sender
        self._uploads = uploads
        self._answers = answers
        self._clock = clock
        self._running = BackgroundTasks()

    def show_later(self, name: str, channel: str, files: Sequence[TextFile | Bundle], thread: str = "") -> None:
        """Start showing the files, so that the answer does not wait for them."""
        self._running.start(f"files of {name}", self.show(name, channel, files, thread))

    async def drain(self, deadline: float) -> None:
        """Finish the uploads under way. If files are still missing, a message asks the requester to request them again."""
        await self._running.drain(deadline)

    async def show(self, name: str, channel: str, files: Sequence[TextFile | Bundle], thread: str = "") -> None:
        """Show the files of an answer in the thread of its message, or in the `thread` of `channel` that the message is in.

        The files follow the message: if its channel did not take it, they are shown where it was posted instead. If that
        was to people alone, or the answer has expired, the files must be requested again.
        """
        made = await self._list_files(name)
        if made is None:
            return
        seen = {each.name for each in made if each.shown}
        left = [file for file in files if file.name not in seen]
        place = await self._wait_for_place(name) if left and channel else NO_MESSAGE_PLACE
        if place is None:
            await self._report_missing(name, channel, thread, TOO_LATE)
        elif left and not place.ts:
            _log.warning("files are not shown: their message is in no channel", operation=name)
        else:
            there = (place.channel, thread if thread and place.channel == channel else place.ts)
            try:
                refusals = [failure for file in left if (failure := await self._show_with_retry(name, file, there))]
            except AnswerExpired:
                return
            if refusals:
                await self._report_missing(name, channel, thread, explain_refusal(refusals[-1]))

    async def _list_files(self, name: str) -> tuple[AnswerFile, ...] | None:
        return await retry_write(lambda: self._answers.find_files(name, self._clock.now()), self._clock.sleep)

    async def _show_with_retry(self, name: str, file: TextFile | Bundle, place: tuple[str, str]) -> SlackFailure | None:
        """Show one file and retry transient failures; returns the failure if Slack refuses it."""
        try:
            await retry_transient(partial(self._show_once, name, file, place), RETRY_PAUSES, self._clock.sleep)
        except SlackFailure as failure:
            _log.warning("a file was refused", operation=name, file=file.name, code=failure.code)
            return failure
        return None

    async def _show_once(self, name: str, file: TextFile | Bundle, place: tuple[str, str]) -> None:
        """Try once. A file of an interrupted attempt is deleted first, because it may or may not be visible."""
        for made in await self._list_files(name) or ():
            if made.name == file.name:
                await self._uploads.delete(made)
        await self._uploads.show(name, file, file.name, place)

    async def _report_missing(self, name: str, channel: str, thread: str, why: Phrase) -> None:
        """Report once, at the place where the files would be, that they are missing."""
        said = f"{name}:files"
        if await retry_write(partial(self._sender.is_queued, said), self._clock.sleep):
            return
        row = await retry_write(partial(self._sender.find_row, name), self._clock.sleep)
        language, zone = self._people.get_channel_language(channel)
        there = Address(channel=channel, dispensable=True, language=language, zone=zone.key)
        there = there.model_copy(update={"thread": thread} if thread else {"below": row})
        message = SlackMessage(escape(there.render(why), 300), ())
        await retry_write(lambda: self._sender.add(said, there, message), self._clock.sleep)

    async def _wait_for_place(self, name: str) -> MessagePlace | None:
        """Return the place of the message, `NO_MESSAGE_PLACE` outside of channels; None if that stays open for too long."""
        for _ in range(MAX_POLLS):
            place = await retry_write(partial(self._find_place, name), self._clock.sleep)
            if place is not None:
                return place
            await self._clock.sleep(POLL_INTERVAL)
        return None

    async def _find_place(self, name: str) -> MessagePlace | None:
        """As `_wait_for_place`, at this moment."""
        row = await self._sender.find_row(name)
        return await self._sender.find_place(row) if row else None


Draw = Callable[[Drawing, Texts], Awaitable[bytes]]


class ChartUploader:
    """Uploads pictures of charts. A picture expires with the answer that it belongs to.

    One is drawn at a time, because drawing takes 300 MB. Waiting for a turn does not count against the drawing's deadline.
    """

    def __init__(self, uploads: Uploads, clean: Redact, draw: Draw = draw_in_process) -> None:
        self._uploads = uploads
        self._clean = clean
        self._draw = draw
        self._drawing = asyncio.Semaphore(1)

    async def upload(self, operation: str, chart: Drawing, address: Address) -> str | None:
        """Draw and upload a chart in the language of `address`; returns the file's id, or None (logged) without one."""
        try:
            async with self._drawing:
                picture = await self._draw(self._redact(chart), address.texts)
            return await self._uploads.upload_hidden(operation, f"flatnet-{operation}.png", picture)
        except DrawingFailed as error:
            _log.warning("a chart is shown as text: it could not be drawn", operation=operation, why=str(error))
        except AnswerExpired:
            _log.info("a chart is shown as text: its answer is no longer stored", operation=operation)
        except SlackFailure as failure:
            _log.warning("a chart is shown as text: slack refused the file", operation=operation, code=failure.code)
        return None

    async def build_first_view(self, answer: Answer, address: Address) -> AnswerView | None:
        """Build the first view of an answer with a chart; None for other answers.

        A new message shows a picture, if there is one. In a private message Slack draws the chart. An edit has words only.
        """
        report = answer.body
        if not isinstance(report, Report) or report.chart is None:
            return None
        view = AnswerView.make_first(answer.operation, report)
        if address.shows_pictures:
            return view.model_copy(update={"picture": await self.upload(answer.operation, report.chart, address) or ""})
        return view.model_copy(update={"drawn": not address.channel})

    def _redact(self, chart: Drawing) -> Drawing:
        """Return the chart without secrets: inside a picture they could not be found later."""
        return type(chart).model_validate(self._clean(chart.model_dump(mode="json")))
