"""Progress of a request that takes time, as the person sees it.

    request ─ 0.6 s ─▶ who is awaited ─ 2.5 s ─▶ the answer on those that have answered ─ every 3 s ─▶ … ─▶ the answer

editable message   one message, edited in place, which becomes the answer
private            notices through the response_url. Slack offers no way to edit or delete the answer to a slash command, so
                   each stays true beside the answer
"""

from collections.abc import Iterator
from itertools import chain, repeat
from typing import Protocol

import structlog

from adapters.errors import FlatnetError
from bot.answers.slack_progress import render_partial_answer, render_progress, render_waiting_notice
from bot.rendering.slack.blocks import SlackMessage
from bot.slack.outbound.message import Address
from bot.slack.outbound.sender import EDIT_INTERVAL, Sender
from bot.store.errors import DatabaseError
from bot.store.outbox_values import NO_MESSAGE_PLACE
from commands.language.grammar import parse_operation
from commands.model.operation import Catalogue, Operation, ReadProgress
from commands.values.normalize import normalize_text

PROGRESS_DELAY = 0.6
"""Seconds from a request to its first progress: it is to be seen within a second, and sending it takes time, too."""

PARTIAL_DELAY = 2.5
"""Seconds from a request to the answer on the hosts that have answered; that is to be seen within three seconds."""

MAX_NOTICES = 2
"""Maximum private notices. A response_url takes five messages, and three are the answer's (`bot.slack.outbound.routes`)."""

MIN_DELAY = 0.2
"""Shortest time to the first progress, of a request that waited long. Most requests are answered within it."""

_log = structlog.get_logger(__name__)


class ProgressReporter(Protocol):
    """Shows progress. `record` gets the operation's progress; `show` is called regularly while it runs.

    `record` stores its argument and does nothing else, because it is called in the dispatcher's thread
    (`bot.slack.event_loop_thread`).
    """

    def record(self, seen: ReadProgress) -> None: ...

    async def show(self) -> None: ...

    def locate_answer(self, address: Address) -> Address:
        """Return the address of the answer: the message with the progress if there is one, else `address`."""


class WaitingNotice:
    """Sends private notices: first what is known, and once more when hosts have answered since.

    None are sent if an earlier run may have sent them (`quiet`).
    """

    def __init__(self, sender: Sender, words: str, address: Address, *, quiet: bool) -> None:
        self._sender = sender
        self.words = words
        self._address = address
        self._left = 0 if quiet or not address.response_url else MAX_NOTICES
        self._recorded: ReadProgress | None = None
        self._answered = -1

    def record(self, seen: ReadProgress) -> None:
        self._recorded = seen

    async def show(self) -> None:
        seen = self._recorded
        answered = 0 if seen is None else seen.answered
        if self._left and answered > self._answered:
            self._left -= 1
            self._answered = answered
            await self._sender.send_privately(self._address, render_waiting_notice(self.words, seen, self._address.texts))

    def locate_answer(self, address: Address) -> Address:
        return address


class GrowingMessage:
    """Shows progress in a message of its own (`row` of the outbox, 0 before it is sent), which the answer replaces.

    Nothing is shown before the operation reads hosts, so a refused request leaves no trace in a channel. Where the channel
    does not take the message, `private` shows what follows.
    """

    def __init__(self, sender: Sender, operation: str, private: WaitingNotice, address: Address, row: int) -> None:
        self._sender = sender
        self._operation = operation
        self._private = private
        self._address = address
        self._recorded: ReadProgress | None = None
        self._shown: SlackMessage | None = None
        self._row = row

    def record(self, seen: ReadProgress) -> None:
        self._recorded = seen
        self._private.record(seen)

    async def show(self) -> None:
        """Show what is new: first who is awaited, then the answer on the others.

        Once no host is awaited, the answer is at hand, and an edit now would delay its own.
        """
        if self._recorded is None or not self._recorded.awaited:
            return
        address = self._address.model_copy(update={"courtesy": True, "replaces": self._row})
        render = render_partial_answer if self._row else render_progress
        message = render(self._private.words, self._recorded, address.texts)
        if message == self._shown:
            return
        self._shown = message
        try:
            if self._row and await self._sender.find_place(self._row) == NO_MESSAGE_PLACE:
                await self._private.show()
                return
            row = await self._sender.add(self._operation, address, message)
        except DatabaseError as error:
            _log.warning("progress is not shown", error=str(error))
        else:
            self._row = self._row or row

    def locate_answer(self, address: Address) -> Address:
        return self._address.model_copy(update={"replaces": self._row}) if self._row else address


def list_pauses(waited: float) -> Iterator[float]:
    """List the seconds before each time that progress is shown, for a request that has waited so long already."""
    first = min(max(MIN_DELAY, PROGRESS_DELAY - waited), PROGRESS_DELAY)
    return chain((first, PARTIAL_DELAY - PROGRESS_DELAY), repeat(EDIT_INTERVAL))


def understand(text: str, catalogue: Catalogue) -> Operation | None:
    """Parse a request as the dispatcher will; None if it cannot be parsed, or not without its context."""
    try:
        return parse_operation(normalize_text(text), catalogue, catalogue)
    except FlatnetError:
        return None
