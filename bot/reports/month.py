"""Calendar months in a time zone, day by day."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from adapters.phrase import Phrase
from commands.values.arguments import BadArgument


@dataclass(frozen=True)
class Month:
    """One month of a zone, as far as it has passed at `now`; `first` is its first day. All times are in UTC."""

    first: date
    zone: ZoneInfo
    now: datetime

    @classmethod
    def of(cls, name: str, zone: ZoneInfo, now: datetime) -> "Month":
        """The month of that name, such as `2026-01`; for "" the last whole one. `BadArgument` where it has not begun."""
        this = now.astimezone(zone).date().replace(day=1)
        first = date.fromisoformat(f"{name}-01") if name else (this - timedelta(days=1)).replace(day=1)
        if first > this:
            raise BadArgument(Phrase("{month} has not begun; name an earlier month", month=name), part=name)
        return cls(first, zone, now)

    @property
    def name(self) -> str:
        """As `2026-01`: the same in every language."""
        return f"{self.first:%Y-%m}"

    @property
    def begin(self) -> datetime:
        return self._midnight(self.first)

    @property
    def end(self) -> datetime:
        """The first moment after it; of this month, now."""
        return min(self._after, self.now)

    @property
    def whole(self) -> bool:
        """Whether all of it has passed."""
        return self._after <= self.now

    @property
    def days(self) -> Iterator[tuple[datetime, datetime]]:
        """Its days that have begun, each from its midnight to the next; the last one of this month ends now."""
        day = self.first
        while (begin := self._midnight(day)) < self.end:
            day += timedelta(days=1)
            yield begin, min(self._midnight(day), self.end)

    @property
    def _after(self) -> datetime:
        return self._midnight((self.first + timedelta(days=31)).replace(day=1))

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone).astimezone(UTC)
