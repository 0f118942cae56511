"""Days as they are typed: `tomorrow`, `friday`, `7d`, `2026-01-31`. The zone of the requester says which day that is."""

import re
from datetime import date, timedelta

from adapters.phrase import Phrase
from commands.values.arguments import BadArgument, shorten_argument
from commands.values.units import make_duration_parser, render_duration

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
