"""Search of one log and its result, for every side of a host."""

from enum import StrEnum
from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from adapters.host_clock import OFFSETS_LIMIT, Offset
from adapters.value import Value

LINES_LIMIT = 5_000
"""Lines that one search may ask for."""

LINE_LIMIT = 4_000
"""Characters of one line that are shown."""

LINE_MARGIN = 1_024
"""Characters beyond the shown ones that a host returns for redaction, which recognizes only whole secrets.

No usual secret is longer, in hexadecimal or base64 too. A key of several lines is recognized by each of them.
"""

LINE_READ_LIMIT = LINE_LIMIT + LINE_MARGIN
"""Characters of one line that a host returns. A line of this length may have been cut."""

LINE_SEARCH_LIMIT = 64 * 1024
"""Minimum bytes of one line that are searched for a pattern. The rest of a longer line may be ignored."""

BYTES_LIMIT = 512 * 1024
"""Bytes of all lines of one host and log."""

OPENING_LIMIT = 200
"""Characters of the beginning of an entry: enough for its time and level."""

PATTERN_LIMIT = 1_000
"""Characters of a pattern."""


SEARCHED_LINES_LIMIT = 100_000
"""Newest lines of a program that are searched. podman and journalctl print that many in about a second."""


class Truncation(StrEnum):
    """Reasons for which a log may hold more than a search returned."""

    LINES = "lines"  # more lines match than were asked for
    LEVEL = "level"  # older lines were not searched for a level, which `commands` filters
    BYTES = "bytes"  # the answer reached its size limit
    SEARCHED = "searched"  # only the newest lines of a program were searched
    TIME = "time"  # the search reached its time limit
    LONG = "long"  # a line was longer than the limit for returned or shown lines
    PARTLY = "partly"  # of some lines only the start was searched, or their encoding is unknown there
    UNREAD = "unread"  # a file could not be read whole: not packed by gzip, damaged, moved or truncated meanwhile


def _check_order(offsets: tuple[Offset, ...]) -> tuple[Offset, ...]:
    if any(later.begins <= earlier.begins for earlier, later in pairwise(offsets)):
        raise ValueError("offsets that do not stand in the order of time")
    return offsets


class LogText(Value):
    """Result of a log search: the newest lines that match, oldest first, without line ends.

    `cut`: reasons for which there may be more. `searched` and `size`: bytes searched, and bytes of all files in question
    (None if unknown, as for a journal). `files`: names of the files that lines came from, oldest first. `encoding`: the
    bytes' encodings. `openings`: after a search for a pattern, for each line the beginning of the entry that it
    continues, "" for one with a time of its own or if it is unknown; () if lines are complete. `clock`: the host's own
    time at the end of the search (aware). `offsets`: UTC offsets of its local times. Times inside lines are parsed by
    `commands`.
    """

    lines: Annotated[tuple[Annotated[str, Field(max_length=LINE_READ_LIMIT)], ...], Field(max_length=LINES_LIMIT)]
    cut: frozenset[Truncation] = frozenset()
    searched: Annotated[int, Field(ge=0)] | None = None
    size: Annotated[int, Field(ge=0)] | None = None
    files: tuple[Annotated[str, Field(max_length=1_000)], ...] = ()
    encoding: Annotated[str, Field(max_length=40)] = "utf-8"
    openings: Annotated[tuple[Annotated[str, Field(max_length=OPENING_LIMIT)], ...], Field(max_length=LINES_LIMIT)] = ()
    clock: AwareDatetime | None = None
    offsets: Annotated[tuple[Offset, ...], Field(max_length=OFFSETS_LIMIT), AfterValidator(_check_order)] = ()

    @model_validator(mode="after")
    def _check_openings(self) -> "LogText":
        if self.openings and len(self.openings) != len(self.lines):
            raise ValueError("not an opening for each line")
        return self


class LogSearch(Value):
    """Criteria of a log search.

    `tail`: number of newest lines. `pattern`: "" for all; a regular expression (Perl style), or with `fixed` exactly this
    text; `case`: upper and lower case differ. `since`, `until`: aware, already in the host's own clock (the caller corrects
    the clock difference), None for open.
    """

    tail: Annotated[int, Field(ge=1, le=LINES_LIMIT)]
    pattern: Annotated[str, StringConstraints(max_length=PATTERN_LIMIT, pattern=r"^[^\x00]*$")] = ""
    fixed: bool = False
    case: bool = False
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
