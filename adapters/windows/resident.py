"""PowerShell process that stays on a host and answers one read after another: two exchanges each, and no start of a process.

             ┌───────────────── the next read ─────────────────┐
first read ─▶ start ─▶ request ─▶ a frame with its nonce ──────┤
                          │                                    └─▶ ended after `REQUESTS_LIMIT`, and after any doubt
                          └─▶ it ended without an answer: the read runs in a process of its own, and the host gets no
                              other that stays for a pause

Changes always run in a process of their own. On the host, the process ends by itself (`resident.ps1`).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

REQUESTS_LIMIT = 200
"""Requests after which the process is ended. It ends by itself a few later (`powershell.HOST_REQUESTS_LIMIT`)."""

IDLE_LIMIT = 240.0
"""Seconds without a request after which the process is not used again. It ends by itself a minute later."""

PAUSE_SECONDS = 600.0
"""Seconds in which a host gets no such process, after one that did not answer: its policy may end them."""

LONGEST_PAUSE = 86_400.0
"""Seconds of the longest pause. Each one is twice as long as the one before, because each attempt may cost a read."""


@dataclass(frozen=True)
class Resident:
    """A process that stays: its command in the shell, the answers so far, and the monotonic time of its last one."""

    command: str
    used_at: float
    answers: int = 0

    def is_usable(self, now: float) -> bool:
        """Returns whether the process can take another request."""
        return self.answers < REQUESTS_LIMIT and now - self.used_at <= IDLE_LIMIT

    def count_answer(self, now: float) -> "Resident":
        """Returns the process after one more answer."""
        return replace(self, used_at=now, answers=self.answers + 1)


class Pause:
    """Time in which a host gets no process that stays. It outlives the sessions of the host."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._until = monotonic()
        self._seconds = PAUSE_SECONDS

    def begin(self) -> None:
        """Begins the next pause."""
        self._until = self._monotonic() + self._seconds
        self._seconds = min(2 * self._seconds, LONGEST_PAUSE)

    def reset(self) -> None:
        """Makes the next pause the shortest: a process that stays has answered."""
        self._seconds = PAUSE_SECONDS

    def is_over(self) -> bool:
        """Returns whether a process that stays can be tried."""
        return self._monotonic() >= self._until
