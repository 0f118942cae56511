"""What a person sees of a request that takes its time.

where a message can be edited   one that names the hosts still awaited, edited in place, then the answer in its place
private                         one waiting line through the response_url; the answer comes after it
"""

from typing import Protocol
from zoneinfo import ZoneInfo

import structlog

from adapters.phrase import Phrase
from bot.locale.texts import texts
from bot.rendering.slack.blocks import Message
from bot.rendering.slack.progress import still_awaited
from bot.slack.outbound.message import Address
from bot.slack.outbound.sender import Sender
from bot.store.errors import DatabaseError

_log = structlog.get_logger(__name__)


class Watcher(Protocol):
    """`tell` hears what the operation says of itself; `show` is called now and then, as long as it takes.

    `tell` keeps what it hears and does nothing else, for it is called in the desk's thread (`bot.slack.thread`).
    `row` is the outbox row of the message that the answer is to replace, 0 where there is none.
    """

    @property
    def row(self) -> int: ...

    def tell(self, awaited: tuple[str, ...]) -> None: ...

    async def show(self) -> None: ...


class WaitingLine:
    """Says once, privately, that the answer will come. Where it was said before (`quiet`), not again."""

    row = 0

    def __init__(self, sender: Sender, address: Address, *, quiet: bool) -> None:
        self._sender = sender
        self._address = address
        self._said = quiet

    def tell(self, awaited: tuple[str, ...]) -> None:
        """A private answer cannot be edited, so which hosts they are is not shown."""

    async def show(self) -> None:
        if not self._said and self._address.response_url:
            self._said = True
            line = self._address.say(Phrase("Working on it. The answer comes here."))
            await self._sender.whisper(self._address, Message(line, ()))


class Awaited:
    """Names the hosts still awaited, in a message of its own (`row`).

    Nothing is shown before the operation looks at hosts: what is refused leaves no trace in a channel.
    """

    def __init__(self, sender: Sender, operation: str, address: Address, row: int) -> None:
        self._sender = sender
        self._operation = operation
        self._address = address.model_copy(update={"courtesy": True})
        self._texts = texts(address.language, ZoneInfo(address.zone))
        self._told: tuple[str, ...] | None = None
        self._shown: tuple[str, ...] | None = None
        self.row = row

    def tell(self, awaited: tuple[str, ...]) -> None:
        self._told = awaited

    async def show(self) -> None:
        if self._told is None or self._told == self._shown:
            return
        self._shown = self._told
        address = self._address.model_copy(update={"replaces": self.row})
        try:
            row = await self._sender.add(self._operation, address, still_awaited(self._shown, self._texts))
        except DatabaseError as error:
            _log.warning("progress is not shown", error=str(error))
        else:
            self.row = self.row or row
