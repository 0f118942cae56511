"""Arrivals: by when the row of a delivery must be written, by the clock of the database.

    counter of this machine: ── pulse ── pulse ── (it hangs) ──────────── now
                                           └ what is read now may have come here, so its time counts from here

Slack gives no time with a delivery. So a delivery that is read after a standstill counts as old as the standstill. The time
of the database is read every few seconds. If the machine as a whole stands still, its counter may stand still, too, and the
clock of the database is ahead then. Either way the delivery is late, which is harmless: nothing is done, and the person is
told so.
"""

from datetime import datetime, timedelta

import structlog

from bot.runtime.clock import Clock
from bot.store.errors import DatabaseError
from bot.store.shared_inbox import ClockReading, SharedInbox

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
