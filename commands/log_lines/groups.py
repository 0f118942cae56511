"""Groups entries of logs that differ only in numbers, times, addresses and IDs. Pure, and linear in the text.

    GET /orders/17 10.87.1.11 ┐                                                           ┌ constant parts: the key
    GET /orders/18 10.87.1.12 ┴▶ "GET /orders/" 17 " " 10.87.1.11 ─▶ constant, variable, … ┴ variable parts: counted

| part of a line | |
| --- | --- |
| a word that begins with a digit, or hexadecimal digits one of which is decimal | variable: `10.87.1.11:80`, `3f9a1c` |
| a number within a name | constant: `eth0`, `web-1`, `host-2`, because names tell things apart |
| the status of a request | constant: 502 is not 504 |

An entry is a line with the lines that belong to it, such as a stack trace. Entries of several hosts share a group, those of
several logs or levels do not. A group ends where the next entry like it comes more than `GAP` later or earlier.

Merges lines of several hosts and logs by time, filters and counts them. Pure.

Lines of one log keep their order, whatever their times: a line that is dated before its predecessor comes right after it,
and so does a line without a time. Lines without a time at the beginning of a log come with the first one that has a time. A
log without any time comes first.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate, takewhile

from commands.log_lines.formats import Level
from commands.log_lines.lines import LogLine
from commands.log_lines.patterns import make_matcher

GAP = timedelta(minutes=15)
"""Pause that separates two occurrences of the same problem."""

MAX_COUNTED = 100
"""Different values that are counted of one variable part."""

VARIABLE = re.compile(
    r"([0-9a-fA-F](?<![0-9A-Za-z_].)(?<![A-Za-z][-.].)(?<!\" .)(?:(?<=[0-9])|[a-fA-F]*[0-9])[0-9A-Za-z.:+-]*)"
)
"""A variable part. Its first character comes first, so that the search for it is quick, and the conditions on it follow.

Punctuation may follow the value.
"""

_DIGITS_FIRST = re.compile(r"([0-9](?<![0-9A-Za-z_].)(?<![A-Za-z][-.].)(?<!\" .)[0-9A-Za-z.:+-]*)")
"""A variable part that begins with a digit. Digits are rarer than letters, so it is found in half the time."""

_DIGIT = re.compile("[0-9]")

Entry = tuple[LogLine, ...]


@dataclass(slots=True)
class LineGroup:
    """Entries that differ only in their variable parts, oldest first.

    `begins` and `ends` are the earliest and latest time, None if no entry has one. `hosts` has each name once. `values` has
    the different values of each variable part that varies, by the part's number within the entry, up to `MAX_COUNTED`.
    """

    first: Entry
    last: Entry
    count: int = 1
    begins: datetime | None = None
    ends: datetime | None = None
    hosts: dict[str, None] = field(default_factory=dict)
    values: dict[int, set[str]] = field(default_factory=dict)

    @property
    def lines(self) -> int:
        """The number of lines."""
        return self.count * len(self.last)


def group_entries(lines: Iterable[LogLine]) -> tuple[LineGroup, ...]:
    """Groups the lines of merged logs. Groups are in the order of their last entries."""
    current: dict[str, _GroupBuilder] = {}
    ended: list[_GroupBuilder] = []
    for order, entry in enumerate(_split_entries(lines)):
        parts = split_variables(_join_text(entry))
        key = "\0".join((entry[0].source, entry[0].level or "", *parts[::2]))
        builder = current.get(key)
        if builder is None:
            current[key] = _GroupBuilder(entry, order)
        elif builder.is_over(entry[0].at):
            ended.append(builder)
            current[key] = _GroupBuilder(entry, order)
        else:
            builder.add(entry, order, parts[1::2])
    return tuple(each.group for each in sorted((*ended, *current.values()), key=lambda each: each.order))


def separate_lines(lines: Iterable[LogLine]) -> tuple[LineGroup, ...]:
    """Makes a group of each line."""
    return tuple(_GroupBuilder((line,), order).group for order, line in enumerate(lines))


class _GroupBuilder:
    """A group while entries are added to it; `order` is the place of its last entry."""

    __slots__ = ("_opening", "group", "order")

    def __init__(self, entry: Entry, order: int) -> None:
        at = entry[0].at
        self.group = LineGroup(entry, entry, begins=at, ends=at, hosts={entry[0].host: None})
        self.order = order
        self._opening: list[str] = []

    def is_over(self, at: datetime | None) -> bool:
        """Returns whether an entry at this time is too far from the one before it."""
        before = self.group.last[0].at
        return at is not None and before is not None and abs(at - before) > GAP

    def add(self, entry: Entry, order: int, values: Sequence[str]) -> None:
        """Adds the next entry, with the values of its variable parts."""
        group = self.group
        if group.count == 1:
            self._opening = split_variables(_join_text(group.first))[1::2]
        group.last, self.order = entry, order
        group.count += 1
        group.hosts[entry[0].host] = None
        if (at := entry[0].at) is not None:
            group.begins = at if group.begins is None else min(at, group.begins)
            group.ends = at if group.ends is None else max(at, group.ends)
        if values == self._opening:
            return
        for place, (one, other) in enumerate(zip(self._opening, values, strict=True)):
            if one != other:
                known = group.values.setdefault(place, {one})
                if len(known) < MAX_COUNTED:
                    known.add(other)


def split_variables(text: str) -> list[str]:
    """Splits a text as `VARIABLE.split` does: constant parts at even places, variable ones between them."""
    parts = _DIGITS_FIRST.split(text)
    return VARIABLE.split(text) if _DIGIT.search("\0".join(parts[::2])) is not None else parts


def _join_text(entry: Entry) -> str:
    return "\n".join(line.text for line in entry) if len(entry) > 1 else entry[0].text


def _split_entries(lines: Iterable[LogLine]) -> Iterator[Entry]:
    """Splits lines into entries. A line that belongs to an entry elsewhere is one of its own."""
    entry: list[LogLine] = []
    for line in lines:
        if entry and not (line.part_of is not None and _is_same_entry(entry[0], line)):
            yield tuple(entry)
            entry = []
        entry.append(line)
    if entry:
        yield tuple(entry)


def _is_same_entry(first: LogLine, line: LogLine) -> bool:
    same = line.part_of in (first.order, first.part_of)
    return same and first.host == line.host and first.source == line.source


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

    `pattern` must be validated (`commands.log_lines.patterns`); "" matches every line. The time is proportional to the text,
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
