"""Cron lines: five fields in a time zone, and their due times.

Across a daylight-saving change, times are those of Debian's cron (by `cronsim`):

| line | the skipped hour | the repeated hour |
| --- | --- | --- |
| a fixed time (`30 2 * * *`) | once, right after the change | once, the first time |
| an interval (`*/30 * * * *`, `15 * * * *`) | not at all: that time does not exist | both times |

A daily line therefore runs exactly once a day. Times are computed from the line, the zone and a point in time. The module
keeps no state.

Cron lines in words: `weekdays at 18:00 (Tokyo)`. Pure.

The words are made from the parsed fields, so that they mean exactly the times at which the line is due. A line of an unusual
shape has no words: a surface shows the line alone.

    fields ─▶ days (daily, weekdays, Mondays, monthly on day 1) + times (at 18:00, every 30 minutes, hourly at :05) ─▶ Phrase
"""

import re
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, dropwhile, islice, pairwise, product, takewhile
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from adapters.phrase import City, Listing, Phrase
from commands.values.arguments import BadArgument, find_nearest, shorten_argument

CRON_EXAMPLE = "0 9 * * 1-5"
"""Weekdays at nine."""

FIELD_COUNT = 5
"""Number of fields: minute, hour, day, month, weekday. Seconds are not supported: runs read hosts and post to people."""

MAX_LINE_LENGTH = 100
"""Maximum characters of a line. Every minute of an hour written out is longer, and should be `*`."""

MIN_INTERVAL = timedelta(minutes=5)
"""Minimum time between two runs. Reading a fleet takes seconds, and people read the channel."""

_CHECKED_SPAN = timedelta(hours=25)
"""Time after a line's first run in which `MIN_INTERVAL` is checked. All days with runs have the same times."""

_CLOCK_CHANGE_MARGIN = timedelta(hours=3)
"""Time before a point at which the forward search starts. No clock change is longer."""

_MAX_STARTS = 4
"""Maximum start times tried by `find_last_due`."""

_REFERENCE_TIME = datetime(2026, 1, 1, tzinfo=UTC)
"""Start of the checked span. Any day works; a fixed one always gives the same answer."""


