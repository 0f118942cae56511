"""When a line was written and how grave it is, in the formats that Flatnet's programs write. Pure.

    time="2026-11-25T09:05:44Z" level=info msg=…                     Nebula to 1.10 (logrus); time= can be off
    time=2026-11-25T09:26:47.126Z level=INFO msg=…                   Nebula 1.11 (slog)
    {"level":"info","msg":"…","time":"2026-11-25T09:05:44Z"}         both as JSON;  `journalctl -o json`
    2026-11-25T18:26:47.126+0900 host prog[1]: …                     journal short-iso, rsyslog; podman's `--timestamps`
    2026/11/25 18:26:47 [error] 1234#0: …                            nginx's error log, in the host's local time
    Nov 25 18:26:47 host prog[1]: …                                  RFC 3164, in local time and without a year
    <34>1 2026-11-25T18:26:47.126Z host app - ID - …                 RFC 5424
    10.100.1.2 - - [25/Nov/2026:18:26:47 +0900] "GET / …" 200 …      nginx's access log

What a program wrote behind the journal's, syslog's or podman's own words is looked at for its level. Lines are foreign:
every expression here is linear in the length of a line, and a time that cannot be one is none.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """How grave a line is, by its writer; ordered as they stand here."""

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"
    FATAL = "fatal"

    @property
    def rank(self) -> int:
        """0 for the least grave."""
        return _RANKS[self]


_RANKS = {level: rank for rank, level in enumerate(Level)}

_WORDS = {
    **dict.fromkeys(("trace", "debug"), Level.DEBUG),
    **dict.fromkeys(("info", "notice"), Level.INFO),
    **dict.fromkeys(("warn", "warning"), Level.WARN),
    **dict.fromkeys(("err", "error"), Level.ERROR),
    **dict.fromkeys(("fatal", "panic", "crit", "critical", "alert", "emerg"), Level.FATAL),
}

_SEVERITIES = (Level.FATAL,) * 3 + (Level.ERROR, Level.WARN, Level.INFO, Level.INFO, Level.DEBUG)
"""Of syslog and the journal, 0 to 7; a syslog priority is eight times its facility and one of these."""

_YEARS = range(2000, 2100)
"""Other years are no time: programs write the year 1 for "never"."""

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1
    )
}

_LEAP_CYCLE = 8
"""Years at most between two 29th of February."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a line says of itself. `at` is aware, or without zone where it is the host's local time; None where unknown."""

    at: datetime | None
    level: Level | None


Reader = Callable[[str, datetime], Stamp | None]
"""One format: None where a line is not of it. The time is the host's own at the read, without zone; it tells the year."""


def stamp_of(line: str, now: datetime) -> Stamp | None:
    """What the first format that fits makes of a line; None where none does."""
    for reader in _READERS:
        stamp = reader(line, now)
        if stamp is not None:
            return stamp
    return None


def level_of(word: object) -> Level | None:
    """A level by any of its names: `warning`, `WARN`, `ERROR+2` (slog's)."""
    return _WORDS.get(re.split(r"[+-]", word, maxsplit=1)[0].lower()) if isinstance(word, str) else None


_KEYS = re.compile(r'(?:time=(?:"([^"]{1,60})"|([^" ]{1,60})) )?level=([A-Za-z]{1,12})(?![A-Za-z])')


def _keys(line: str, now: datetime) -> Stamp | None:
    found = _KEYS.match(line)
    return Stamp(_iso_time(found[1] or found[2]), level_of(found[3])) if found is not None else None


def _document(line: str, now: datetime) -> Stamp | None:
    """A JSON object; one that cannot be read, because it was cut perhaps, says nothing of itself."""
    if not line.startswith("{"):
        return None
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return Stamp(None, None)
    if "__REALTIME_TIMESTAMP" in document:
        return _journal(document, now)
    return Stamp(_iso_time(document.get("time")), level_of(document.get("level")))


def _journal(document: Mapping[str, Any], now: datetime) -> Stamp:
    match document:
        case {"__REALTIME_TIMESTAMP": str(micros)} if re.fullmatch(r"[0-9]{1,16}", micros):
            at = _checked(datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(micros)))
        case _:
            at = None
    priority = document.get("PRIORITY")
    level = _SEVERITIES[int(priority)] if priority in tuple("01234567") else None
    return Stamp(at, _level_within(document.get("MESSAGE"), now) or level)


_ISO = r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)"
_ISO_FIRST = re.compile(_ISO + r"(?: (.*))?$", re.ASCII | re.DOTALL)
_ISO_ALONE = re.compile(_ISO, re.ASCII)


