"""The demo's day: a Monday morning to the Tuesday after it, in leaps from one moment at which something is due to the next.

    DIR/clock ─ read by ─▶ the lab's hosts, the bot, the terminal: one time for all of them
        ▲ leaps, when the bot is idle (`tests.lab.hurried`)

Between two leaps time goes as it always does, so that a look at a host takes as long as it takes, and no clock seems wrong.
Where something begins or ends it leaps from minute to minute, so that a look every minute sees it as it would on any day;
where nothing happens, an hour at once.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Tokyo")
"""As the lab's configuration has it."""

FILE = "clock"
"""In the demo's folder: the seconds that its time is ahead of the real one."""

BEGIN = time(8, 30)

LENGTH = timedelta(days=1, minutes=40)
"""From half past eight to ten past nine: two mornings with all that they bring."""

STEP = timedelta(hours=1)
"""Where nothing happens."""

MINUTES = (
    ("08:31", "08:32", "08:33", "08:36", "08:40", "09:05", "09:10", "09:15"),
    ("12:58", "12:59", "13:05"),
    ("16:58", "16:59"),
)
"""Times between the hours of the first day: the morning, and around the story's outage."""

NEXT_MINUTES = ("08:20", "08:35", "08:36", "09:05", "09:10")
"""Those of the second day."""


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
    monday = datetime.combine(last.date() - timedelta(days=last.weekday()), BEGIN, ZONE)
    return monday if monday <= last else monday - timedelta(weeks=1)


def find_time(begin: datetime, clock: str) -> datetime:
    """When clocks show that on the day's first date."""
    return _combine(begin.astimezone(ZONE).date(), clock)


def moments(begin: datetime) -> tuple[datetime, ...]:
    """To which its time leaps, one after the other: those that are left of the day, if it has begun."""
    first = begin.astimezone(ZONE).date()
    hours = (_combine(first, "00:00") + STEP * n for n in range(2 * 24))
    times = (_combine(first, clock) for clocks in MINUTES for clock in clocks)
    more = (_combine(first + timedelta(days=1), clock) for clock in NEXT_MINUTES)
    ends = _combine(first, BEGIN.isoformat("minutes")) + LENGTH
    return tuple(at for at in sorted({*hours, *times, *more}) if begin < at <= ends)


def _combine(day: date, clock: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), ZONE)
