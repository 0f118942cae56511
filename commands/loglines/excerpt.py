"""Lines of logs in a report, and filtered pages of them. Pure."""

from adapters.phrase import Phrase
from adapters.value import Value
from commands.loglines.formats import Level
from commands.loglines.lines import Line
from commands.loglines.merge import filtered

SHOWN = 20
"""Lines of one page, as many as fit on a phone."""


class Excerpt(Value):
    """Lines of one or several logs, merged by time, oldest first.

    `notes` must be shown with the lines. `sought` is the validated regular expression that hosts searched for, "" if they
    returned all lines.
    """

    lines: tuple[Line, ...]
    notes: tuple[Phrase, ...] = ()
    sought: str = ""


class Pick(Value):
    """A filter of lines: the minimum level, the pattern and the page. Page 0 has the newest lines."""

    level: Level | None = None
    pattern: str = ""
    page: int = 0

    @property
    def told(self) -> tuple[Phrase, ...]:
        """The filter in words; empty if it matches all lines."""
        return (
            *([and_worse(self.level)] if self.level is not None else []),
            *([Phrase("with {pattern}", pattern=self.pattern)] if self.pattern else []),
        )


EVERY = Pick()
"""Filter that matches all lines, at the newest page."""


class Picked(Value):
    """One page of filtered lines: its lines and number, the numbers of pages and of matching lines.

    `grave` counts the matching lines that are errors or worse. `first` and `last` count matching lines from 1; both are 0
    if no line matches.
    """

    lines: tuple[Line, ...]
    page: int
    pages: int
    fitting: int
    grave: int
    first: int
    last: int


def and_worse(level: Level) -> Phrase:
    """Describes a minimum level."""
    return Phrase("{level} and worse", level=str(level))


def picked(excerpt: Excerpt, pick: Pick) -> Picked:
    """Selects the lines of one page, oldest first. The first page has the newest lines."""
    fitting = filtered(excerpt.lines, pick.level, pick.pattern)
    pages = max(1, -(-len(fitting) // SHOWN))
    page = min(pick.page, pages - 1)
    end = len(fitting) - page * SHOWN
    begin = max(0, end - SHOWN)
    return Picked(
        lines=fitting[begin:end],
        page=page,
        pages=pages,
        fitting=len(fitting),
        grave=len(filtered(fitting, Level.ERROR)),
        first=begin + 1 if fitting else 0,
        last=end,
    )
