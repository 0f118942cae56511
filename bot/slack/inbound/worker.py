"""Inbox worker: stores each delivery, handles it, and finishes it together with its answer.

    accept (≤ 1 s, before the ack) ─▶ row ─▶ the worker of its kind ─▶ its answer's outbox row, and the inbox row is finished
                                       ▲              │
                                       └─── resume ◀──┘  the bot died in between (a start)

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
from bot.runtime.clock import Clock
from bot.slack.delivery_kind import DeliveryKind
from bot.slack.directory.people import PeopleDirectory
from bot.slack.outbound.message import Address, OutboundMessage
from bot.slack.outbound.sender import Sender
from bot.slack.tasks import BackgroundTasks, finishes_within, retry_write
from bot.store.errors import TooLarge
from bot.store.inbox import Delivery, Inbox

STORE_TIMEOUT = 1.0
"""Seconds that writing the row may take. Slack waits 3 s for the ack, and a message in the ack must still arrive in time."""

MAX_ATTEMPTS = 3
"""Maximum attempts at a row; then it is finished with a reference, because something about it breaks the bot."""

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
        """Store a delivery and begin to work on it. Never raises.

        Returns the message for the ack, None if all is well.
        """
        delivery = self._kinds[kind].build_delivery(body, self._clock.now())
        if delivery is None:
            return Phrase("Nothing was done: could not read the message from Slack. Try again.")
        try:
            new = await self._store(delivery)
        except TooLarge:
            return Phrase("Nothing was done: the command is too long.")
        except Exception as error:  # any exception here would cost the ack
            foreseen = isinstance(error, FlatnetError | TimeoutError)
            _log.error("a delivery could not be stored", key=delivery.key, why=repr(error), exc_info=not foreseen)
            return Phrase(
                "Nothing was done: the bot cannot write to its database. Try again later, or contact an administrator."
            )
        if new:
            self._start(delivery)
        return None

    async def resume(self) -> int:
        """Work on deliveries that an earlier run did not finish; returns their number. May raise a `DatabaseError`."""
        unfinished = await self._rows.list_unfinished()
        for delivery in unfinished:
            self._start(delivery)
        return len(unfinished)

    async def drain(self, deadline: float) -> tuple[str, ...]:
        """Wait for the work under way. The rest stays in the inbox and is handled after the next start."""
        return await self._running.drain(deadline)

    async def _store(self, delivery: Delivery) -> bool:
        """Write the row within `STORE_TIMEOUT`. A later row is withdrawn, because the ack reports that nothing was done."""
        adding = asyncio.ensure_future(self._rows.add(delivery))
        if await finishes_within(adding, STORE_TIMEOUT, self._clock.sleep):
            return adding.result()
        self._running.start(f"withdraw {delivery.key}", self._withdraw(adding, delivery.key))
        raise TimeoutError

    async def _withdraw(self, adding: asyncio.Future[bool], key: str) -> None:
        try:
            added = await adding
        except FlatnetError:
            return
        if added:
            await retry_write(lambda: self._rows.finish(key, self._clock.now()), self._clock.sleep)

    def _start(self, delivery: Delivery) -> None:
        self._running.start(f"{delivery.kind} {delivery.key}", self._process(delivery))

    async def _process(self, delivery: Delivery) -> None:
        """Work on one delivery, whatever happens. Its row is finished together with its answer's row."""
        letter = await self._try_work(delivery)
        if letter is None:
            await retry_write(lambda: self._rows.finish(delivery.key, self._clock.now()), self._clock.sleep)
        else:
            await retry_write(
                lambda: self._sender.add(letter.operation, letter.address, letter.message, delivery.key), self._clock.sleep
            )

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
        return self._build_failure_answer(kind.address(said, delivery), delivery)

    def _build_failure_answer(self, address: Address | None, delivery: Delivery) -> OutboundMessage | None:
        """Build the answer to a delivery that breaks the bot each time, from as little as possible."""
        if address is None:
            return None
        language, zone = self._people.recall_language(address.user)
        spoken = address.model_copy(update={"language": language, "zone": zone.key})
        phrase = Phrase(
            "Something went wrong (reference {reference}). Give this reference to your administrator.",
            reference=_make_reference(delivery),
        )
        return OutboundMessage(delivery.key, spoken, SlackMessage(spoken.render(phrase), ()))


def _make_reference(delivery: Delivery) -> str:
    return hashlib.sha256(delivery.key.encode()).hexdigest()[:8]
