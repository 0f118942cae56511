"""Calendar months in a time zone, day by day. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from adapters.phrase import Phrase
from commands.values.arguments import BadArgument


@dataclass(frozen=True)
class Month:
    """One month in a zone, up to `now`. `first` is its first day. All times are in UTC."""

    first: date
    zone: ZoneInfo
    now: datetime

    @classmethod
    def from_name(cls, name: str, zone: ZoneInfo, now: datetime) -> "Month":
        """Returns the month with a name such as `2026-01`; "" means the last complete one.

        Raises `BadArgument` if the month has not begun.
        """
        this = now.astimezone(zone).date().replace(day=1)
        first = date.fromisoformat(f"{name}-01") if name else (this - timedelta(days=1)).replace(day=1)
        if first > this:
            raise BadArgument(Phrase("{month} has not started. Choose an earlier month", month=name), part=name)
        return cls(first, zone, now)

    @property
    def name(self) -> str:
        """The name, such as `2026-01`, the same in every language."""
        return f"{self.first:%Y-%m}"

    @property
    def begin(self) -> datetime:
        """The first moment of the month."""
        return self._find_midnight(self.first)

    @property
    def end(self) -> datetime:
        """The first moment after the month; for the current month, now."""
        return min(self._after, self.now)

    @property
    def whole(self) -> bool:
        """True if the month is over."""
        return self._after <= self.now

    @property
    def days(self) -> Iterator[tuple[datetime, datetime]]:
        """The days that have begun, each from midnight to midnight; the last day of the current month ends now."""
        day = self.first
        while (begin := self._find_midnight(day)) < self.end:
            day += timedelta(days=1)
            yield begin, min(self._find_midnight(day), self.end)

    @property
    def _after(self) -> datetime:
        return self._find_midnight((self.first + timedelta(days=31)).replace(day=1))

    def _find_midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone).astimezone(UTC)
