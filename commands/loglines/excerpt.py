"""Lines of logs in a report, and filtered pages of them. Pure."""

from adapters.phrase import Phrase
from adapters.value import Value
from commands.loglines.formats import Level
from commands.loglines.lines import LogLine
from commands.loglines.merge import filter_lines

PAGE_LINES = 20
"""Lines of one page, as many as fit on a phone."""


class Excerpt(Value):
    """Lines of one or several logs, merged by time, oldest first.

    `notes` must be shown with the lines. `sought` is the validated regular expression that hosts searched for, "" if they
    returned all lines.
    """

    lines: tuple[LogLine, ...]
    notes: tuple[Phrase, ...] = ()
    sought: str = ""


class LineFilter(Value):
    """A filter of lines: the minimum level, the pattern and the page. Page 0 has the newest lines."""

    level: Level | None = None
    pattern: str = ""
    page: int = 0

    @property
    def descriptions(self) -> tuple[Phrase, ...]:
        """The filter in words; empty if it matches all lines."""
        return (
            *([describe_min_level(self.level)] if self.level is not None else []),
            *([Phrase("matching {pattern}", pattern=self.pattern)] if self.pattern else []),
        )


ALL_LINES = LineFilter()
"""Filter that matches all lines, at the newest page."""


class FilteredPage(Value):
    """One page of filtered lines: its lines and number, the numbers of pages and of matching lines.

    `errors` counts the matching lines that are errors or worse. `first` and `last` count matching lines from 1; both are 0
    if no line matches.
    """

    lines: tuple[LogLine, ...]
    page: int
    pages: int
    matching: int
    errors: int
    first: int
    last: int


def describe_min_level(level: Level) -> Phrase:
    """Describes a minimum level."""
    return Phrase("{level} and above", level=str(level))


def select_page(excerpt: Excerpt, pick: LineFilter) -> FilteredPage:
    """Selects the lines of one page, oldest first. The first page has the newest lines."""
    fitting = filter_lines(excerpt.lines, pick.level, pick.pattern)
    pages = max(1, -(-len(fitting) // PAGE_LINES))
    page = min(pick.page, pages - 1)
    end = len(fitting) - page * PAGE_LINES
    begin = max(0, end - PAGE_LINES)
    return FilteredPage(
        lines=fitting[begin:end],
        page=page,
        pages=pages,
        matching=len(fitting),
        errors=len(filter_lines(fitting, Level.ERROR)),
        first=begin + 1 if fitting else 0,
        last=end,
    )
