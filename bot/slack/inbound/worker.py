"""Inbox worker: stores each delivery, handles it, and finishes it together with its answer.

    accept (≤ 1 s, before the ack) ─▶ row ─▶ the worker of its kind ─▶ its answer's outbox row, and the inbox row is finished
            └ takes longer ─▶ the ack says that the bot is busy      ▲              │
                               └ row ─▶ as above                     └─── resume ◀──┘  the bot died in between (a start)
                               └ no row after all ─▶ a private message says that nothing was done

Workers may be called again for the same row (`bot.slack.delivery_kind`), so a row whose work was
interrupted is simply handled again.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import structlog
from pydantic import ValidationError

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.rendering.slack.blocks import SlackMessage
from bot.runtime.bounded_wait import finishes_within
from bot.runtime.clock import Clock
from bot.slack.delivery_kind import DeliveryKind
from bot.slack.directory.people import PeopleDirectory
from bot.slack.outbound.message import OutboundMessage
from bot.slack.outbound.sender import Sender
from bot.slack.tasks import BackgroundTasks, retry_write
from bot.store.errors import TooLarge
from bot.store.inbox import Delivery, Inbox

STORE_TIMEOUT = 1.0
"""Seconds that writing the row may take. Slack waits 3 s for the ack, and a message in the ack must still arrive in time."""

MAX_ATTEMPTS = 3
"""Maximum attempts at a row; then it is finished with a reference, because something about it breaks the bot."""

ERASE_INTERVAL = 1.0
"""Seconds until deleted payloads are erased again after a reader of the database's files prevented it."""

MAX_ERASE_ATTEMPTS = 10
"""Maximum attempts to erase; then it is left to the next delivery."""

_log = structlog.get_logger(__name__)


