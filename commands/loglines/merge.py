"""Merges lines of several hosts and logs by time, filters and counts them. Pure.

Lines of one log keep their order, whatever their times: a line that is dated before its predecessor comes right after it,
and so does a line without a time. Lines without a time at the beginning of a log come with the first one that has a time. A
log without any time comes first.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import accumulate, takewhile

from commands.loglines.formats import Level
from commands.loglines.lines import LogLine
from commands.loglines.patterns import make_matcher

_EARLIEST = datetime.min.replace(tzinfo=UTC)


def merge_lines(logs: Iterable[Sequence[LogLine]]) -> tuple[LogLine, ...]:
    """Merges all lines by time. For equal times the order of the logs decides."""
    lines: list[LogLine] = []
    keys: list[datetime] = []
    for log in logs:
        lines += log
        keys += _compute_sort_keys(log)
    # stable, and fast if each log is in order already
    return tuple(lines[place] for place in sorted(range(len(lines)), key=keys.__getitem__))


def _compute_sort_keys(log: Sequence[LogLine]) -> list[datetime]:
    """Computes for each line the latest time in its log up to it."""
    latest = next((line.at for line in log if line.at is not None), _EARLIEST)
    keys = []
    for line in log:
        if line.at is not None and line.at > latest:
            latest = line.at
        keys.append(latest)
    return keys


def filter_lines(
    lines: Iterable[LogLine], level: Level | None = None, pattern: str = "", *, fixed: bool = False, case: bool = False
) -> tuple[LogLine, ...]:
    """Filters lines by minimum level and pattern. A line of unknown level has no minimum level.

    `pattern` must be validated (`commands.loglines.patterns`); "" matches every line. The time is proportional to the text,
    at worst a few seconds per megabyte, and other threads run meanwhile. Raises `BadArgument` if it takes too long.
    """
    matches = make_matcher(pattern, fixed=fixed, case=case)
    return tuple(
        line
        for line in lines
        if (level is None or (line.level is not None and line.level.rank >= level.rank)) and matches(line.text)
    )


def take_newest(lines: Sequence[LogLine], room: int, size: Callable[[LogLine], int]) -> tuple[LogLine, ...]:
    """Takes the newest lines whose total size is at most `room`."""
    sizes = accumulate(size(line) for line in reversed(lines))
    return tuple(lines[len(lines) - sum(1 for _ in takewhile(lambda taken: taken <= room, sizes)) :])


def count_by_level(lines: Iterable[LogLine]) -> Mapping[Level | None, int]:
    """Counts entries by level, the highest first, those without a level last. Levels without entries are left out.

    Lines that belong together count once: an error with its stack trace is one error.
    """
    counts = dict.fromkeys((*reversed(Level), None), 0)
    for level in {_identify_entry(line): line.level for line in lines}.values():
        counts[level] += 1
    return {level: count for level, count in counts.items() if count}


def count_errors(lines: Iterable[LogLine]) -> int:
    """Counts errors and fatal entries."""
    counts = count_by_level(lines)
    return counts.get(Level.ERROR, 0) + counts.get(Level.FATAL, 0)


def _identify_entry(line: LogLine) -> tuple[str, str, int]:
    """Returns the key of the entry that a line belongs to."""
    return line.host, line.source, line.order if line.part_of is None else line.part_of
