"""Parses a log's text into lines with time and level. Pure.

| line | its time and level |
| --- | --- |
| in a known format | its own; either may be missing |
| in no known format, after one that is | those of that line, to which it belongs (a stack trace, a wrapped message) |
| in no known format, of an entry whose first line a search left out | those of that entry, from its beginning |
| in no known format, at the beginning | none |

Times are UTC, corrected by the host's clock difference; surfaces must mention that. Future times are not changed.

Converts a host's local times to UTC. Pure.

Where a zone sets its clocks back, an hour repeats; where it sets them forward, an hour is skipped:

| local time | taken as |
| --- | --- |
| occurs once | that time |
| occurs twice | the first, unless the line before is past the change then, or more than half an hour later |
| never occurs | as if the clock had not been set yet |
| in an unknown zone | no time |

All but the first are doubts. They are counted for a note beside the lines.

Log sources as they are typed in requests, such as `container:NAME`.
"""

import re
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from adapters.inventory import PodmanName
from adapters.logs import LINE_LIMIT, LINE_MARGIN, LINE_READ_LIMIT, LogText, Truncation
from adapters.value import Value
from commands.log_lines.formats import Level, LineStamp, parse_stamp

_MAX_DISORDER = timedelta(minutes=30)
"""Half of the repeated hour. Programs write lines slightly out of order, never by this much."""


class TimeDoubt(StrEnum):
    """Reason of an uncertain time."""

    FUTURE = "future"  # later than the host's own clock at the read
    TWICE = "twice"  # the local time occurred twice; it may be off by an hour
    SKIPPED = "skipped"  # the local time never occurred
    UNPLACED = "unplaced"  # the time is local, and the host's zone is unknown


def convert_local_time(
    at: datetime, zone: tzinfo | None, before: datetime | None
) -> tuple[datetime | None, TimeDoubt | None]:
    """Converts a line's time to UTC, with the doubt about it. `before`: the UTC time of the line before it, if known."""
    if at.tzinfo is not None:
        return at.astimezone(UTC), None
    if zone is None:
        return None, TimeDoubt.UNPLACED
    first, second = (at.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    earlier, later = first.astimezone(UTC), second.astimezone(UTC)
    if earlier == later:
        return earlier, None
    if later < earlier:  # the fold of a gap is the other way round (PEP 495)
        return earlier, TimeDoubt.SKIPPED
    if before is None or before <= earlier:
        return earlier, TimeDoubt.TWICE
    changed = before.astimezone(zone).utcoffset() == second.utcoffset() or before - earlier > _MAX_DISORDER
    return later if changed else earlier, TimeDoubt.TWICE


FUTURE_LEEWAY = timedelta(seconds=5)
"""Tolerance for times later than the host's clock. Another program read the clock."""


class LogLine(Value):
    """One line. `at` is UTC; `text` the line as shown, sanitized; `order` its index in its log.

    `part_of`: the order of the earlier line to which it belongs, and whose time and level it has; None if it is an entry
    of its own.
    """

    host: str
    source: str
    at: AwareDatetime | None
    level: Level | None
    text: str
    order: int
    part_of: int | None = None


class HostLog(Value):
    """The lines of one log of one host, oldest first, and what must be shown with them.

    `ahead`: seconds subtracted from every time. `doubts`: the number of lines with an uncertain time, by reason. The other
    fields are those of `LogText`.
    """

    host: str
    source: str
    lines: tuple[LogLine, ...]
    ahead: float = 0.0
    doubts: Mapping[TimeDoubt, int] = {}
    cut: frozenset[Truncation] = frozenset()
    encoding: str = "utf-8"


@dataclass(frozen=True)
class LogOrigin:
    """Origin of a log's text.

    `now`: the bot's time at the read, aware. `ahead`: seconds that the host's clock is ahead of it. `zone`: the host's zone,
    for the local times that some programs write; None if it is unknown.
    """

    host: str
    source: str
    now: datetime
    ahead: float = 0.0
    zone: tzinfo | None = None


def parse_log(text: LogText, origin: LogOrigin) -> HostLog:
    """Parses every line of a text, with time and level if known.

    The lines must be sanitized and redacted already. Redaction comes first, because a secret may extend beyond the part of a
    line that is shown.
    """
    clock = text.clock or origin.now + timedelta(seconds=origin.ahead)
    reading = _LogParser(origin, clock.astimezone(UTC))
    openings = text.openings or (None,) * len(text.lines)
    lines = tuple(reading.parse_line(order, *each) for order, each in enumerate(zip(text.lines, openings, strict=True)))
    return HostLog(
        host=origin.host,
        source=origin.source,
        lines=lines,
        ahead=origin.ahead,
        doubts=reading.doubts,
        cut=text.cut | ({Truncation.LONG} if reading.shortened else set()),
        encoding=text.encoding,
    )


_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z^_\\])")
"""Escape sequences of terminals: colors and cursor moves, titles and links, and the short ones."""

