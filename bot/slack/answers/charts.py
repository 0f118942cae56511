"""Pictures of charts: drawn in a process of their own, uploaded, and shown by new messages. Words replace a missing one.

chart ─▶ redacted ─▶ drawn in its own process ─▶ uploaded, recorded with its answer ─▶ the file's id, for an image block
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from adapters.phrase import Texts
from bot.model.request import Answer
from bot.rendering.chart_process import DrawingFailed, draw_in_process
from bot.rendering.slack.buttons import AnswerView
from bot.slack.answer_cache import AnswerExpired
from bot.slack.api import Redact
from bot.slack.errors import SlackFailure
from bot.slack.outbound.message import Address
from bot.slack.outbound.uploads import Uploads
from commands.model.lanes import Drawing
from commands.model.report import Report

Draw = Callable[[Drawing, Texts], Awaitable[bytes]]

_log = structlog.get_logger(__name__)


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
