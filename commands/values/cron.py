"""Cron lines: five fields in a time zone, and the times that they mean.

Where a zone changes its clocks, times are those of Debian's cron (by `cronsim`):

| line | the hour that is left out | the hour that comes twice |
| --- | --- | --- |
| a fixed time (`30 2 * * *`) | once, right after the change | once, the first time |
| every so often (`*/30 * * * *`, `15 * * * *`) | not at all: that time does not exist | both times |

So nothing that is meant once a day is left out or comes twice. Times are computed from the line, the zone and a
point in time alone; nothing is remembered here.
"""

import re
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, dropwhile, islice, pairwise, takewhile
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from adapters.phrase import Phrase
from commands.values.arguments import BadArgument, nearest, shown

EXAMPLE = "0 9 * * 1-5"
"""Weekdays at nine."""

FIELDS = 5
"""Minute, hour, day of the month, month, day of the week. Seconds are not taken: hosts are asked, and people read it."""

LONGEST = 100
"""Characters of a line; every minute of an hour written out has more, and means `*`."""

OFTEN = timedelta(minutes=5)
"""The shortest time between two runs: a look at a fleet takes seconds, and a channel is read by people."""

_A_DAY = timedelta(hours=25)
"""From its first time on, a line is looked at for so long to see how often it comes: days are alike."""

_AROUND = timedelta(hours=3)
"""So long before a time it is looked for going ahead: no change of clocks is longer."""

_STARTS = 4
"""Times that are tried as such a beginning."""

_SINCE = datetime(2026, 1, 1, tzinfo=UTC)
"""Where that begins: any day does, and always the same one gives the same answer."""


def parse_cron(text: str) -> str:
    """A cron line, with single spaces; `BadArgument` where it is none, never comes, or comes too often."""
    line = " ".join(text.split())
    if len(line) > LONGEST or len(line.split()) != FIELDS:
        raise _bad(line, Phrase("it needs five fields: minute, hour, day, month, weekday"))
    try:
        times = _times(line, ZoneInfo("UTC"), _SINCE)
    except CronSimError as error:
        raise _bad(line, _field(str(error))) from error
    first = next(times, None)
    if first is None:
        raise _bad(line, Phrase("there is no such day"))
    day = takewhile(lambda at: at < first + _A_DAY, chain((first,), times))
    if any(later - earlier < OFTEN for earlier, later in pairwise(day)):
        raise _bad(line, Phrase("that is more often than every {n} minutes", n=OFTEN // timedelta(minutes=1)))
    return line


def parse_zone(text: str) -> str:
    """A time zone by its name, whatever the case; `BadArgument` where there is none."""
    names = {name.lower(): name for name in available_timezones()}
    if (name := names.get(text.strip().lower())) is not None:
        return name
    phrase = Phrase("{part} is no time zone; write for example {example}", part=shown(text), example="Asia/Tokyo")
    raise BadArgument(phrase, part=text, nearest=tuple(names[near] for near in nearest(text, names)))


def readable(line: str, zone: str) -> bool:
    """Whether a line and a zone that were kept still say when to run, here and in this version."""
    try:
        CronSim(line, _SINCE.astimezone(ZoneInfo(zone)))
    except (CronSimError, KeyError, ValueError, OSError):
        return False
    return True


def newest(line: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    """The last time that has come by now, in UTC; None where it never came.

    Going back, cronsim leaves times out, or makes some up, where clocks change: what it finds is only where to begin.
    """
    for start in islice(CronSim(line, (now + timedelta(seconds=1)).astimezone(zone), reverse=True), _STARTS):
        begin = start.astimezone(UTC) - _AROUND
        if come := deque(takewhile(lambda at: at <= now, _times(line, zone, begin)), maxlen=1):
            return come[0]
    return None


def following(line: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    """The next time after now, in UTC; None where none will come."""
    return next(_times(line, zone, now), None)


def count(line: str, zone: ZoneInfo, after: datetime, before: datetime, most: int) -> int:
    """How many times lie between two points in time, both left out; `most` at the most."""
    found = 0
    for at in _times(line, zone, after):
        if at >= before or found == most:
            break
        found += 1
    return found


def _times(line: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Times after that one, in UTC. Begun within an hour that comes twice, cronsim finds some of the first one."""
    begin = (after - _AROUND).astimezone(zone)
    return dropwhile(lambda at: at <= after, (at.astimezone(UTC) for at in CronSim(line, begin)))


def _field(said: str) -> Phrase:
    """What cronsim complains of, in our words."""
    names = {
        "minute": Phrase("the minute must be 0–59"),
        "hour": Phrase("the hour must be 0–23"),
        "day-of-month": Phrase("the day must be 1–31, and there must be such a day"),
        "month": Phrase("the month must be 1–12"),
        "day-of-week": Phrase("the weekday must be 0–7, where 0 and 7 are Sunday"),
    }
    named = re.fullmatch(r"Bad (\S+)", said)
    return names.get(named[1] if named else "", Phrase("it cannot be read"))


def _bad(line: str, why: Phrase) -> BadArgument:
    phrase = Phrase("{part} is no cron line: {why}; write for example {example}", part=shown(line), why=why, example=EXAMPLE)
    return BadArgument(phrase, part=line)
