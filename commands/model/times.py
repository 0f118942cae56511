"""Points in time as they are typed. Pure.

text ─ parse ─▶ TimePoint: a duration (`30m`), a clock time (`14:20`), `yesterday`, a full time (`2026-11-25T14:20+09:00`)
       └ resolve_clock_times, by a zone ─▶ the same without clock times and days ─ resolve_interval ─▶ two instants

A day begins, and a clock time is defined, in a zone only; a clock time only if clocks showed it once. They are placed first,
so that the rendered request means the same to every reader in any zone.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Literal, TypeVar

from adapters.phrase import Listing, Moment, Phrase
from commands.model.operation import Operation
from commands.values.arguments import BadArgument, Option, shorten_argument
from commands.values.units import make_duration_parser, render_duration

TIME_EXAMPLES = Listing(("30m", "2h", "7d", "14:20", "yesterday", "2026-01-31T14:20"))

RECENT_CLOCK_PERIOD = timedelta(hours=12)
"""Time for which a clock time of an event needs no day. One that is longer ago was rather meant for later today."""

_MIN_SPAN = timedelta(minutes=1)
_ONE_DAY = timedelta(days=1)
_CLOCK_TIME = re.compile(
    r"(?:(20\d\d[-/]\d\d[-/]\d\d)[T ]+)?(\d\d?:\d\d(?::\d\d(?:[.,]\d{1,6})?)?) *(Z|[+-]\d\d:?\d\d)?", re.ASCII
)
"""A clock time, as logs write it: a day, a time and an offset, of which only the time is required."""
_SPAN = re.compile(r"[\dWDHM\s]+", re.ASCII)

_Operation = TypeVar("_Operation", bound=Operation)


@dataclass(frozen=True)
class ClockTime:
    """A time shown by clocks in some zone: on that day, or without a day the last such time."""

    day: date | None
    time: time

    def __str__(self) -> str:
        return _format_time(self.time) if self.day is None else f"{self.day.isoformat()}T{_format_time(self.time)}"

    def find_last(self, zone: tzinfo, now: datetime) -> datetime:
        """Finds the time on its day, else the last time that clocks in the zone showed it.

        Raises `BadArgument` if they showed it twice on that day, or not at all.
        """
        today = now.astimezone(zone).date()
        return self._place_on_day(self.day or (today if self._has_passed(now, zone) else today - _ONE_DAY), zone, now)

    def find_first(self, zone: tzinfo, begin: datetime, now: datetime) -> datetime:
        """Finds the time on its day, else the first time after `begin` that clocks in the zone show it.

        Raises `BadArgument` as `find_last` does.
        """
        today = begin.astimezone(zone).date()
        return self._place_on_day(self.day or (today + _ONE_DAY if self._has_passed(begin, zone) else today), zone, now)

    def _has_passed(self, at: datetime, zone: tzinfo) -> bool:
        """Returns whether clocks have shown or skipped the time by then on that day."""
        here = at.astimezone(zone)
        early, late = self._find_both_folds(here.date(), zone)
        return here.time() >= self.time if late < early else early <= at

    def _place_on_day(self, day: date, zone: tzinfo, now: datetime) -> datetime:
        early, late = self._find_both_folds(day, zone)
        if early == late or early <= now < late:
            return early
        told = {"time": _format_time(self.time), "day": day.isoformat()}
        if late < early:
            phrase = Phrase("{time} did not exist on {day} (clocks were set forward). Use another time", **told)
            raise BadArgument(phrase, part=str(self))
        phrase = Phrase(
            "{time} occurred twice on {day} (clocks were set back). Specify {early} or {late}",
            **told,
            early=render_time(early),
            late=render_time(late),
        )
        raise BadArgument(phrase, part=str(self), nearest=(render_time(early), render_time(late)))

    def _find_both_folds(self, day: date, zone: tzinfo) -> tuple[datetime, datetime]:
        """Returns the time with the UTC offsets before and after a clock change (PEP 495).

        Both are equal without a change, in order where clocks were set back, in reverse where they were set forward.
        """
        local = datetime.combine(day, self.time, zone)
        early, late = (_fix_offset(local.replace(fold=fold)) for fold in (0, 1))
        return early, late


@dataclass(frozen=True)
class DayStart:
    """The begin of today or of yesterday in some zone."""

    days_ago: Literal[0, 1]

    def __str__(self) -> str:
        return ("today", "yesterday")[self.days_ago]

    def find(self, zone: tzinfo, now: datetime) -> datetime:
        """Finds the first instant of the day, also where clocks skip its midnight or show it twice."""
        day = now.astimezone(zone).date() - self.days_ago * _ONE_DAY
        return _fix_offset(datetime.combine(day, time(), zone))


_DAYS = {
    **dict.fromkeys(("TODAY", "今日", "本日", "きょう"), DayStart(0)),
    **dict.fromkeys(("YESTERDAY", "昨日", "きのう"), DayStart(1)),
}

TimePoint = timedelta | datetime | ClockTime | DayStart
"""A point in time as typed. A `timedelta` counts back from now. Times are aware."""


def make_time_option(most: timedelta) -> Option:
    """Makes an option for a point in time. `most` is the maximum of a duration."""
    meaning = Phrase("age or time: {examples}", examples=TIME_EXAMPLES)
    return Option("time", meaning, _make_parser(most), render_time)


def _make_parser(most: timedelta) -> Callable[[str], TimePoint]:
    span = make_duration_parser(_MIN_SPAN, most)

    def parse(text: str) -> TimePoint:
        typed = text.strip().upper()
        if typed in _DAYS:
            return _DAYS[typed]
        clock = _CLOCK_TIME.fullmatch(typed)
        if clock is not None:
            return _parse_clock_time(clock, text)
        if _SPAN.fullmatch(typed):
            return span(text)
        raise _make_time_error(text)

    return parse


def _parse_clock_time(clock: re.Match[str], text: str) -> TimePoint:
    day, hours, offset = clock.groups()
    try:
        on_a_clock = time.fromisoformat(re.sub(r"^(?=\d:)", "0", hours))
        said = ClockTime(None if day is None else date.fromisoformat(day.replace("/", "-")), on_a_clock)
        return said if offset is None else _fix_offset(datetime.fromisoformat(f"{said}{offset}"))
    except ValueError:
        raise _make_time_error(text) from None


def _make_time_error(text: str) -> BadArgument:
    phrase = Phrase("{part} is not a time. Use for example {example}", part=shorten_argument(text), example=TIME_EXAMPLES)
    return BadArgument(phrase, part=text)


def _fix_offset(at: datetime) -> datetime:
    """Replaces a time's zone by its fixed offset. Zones compare times oddly around clock changes (PEP 495)."""
    return at.astimezone(timezone(at.utcoffset() or timedelta()))


