"""Lines of logs as a part of a report: all that was brought, and how much of it is looked at. Pure."""

from adapters.phrase import Phrase
from adapters.value import Value
from commands.loglines.formats import Level
from commands.loglines.lines import Line
from commands.loglines.merge import filtered

SHOWN = 20
"""Lines that are shown at once: a phone shows no more."""


class Excerpt(Value):
    """Lines of one or several logs, merged by time, oldest first. `notes` must be said wherever they are shown; `sought` is
    the regular expression that hosts looked for, checked already, "" where they were asked for all."""

    lines: tuple[Line, ...]
    notes: tuple[Phrase, ...] = ()
    sought: str = ""


class Pick(Value):
    """Which of these lines somebody wants to see: at least so grave, with this pattern; `page` 0 are the newest ones."""

    level: Level | None = None
    pattern: str = ""
    page: int = 0

    @property
    def told(self) -> tuple[Phrase, ...]:
        """Which lines it leaves, in words; nothing where it leaves all."""
        return (
            *([and_worse(self.level)] if self.level is not None else []),
            *([Phrase("with {pattern}", pattern=self.pattern)] if self.pattern else []),
        )


EVERY = Pick()
"""All lines, and of them the newest page."""


class Picked(Value):
    """What a pick comes to: the lines of its page, its number, how many pages and fitting lines there are, and how many of
    these are errors, or worse.

    `first` and `last` count the fitting lines from 1; both are 0 where none fits.
    """

    lines: tuple[Line, ...]
    page: int
    pages: int
    fitting: int
    grave: int
    first: int
    last: int


def and_worse(level: Level) -> Phrase:
    """So grave, or graver."""
    return Phrase("{level} and worse", level=str(level))


def picked(excerpt: Excerpt, pick: Pick) -> Picked:
    """The lines of one page, oldest first; the first page has the newest, as whoever looks for a fault wants them."""
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
