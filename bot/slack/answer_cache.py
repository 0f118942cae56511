"""Cache of answers, so that buttons can show more of them and files made from them can expire with them.

answer ─▶ row ─ too large ─▶ row without its log lines, with a note that they are missing
"""

import asyncio
import json
from collections.abc import Callable

import structlog

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.model.request import Answer
from bot.rendering.text import COMMAND
from bot.runtime.clock import Clock
from bot.slack.tasks import retry_write
from bot.store.answers import AnswerTable, StoredAnswer
from bot.store.errors import TooLarge
from commands.model.report import Report

_log = structlog.get_logger(__name__)

_LINES_DROPPED = Phrase("too much text to store. Request fewer lines or hosts")


class AnswerExpired(FlatnetError):
    """The answer that a file would belong to has expired."""

    def __init__(self) -> None:
        super().__init__(Phrase("This result has expired. Type {command} for the current status.", command=COMMAND))


class AnswerCache:
    """Stores the bot's answers."""

    def __init__(self, answers: AnswerTable, clock: Clock) -> None:
        self._answers = answers
        self._clock = clock

    async def store(self, answer: Answer, kept: Callable[[str], StoredAnswer]) -> None:
        """Store a report in the row that `kept` makes from its document.

        Files are recorded in that row. Without it they could neither be found in a thread nor be deleted.
        """
        if not isinstance(answer.body, Report) or await self._try_store(answer, kept):
            return
        if not await self._try_store(_drop_lines(answer), kept):
            _log.error("an answer was not stored", operation=answer.operation)

    async def _try_store(self, answer: Answer, kept: Callable[[str], StoredAnswer]) -> bool:
        row = kept(await asyncio.to_thread(_serialize, answer))  # many log lines take a tenth of a second
        try:
            await retry_write(lambda: self._answers.store(row), self._clock.sleep)
        except TooLarge as error:
            _log.warning("an answer is too large to be stored", operation=answer.operation, error=str(error))
            return False
        return True


def _serialize(answer: Answer) -> str:
    return json.dumps(answer.model_dump(mode="json"))  # ASCII: text from a host may hold lone surrogates


def _drop_lines(answer: Answer) -> Answer:
    report = answer.body
    if not isinstance(report, Report) or report.excerpt is None:
        return answer
    excerpt = report.excerpt.model_copy(update={"lines": (), "notes": (_LINES_DROPPED, *report.excerpt.notes)})
    return answer.model_copy(update={"body": report.model_copy(update={"excerpt": excerpt})})
