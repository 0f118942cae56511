"""Merges lines of several hosts and logs by time, filters and counts them. Pure.

Lines of one log keep their order, whatever their times: a line that is dated before its predecessor comes right after it,
and so does a line without a time. Lines without a time at the beginning of a log come with the first one that has a time. A
log without any time comes first.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import accumulate, takewhile

from commands.loglines.formats import Level
from commands.loglines.lines import Line
from commands.loglines.patterns import matcher

_NEVER = datetime.min.replace(tzinfo=UTC)


def merged(logs: Iterable[Sequence[Line]]) -> tuple[Line, ...]:
    """Merges all lines by time. For equal times the order of the logs decides."""
    lines: list[Line] = []
    keys: list[datetime] = []
    for log in logs:
        lines += log
        keys += _keys(log)
    # stable, and fast if each log is in order already
    return tuple(lines[place] for place in sorted(range(len(lines)), key=keys.__getitem__))


def _keys(log: Sequence[Line]) -> list[datetime]:
    """Computes for each line the latest time in its log up to it."""
    latest = next((line.at for line in log if line.at is not None), _NEVER)
    keys = []
    for line in log:
        if line.at is not None and line.at > latest:
            latest = line.at
        keys.append(latest)
    return keys


def filtered(
    lines: Iterable[Line], level: Level | None = None, pattern: str = "", *, fixed: bool = False, case: bool = False
) -> tuple[Line, ...]:
    """Filters lines by minimum level and pattern. A line of unknown level has no minimum level.

    `pattern` must be validated (`commands.loglines.patterns`); "" matches every line. The time is proportional to the text,
    at worst a few seconds per megabyte, and other threads run meanwhile. Raises `BadArgument` if it takes too long.
    """
    matches = matcher(pattern, fixed=fixed, case=case)
    return tuple(
        line
        for line in lines
        if (level is None or (line.level is not None and line.level.rank >= level.rank)) and matches(line.text)
    )


def newest_within(lines: Sequence[Line], room: int, size: Callable[[Line], int]) -> tuple[Line, ...]:
    """Takes the newest lines whose total size is at most `room`."""
    sizes = accumulate(size(line) for line in reversed(lines))
    return tuple(lines[len(lines) - sum(1 for _ in takewhile(lambda taken: taken <= room, sizes)) :])


def by_level(lines: Iterable[Line]) -> Mapping[Level | None, int]:
    """Counts entries by level, the highest first, those without a level last. Levels without entries are left out.

    Lines that belong together count once: an error with its stack trace is one error.
    """
    counts = dict.fromkeys((*reversed(Level), None), 0)
    for level in {_whole(line): line.level for line in lines}.values():
        counts[level] += 1
    return {level: count for level, count in counts.items() if count}


def grave(lines: Iterable[Line]) -> int:
    """Counts errors and fatal entries."""
    counts = by_level(lines)
    return counts.get(Level.ERROR, 0) + counts.get(Level.FATAL, 0)


def _whole(line: Line) -> tuple[str, str, int]:
    """Returns the key of the entry that a line belongs to."""
    return line.host, line.source, line.order if line.part_of is None else line.part_of
