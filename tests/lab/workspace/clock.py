"""The workspace's time: handed in, so that tests neither wait nor sleep."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def _utc() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Clock:
    """Wall time (message timestamps) and monotonic seconds (rates, lifetimes)."""

    now: Callable[[], datetime] = _utc
    monotonic: Callable[[], float] = time.monotonic

    def stamp(self) -> str:
        """Now, as events and actions carry it: seconds since 1970."""
        return f"{self.now().timestamp():.6f}"


@dataclass(frozen=True)
class Timing:
    """Slack's waits in seconds, real ones by default; tests make them short.

    Sources: ack, response_url and trigger from docs.slack.dev; the first redelivery after 4 s as reported in
    bolt-js #2487, the others from the Events API; a connection is closed about 10 s after its warning.
    """

    ack: float = 3.0
    redeliveries: tuple[float, ...] = (4.0, 60.0, 300.0)
    farewell: float = 10.0
    response_url: float = 1800.0
    trigger: float = 3.0
