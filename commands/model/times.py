"""Points in time as they are typed. Pure.

text ─ parse ─▶ TimePoint: a duration (`30m`), a clock time (`14:20`), a full time (`2026-11-25T14:20+09:00`)
       └ place_times, by a zone ─▶ the same without clock times ─ resolve_interval ─▶ two instants

A clock time is defined in a zone only, and only if clocks showed it once. It is placed first, so that the rendered request
means the same to every reader in any zone.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import TypeVar

from adapters.phrase import Listing, Moment, Phrase
from commands.model.operation import Operation
from commands.values.arguments import BadArgument, Option, shown
from commands.values.units import duration_between, render_duration

EXAMPLES = Listing(("30m", "2h", "7d", "14:20", "2026-01-31T14:20"))

_LEAST = timedelta(minutes=1)
_DAY = timedelta(days=1)
_ON_A_CLOCK = re.compile(
    r"(?:(20\d\d[-/]\d\d[-/]\d\d)[T ]+)?(\d\d?:\d\d(?::\d\d(?:[.,]\d{1,6})?)?) *(Z|[+-]\d\d:?\d\d)?", re.ASCII
)
"""A clock time, as logs write it: a day, a time and an offset, of which only the time is required."""
_LIKE_A_SPAN = re.compile(r"[\dWDHM\s]+", re.ASCII)

_Operation = TypeVar("_Operation", bound=Operation)


@dataclass(frozen=True)
class ClockTime:
    """A time shown by clocks in some zone: on that day, or without a day the last such time."""

    day: date | None
    time: time

    def __str__(self) -> str:
        return _written(self.time) if self.day is None else f"{self.day.isoformat()}T{_written(self.time)}"

    def last(self, zone: tzinfo, now: datetime) -> datetime:
        """Finds the time on its day, else the last time that clocks in the zone showed it.

        Raises `BadArgument` if they showed it twice on that day, or not at all.
        """
        today = now.astimezone(zone).date()
        return self._on(self.day or (today if self._passed(now, zone) else today - _DAY), zone, now)

    def first(self, zone: tzinfo, begin: datetime, now: datetime) -> datetime:
        """Finds the time on its day, else the first time after `begin` that clocks in the zone show it.

        Raises `BadArgument` as `find_last` does.
        """
        today = begin.astimezone(zone).date()
        return self._on(self.day or (today + _DAY if self._passed(begin, zone) else today), zone, now)

    def _passed(self, at: datetime, zone: tzinfo) -> bool:
        """Returns whether clocks have shown or skipped the time by then on that day."""
        here = at.astimezone(zone)
        early, late = self._both(here.date(), zone)
        return here.time() >= self.time if late < early else early <= at

    def _on(self, day: date, zone: tzinfo, now: datetime) -> datetime:
        early, late = self._both(day, zone)
        if early == late or early <= now < late:
            return early
        told = {"time": _written(self.time), "day": day.isoformat()}
        if late < early:
            phrase = Phrase("clocks never showed {time} on {day}: they were set forward; give another time", **told)
            raise BadArgument(phrase, part=str(self))
        phrase = Phrase(
            "clocks showed {time} twice on {day}: they were set back; say which: {early} or {late}",
            **told,
            early=render_when(early),
            late=render_when(late),
        )
        raise BadArgument(phrase, part=str(self), nearest=(render_when(early), render_when(late)))

    def _both(self, day: date, zone: tzinfo) -> tuple[datetime, datetime]:
        """Returns the time with the UTC offsets before and after a clock change (PEP 495).

        Both are equal without a change, in order where clocks were set back, in reverse where they were set forward.
        """
        local = datetime.combine(day, self.time, zone)
        early, late = (_fixed(local.replace(fold=fold)) for fold in (0, 1))
        return early, late


When = timedelta | datetime | ClockTime
"""A point in time as typed. A `timedelta` counts back from now. Times are aware."""


def when_option(most: timedelta) -> Option:
    """Makes an option for a point in time. `most` is the maximum of a duration."""
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
        on_a_clock = time.fromisoformat(re.sub(r"^(?=\d:)", "0", hours))
        said = ClockTime(None if day is None else date.fromisoformat(day.replace("/", "-")), on_a_clock)
        return said if offset is None else _fixed(datetime.fromisoformat(f"{said}{offset}"))
    except ValueError:
        raise _no_time(text) from None


def _no_time(text: str) -> BadArgument:
    phrase = Phrase("{part} is no time; write for example {example}", part=shown(text), example=EXAMPLES)
    return BadArgument(phrase, part=text)


def _fixed(at: datetime) -> datetime:
    """Replaces a time's zone by its fixed offset. Zones compare times oddly around clock changes (PEP 495)."""
    return at.astimezone(timezone(at.utcoffset() or timedelta()))


def render_when(when: When) -> str:
    """Renders a point in time as it can be typed."""
    match when:
        case timedelta():
            return render_duration(when)
        case datetime():
            return f"{when.date().isoformat()}T{_written(when.timetz())}"
        case _:
            return str(when)


def _written(at: time) -> str:
    return at.isoformat("auto" if at.second or at.microsecond else "minutes")


def placed(operation: _Operation, zone: tzinfo, now: datetime) -> _Operation:
    """Replaces clock times in `since` and `until` by times in a zone. Raises `BadArgument` if that is impossible.

    Without a day, `until` is the first such time after `since`.
    """
    since, until = (getattr(operation, name, None) for name in ("since", "until"))
    times: dict[str, datetime] = {}
    if isinstance(since, ClockTime):
        since = times["since"] = since.last(zone, now)
    if isinstance(until, ClockTime):
        begin = now - since if isinstance(since, timedelta) else since
        times["until"] = until.last(zone, now) if begin is None else until.first(zone, begin, now)
    return operation.model_copy(update=times) if times else operation


def between(
    since: When | None, until: When | None, now: datetime, most: timedelta
) -> tuple[datetime | None, datetime | None]:
    """Resolves both points in time to UTC.

    Raises `BadArgument` if one is in the future or longer ago than `most`, or if the interval ends before it begins.
    """
    begin = None if since is None else instant(since, now, most)
    end = None if until is None else instant(until, now, most)
    if since is not None and begin is not None and end is not None and end <= begin:
        phrase = Phrase("{option} must be longer ago than {other}", option="--since", other="--until")
        raise BadArgument(phrase, part=render_when(since))
    return begin, end


def instant(when: When, now: datetime, most: timedelta) -> datetime:
    """Resolves a point in time to UTC. Raises `BadArgument` if it is in the future or longer ago than `most`."""
    if isinstance(when, timedelta):
        return now - when
    assert isinstance(when, datetime), "a time on a clock is placed before"
    if when > now:
        phrase = Phrase("{part} is yet to come: it is {now}", part=render_when(when), now=Moment(now))
        raise BadArgument(phrase, part=render_when(when))
    if now - when > most:
        phrase = Phrase(
            "{part} is too long ago; give a time of the last {most}", part=render_when(when), most=render_duration(most)
        )
        raise BadArgument(phrase, part=render_when(when))
    return when.astimezone(UTC)
