"""Inbox worker: handles each delivery in the inbox, and finishes it together with its answer.

    row ─┬─ stored by this copy (`bot.slack.inbound.intake`) ─┬─▶ the worker of its kind ─▶ its answer's outbox row, and the
         └─ found by a look: at the start, every 5 s, NOTIFY ─┘        ▲              │     inbox row is finished
                                                                       └──── look ◀───┘  the bot died in between

Workers may be called again for the same row (`bot.slack.delivery_kind`), so a row whose work was
interrupted is simply handled again.

Only a bot that leads looks. News, such as that a person opened their home tab, is handled a few at a time and last, so that
a burst of it delays no command.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import replace

import structlog
from pydantic import ValidationError

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.rendering.slack.blocks import SlackMessage
from bot.runtime.clock import Clock, finishes_within
from bot.slack.delivery_kind import DeliveryKind
from bot.slack.directory.people import PeopleDirectory
from bot.slack.outbound.message import OutboundMessage
from bot.slack.outbound.sender import Sender
from bot.slack.replica_place import CopyPlace
from bot.slack.tasks import BackgroundTasks, retry_write
from bot.store.errors import DatabaseError
from bot.store.inbox import Delivery, Inbox

MAX_ATTEMPTS = 3
"""Maximum attempts at a row; then it is finished with a reference, because something about it breaks the bot."""

ERASE_INTERVAL = 1.0
"""Seconds until deleted payloads are erased again after a reader of the database's files prevented it."""

MAX_ERASE_ATTEMPTS = 10
"""Maximum attempts to erase; then it is left to the next delivery."""

LOOK_INTERVAL = 5.0
"""Seconds between two looks for deliveries of other copies. A signal leads to one at once."""

MAX_NEWS = 4
"""Maximum number of deliveries that are news and handled at the same time."""

_log = structlog.get_logger(__name__)


class InboxWorker:
    """Finishes each delivery once. `kinds` has all kinds by name. `leads`: it looks for rows."""

    def __init__(
        self, rows: Inbox, kinds: Mapping[str, DeliveryKind], people: PeopleDirectory, sender: Sender, clock: Clock
    ) -> None:
        self.kinds = kinds
        self.running = BackgroundTasks()
        self.leads = False
        self._rows = rows
        self._people = people
        self._sender = sender
        self._clock = clock
        self._held: set[str] = set()
        self._over = False
        self._unerased = False
        self._news = asyncio.Semaphore(MAX_NEWS)
        self._woken = asyncio.Event()

    async def lead(self, copy: CopyPlace | None) -> int:
        """Work on all unfinished deliveries, also of earlier runs; returns their number. May raise a `DatabaseError`."""
        self.leads = True
        return await self._look(copy)

    async def follow(self, copy: CopyPlace) -> None:
        """Work on what other copies store, too; runs until cancelled."""
        loop = asyncio.get_running_loop()
        signal = copy.rows.follow(lambda: _call_in(loop, self.wake))
        try:
            while True:
                waking = asyncio.ensure_future(self._woken.wait())
                try:
                    await finishes_within(waking, LOOK_INTERVAL, self._clock.sleep)
                finally:
                    waking.cancel()
                self._woken.clear()
                await self._try_look(copy)
        finally:
            signal.close()

    def wake(self) -> None:
        """Look for deliveries soon."""
        self._woken.set()

    def hold(self, key: str) -> bool:
        """Reserve a delivery for one task; False if another one has it."""
        if key in self._held:
            return False
        self._held.add(key)
        return True

    def release(self, key: str) -> None:
        """Give a delivery back."""
        self._held.discard(key)

    def start(self, delivery: Delivery) -> None:
        """Work on a delivery that is held and whose first attempt is recorded. After the end, the next run does."""
        if not self._over:
            self.running.start(f"{delivery.kind} {delivery.key}", self._process(delivery))

    async def tell_privately(self, delivery: Delivery, phrase: Phrase) -> None:
        """Tell the person what became of a delivery without a row. Does nothing where that needs a message of its own."""
        message = self._build_answer(delivery, phrase)
        if message is not None and message.address.response_url:
            await self._sender.send_privately(message.address, message.message)

    async def drain(self, deadline: float) -> tuple[str, ...]:
        """Wait for the work under way. The rest stays in the inbox and is handled after the next start."""
        late = await self.running.drain(deadline)
        self._over = True
        return late

    async def _try_look(self, copy: CopyPlace) -> None:
        try:
            await self._look(copy)
        except DatabaseError as error:
            _log.warning("could not look for deliveries of other copies", why=str(error))

    async def _look(self, copy: CopyPlace | None) -> int:
        """Begin the work on rows that no task holds: the oldest first, news last. Returns their number."""
        listed = await (self._rows.list_unfinished() if copy is None else copy.rows.list_waiting(self._clock.now()))
        begun = [delivery for delivery in sorted(listed, key=self._is_news) if self.hold(delivery.key)]
        for delivery in begun:
            self.running.start(f"{delivery.kind} {delivery.key}", self._begin(delivery))
        return len(begun)

    def _is_news(self, delivery: Delivery) -> bool:
        return delivery.kind in self.kinds and self.kinds[delivery.kind].is_news

    def _take_turn(self, delivery: Delivery) -> AbstractAsyncContextManager[object]:
        return self._news if self._is_news(delivery) else nullcontext()

    async def _begin(self, delivery: Delivery) -> None:
        """Work on a listed delivery. Its attempt counts from here, so rows that a dying bot never began are not given up."""
        try:
            async with self._take_turn(delivery):
                attempt = await retry_write(lambda: self._rows.begin(delivery.key), self._clock.sleep)
                if attempt is not None:
                    await self._finish(replace(delivery, attempts=attempt))
        finally:
            self.release(delivery.key)

    async def _process(self, delivery: Delivery) -> None:
        """Work on a delivery whose attempt is recorded."""
        try:
            async with self._take_turn(delivery):
                await self._finish(delivery)
        finally:
            self.release(delivery.key)

    async def _finish(self, delivery: Delivery) -> None:
        """Work on one delivery, whatever happens. Its row is finished together with its answer's row.

        The last one at work erases the payloads of all: it costs a sync of the disk, and nothing waits for it then. News
        has nothing to erase.
        """
        await self._answer(delivery)
        self._unerased = self._unerased or not self._is_news(delivery)
        if len(self.running) == 1 and self._unerased:
            self._unerased = False
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
            kind = self.kinds[delivery.kind]
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
        kind = self.kinds[delivery.kind]
        address = kind.address(kind.model.model_validate(delivery.payload), delivery)
        if address is None:
            return None
        language, zone = self._people.recall_language(address.user)
        spoken = address.model_copy(update={"language": language, "zone": zone.key})
        return OutboundMessage(delivery.key, spoken, SlackMessage(spoken.render(phrase), ()))


def _call_in(loop: asyncio.AbstractEventLoop, work: Callable[[], None]) -> None:
    """Call `work` in a loop, from another thread. A loop that has ended needs it no more."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(work)


def _make_reference(delivery: Delivery) -> str:
    return hashlib.sha256(delivery.key.encode()).hexdigest()[:8]