class InboxWorker:
    """Accepts deliveries from Slack and finishes each once. `kinds` has all kinds by name."""

    def __init__(
        self, rows: Inbox, kinds: Mapping[str, DeliveryKind], people: PeopleDirectory, sender: Sender, clock: Clock
    ) -> None:
        self._rows = rows
        self._kinds = kinds
        self._people = people
        self._sender = sender
        self._clock = clock
        self._running = BackgroundTasks()

    async def accept(self, kind: str, body: Mapping[str, Any]) -> Phrase | None:
        """Store a delivery and begin to work on it, possibly later. Never raises.

        Returns the message for the ack, None if all is well.
        """
        delivery = self._kinds[kind].build_delivery(body, self._clock.now())
        if delivery is None:
            return Phrase("Nothing was done: could not read the message from Slack. Try again.")
        try:
            adding = asyncio.ensure_future(self._rows.add(delivery))
            if not await finishes_within(adding, STORE_TIMEOUT, self._clock.sleep):
                _log.warning("a delivery waits for the database", key=delivery.key)
                self._running.start(f"late {delivery.kind} {delivery.key}", self._process_late(adding, delivery))
                return Phrase("The bot is busy. The result will follow. If none appears, try again.")
            new = adding.result()
        except TooLarge:
            return Phrase("Nothing was done: the command is too long.")
        except Exception as error:  # any exception here would cost the ack
            return _report_unstored(delivery, error)
        if new:
            self._start(delivery)
        return None

    async def resume(self) -> int:
        """Work on deliveries that an earlier run did not finish; returns their number. May raise a `DatabaseError`."""
        unfinished = await self._rows.list_unfinished()
        for delivery in unfinished:
            self._running.start(f"{delivery.kind} {delivery.key}", self._begin(delivery))
        return len(unfinished)

    async def drain(self, deadline: float) -> tuple[str, ...]:
        """Wait for the work under way. The rest stays in the inbox and is handled after the next start."""
        return await self._running.drain(deadline)

    async def _process_late(self, adding: asyncio.Future[bool], delivery: Delivery) -> None:
        """Work on a delivery whose row is written after its ack. Without a row, tell the person that nothing was done."""
        try:
            new = await asyncio.shield(adding)  # a bot that ends meanwhile leaves the row to the next one
        except Exception as error:  # as in `accept`
            message = self._build_answer(delivery, _report_unstored(delivery, error))
            if message is not None and message.address.response_url:
                await self._sender.send_privately(message.address, message.message)
            return
        if new:
            await self._process(delivery)

    async def _begin(self, delivery: Delivery) -> None:
        """Work on a listed delivery. Its attempt counts from here, so rows that a dying bot never began are not given up."""
        attempt = await retry_write(lambda: self._rows.begin(delivery.key), self._clock.sleep)
        if attempt is not None:
            await self._process(replace(delivery, attempts=attempt))

    def _start(self, delivery: Delivery) -> None:
        self._running.start(f"{delivery.kind} {delivery.key}", self._process(delivery))

    async def _process(self, delivery: Delivery) -> None:
        """Work on one delivery, whatever happens. Its row is finished together with its answer's row.

        The last one at work erases the payloads of all: it costs a sync of the disk, and nothing waits for it then.
        """
        await self._answer(delivery)
        if len(self._running) == 1:
            await self._erase_finished()

    async def _erase_finished(self) -> None:
        try:
            for _ in range(MAX_ERASE_ATTEMPTS):
                if await self._rows.erase_finished():
                    return
                await self._clock.sleep(ERASE_INTERVAL)
            _log.warning("finished deliveries could not be erased yet", why="another program reads the database")
        except FlatnetError as error:
            _log.warning("finished deliveries could not be erased yet", why=str(error))

    async def _answer(self, delivery: Delivery) -> None:
        letter = await self._try_work(delivery)
        if letter is None:
            await retry_write(lambda: self._rows.finish(delivery.key, self._clock.now()), self._clock.sleep)
        else:
            await retry_write(lambda: self._sender.send(letter, delivery.key), self._clock.sleep)

    async def _try_work(self, delivery: Delivery) -> OutboundMessage | None:
        """Return its answer, or a reference to the log after `MAX_ATTEMPTS` attempts, including those of earlier runs."""
        try:
            kind = self._kinds[delivery.kind]
            said = kind.model.model_validate(delivery.payload)
        except (KeyError, ValidationError):
            _log.error("a delivery of another version of the bot cannot be handled", key=delivery.key, kind=delivery.kind)
            return None
        attempt = delivery.attempts
        while attempt <= MAX_ATTEMPTS:
            try:
                return await kind.handle(said, replace(delivery, attempts=attempt))
            except Exception:
                _log.exception(
                    "a delivery failed with an unexpected error",
                    kind=delivery.kind,
                    reference=_make_reference(delivery),
                    attempt=attempt,
                )
            attempt = await retry_write(lambda: self._rows.record_attempt(delivery.key), self._clock.sleep)
        phrase = Phrase(
            "Something went wrong (reference {reference}). Give this reference to your administrator.",
            reference=_make_reference(delivery),
        )
        return self._build_answer(delivery, phrase)

    def _build_answer(self, delivery: Delivery, phrase: Phrase) -> OutboundMessage | None:
        """Build one sentence as the answer to a delivery that could not be handled, from as little as possible."""
        kind = self._kinds[delivery.kind]
        address = kind.address(kind.model.model_validate(delivery.payload), delivery)
        if address is None:
            return None
        language, zone = self._people.recall_language(address.user)
        spoken = address.model_copy(update={"language": language, "zone": zone.key})
        return OutboundMessage(delivery.key, spoken, SlackMessage(spoken.render(phrase), ()))


def _report_unstored(delivery: Delivery, error: Exception) -> Phrase:
    """Log that a delivery has no row, and return the sentence for the person."""
    bug = None if isinstance(error, FlatnetError) else error
    _log.error("a delivery could not be stored", key=delivery.key, why=repr(error), exc_info=bug)
    return Phrase("Nothing was done: the bot cannot write to its database. Try again later, or contact an administrator.")


def _make_reference(delivery: Delivery) -> str:
    return hashlib.sha256(delivery.key.encode()).hexdigest()[:8]
