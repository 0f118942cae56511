"""Cron lines in words: `weekdays at 18:00 (Tokyo)`. Pure.

The words are made from the parsed fields, so that they mean exactly the times at which the line is due. A line of an unusual
shape has no words: a surface shows the line alone.

    fields ─▶ days (daily, weekdays, Mondays, monthly on day 1) + times (at 18:00, every 30 minutes, hourly at :05) ─▶ Phrase
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from itertools import product

from cronsim import CronSim, CronSimError

from adapters.phrase import City, Listing, Phrase

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
