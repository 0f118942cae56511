"""Intake: stores each delivery before its ack, whether this copy leads or stands by.

accept (≤ 1 s, before the ack) ─▶ row ─┬─ this copy leads ─▶ the worker (`bot.slack.inbound.worker`)
        │                              └─ it stands by ─▶ the leader is woken, and works on the row
        ├ takes longer, and this is the only bot ─▶ the ack says that the bot is busy
        │                  └ row ─▶ as above
        │                  └ no row after all ─▶ a private message says that nothing was done
        └ takes longer, one of several copies ─▶ no ack: Slack says that it failed, and a late row is withdrawn

A copy that is cut off from its database may end before the row is written, and no other one knows of it. So it acks only
what has a row.

Arrivals: by when the row of a delivery must be written, by the clock of the database.

    counter of this machine: ── pulse ── pulse ── (it hangs) ──────────── now
                                           └ what is read now may have come here, so its time counts from here

Slack gives no time with a delivery. So a delivery that is read after a standstill counts as old as the standstill. The time
of the database is read every few seconds. If the machine as a whole stands still, its counter may stand still, too, and the
clock of the database is ahead then. Either way the delivery is late, which is harmless: nothing is done, and the person is
told so.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.runtime.clock import Clock, finishes_within
from bot.slack.inbound.worker import InboxWorker
from bot.slack.replica_place import CopyPlace
from bot.store.errors import DatabaseError, DatabaseUnavailable, TooLarge
from bot.store.inbox import Delivery, Inbox
from bot.store.shared_inbox import ClockReading, SharedInbox, Stored, Terms

ACK_TIME = timedelta(seconds=3)
"""Time after which Slack tells the person that nothing came of it."""

PULSE_INTERVAL = 0.5
"""Seconds between two signs that the event loop runs."""

STANDSTILL = 1.5
"""Seconds without a sign that count as a standstill."""

AFTERMATH = 1.0
"""Seconds after a standstill in which what came during it is read."""

READ_INTERVAL = 5.0
"""Seconds between two readings of the time of the database."""

MAX_READ_SECONDS = 1.0
"""Seconds that a reading may take. Slower ones are too vague to be used."""

_log = structlog.get_logger(__name__)


class Arrivals:
    """Tells deadlines. `read` must have succeeded once; both watches run while deliveries are taken."""

    def __init__(self, rows: SharedInbox, clock: Clock) -> None:
        self._rows = rows
        self._clock = clock
        self._reading: ClockReading | None = None
        self._pulse = clock.monotonic()
        self._stood_from = self._stood_until = float("-inf")

    def find_deadline(self) -> datetime:
        """Return the time by which a delivery that is read now must be stored."""
        assert self._reading is not None
        return self._reading.now + timedelta(seconds=self._find_arrival() - self._reading.before) + ACK_TIME

    async def read(self) -> None:
        """Read the time of the database. Raises a `DatabaseError`."""
        reading = await self._rows.read_clock(self._clock.monotonic)
        if self._reading is None or reading.after - reading.before <= MAX_READ_SECONDS:
            self._reading = reading

    async def watch_loop(self) -> None:
        """Record every `PULSE_INTERVAL` seconds that the event loop runs, until cancelled."""
        while True:
            self.beat()
            await self._clock.sleep(PULSE_INTERVAL)

    async def watch_database(self) -> None:
        """Read the time of the database every `READ_INTERVAL` seconds, until cancelled. Logs another trouble once."""
        logged = ""
        while True:
            await self._clock.sleep(READ_INTERVAL)
            try:
                await self.read()
                why = ""
            except DatabaseError as error:
                why = str(error)
            if why and why != logged:
                _log.warning("the time of the database could not be read", why=why)
            logged = why

    def beat(self) -> None:
        """Record that the event loop runs."""
        now = self._clock.monotonic()
        if now - self._pulse > STANDSTILL:
            self._stood_from, self._stood_until = self._pulse, now
            _log.warning("the event loop stood still", seconds=round(now - self._pulse, 1))
        self._pulse = now

    def _find_arrival(self) -> float:
        """Return the earliest value of the counter at which a delivery that is read now may have come."""
        now = self._clock.monotonic()
        if now - self._pulse > STANDSTILL:
            return self._pulse
        return self._stood_from if now - self._stood_until < AFTERMATH else now


STORE_TIMEOUT = 1.0
"""Seconds that writing the row may take. Slack waits 3 s for the ack, and a message in the ack must still arrive in time."""

SHARED_STORE_TIMEOUT = 2.5
"""The same for one of several copies, which acks only what has a row. The ack must arrive within Slack's 3 s."""

RETRY_PAUSE = 0.25
"""Seconds between two attempts to write a row while this copy cannot reach the database."""

RETRY_SECONDS = 10.0
"""Seconds after which no further attempt is made."""


@dataclass(frozen=True)
class Receipt:
    """Result of taking a delivery. `stored`: Slack need not deliver it again. `phrase`: message for the ack, if any.

    `acks`: False if it has no row yet, and may never have one. Then Slack tells the person that it failed.
    """

    stored: bool
    phrase: Phrase | None = None
    acks: bool = True