def _iso_first(line: str, now: datetime) -> Stamp | None:
    found = _ISO_FIRST.match(line)
    return Stamp(_iso_time(found[1]), _level_within(found[2], now)) if found is not None else None


_NGINX_ERROR = re.compile(r"(\d{4})/(\d\d)/(\d\d) (\d\d):(\d\d):(\d\d) (?:\[([a-z]{1,12})\] )?", re.ASCII)


def _nginx_error(line: str, now: datetime) -> Stamp | None:
    found = _NGINX_ERROR.match(line)
    if found is None:
        return None
    return Stamp(_time(*map(int, found.groups()[:6])), level_of(found[7]))


_RFC_3164 = re.compile(rf"(?:<(\d{{1,3}})>)?({'|'.join(_MONTHS)}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (.*)", re.ASCII | re.DOTALL)


def _rfc_3164(line: str, now: datetime) -> Stamp | None:
    """The newest year that puts it no more than a day into the future."""
    found = _RFC_3164.match(line)
    if found is None:
        return None
    within = (_MONTHS[found[2]], *map(int, found.group(3, 4, 5, 6)))
    latest = now + timedelta(days=1)
    candidates = (_time(year, *within) for year in range(latest.year, latest.year - _LEAP_CYCLE - 1, -1))
    at = next((at for at in candidates if at is not None and at <= latest), None)
    return Stamp(at, _level_within(found[7], now) or _severity(found[1]))


_RFC_5424 = re.compile(r"<(\d{1,3})>1 (\S{1,40}) (.*)", re.ASCII | re.DOTALL)


def _rfc_5424(line: str, now: datetime) -> Stamp | None:
    found = _RFC_5424.match(line)
    return Stamp(_iso_time(found[2]), _severity(found[1])) if found is not None else None


_ACCESS = re.compile(
    r'\[(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d\d)(\d\d)\] "(?:[^"]*" (\d{3})(?!\d))?', re.ASCII
)


def _access(line: str, now: datetime) -> Stamp | None:
    """nginx writes quotes of a client as \\x22, so the first time before a quote is nginx's own."""
    found = _ACCESS.search(line)
    if found is None or found[2] not in _MONTHS:
        return None
    day, year, hour, minute, second = map(int, found.group(1, 3, 4, 5, 6))
    at = _time(year, _MONTHS[found[2]], day, hour, minute, second)
    offset = timedelta(hours=int(found[7]), minutes=int(found[7][0] + found[8]))
    return Stamp(None if at is None else (at - offset).replace(tzinfo=UTC), _status(found[9]))


def _status(digits: str | None) -> Level | None:
    """Of an HTTP answer: 500 and more is the gateway's failure, 400 and more the client's."""
    if digits is None:
        return None
    return Level.ERROR if digits >= "500" else Level.WARN if digits >= "400" else Level.INFO


def _severity(priority: str | None) -> Level | None:
    return _SEVERITIES[int(priority) % 8] if priority is not None and int(priority) < 192 else None


_TAG = re.compile(r"\S{1,255} [^\s:\[]{1,64}(?:\[\d{1,10}\])?: ", re.ASCII)
_FIRST_WORD = re.compile(r"\[?([A-Z]{3,8})\]?(?=[\s:])")


def _level_within(message: object, now: datetime) -> Level | None:
    """Of what a program wrote, behind the host's and its own name where they stand there."""
    if not isinstance(message, str):
        return None
    tag = _TAG.match(message)
    for text in (message, message[tag.end() :]) if tag is not None else (message,):
        for reader in (_keys, _document, _nginx_error, _access):
            stamp = reader(text, now)
            if stamp is not None and stamp.level is not None:
                return stamp.level
        word = _FIRST_WORD.match(text)
        if word is not None and word[1].lower() in _WORDS:
            return level_of(word[1])
    return None


def _iso_time(text: object) -> datetime | None:
    """RFC 3339 and its relatives; digits beyond microseconds are cut."""
    if not isinstance(text, str) or _ISO_ALONE.fullmatch(text) is None:
        return None
    try:
        return _checked(datetime.fromisoformat(text))
    except ValueError:
        return None


def _time(*parts: int) -> datetime | None:
    try:
        return _checked(datetime(*parts))  # type: ignore[arg-type]  # noqa: DTZ001 - the host's local time
    except ValueError:
        return None


def _checked(at: datetime) -> datetime | None:
    return at if at.year in _YEARS else None


_READERS: tuple[Reader, ...] = (_keys, _document, _iso_first, _nginx_error, _rfc_3164, _rfc_5424, _access)
