"""Stored answers as files: a table with all details, or log lines. A file expires with its answer.

click ─▶ the stored answer ─▶ upload requested, recorded with the answer ─▶ uploaded ─▶ shown in the thread, or directly
daily ─▶ expired answers ─▶ their files are deleted ─▶ their rows are deleted
"""

from collections.abc import Sequence

import structlog

from adapters.phrase import Phrase
from bot.answers.data import render_csv
from bot.logs.slack.lines import render_file
from bot.model.request import Answer
from bot.rendering.slack.blocks import SlackMessage
from bot.rendering.slack.buttons import AnswerView
from bot.slack.answer_cache import AnswerExpired
from bot.slack.answers.responder import Responder, localize
from bot.slack.answers.views import AnswerViews, VisibleAnswer
from bot.slack.click_payload import Click, build_address
from bot.slack.client.errors import SlackFailure
from bot.slack.directory.channels import ChannelDirectory
from bot.slack.outbound.message import Address, OutboundMessage
from bot.slack.outbound.uploads import describe_delivery, explain_refusal
from bot.slack.tasks import retry_write
from bot.store.answers import AnswerFile
from bot.store.inbox import Delivery
from commands.log_lines.excerpt import ALL_LINES, LineFilter
from commands.model.report import Report, TextFile
from commands.values.arguments import BadArgument

_log = structlog.get_logger(__name__)


class AnswerExporter:
    """Exports answers to files, and deletes expired files."""

    def __init__(self, responder: Responder, views: AnswerViews, channels: ChannelDirectory) -> None:
        self._responder = responder
        self._views = views
        self._channels = channels

    async def export(self, click: Click, delivery: Delivery) -> OutboundMessage | None:
        """Send the answer as a file: below the clicked message, or in the direct messages if that is private."""
        reader = await self._responder.people.find_reader(click.team, click.user)
        seen = await self._views.find(click, delivery, reader, AnswerView.from_value(click.value))
        aside = localize(reader, build_address(click, delivery))
        if isinstance(seen, SlackMessage):
            return self._views.explain(seen, click, delivery, reader)
        try:
            said = await self._upload(click, seen, aside)
        except SlackFailure as failure:
            said = explain_refusal(failure)
        except (BadArgument, AnswerExpired) as error:
            said = error.phrase
        return None if said is None else self._views.explain(SlackMessage(aside.render(said), ()), click, delivery, reader)

    async def prune(self) -> None:
        """Delete expired answers and their files. A file that Slack does not delete now is tried the next time."""
        clock, answers = self._responder.clock, self._responder.answers
        for operation, files in await retry_write(lambda: answers.list_expired(clock.now()), clock.sleep):
            if all([await self._try_delete(file) for file in files]):
                await self._forget(operation, files)

    async def _upload(self, click: Click, seen: VisibleAnswer, aside: Address) -> Phrase | None:
        """Upload the file; returns a note for the person, None if they see the file itself."""
        file = await self._views.run_apart(lambda: _build_file(seen, AnswerView.from_value(click.value), aside))
        channel, thread, told = await self._choose_place(click, aside)
        title = _build_title(seen, AnswerView.from_value(click.value), aside)
        await self._responder.uploads.show(seen.stored.operation, file, title, (channel, thread))
        return told

    async def _choose_place(self, click: Click, aside: Address) -> tuple[str, str, Phrase | None]:
        """Return channel, thread, and a note for the person."""
        if not click.private and click.channel and click.ts:
            try:
                await self._channels.check_postable(click.channel)
            except SlackFailure as failure:
                _log.info("a file goes to the person instead of the channel", code=failure.code)
            else:
                return click.channel, click.thread or click.ts, None
        direct = await self._responder.uploads.open_direct(click.user, aside)
        return direct, "", describe_delivery(1)

    async def _try_delete(self, file: AnswerFile) -> bool:
        try:
            await self._responder.uploads.delete(file)
        except SlackFailure as failure:
            _log.warning("a file was not deleted and is retried tomorrow", file=file.id, code=failure.code)
            return False
        return True

    async def _forget(self, operation: str, files: Sequence[AnswerFile]) -> None:
        await retry_write(lambda: self._responder.answers.delete(operation, files), self._responder.clock.sleep)


def _build_file(seen: VisibleAnswer, view: AnswerView | None, aside: Address) -> TextFile:
    """Build the file: the table with all details, or all log lines that the view leaves."""
    report, name = seen.answer.body, f"flatnet-{seen.stored.operation}"
    assert isinstance(report, Report)  # nothing else is stored
    if report.excerpt is None:
        return TextFile(name=f"{name}.csv", text=_render_table(seen.answer, report, aside))
    pick = _get_pick(view)
    named = f"{name}-filtered.txt" if pick.descriptions else f"{name}.txt"
    return TextFile(name=named, text=render_file(seen.answer, aside.texts, pick))


def _build_title(seen: VisibleAnswer, view: AnswerView | None, aside: Address) -> str:
    """Build the title: the words of the request, and the filter if the file has not all lines."""
    return " · ".join([seen.stored.words, *map(aside.render, _get_pick(view).descriptions)])


def _get_pick(view: AnswerView | None) -> LineFilter:
    return ALL_LINES if view is None else view.pick


def _render_table(answer: Answer, report: Report, aside: Address) -> str:
    return render_csv(answer.model_copy(update={"body": report.model_copy(update={"details": True})}), aside.texts)