_BREAKS = re.compile(r"[\t\n\r\v\f\x85\u2028\u2029]+")

_INVISIBLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Control characters, characters that change the reading order, and characters without width.

One of them within `password` would hide the secret after it from redaction.
"""

CONTAINER_PREFIX = "container:"
"""Prefix of the source of a container's log, before the container's name."""

_PODMAN_TIME = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}(?:Z|[+-][0-9:]{5}) ")


def count_podman_time(text: str) -> int:
    """Counts the characters of the time that podman put before a line of a container; 0 if there is none."""
    found = _PODMAN_TIME.match(text)
    return found.end() if found is not None else 0


_LONE_SURROGATES = re.compile(r"[\ud800-\udfff]")


_TRUNCATION_MARK = "\r"
"""Mark at the end of a sanitized line that was truncated on the host. Redaction treats it as a line end."""


def sanitize_line(text: str) -> str:
    """Sanitizes a line: returns one line of visible characters without control sequences, of any length."""
    whole = len(text) < LINE_READ_LIMIT
    if not text.isprintable():
        text = _LONE_SURROGATES.sub("\ufffd", _INVISIBLE.sub("", _BREAKS.sub(" ", _ANSI.sub("", text))))
    return text if whole else text + _TRUNCATION_MARK


def map_positions(text: str) -> list[int]:
    """Maps each character of the sanitized line to its place in the raw `text`; the first place if it replaces several."""
    if text.isprintable():
        return list(range(len(text)))
    unseen = {place for found in _ANSI.finditer(text) for place in range(*found.span())}
    left = [place for place in range(len(text)) if place not in unseen]
    kept, within = [], False
    for place in left:
        breaks = _BREAKS.match(text[place]) is not None
        seen = not within if breaks else not _INVISIBLE.match(text[place])
        if seen:
            kept.append(place)
        within = breaks
    return kept


def is_truncated(line: str) -> bool:
    """Returns whether a sanitized line was truncated on the host."""
    return line.endswith(_TRUNCATION_MARK)


def shorten_line(line: str) -> str:
    """Shortens a sanitized line to its shown part.

    The last characters of a truncated line are never shown, even if redaction made it shorter: they may
    be the beginning of a secret that redaction could not recognize.
    """
    brought = line.removesuffix(_TRUNCATION_MARK)
    most = LINE_LIMIT if brought == line else min(LINE_LIMIT, len(brought) - LINE_MARGIN)
    return line if len(line) <= most else brought[: max(0, most - 1)] + "…"


class _LogParser:
    """Parser of one log, with the entry to which following lines may belong."""

    def __init__(self, origin: LogOrigin, clock: datetime) -> None:
        self.doubts: Counter[TimeDoubt] = Counter()
        self.shortened = False
        self._origin = origin
        self._ahead = timedelta(seconds=origin.ahead)
        self._local = clock.astimezone(origin.zone or UTC).replace(tzinfo=None)
        self._latest = clock + FUTURE_LEEWAY
        self._before: datetime | None = None
        self._at: datetime | None = None
        self._level: Level | None = None
        self._begun: int | None = None
        self._opening = ""

    def parse_line(self, order: int, text: str, opening: str | None) -> LogLine:
        """Parses the next line. `opening`: the beginning of the entry that it continues, "" if that is unknown; None if it
        continues the one before it.
        """
        shown = shorten_line(text)
        self.shortened = self.shortened or shown != text
        stamp = parse_stamp(text, self._local)
        begins = sanitize_line(opening or "")
        if stamp is None and opening is not None and not (begins and self._opening.startswith(begins)):
            stamp = parse_stamp(begins, self._local) or LineStamp(None, None)
        if stamp is not None:
            self._at = self._place_time(stamp.at) if stamp.at is not None else None
            self._level = stamp.level
            self._begun = order
            self._opening = begins or text
        return LogLine(
            host=self._origin.host,
            source=self._origin.source,
            at=self._at,
            level=self._level,
            text=self._strip_podman_time(shown),
            order=order,
            part_of=self._begun if stamp is None else None,
        )

    def _strip_podman_time(self, shown: str) -> str:
        """Removes the time that podman puts before each line of a container. It is the line's time already."""
        return shown[count_podman_time(shown) :] if self._origin.source.startswith(CONTAINER_PREFIX) else shown

    def _place_time(self, at: datetime) -> datetime | None:
        utc, doubt = convert_local_time(at, self._origin.zone, self._before)
        if doubt is not None:
            self.doubts[doubt] += 1
        if utc is None:
            return None
        if utc > self._latest:
            self.doubts[TimeDoubt.FUTURE] += 1
        self._before = utc
        return utc - self._ahead


_CONTAINER_NAME_ADAPTER = TypeAdapter(PodmanName)


def make_container_source(name: str) -> str | None:
    """Makes the source of a container's log as it is typed; None if the name is no valid name of a container."""
    with suppress(ValidationError):
        return f"{CONTAINER_PREFIX}{_CONTAINER_NAME_ADAPTER.validate_python(name)}"
    return None
