"""A log's text as lines that know their time and level. Pure.

| a line | its time and level |
| --- | --- |
| that a format fits | its own; either may be missing |
| that none fits, behind one | of the line before it, to which it belongs (a stack trace, a wrapped message) |
| that none fits, at the beginning | none |

Times are UTC with the host's clock difference taken off; whoever shows them says so. A time in the future stays.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from pydantic import AwareDatetime

from adapters.logs import LINE_BROUGHT, LINE_LIMIT, LINE_MARGIN, Cut, LogText
from adapters.value import Value
from commands.loglines.formats import Level, stamp_of
from commands.loglines.local_time import Doubt, placed

LEEWAY = timedelta(seconds=5)
"""A time so little later than the host's clock is not in the future: the clock was read by another program."""


class Line(Value):
    """One line. `at` is UTC; `text` the line as it is shown, harmless; `order` its place among the lines of its log.

    `part_of`: the order of the line before it to which it belongs, and whose time and level it has; None where it stands
    by itself.
    """

    host: str
    source: str
    at: AwareDatetime | None
    level: Level | None
    text: str
    order: int
    part_of: int | None = None


class Log(Value):
    """The lines of one log of one host, oldest first, and what must be said with them.

    `ahead`: seconds that were taken off every time. `doubts`: how many lines have a time that is not certain, and why.
    The others as in `LogText`.
    """

    host: str
    source: str
    lines: tuple[Line, ...]
    ahead: float = 0.0
    doubts: Mapping[Doubt, int] = {}
    cut: frozenset[Cut] = frozenset()
    encoding: str = "utf-8"


@dataclass(frozen=True)
class Origin:
    """Where a log's text comes from.

    `now`: the bot's time at the read, aware. `ahead`: seconds that the host's clock is ahead of it. `zone`: of the local
    times that some programs write, as the host says; None where nobody knows it.
    """

    host: str
    source: str
    now: datetime
    ahead: float = 0.0
    zone: tzinfo | None = None


def parse(text: LogText, origin: Origin) -> Log:
    """Every line of a text, with its time and level where they are known. The lines are harmless already, and cleaned of
    secrets: what reached into the margin behind the shown part of a line is gone by now."""
    clock = text.clock or origin.now + timedelta(seconds=origin.ahead)
    reading = _Reading(origin, clock.astimezone(UTC))
    lines = tuple(reading.line(order, line) for order, line in enumerate(text.lines))
    return Log(
        host=origin.host,
        source=origin.source,
        lines=lines,
        ahead=origin.ahead,
        doubts=reading.doubts,
        cut=text.cut | ({Cut.LONG} if reading.shortened else set()),
        encoding=text.encoding,
    )


_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z^_\\])")
"""Colours and cursor moves, titles and links, and the short ones."""

_BREAKS = re.compile(r"[\t\n\r\v\f\x85\u2028\u2029]+")

_UNSEEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Control characters, those that make a line read in another order than it was written, and those of no width: one within
`password` would hide what follows from whoever looks for secrets."""

CONTAINER = "container:"
"""What the source of a container's log begins with; its name follows."""

_PODMANS_TIME = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}(?:Z|[+-][0-9:]{5}) ")

_LONE_SURROGATES = re.compile(r"[\ud800-\udfff]")


_UNENDED = "\r"
"""Behind a harmless line whose end was not brought. No such line has another, and redaction takes it for a line's end."""


def harmless(text: str) -> str:
    """A line as one line of visible characters, however long; nothing in it is taken for anything but text."""
    whole = len(text) < LINE_BROUGHT
    if not text.isprintable():
        text = _LONE_SURROGATES.sub("\ufffd", _UNSEEN.sub("", _BREAKS.sub(" ", _ANSI.sub("", text))))
    return text if whole else text + _UNENDED


def places(text: str) -> list[int]:
    """Where each character of a harmless line stands in the line as it is, the first of them where it stands for several."""
    if text.isprintable():
        return list(range(len(text)))
    unseen = {place for found in _ANSI.finditer(text) for place in range(*found.span())}
    left = [place for place in range(len(text)) if place not in unseen]
    kept, within = [], False
    for place in left:
        breaks = _BREAKS.match(text[place]) is not None
        seen = not within if breaks else not _UNSEEN.match(text[place])
        if seen:
            kept.append(place)
        within = breaks
    return kept


def unended(line: str) -> bool:
    """Whether the end of a harmless line was not brought."""
    return line.endswith(_UNENDED)


def shortened(line: str) -> str:
    """A harmless line as far as it is shown.

    Of a line whose end was not brought the last characters are not shown, even where redaction has made room for them: a
    secret may begin there that nobody could find.
    """
    brought = line.removesuffix(_UNENDED)
    most = LINE_LIMIT if brought == line else min(LINE_LIMIT, len(brought) - LINE_MARGIN)
    return line if len(line) <= most else brought[: max(0, most - 1)] + "…"


class _Reading:
    """How far one log is read: what its lines still to come may belong to."""

    def __init__(self, origin: Origin, clock: datetime) -> None:
        self.doubts: Counter[Doubt] = Counter()
        self.shortened = False
        self._origin = origin
        self._ahead = timedelta(seconds=origin.ahead)
        self._local = clock.astimezone(origin.zone or UTC).replace(tzinfo=None)
        self._latest = clock + LEEWAY
        self._before: datetime | None = None
        self._at: datetime | None = None
        self._level: Level | None = None
        self._begun: int | None = None

    def line(self, order: int, text: str) -> Line:
        """The next line."""
        shown = shortened(text)
        self.shortened = self.shortened or shown != text
        stamp = stamp_of(text, self._local)
        if stamp is not None:
            self._at = self._placed(stamp.at) if stamp.at is not None else None
            self._level = stamp.level
            self._begun = order
        return Line(
            host=self._origin.host,
            source=self._origin.source,
            at=self._at,
            level=self._level,
            text=self._own(shown),
            order=order,
            part_of=self._begun if stamp is None else None,
        )

    def _own(self, shown: str) -> str:
        """What the program itself wrote: podman puts a time before each line of a container, which is the line's time."""
        return _PODMANS_TIME.sub("", shown) if self._origin.source.startswith(CONTAINER) else shown

    def _placed(self, at: datetime) -> datetime | None:
        utc, doubt = placed(at, self._origin.zone, self._before)
        if doubt is not None:
            self.doubts[doubt] += 1
        if utc is None:
            return None
        if utc > self._latest:
            self.doubts[Doubt.FUTURE] += 1
        self._before = utc
        return utc - self._ahead
