"""Lines of logs in a report, and filtered pages of them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.phrase import Phrase
from adapters.value import Value
from commands.log_lines.formats import Level
from commands.log_lines.groups import LineGroup, filter_lines, group_entries, separate_lines
from commands.log_lines.lines import LogLine

PAGE_LINES = 20
"""Lines of one page, as many as fit on a phone."""

GROUP_ROWS = 3
"""Lines of a group of several entries on a page: what they have in common, the first and the last."""

CONTINUATION_LINES = 5
"""Lines of a page that show the rest of an entry, such as a stack trace."""


class Excerpt(Value):
    """Lines of one or several logs, merged by time, oldest first.

    `notes` must be shown with the lines. `sought` is the validated regular expression that hosts searched for, "" if they
    returned all lines. `names` are the names of hosts by their addresses. `raw`: at first every line is shown as it was
    written, rather than grouped.
    """

    lines: tuple[LogLine, ...] = ()
    notes: tuple[Phrase, ...] = ()
    sought: str = ""
    names: Mapping[str, str] = {}
    raw: bool = False

    def with_lines(self, lines: tuple[LogLine, ...], notes: tuple[Phrase, ...]) -> "Excerpt":
        """Returns the excerpt with other lines and notes, shown alike."""
        return self.model_copy(update={"lines": lines, "notes": notes})


NO_LINES = Excerpt()
"""Excerpt without lines."""


class LineFilter(Value):
    """A filter of lines: the minimum level, the pattern and the page. Page 0 has the newest lines.

    `raw`: every line is shown as it was written, rather than grouped.
    """

    level: Level | None = None
    pattern: str = ""
    page: int = 0
    raw: bool = False

    @property
    def descriptions(self) -> tuple[Phrase, ...]:
        """The filter in words; empty if it matches all lines."""
        return (
            *([describe_min_level(self.level)] if self.level is not None else []),
            *([Phrase("matching {pattern}", pattern=self.pattern)] if self.pattern else []),
        )


ALL_LINES = LineFilter()
"""Filter that matches all lines, at the newest page."""


@dataclass(frozen=True)
class FilteredPage:
    """One page of filtered lines: its groups and number, the numbers of pages, of matching lines and of all groups.

    `errors` counts the matching lines that are errors or worse. `first` and `last` count groups from 1; both are 0 if no
    line matches.
    """

    groups: tuple[LineGroup, ...]
    page: int
    pages: int
    matching: int
    total_groups: int
    errors: int
    first: int
    last: int


def describe_min_level(level: Level) -> Phrase:
    """Describes a minimum level."""
    return Phrase("{level} and above", level=str(level))


def select_page(excerpt: Excerpt, pick: LineFilter) -> FilteredPage:
    """Selects the groups of one page, oldest first. The first page has the newest lines."""
    fitting = filter_lines(excerpt.lines, pick.level, pick.pattern)
    groups = separate_lines(fitting) if pick.raw else group_entries(fitting)
    ends = _split_pages(groups)
    page = min(pick.page, len(ends) - 1)
    end, begin = ends[page], ends[page + 1] if page + 1 < len(ends) else 0
    return FilteredPage(
        groups=groups[begin:end],
        page=page,
        pages=len(ends),
        matching=len(fitting),
        total_groups=len(groups),
        errors=len(filter_lines(fitting, Level.ERROR)),
        first=begin + 1 if groups else 0,
        last=end,
    )


def _split_pages(groups: Sequence[LineGroup]) -> list[int]:
    """Returns the end of each page, the newest first: a page takes groups until its lines are full."""
    ends, room = [len(groups)], PAGE_LINES
    for place in range(len(groups), 0, -1):
        rows = _count_rows(groups[place - 1])
        if rows > room and room < PAGE_LINES:
            ends.append(place)
            room = PAGE_LINES
        room -= rows
    return ends


def _count_rows(group: LineGroup) -> int:
    """Counts the most lines that a group takes on a page."""
    rest = len(group.last) - 1
    return (GROUP_ROWS if group.count > 1 else 1) + min(rest, CONTINUATION_LINES + 1)
