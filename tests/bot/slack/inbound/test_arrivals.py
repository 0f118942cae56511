"""By when a delivery must be stored: as old as the longest time for which it may have waited to be read."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from bot.runtime.clock import Clock
from bot.slack.inbound.intake import ACK_TIME, MAX_READ_SECONDS, PULSE_INTERVAL, STANDSTILL, Arrivals
from bot.store.shared_inbox import ClockReading, SharedInbox
from tests.bot.slack.conftest import Time

FAR = datetime(2001, 1, 1, tzinfo=UTC)
"""The time of the database at the beginning: decades behind the clock of the machine."""


class ServerClock(SharedInbox):
    """A database whose clock goes on while the machine's counter may stand still."""

    def __init__(self, time: Time) -> None:
        self._time = time
        self.stood = self.slow = 0.0

    async def read_clock(self, count: Callable[[], float]) -> ClockReading:
        before = count()
        return ClockReading(before, FAR + timedelta(seconds=before + self.stood), before + self.slow)


@pytest.fixture
def server(time: Time) -> ServerClock:
    return ServerClock(time)


@pytest.fixture
async def arrivals(time: Time, server: ServerClock) -> Arrivals:
    arrivals = Arrivals(server, Clock(time.now, time.monotonic, time.sleep))
    await arrivals.read()
    return arrivals


def _pass(time: Time, arrivals: Arrivals, seconds: float) -> None:
    """Let time pass while the event loop runs."""
    for _ in range(int(seconds / PULSE_INTERVAL)):
        time.move(PULSE_INTERVAL)
        arrivals.beat()


@pytest.mark.parametrize(
    ("standstill", "later", "age"),
    [
        (STANDSTILL, 0.0, 0.0),
        (STANDSTILL + 0.1, 0.0, STANDSTILL + 0.1),
        (60.0, 0.0, 60.0),
        (60.0, 0.5, 60.5),
        (60.0, 1.0, 0.0),
    ],
)
@pytest.mark.parametrize("felt", [False, True], ids=["before the next sign", "after it"])
async def test_what_is_read_after_a_standstill_is_as_old_as_that(
    time: Time, arrivals: Arrivals, standstill: float, later: float, age: float, felt: bool
) -> None:
    _pass(time, arrivals, 10.0)
    time.move(standstill)
    if felt or later:
        arrivals.beat()
    _pass(time, arrivals, later)
    expected = FAR + timedelta(seconds=time.elapsed - age) + ACK_TIME
    assert expected == arrivals.find_deadline()


async def test_a_machine_that_stood_still_as_a_whole_is_behind_the_database_until_it_reads_again(
    time: Time, server: ServerClock, arrivals: Arrivals
) -> None:
    _pass(time, arrivals, 10.0)
    server.stood = 3_600.0
    behind = arrivals.find_deadline()
    await arrivals.read()
    assert (10.0, 3_610.0) == tuple((each - ACK_TIME - FAR).total_seconds() for each in (behind, arrivals.find_deadline()))


async def test_a_reading_that_took_long_is_not_used(time: Time, server: ServerClock, arrivals: Arrivals) -> None:
    server.stood, server.slow = 3_600.0, MAX_READ_SECONDS + 0.1
    await arrivals.read()
    assert FAR + ACK_TIME == arrivals.find_deadline()
