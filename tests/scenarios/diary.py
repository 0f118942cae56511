"""A diary of days in a town: what happened, and all that several people got to read, to be compared as a whole."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from tests.scenarios.by_the_clock import World

NIGHT = time(23, 0)
"""When a day is over in the diary: nothing runs until midnight."""


@dataclass
class Diary:
    """Written while the days go by, the first of them being the one on which it is begun.

    A line with a time is what happened then; the others are messages, each where it stands, and what it says.
    """

    world: World
    _lines: list[str] = field(default_factory=list)
    _first: date = field(init=False)
    _written: date | None = None

    def __post_init__(self) -> None:
        self._first = self.world.now.date()

    async def on(self, day: int, clock: str, what: str = "") -> None:
        """Live until a time on that day, and write down what happens then."""
        until = self._at(self._first + timedelta(days=day - 1), time.fromisoformat(clock))
        while (today := self.world.now.date()) < until.date():
            await self._live(self._at(today, NIGHT))
            await self.world.until(self._at(today + timedelta(days=1), time()))
        await self._live(until)
        if what:
            self.note(what)

    async def calmly_on(self, day: int, clock: str, what: str = "") -> None:
        """As `on`, but the last minute is lived step by step: until then all is said that the leaps before have brought."""
        before = datetime.combine(self._first, time.fromisoformat(clock)) - timedelta(minutes=1)
        await self.on(day, f"{before:%H:%M}")
        await self.minutes(1)
        if what:
            self.note(what)

    async def minutes(self, count: int) -> None:
        """Live so many minutes one by one, as the watch does."""
        for _ in range(count):
            await self.world.minute()
            self._write()

    def note(self, what: str) -> None:
        """Write down what happens now."""
        self._lines.append(f"  {self.world.now:%H:%M} {what}")

    def page(self) -> str:
        """What is written."""
        return "\n".join(self._lines) + "\n"

    async def _live(self, until: datetime) -> None:
        await self.world.until(until)
        self._write()

    def _write(self) -> None:
        today = self.world.now
        if self._written != today.date():
            self._lines += [""] * bool(self._lines) + [f"{today:%A} {today.day} {today:%B}"]
            self._written = today.date()
        # Slack gets messages to several places at once; only those of one place have an order
        news = sorted(self.world.news(), key=lambda message: not message.startswith("#"))
        self._lines += ["  " + message.replace("\n", "\n      ") for message in news]

    def _at(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, self.world.zone)
