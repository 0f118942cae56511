"""Rate limits for sending: a burst, then one per interval, for each key (a channel, an edited message)."""

from collections.abc import Callable

MAX_KEYS = 10_000
"""Maximum number of keys; those whose budget is full again are dropped first."""


class RateLimiter:
    """Token buckets. `burst` messages may go at once; one token comes back every `interval` seconds."""

    def __init__(self, burst: int, interval: float, monotonic: Callable[[], float]) -> None:
        self._burst = burst
        self._interval = interval
        self._monotonic = monotonic
        self._full_at: dict[str, float] = {}

    def get_wait(self, key: str) -> float:
        """Return the seconds until one more may go; 0 means at once."""
        full_at = self._full_at.get(key, 0.0)
        room_at = full_at - (self._burst - 1) * self._interval
        return max(0.0, room_at - self._monotonic())

    def take(self, key: str) -> None:
        """Spend one token."""
        now = self._monotonic()
        self._full_at[key] = max(self._full_at.get(key, 0.0), now) + self._interval
        if len(self._full_at) > MAX_KEYS:
            self._full_at = {name: full_at for name, full_at in self._full_at.items() if full_at > now}
