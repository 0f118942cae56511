"""Time that stands until a test moves it, for a bot that lives in two event loops and several threads."""

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from bot.runtime.clock import Clock


@dataclass(eq=False)
class _Sleeper:
    """A task that sleeps until so many seconds have passed; its future belongs to its own loop."""

    until: float
    loop: asyncio.AbstractEventLoop
    woken: asyncio.Future[None]
    task: asyncio.Task[Any] | None


class SimulatedTime:
    """Wall time, and seconds that only grow. `move` lets both pass; `jump` changes what clocks show, as people do."""

    def __init__(self, now: datetime) -> None:
        self._shown = now.astimezone(UTC)
        self._elapsed = 0.0
        self._lives: list[Life] = []

    def now(self) -> datetime:
        return self._shown

    def monotonic(self) -> float:
        return self._elapsed

    def life(self) -> "Life":
        """The clock of one life of a bot."""
        self._lives = [life for life in self._lives if not life.over]
        self._lives.append(Life(self))
        return self._lives[-1]

    def move(self, to: datetime) -> None:
        """Let time pass until clocks show that; whoever sleeps until then wakes up."""
        seconds = (to.astimezone(UTC) - self._shown).total_seconds()
        assert seconds >= 0, f"it is later than {to} already"
        self._shown = to.astimezone(UTC)
        self._elapsed += seconds
        for life in self._lives:
            life.wake(self._elapsed)

    def jump(self, by: timedelta) -> None:
        """Clocks are set anew, and no time passes."""
        self._shown += by


class Life:
    """The time of one life of a bot: `clock` is handed in, and with `end` nobody sleeps or goes on sleeping any more."""

    def __init__(self, time: SimulatedTime) -> None:
        self._time = time
        self._lock = Lock()
        self._sleepers: list[_Sleeper] = []
        self._awake: set[asyncio.Task[Any]] = set()
        self.over = False

    @property
    def clock(self) -> Clock:
        return Clock(self._time.now, self._time.monotonic, self._sleep)

    @property
    def awake(self) -> bool:
        """Whether somebody woke up and does not sleep again yet."""
        with self._lock:
            self._awake = {task for task in self._awake if not task.done()}
            return bool(self._awake)

    def sleeps(self, name: str) -> bool:
        """Whether the task of that name sleeps."""
        with self._lock:
            return any(each.task is not None and each.task.get_name() == name for each in self._sleepers)

    @property
    def next_wake(self) -> float | None:
        """Seconds until the first sleeper wakes up; None where nobody sleeps."""
        return self.find_next_wake_but(())

    def find_next_wake_but(self, names: tuple[str, ...]) -> float | None:
        """Seconds until the first sleeper wakes up whose task has none of these names; None where none of them sleeps."""
        with self._lock:
            sleeping = [
                each.until
                for each in self._sleepers
                if not each.woken.done() and (each.task is None or each.task.get_name() not in names)
            ]
        return min(sleeping) - self._time.monotonic() if sleeping else None

    def find_next_wake(self, names: tuple[str, ...]) -> float:
        """Seconds until the first task wakes up whose name begins like one of these; infinite where none of them sleeps."""
        with self._lock:
            sleeping = [
                each.until
                for each in self._sleepers
                if not each.woken.done() and each.task is not None and each.task.get_name().startswith(names)
            ]
        return max(0.0, min(sleeping, default=math.inf) - self._time.monotonic())

    def wake(self, elapsed: float) -> None:
        """Whoever sleeps until then wakes up, in whatever loop."""
        with self._lock:
            due = [each for each in self._sleepers if each.until <= elapsed]
            self._sleepers = [each for each in self._sleepers if each.until > elapsed]
            self._awake |= {each.task for each in due if each.task is not None and not each.woken.done()}
        for each in due:
            _in_its_loop(each, lambda woken: woken.set_result(None))

    def end(self) -> None:
        """The power fails: who sleeps is gone, and so is who would."""
        with self._lock:
            self.over = True
            sleepers, self._sleepers = self._sleepers, []
        for each in sleepers:
            _in_its_loop(each, lambda woken: woken.cancel())

    async def _sleep(self, seconds: float) -> None:
        if self.over:
            raise asyncio.CancelledError
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        sleeper = _Sleeper(self._time.monotonic() + seconds, loop, loop.create_future(), asyncio.current_task())
        with self._lock:
            self._sleepers.append(sleeper)
            self._awake -= {sleeper.task}
        try:
            await sleeper.woken
        finally:
            with self._lock, suppress(ValueError):
                self._sleepers.remove(sleeper)


def _in_its_loop(sleeper: _Sleeper, does: Callable[[asyncio.Future[None]], object]) -> None:
    """Something to a sleeper that still sleeps, where its loop still runs."""

    def touch() -> None:
        if not sleeper.woken.done():
            does(sleeper.woken)

    with suppress(RuntimeError):  # the loop is closed
        sleeper.loop.call_soon_threadsafe(touch)
