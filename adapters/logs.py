"""What a read of one log brings back, whatever side of the host it lies on."""

from enum import StrEnum
from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from adapters.host_clock import OFFSETS_LIMIT, Offset
from adapters.value import Value

LINES_LIMIT = 5_000
"""Lines that one question may ask for."""

LINE_LIMIT = 4_000
"""Characters of one line that are shown."""

LINE_MARGIN = 1_024
"""Characters behind those that are brought for redaction, which finds whole secrets alone. None that people keep is longer,
in hexadecimal or base64 too; a key of several lines is found by each of them."""

LINE_BROUGHT = LINE_LIMIT + LINE_MARGIN
"""Characters of one line that a host answers with; the end of one that has so many is not known."""

LINE_SEARCHED = 64 * 1024
"""Bytes of one line in which a pattern is looked for, at least; of a longer one perhaps in its beginning alone."""

BYTES_LIMIT = 512 * 1024
"""Bytes of all lines of one host and log."""

PATTERN_LIMIT = 1_000
"""Characters of a pattern."""


class Cut(StrEnum):
    """Why there may be more than a read brought back."""

    LINES = "lines"  # more lines would fit the question than were asked for
    LEVEL = "level"  # lines older than those that were looked through for a level, which commands do
    BYTES = "bytes"  # the answer reached its size limit
    TIME = "time"  # reading stopped at its time limit before all was searched
    LONG = "long"  # a line was longer than what is brought, or shown, of one
    PARTLY = "partly"  # of some lines only the beginning was searched, or their encoding is one that is not known there
    UNREAD = "unread"  # a file could not be read whole: packed otherwise than by gzip, damaged, moved or cut short meanwhile


def _rising(offsets: tuple[Offset, ...]) -> tuple[Offset, ...]:
    if any(later.begins <= earlier.begins for earlier, later in pairwise(offsets)):
        raise ValueError("offsets that do not stand in the order of time")
    return offsets


class LogText(Value):
    """`lines` are the newest that fit, oldest first, without line ends. `cut` says why there may be more.

    `searched` and `size`: bytes looked through, and bytes of all files that belong to the question (None where nobody can
    tell, as for a journal). `files`: names of the files that lines came from, oldest first. `encoding`: how the bytes
    were read. `clock`: the host's own time at the end of the read (aware); `offsets`: how its local times were from UTC.
    Times inside lines are parsed by commands.
    """

    lines: Annotated[tuple[Annotated[str, Field(max_length=LINE_BROUGHT)], ...], Field(max_length=LINES_LIMIT)]
    cut: frozenset[Cut] = frozenset()
    searched: Annotated[int, Field(ge=0)] | None = None
    size: Annotated[int, Field(ge=0)] | None = None
    files: tuple[Annotated[str, Field(max_length=1_000)], ...] = ()
    encoding: Annotated[str, Field(max_length=40)] = "utf-8"
    clock: AwareDatetime | None = None
    offsets: Annotated[tuple[Offset, ...], Field(max_length=OFFSETS_LIMIT), AfterValidator(_rising)] = ()


class Search(Value):
    """Which lines.

    `tail`: so many of the newest. `pattern`: "" for all; a regular expression (Perl style), or with `fixed` exactly this
    text; `case`: upper and lower case differ. `since`, `until`: aware, in the host's own clock already (the caller
    corrects the clock difference), None for open.
    """

    tail: Annotated[int, Field(ge=1, le=LINES_LIMIT)]
    pattern: Annotated[str, StringConstraints(max_length=PATTERN_LIMIT, pattern=r"^[^\x00]*$")] = ""
    fixed: bool = False
    case: bool = False
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
