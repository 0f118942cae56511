"""How often the app may call, by Slack's tiers; who is too fast gets 429 and a number of seconds.

A tier says "at least so many a minute"; here exactly so many in any sixty seconds, the strict reading.
"""

import math
from collections import defaultdict, deque
from collections.abc import Callable
from enum import IntEnum

POSTS_A_SECOND = 1
POST_BURST = 5
"""Slack allows "short bursts" above one message a second and channel, and does not say how long: a strict guess."""


class Tier(IntEnum):
    """Calls a minute, for each method. Slack's special tiers allow some hundreds."""

    TWO = 20
    THREE = 50
    FOUR = 100
    SPECIAL = 600


class Rates:
    """What has been called lately."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._calls: dict[str, deque[float]] = defaultdict(deque)
        self._posts: dict[str, tuple[float, float]] = {}

    def admit(self, method: str, tier: Tier) -> int:
        """0 and the call counts, or the seconds to wait."""
        now, calls = self._monotonic(), self._calls[method]
        while calls and calls[0] <= now - 60:
            calls.popleft()
        if len(calls) >= tier:
            return max(1, math.ceil(calls[0] + 60 - now))
        calls.append(now)
        return 0

    def admit_post(self, channel: str) -> int:
        """As `admit`, for a new message in a channel: a bucket of `POST_BURST` that fills by one a second."""
        now = self._monotonic()
        left, since = self._posts.get(channel, (float(POST_BURST), now))
        left = min(float(POST_BURST), left + (now - since) * POSTS_A_SECOND)
        if left < 1:
            return max(1, math.ceil((1 - left) / POSTS_A_SECOND))
        self._posts[channel] = (left - 1, now)
        return 0
