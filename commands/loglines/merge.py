"""Lines of several hosts and logs, in the order of time, and those of them that are wanted. Pure.

Lines of one log never change their order, whatever their times: a line that is dated before its predecessor stands right
behind it. So do lines without a time; those at the beginning of a log stand with the first one that has a time, and a log
without any time comes first.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import accumulate, takewhile

from commands.loglines.formats import Level
from commands.loglines.lines import Line
from commands.loglines.patterns import matcher

_NEVER = datetime.min.replace(tzinfo=UTC)


def merged(logs: Iterable[Sequence[Line]]) -> tuple[Line, ...]:
    """All lines by time; of the same time, those of an earlier log first. A log's own lines come in its order."""
    lines: list[Line] = []
    keys: list[datetime] = []
    for log in logs:
        lines += log
        keys += _keys(log)
    # stable, and quick where each log is in order already
    return tuple(lines[place] for place in sorted(range(len(lines)), key=keys.__getitem__))


def _keys(log: Sequence[Line]) -> list[datetime]:
    """For each line, the latest time seen in its log up to it."""
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
    """Lines at least so grave that the pattern is found in; a line whose level nobody knows is not one of them.

    `pattern` is checked already (`log_patterns`); "" is found everywhere. It takes time in proportion to the text, at
    worst a few seconds a megabyte, and other threads run meanwhile; `BadArgument` where that is too long.
    """
    matches = matcher(pattern, fixed=fixed, case=case)
    return tuple(
        line
        for line in lines
        if (level is None or (line.level is not None and line.level.rank >= level.rank)) and matches(line.text)
    )


def newest_within(lines: Sequence[Line], room: int, size: Callable[[Line], int]) -> tuple[Line, ...]:
    """The newest lines whose sizes together have room."""
    sizes = accumulate(size(line) for line in reversed(lines))
    return tuple(lines[len(lines) - sum(1 for _ in takewhile(lambda taken: taken <= room, sizes)) :])


def by_level(lines: Iterable[Line]) -> Mapping[Level | None, int]:
    """How many lines of each level there are, the gravest first, those without a level last; no level without lines.

    What belongs together is counted once, whichever of its lines are there: an error with its stack trace is one error.
    """
    counts = dict.fromkeys((*reversed(Level), None), 0)
    for level in {_whole(line): line.level for line in lines}.values():
        counts[level] += 1
    return {level: count for level, count in counts.items() if count}


def grave(lines: Iterable[Line]) -> int:
    """How many errors there are, and worse."""
    counts = by_level(lines)
    return counts.get(Level.ERROR, 0) + counts.get(Level.FATAL, 0)


def _whole(line: Line) -> tuple[str, str, int]:
    """What a line belongs to, or is itself."""
    return line.host, line.source, line.order if line.part_of is None else line.part_of
