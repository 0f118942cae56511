"""The demo's day: a Monday morning to the Tuesday after it, in leaps from one moment at which something is due to the next.

    DIR/clock ─ read by ─▶ the lab's hosts, the bot, the terminal: one time for all of them
        ▲ leaps, when the bot is idle (`tests.lab.hurried`)

Between two leaps time goes as it always does, so that a look at a host takes as long as it takes, and no clock seems wrong.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Tokyo")
"""As the lab's configuration has it."""

FILE = "clock"
"""In the demo's folder: the seconds that its time is ahead of the real one."""

STEP = timedelta(minutes=30)
"""The bot looks at all hosts so often."""

LENGTH = timedelta(days=1, minutes=40)
"""From half past eight to ten past nine: two mornings with all that they bring."""

MORNING = (timedelta(hours=9, minutes=5), timedelta(hours=9, minutes=10))
"""When the week's report and the certificates are due."""


@dataclass(frozen=True)
class SharedClock:
    """A time that several processes have; it is the real one until it leaps."""

    file: Path

    def now(self) -> datetime:
        """The time, aware."""
        return datetime.now(UTC) + timedelta(seconds=self._ahead())

    def leap(self, to: datetime) -> None:
        """Have it be that time now, for everybody at once."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(repr((to - datetime.now(UTC)).total_seconds()))
        fresh.replace(self.file)

    def _ahead(self) -> float:
        try:
            return float(self.file.read_text())
        except FileNotFoundError:
            return 0.0


def latest(real: datetime) -> datetime:
    """When the newest such day began that is over."""
    last = (real - LENGTH).astimezone(ZONE)
    monday = last.replace(hour=8, minute=30, second=0, microsecond=0) - timedelta(days=last.weekday())
    return monday if monday <= last else monday - timedelta(weeks=1)


def moments(begin: datetime) -> tuple[datetime, ...]:
    """To which its time leaps, one after the other."""
    midnight = begin.astimezone(ZONE).replace(hour=0, minute=0)
    looks = (begin + STEP * n for n in range(1, LENGTH // STEP + 1))
    mornings = (midnight + timedelta(days=day) + due for day in (0, 1) for due in MORNING)
    return tuple(sorted((*looks, *mornings)))
