"""`python -m tests.lab.hurried --config DIR/flatnet.toml`: the real bot, by the clock of the demo's day.

It waits for SIGUSR1, then time leaps from one due moment to the next; each is shown for a second at least, and for as long
as the bot is at work. At the end of the day time goes on at its real speed.
"""

import argparse
import asyncio
import signal
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.app.process import run_bot
from bot.config.settings import Settings, read_settings
from bot.runtime.clock import Clock
from bot.runtime.logging import configure_logs
from bot.store.reading import open_for_reading
from tests.lab.day import FILE, LENGTH, SharedClock, moments

HASTE = 50
"""How much shorter the bot's short waits are during the day; what it measures, and what Slack allows, stays as it is."""

SHORT = 10.0
"""Seconds of the longest short wait. Longer ones end by leaps."""

FLOOR = 0.05
"""Seconds of the shortest wait, so that waiting costs no core."""

WATCH = "watch"
"""How the names of the tasks begin that look at hosts every minute. All their waits end by leaps."""

SHOWN = 1.0
"""Seconds that each moment lasts at least."""

PATIENCE = 20.0
"""Seconds after which a moment ends though there is work left: Slack may be down in the workspace."""

LOOK = 0.1
"""Seconds between two looks whether the bot is idle."""

_WORK = " union all ".join((
    "select 1 from inbox where finished_at is null",
    "select 1 from outbox where ended_at is null",
    "select 1 from schedule_runs where ended_at is null",
    "select 1 from operations where state in ('ready', 'running')",
))  # fmt: skip


class Day:
    """One day of the bot.

    What sleeps for long sleeps until a leap has taken time there. No leap cuts a look at hosts short.
    """

    def __init__(self, clock: SharedClock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._haste = HASTE
        self._leapt = 0.0
        self._awake: set[asyncio.Task[Any]] = set()

    @property
    def clock(self) -> Clock:
        """What the bot lives by."""
        return Clock(self._clock.now, self._monotonic, self._sleep)

    async def play(self, begun: asyncio.Event) -> None:
        """The day, once it has begun and the bot has looked at its schedules."""
        await begun.wait()
        while not await asyncio.to_thread(self._any, "select 1 from schedules"):
            await asyncio.sleep(LOOK)
        for moment in moments(self._clock.now()):
            self._leap(moment)
            await self._shown()
        self._haste = 1

    def _leap(self, to: datetime) -> None:
        self._leapt += max(0.0, (to - self._clock.now()).total_seconds())
        self._clock.leap(to)

    def _monotonic(self) -> float:
        return time.monotonic() + self._leapt

    async def _sleep(self, seconds: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        watches = task.get_name().startswith(WATCH)
        if seconds <= SHORT and not watches:
            await asyncio.sleep(max(seconds / self._haste, min(seconds, FLOOR)))
            return
        self._awake.discard(task)
        ends = self._monotonic() + seconds
        while (left := ends - self._monotonic()) > 0:
            await asyncio.sleep(min(left, LOOK))
        if watches:
            self._awake.add(task)

    async def _shown(self) -> None:
        await asyncio.sleep(SHOWN)
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends and (self._at_work() or await asyncio.to_thread(self._any, _WORK)):
            await asyncio.sleep(LOOK)

    def _at_work(self) -> bool:
        """Whether a look at hosts is under way."""
        self._awake -= {task for task in tuple(self._awake) if task.done()}
        return bool(self._awake)

    def _any(self, rows: str) -> bool:
        with open_for_reading(self._settings.database_file) as connection:
            return connection.exec_driver_sql(rows).first() is not None


def patient(settings: Settings) -> Settings:
    """The same, but a request waits for its approval as long as the day: an hour of it is over in seconds."""
    approvals = settings.approvals.model_copy(update={"expire": 2 * LENGTH})
    return settings.model_copy(update={"approvals": approvals})


async def run(config: Path) -> None:
    """The bot, until a signal ends it."""
    settings, begun = patient(read_settings(config)), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, begun.set)
    day = Day(SharedClock(config.parent / FILE), settings)
    playing = asyncio.create_task(day.play(begun))
    try:
        await run_bot(config, settings, day.clock)
    finally:
        playing.cancel()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.lab.hurried", description="The bot on the demo's day.")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    given = parser.parse_args()
    configure_logs("info")
    asyncio.run(run(given.config))
