"""Durations as they are typed (`30m`, `2h`, `30d`, `1h30m`), sizes and percentages.

Days as they are typed: `tomorrow`, `friday`, `7d`, `2026-01-31`. The zone of the requester says which day that is.
"""

import re
from collections.abc import Callable
from datetime import date, timedelta

from adapters.phrase import Phrase
from commands.values.arguments import BadArgument, shorten_argument

DURATION_UNITS = {"w": timedelta(weeks=1), "d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}
"""Units of durations, the longest first, as they are typed and rendered. Weeks are never rendered."""

_DURATION = re.compile("".join(rf"(?:(\d{{1,4}}){unit})?" for unit in DURATION_UNITS), re.ASCII | re.IGNORECASE)
"""Pattern of a duration, each unit at most once. Four digits keep any sum far below the limit of `timedelta`."""


def parse_duration(text: str) -> timedelta:
    """Parses a duration of at least one minute, in whole minutes. Raises `BadArgument`."""
    typed = "".join(text.split())
    shape = _DURATION.fullmatch(typed)
    counts = zip(shape.groups(), DURATION_UNITS.values(), strict=True) if shape is not None else ()
    span = sum((int(count) * unit for count, unit in counts if count is not None), timedelta())
    if not span:
        phrase = Phrase(
            "{part} is not a duration. Use for example {example}",
            part=shorten_argument(text),
            example="30m, 2h, 1h30m, 7d",
        )
        raise BadArgument(phrase, part=text)
    return span


def render_duration(span: timedelta) -> str:
    """Renders a duration as it can be typed, to the minute: 90 minutes are `1h30m`, two weeks `14d`."""
    minutes = span // DURATION_UNITS["m"]
    counts = {"d": minutes // 1440, "h": minutes // 60 % 24, "m": minutes % 60}
    return "".join(f"{count}{unit}" for unit, count in counts.items() if count) or "0m"


def make_duration_parser(least: timedelta, most: timedelta) -> Callable[[str], timedelta]:
    """Makes a parser of durations from `least` to `most`, both inclusive. It raises `BadArgument` outside of them."""

    def parse(text: str) -> timedelta:
        span = parse_duration(text)
        if not least <= span <= most:
            phrase = Phrase(
                "{part} is out of range. Use {least} to {most}",
                part=shorten_argument(text),
                least=render_duration(least),
                most=render_duration(most),
            )
            raise BadArgument(phrase, part=text)
        return span

    return parse


KB, MB, GB, TB = 2**10, 2**20, 2**30, 2**40


def format_size(number: int) -> Phrase:
    """Formats a number of bytes in the fitting unit, by powers of 1024 as Windows and `df -h` do."""
    if number >= TB:
        return Phrase("{size} TB", size=_round_down(number / TB))
    if number >= GB:
        return Phrase("{size} GB", size=_round_down(number / GB))
    if number >= MB:
        return Phrase("{size} MB", size=_round_down(number / MB))
    if number >= KB:
        return Phrase("{size} KB", size=_round_down(number / KB))
    return Phrase("{size} bytes", size=number)


def _round_down(number: float) -> int | float:
    """Rounds down to one decimal below ten, else to a whole number. Rounding up could show a size above its limit."""
    return int(number) if number >= 10 else int(number * 10) / 10


def compute_percent(used: int, free: int) -> int | None:
    """Computes the used percentage, rounded down; None where the capacity is zero."""
    return used * 100 // (used + free) if used + free > 0 else None


_parse_days = make_duration_parser(timedelta(days=1), timedelta(days=365))

DAY_EXAMPLES = "tomorrow, friday, 7d, 2026-01-31"
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NEAR_DAYS = {"today": 0, "今日": 0, "本日": 0, "tomorrow": 1, "明日": 1}


def parse_day(typed: str) -> str:
    """Parses the day by which something is due. Raises `BadArgument`."""
    said = typed.strip().lower().replace("/", "-")
    if said in _NEAR_DAYS or said in _WEEKDAYS:
        return said
    if re.fullmatch(r"\d+[dw]", said, re.ASCII):
        return render_duration(_parse_days(said))
    try:
        return date.fromisoformat(said).isoformat()
    except ValueError:
        phrase = Phrase("{part} is not a day. Use for example {example}", part=shorten_argument(typed), example=DAY_EXAMPLES)
        raise BadArgument(phrase, part=typed) from None


def find_day(said: str, today: date) -> date:
    """Finds the day that `parse_day` has accepted. A day of the week is the next one after today."""
    if said in _NEAR_DAYS:
        return today + timedelta(days=_NEAR_DAYS[said])
    if said in _WEEKDAYS:
        return today + timedelta(days=(_WEEKDAYS.index(said) - today.weekday() - 1) % 7 + 1)
    return today + _parse_days(said) if said.endswith("d") else date.fromisoformat(said)