class DeliveryIntake:
    """Takes deliveries from Slack. `copy` is this bot's place among several copies; None: it is the only one."""

    def __init__(self, rows: Inbox, copy: CopyPlace | None, worker: InboxWorker, clock: Clock) -> None:
        self._rows = rows
        self._copy = copy
        self._worker = worker
        self._clock = clock
        self.arrivals = None if copy is None else Arrivals(copy.rows, clock)

    async def accept_event(self, kind: str, body: Mapping[str, Any]) -> bool:
        """Store an event. Never raises. Returns whether it may be acked: Slack delivers the others again."""
        return (await self.accept(kind, body)).stored

    async def accept(self, kind: str, body: Mapping[str, Any]) -> Receipt:
        """Store a delivery. Never raises."""
        deadline = None if self.arrivals is None else self.arrivals.find_deadline()
        delivery = self._worker.kinds[kind].build_delivery(body, self._clock.now())
        if delivery is None:
            return Receipt(False, Phrase("Nothing was done: could not read the message from Slack. Try again."))
        storing = asyncio.create_task(self._store(delivery, deadline))
        timeout = STORE_TIMEOUT if self._copy is None else SHARED_STORE_TIMEOUT
        if not await finishes_within(storing, timeout, self._clock.sleep):
            _log.warning("a delivery waits for the database", key=delivery.key)
            self._worker.running.start(f"late {delivery.kind} {delivery.key}", self._finish_late(storing, delivery))
            if self._copy is not None:
                return Receipt(False, acks=False)
            return Receipt(False, Phrase("The bot is busy. The result will follow. If none appears, try again."))
        try:
            stored = storing.result()
        except Exception as error:  # any exception here would cost the ack
            return Receipt(False, self._describe_failure(delivery, error))
        return self._confirm(delivery, stored)

    def _confirm(self, delivery: Delivery, stored: Stored) -> Receipt:
        if stored is Stored.LATE:
            return self._refuse(delivery)
        if stored is Stored.NEW and self._copy is not None and not self._worker.leads and not self._copy.is_led():
            return Receipt(
                True, Phrase("Received. No copy of the bot leads at the moment. The result follows when one does.")
            )
        return Receipt(True)

    def _refuse(self, delivery: Delivery) -> Receipt:
        """Refuse a delivery that came too late. The ack may be too late for its message, too."""
        _log.warning("a delivery was stored too late, so nothing is done", key=delivery.key, kind=delivery.kind)
        phrase = Phrase("Nothing was done: the bot received this too late. Try again.")
        if self._worker.kinds[delivery.kind].comes_again:
            return Receipt(False, phrase)
        self._worker.running.start(f"refusal {delivery.key}", self._worker.tell_privately(delivery, phrase))
        return Receipt(True)

    async def _finish_late(self, storing: asyncio.Task[Stored], delivery: Delivery) -> None:
        """Wait for a row that is written after the ack. Without a row, tell the person that nothing was done."""
        try:
            stored = await asyncio.shield(storing)  # a bot that ends meanwhile leaves the row to the next one
        except Exception as error:  # as in `accept`
            await self._worker.tell_privately(delivery, self._describe_failure(delivery, error))
            return
        if stored is Stored.LATE and (phrase := self._refuse(delivery).phrase):
            await self._worker.tell_privately(delivery, phrase)

    async def _store(self, delivery: Delivery, deadline: datetime | None) -> Stored:
        """Store a delivery, and have it worked on by a copy that leads. No look at the rows can find it in between."""
        worker = self._worker
        leads = self._copy is None or worker.leads
        held = leads and worker.hold(delivery.key)
        stored = Stored.KNOWN
        try:
            stored = await self._write(delivery, deadline, leads)
        finally:
            if held and stored is not Stored.NEW:
                worker.release(delivery.key)
        if stored is Stored.NEW and leads:
            worker.start(delivery)
        elif not leads:
            worker.wake()  # it may lead by now
        return stored

    async def _write(self, delivery: Delivery, deadline: datetime | None, leads: bool) -> Stored:
        """Write the row. A session that is lost may have written it, so that is tried again: the key tells."""
        if self._copy is None or deadline is None:
            return Stored.NEW if await self._rows.add(delivery) else Stored.KNOWN
        terms = Terms(deadline, begins=leads, withdraws=not self._worker.kinds[delivery.kind].comes_again)
        ends = self._clock.monotonic() + RETRY_SECONDS
        while True:
            try:
                return await self._copy.rows.keep(delivery, terms)
            except DatabaseUnavailable:
                if self._clock.monotonic() >= ends:
                    raise
            await self._clock.sleep(RETRY_PAUSE)

    def _describe_failure(self, delivery: Delivery, error: Exception) -> Phrase:
        """Log that a delivery has no row, as far as is known, and return the sentence for the person."""
        if isinstance(error, TooLarge):
            return Phrase("Nothing was done: the command is too long.")
        _log_failure(delivery, error)
        if self._copy is not None and isinstance(error, DatabaseUnavailable):
            return Phrase("The bot could not reach its database. If no result appears, try again later.")
        return Phrase(
            "Nothing was done: the bot cannot write to its database. Try again later, or contact an administrator."
        )


def _log_failure(delivery: Delivery, error: Exception) -> None:
    bug = None if isinstance(error, FlatnetError) else error
    _log.error("a delivery could not be stored", key=delivery.key, why=repr(error), exc_info=bug)