def render_time(when: TimePoint) -> str:
    """Renders a point in time as it can be typed."""
    match when:
        case timedelta():
            return render_duration(when)
        case datetime():
            return f"{when.date().isoformat()}T{_format_time(when.timetz())}"
        case _:
            return str(when)


def _format_time(at: time) -> str:
    return at.isoformat("auto" if at.second or at.microsecond else "minutes")


def resolve_clock_times(operation: _Operation, zone: tzinfo, now: datetime) -> _Operation:
    """Replaces clock times and days in `since`, `until` and `at` by times in a zone. Raises `BadArgument` if that is
    impossible.

    Without a day, `until` is the first such time after `since`, and `at` lies in the last hours.
    """
    since, until, at = (getattr(operation, name, None) for name in ("since", "until", "at"))
    times: dict[str, datetime] = {}
    if isinstance(at, ClockTime):
        times["at"] = _find_recent(at, zone, now)
    if isinstance(at, DayStart):
        times["at"] = at.find(zone, now)
    if isinstance(since, ClockTime):
        since = times["since"] = since.find_last(zone, now)
    if isinstance(since, DayStart):
        since = times["since"] = since.find(zone, now)
    if isinstance(until, DayStart):
        times["until"] = until.find(zone, now)
    if isinstance(until, ClockTime):
        begin = now - since if isinstance(since, timedelta) else since
        times["until"] = until.find_last(zone, now) if begin is None else until.find_first(zone, begin, now)
    return operation.model_copy(update=times) if times else operation


def _find_recent(clock: ClockTime, zone: tzinfo, now: datetime) -> datetime:
    """Finds the last time that clocks showed it, which without a day may not be longer ago than `RECENT_CLOCK_PERIOD`."""
    at = clock.find_last(zone, now)
    if clock.day is None and now - at > RECENT_CLOCK_PERIOD:
        phrase = Phrase(
            "{part} is in the future (now: {now}). For one on an earlier day, add the day: {example}",
            part=str(clock),
            now=Moment(now),
            example=render_time(at),
        )
        raise BadArgument(phrase, part=str(clock), nearest=(render_time(at),))
    return at


def resolve_interval(
    since: TimePoint | None, until: TimePoint | None, now: datetime, most: timedelta
) -> tuple[datetime | None, datetime | None]:
    """Resolves both points in time to UTC.

    Raises `BadArgument` if one is in the future or longer ago than `most`, or if the interval ends before it begins.
    """
    begin = None if since is None else resolve_instant(since, now, most)
    end = None if until is None else resolve_instant(until, now, most)
    if since is not None and begin is not None and end is not None and end <= begin:
        phrase = Phrase("{option} must be before {other}", option="--since", other="--until")
        raise BadArgument(phrase, part=render_time(since))
    return begin, end


def resolve_instant(when: TimePoint, now: datetime, most: timedelta) -> datetime:
    """Resolves a point in time to UTC. Raises `BadArgument` if it is in the future or longer ago than `most`."""
    if isinstance(when, timedelta):
        return now - when
    assert isinstance(when, datetime), "a time on a clock is placed before"
    if when > now:
        phrase = Phrase("{part} is in the future (now: {now})", part=render_time(when), now=Moment(now))
        raise BadArgument(phrase, part=render_time(when))
    if now - when > most:
        phrase = Phrase(
            "{part} is too far in the past. Use a time within the last {most}",
            part=render_time(when),
            most=render_duration(most),
        )
        raise BadArgument(phrase, part=render_time(when))
    return when.astimezone(UTC)
