"""Points in time as people type them. Pure.

typed ─ parse ─▶ When: a span (`30m`), a time on a clock (`14:20`), a whole time (`2026-11-25T14:20+09:00`)
        └ placed in a zone ─▶ the same without times on a clock ─ instant ─▶ datetime

A time on a clock means something in a zone only, and only where clocks showed it once. It is placed before anything rests on
it, so that what was understood says what is meant, to whoever reads it wherever.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import TypeVar

from adapters.phrase import Listing, Moment, Phrase
from commands.arguments import BadArgument, Option, shown
from commands.durations import duration_between, render_duration
from commands.operation import Operation

EXAMPLES = Listing(("30m", "2h", "7d", "14:20", "2026-01-31T14:20"))

_LEAST = timedelta(minutes=1)
_ON_A_CLOCK = re.compile(r"(?:(20\d\d-\d\d-\d\d)[T ]+)?(\d\d?:\d\d(?::\d\d)?) *(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_LIKE_A_SPAN = re.compile(r"[\dWDHM\s]+", re.ASCII)

_Operation = TypeVar("_Operation", bound=Operation)


@dataclass(frozen=True)
class ClockTime:
    """What clocks showed in some zone: on that day, or without one the last time that they did."""

    day: date | None
    time: time

    def __str__(self) -> str:
        shown = self.time.isoformat("seconds" if self.time.second else "minutes")
        return shown if self.day is None else f"{self.day.isoformat()}T{shown}"

    def place(self, zone: tzinfo, now: datetime) -> datetime:
        """That time; `BadArgument` where clocks in the zone showed it twice, or never."""
        today = now.astimezone(zone).date()
        first, second = self._both(self.day or today, zone)
        if self.day is None and min(first, second) > now:
            first, second = self._both(today - timedelta(days=1), zone)
        if first.utcoffset() == second.utcoffset():
            return first
        if second < first:  # the fold of a gap is the other way round (PEP 495)
            phrase = Phrase("clocks never showed {part} that day: they were set forward; give another time", part=str(self))
            raise BadArgument(phrase, part=str(self))
        phrase = Phrase(
            "clocks showed {part} twice that day: they were set back; say which: {first} or {second}",
            part=str(self),
            first=render_when(first),
            second=render_when(second),
        )
        raise BadArgument(phrase, part=str(self), nearest=(render_when(first), render_when(second)))

    def _both(self, day: date, zone: tzinfo) -> tuple[datetime, datetime]:
        """Before and after a change of the clocks, with their distance from UTC instead of the zone; else the same twice."""
        local = datetime.combine(day, self.time, zone)
        first, second = (_fixed(local.replace(fold=fold)) for fold in (0, 1))
        return first, second


When = timedelta | datetime | ClockTime
"""`timedelta`: so long ago. Times are aware."""


def when_option(most: timedelta) -> Option:
    """An option that takes a point in time, as a span of at most `most`."""
    meaning = Phrase("how long ago, or when: {examples}", examples=EXAMPLES)
    return Option("time", meaning, _parser(most), render_when)


def _parser(most: timedelta) -> Callable[[str], When]:
    span = duration_between(_LEAST, most)

    def parse(text: str) -> When:
        typed = text.strip().upper()
        clock = _ON_A_CLOCK.fullmatch(typed)
        if clock is not None:
            return _read(clock, text)
        if _LIKE_A_SPAN.fullmatch(typed):
            return span(text)
        raise _no_time(text)

    return parse


def _read(clock: re.Match[str], text: str) -> When:
    day, hours, offset = clock.groups()
    try:
        said = ClockTime(
            None if day is None else date.fromisoformat(day), time.fromisoformat(re.sub(r"^(?=\d:)", "0", hours))
        )
        if offset is None:
            return said
        return _fixed(datetime.fromisoformat(f"{said}{offset}"))
    except ValueError:
        raise _no_time(text) from None


def _no_time(text: str) -> BadArgument:
    return BadArgument(
        Phrase("{part} is no time; write for example {example}", part=shown(text), example=EXAMPLES), part=text
    )


def _fixed(at: datetime) -> datetime:
    """The same time, as far from UTC as it is: zones compare their times oddly where clocks are changed (PEP 495)."""
    return at.astimezone(timezone(at.utcoffset() or timedelta()))


def render_when(when: When) -> str:
    """As it can be typed."""
    match when:
        case timedelta():
            return render_duration(when)
        case datetime():
            return when.isoformat(timespec="seconds" if when.second else "minutes")
        case _:
            return str(when)


def placed(operation: _Operation, zone: tzinfo, now: datetime) -> _Operation:
    """With all its times on a clock placed in a zone; `BadArgument` for one that clocks there showed twice or never."""
    values = {name: getattr(operation, name) for name in type(operation).model_fields}
    times = {name: value.place(zone, now) for name, value in values.items() if isinstance(value, ClockTime)}
    return operation.model_copy(update=times) if times else operation


def instant(when: When, now: datetime, most: timedelta) -> datetime:
    """The point in time that is meant, in UTC; `BadArgument` where it is yet to come, or longer ago than `most`."""
    if isinstance(when, timedelta):
        return now - when
    assert isinstance(when, datetime), "a time on a clock is placed before"
    if when > now:
        phrase = Phrase("{part} is yet to come: it is {now}", part=render_when(when), now=Moment(now))
        raise BadArgument(phrase, part=render_when(when))
    if now - when > most:
        phrase = Phrase("{part} is longer ago than {most}", part=render_when(when), most=render_duration(most))
        raise BadArgument(phrase, part=render_when(when))
    return when.astimezone(UTC)