def parse_cron(text: str) -> str:
    """Parses a cron line into single-spaced fields. Raises `BadArgument` if it is invalid, never due or due too often."""
    line = " ".join(text.split())
    if len(line) > MAX_LINE_LENGTH or len(line.split()) != FIELD_COUNT:
        raise _make_cron_error(line, Phrase("five fields are required: minute, hour, day, month, weekday"))
    try:
        times = _iterate_times(line, ZoneInfo("UTC"), _REFERENCE_TIME)
    except CronSimError as error:
        raise _make_cron_error(line, _describe_field_error(str(error))) from error
    first = next(times, None)
    if first is None:
        raise _make_cron_error(line, Phrase("no such date"))
    day = takewhile(lambda at: at < first + _CHECKED_SPAN, chain((first,), times))
    if any(later - earlier < MIN_INTERVAL for earlier, later in pairwise(day)):
        raise _make_cron_error(
            line, Phrase("it runs more often than every {n} minutes", n=MIN_INTERVAL // timedelta(minutes=1))
        )
    return line


def parse_zone(text: str) -> str:
    """Parses the name of a time zone in any case. Raises `BadArgument` if there is no such zone."""
    names = {name.lower(): name for name in available_timezones()}
    if (name := names.get(text.strip().lower())) is not None:
        return name
    phrase = Phrase(
        "{part} is not a time zone. Use for example {example}", part=shorten_argument(text), example="Asia/Tokyo"
    )
    raise BadArgument(phrase, part=text, nearest=tuple(names[near] for near in find_nearest(text, names)))


def is_valid(line: str, zone: str) -> bool:
    """Returns whether a stored line and zone are still valid on this machine and in this version."""
    try:
        CronSim(line, _REFERENCE_TIME.astimezone(ZoneInfo(zone)))
    except (CronSimError, KeyError, ValueError, OSError):
        return False
    return True


def find_last_due(line: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    """Finds the last due time up to now, in UTC; None if there is none.

    Searching backwards, cronsim skips or invents times around clock changes. Its result is used as a start only.
    """
    for start in islice(CronSim(line, (now + timedelta(seconds=1)).astimezone(zone), reverse=True), _MAX_STARTS):
        begin = start.astimezone(UTC) - _CLOCK_CHANGE_MARGIN
        if come := deque(takewhile(lambda at: at <= now, _iterate_times(line, zone, begin)), maxlen=1):
            return come[0]
    return None


def find_next_due(line: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    """Finds the next due time after now, in UTC; None if there is none."""
    return next(_iterate_times(line, zone, now), None)


def count_due_times(line: str, zone: ZoneInfo, after: datetime, before: datetime, most: int) -> int:
    """Counts the due times between two points in time, both exclusive, up to `most`."""
    found = 0
    for at in _iterate_times(line, zone, after):
        if at >= before or found == most:
            break
        found += 1
    return found


def _iterate_times(line: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Iterates over the due times after `after`, in UTC.

    The search starts earlier: started within a repeated hour, cronsim finds times of its first pass.
    """
    begin = (after - _CLOCK_CHANGE_MARGIN).astimezone(zone)
    return dropwhile(lambda at: at <= after, (at.astimezone(UTC) for at in CronSim(line, begin)))


def _describe_field_error(said: str) -> Phrase:
    """Translates an error message of cronsim."""
    names = {
        "minute": Phrase("minute must be 0–59"),
        "hour": Phrase("hour must be 0–23"),
        "day-of-month": Phrase("day must be 1–31 and exist in that month"),
        "month": Phrase("month must be 1–12"),
        "day-of-week": Phrase("weekday must be 0–7 (0 and 7 are Sunday)"),
    }
    named = re.fullmatch(r"Bad (\S+)", said)
    return names.get(named[1] if named else "", Phrase("could not parse it"))


def _make_cron_error(line: str, why: Phrase) -> BadArgument:
    phrase = Phrase(
        "{part} is not a valid cron expression: {why}. Use for example {example}",
        part=shorten_argument(line),
        why=why,
        example=CRON_EXAMPLE,
    )
    return BadArgument(phrase, part=line)


_WEEKDAYS = (
    Phrase("Sundays"),
    Phrase("Mondays"),
    Phrase("Tuesdays"),
    Phrase("Wednesdays"),
    Phrase("Thursdays"),
    Phrase("Fridays"),
    Phrase("Saturdays"),
)
"""Days of the week, in the order of cron."""

_DAILY = Phrase("daily")
_MAX_NAMED = 4
"""Maximum clock times, minutes, days of a month that are listed."""
_MIN_HOURS = 5
"""Minimum hours that are called an interval. Fewer are listed."""
_HOURS, _MINUTES, _DAYS, _MONTHS = 24, 60, 31, 12
_ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)


def describe_cron(line: str, zone: str) -> Phrase | None:
    """Describes a line in a time zone; None if it has no words, or is invalid."""
    try:
        fields = CronSim(line, _ANY_TIME)
    except CronSimError:
        return None
    days, times = _describe_days(fields), _describe_times(sorted(fields.hours), sorted(fields.minutes))
    if days is None or times is None or len(fields.months) < _MONTHS:
        return None
    clock, phrase = times
    if clock:
        phrase = Phrase("{days} at {times}", days=days, times=phrase)
    elif days != _DAILY:
        phrase = Phrase("{days}, {times}", days=days, times=phrase)
    return Phrase("{words} ({zone})", words=phrase, zone=City(zone))


def _describe_days(fields: CronSim) -> Phrase | None:
    """Describes the days. Both fields must match if one of them begins with a star, else one of them (Debian's cron)."""
    names = {item if isinstance(item, tuple) else item % len(_WEEKDAYS) for item in fields.weekdays}
    any_day, any_weekday = len(fields.days) == _DAYS, names == set(range(len(_WEEKDAYS)))
    if (any_day and any_weekday) or (not fields.day_and and (any_day or any_weekday)):
        return _DAILY
    if not fields.day_and or not (any_day or any_weekday):
        return None
    return _describe_weekdays(names) if any_day else _describe_month_days(fields.days)


def _describe_weekdays(names: Collection[int | tuple[int, int]]) -> Phrase | None:
    numbers = sorted(name for name in names if isinstance(name, int))
    if len(numbers) < len(names):
        return None  # such as the first Monday of a month
    if numbers == [1, 2, 3, 4, 5]:
        return Phrase("weekdays")
    if numbers == [0, 6]:
        return Phrase("weekends")
    from_monday = sorted(numbers, key=lambda number: (number - 1) % len(_WEEKDAYS))
    return Phrase("{weekdays}", weekdays=Listing(tuple(_WEEKDAYS[number] for number in from_monday)))


def _describe_month_days(days: Collection[int]) -> Phrase | None:
    if set(days) == {CronSim.LAST}:
        return Phrase("monthly on the last day")
    if min(days) < 1 or len(days) > _MAX_NAMED:
        return None
    return Phrase("monthly on day {days}", days=Listing(tuple(sorted(days))))


def _describe_times(hours: Sequence[int], minutes: Sequence[int]) -> tuple[bool, Phrase] | None:
    """Describes the times of a day; None without words. True: a list of clock times, else an interval."""
    if len(hours) * len(minutes) <= _MAX_NAMED:
        return True, Phrase("{times}", times=Listing(tuple(_format_clock(*at) for at in product(hours, minutes))))
    interval = _find_step(minutes, _MINUTES)
    if len(hours) == _HOURS:
        phrase = _describe_hourly(minutes, interval)
    elif _is_in_a_row(hours) and interval and minutes[0] == 0:
        phrase = _describe_range(Phrase("every {n} minutes", n=interval), hours, minutes)
    elif _is_in_a_row(hours) and len(minutes) == 1:
        phrase = _describe_range(Phrase("hourly"), hours, minutes)
    else:
        phrase = _describe_every_hours(hours, minutes)
    return None if phrase is None else (False, phrase)


def _describe_hourly(minutes: Sequence[int], interval: int | None) -> Phrase | None:
    if interval and minutes[0] == 0:
        return Phrase("every {n} minutes", n=interval)
    if minutes == [0]:
        return Phrase("every hour")
    if len(minutes) > _MAX_NAMED:
        return None
    return Phrase("hourly at {minutes}", minutes=Listing(tuple(f":{minute:02}" for minute in minutes)))


def _describe_range(interval: Phrase, hours: Sequence[int], minutes: Sequence[int]) -> Phrase:
    first, last = _format_clock(hours[0], minutes[0]), _format_clock(hours[-1], minutes[-1])
    return Phrase("{interval} from {first} to {last}", interval=interval, first=first, last=last)


def _describe_every_hours(hours: Sequence[int], minutes: Sequence[int]) -> Phrase | None:
    step = _find_step(hours, _HOURS)
    if step is None or len(hours) < _MIN_HOURS or len(minutes) > 1:
        return None
    return Phrase("every {n} hours from {first}", n=step, first=_format_clock(hours[0], minutes[0]))


def _find_step(values: Sequence[int], whole: int) -> int | None:
    """Finds the step of values that go round evenly, such as minutes 5, 35; None if there is none."""
    step, rest = divmod(whole, len(values))
    even = not rest and len(values) > 1 and list(values) == list(range(values[0], whole, step))
    return step if even else None


def _is_in_a_row(hours: Sequence[int]) -> bool:
    return list(hours) == list(range(hours[0], hours[-1] + 1))


def _format_clock(hour: int, minute: int) -> str:
    return f"{hour:02}:{minute:02}"
