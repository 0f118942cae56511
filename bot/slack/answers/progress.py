"""Progress of a request that takes time, as the person sees it.

editable message   a message that names the hosts still awaited, edited in place; the answer then replaces it
private            one waiting notice through the response_url; the answer comes after it
"""

from typing import Protocol
from zoneinfo import ZoneInfo

import structlog

from adapters.phrase import Phrase
from bot.locale.texts import get_texts
from bot.rendering.slack.blocks import SlackMessage
from bot.rendering.slack.progress import render_awaited_hosts
from bot.slack.outbound.message import Address
from bot.slack.outbound.sender import Sender
from bot.store.errors import DatabaseError
from commands.model.operation import ReadProgress

_log = structlog.get_logger(__name__)


class ProgressReporter(Protocol):
    """Shows progress. `record` gets the operation's progress; `show` is called regularly while it runs.

    `record` stores its argument and does nothing else, because it is called in the dispatcher's thread
    (`bot.slack.event_loop_thread`). `row` is the outbox row of the message that the answer will replace, 0 if there is none.
    """

    @property
    def row(self) -> int: ...

    def record(self, seen: ReadProgress) -> None: ...

    async def show(self) -> None: ...


class WaitingNotice:
    """Sends one private notice that the answer will come; none if an earlier run has sent it (`quiet`)."""

    row = 0

    def __init__(self, sender: Sender, address: Address, *, quiet: bool) -> None:
        self._sender = sender
        self._address = address
        self._said = quiet

    def record(self, seen: ReadProgress) -> None:
        """Ignore the hosts: a private message cannot be edited, so they are not shown."""

    async def show(self) -> None:
        if not self._said and self._address.response_url:
            self._said = True
            line = self._address.render(Phrase("Working on it. The result will appear here."))
            await self._sender.send_privately(self._address, SlackMessage(line, ()))


class AwaitedHosts:
    """Names the hosts still awaited, in a message of its own (`row`).

    Nothing is shown before the operation reads hosts, so a refused request leaves no trace in a channel.
    """

    def __init__(self, sender: Sender, operation: str, address: Address, row: int) -> None:
        self._sender = sender
        self._operation = operation
        self._address = address.model_copy(update={"courtesy": True})
        self._texts = get_texts(address.language, ZoneInfo(address.zone))
        self._recorded: ReadProgress | None = None
        self._shown: ReadProgress | None = None
        self.row = row

    def record(self, seen: ReadProgress) -> None:
        self._recorded = seen

    async def show(self) -> None:
        if self._recorded is None or self._recorded == self._shown:
            return
        self._shown = self._recorded
        address = self._address.model_copy(update={"replaces": self.row})
        try:
            row = await self._sender.add(self._operation, address, render_awaited_hosts(self._shown.awaited, self._texts))
        except DatabaseError as error:
            _log.warning("progress is not shown", error=str(error))
        else:
            self.row = self.row or row
