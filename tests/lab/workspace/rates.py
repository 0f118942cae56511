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

POSTS_A_MINUTE = 300
"""New messages a minute in the whole workspace: "several hundred", and Slack does not say how many: a strict guess."""


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
        self._all_posts: deque[float] = deque()

    def admit(self, method: str, tier: Tier) -> int:
        """0 and the call counts, or the seconds to wait."""
        now, calls = self._monotonic(), self._calls[method]
        if wait := _wait(calls, now, tier):
            return wait
        calls.append(now)
        return 0

    def admit_post(self, channel: str) -> int:
        """As `admit`, for a new message in a channel: a bucket of `POST_BURST` that fills by one a second.

        All channels together take `POSTS_A_MINUTE`.
        """
        now = self._monotonic()
        if wait := _wait(self._all_posts, now, POSTS_A_MINUTE):
            return wait
        left, since = self._posts.get(channel, (float(POST_BURST), now))
        left = min(float(POST_BURST), left + (now - since) * POSTS_A_SECOND)
        if left < 1:
            return max(1, math.ceil((1 - left) / POSTS_A_SECOND))
        self._posts[channel] = (left - 1, now)
        self._all_posts.append(now)
        return 0


def _wait(calls: deque[float], now: float, most: int) -> int:
    """Seconds until one more call fits into the last minute; calls before it are forgotten."""
    while calls and calls[0] <= now - 60:
        calls.popleft()
    return max(1, math.ceil(calls[0] + 60 - now)) if len(calls) >= most else 0
