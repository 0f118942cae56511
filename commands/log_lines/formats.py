"""Parses the time and level of a line in the formats that Flatnet's programs write. Pure.

    time="2026-11-25T09:05:44Z" level=info msg=…                     Nebula to 1.10 (logrus); time= can be off
    time=2026-11-25T09:26:47.126Z level=INFO msg=…                   Nebula 1.11 (slog)
    {"level":"info","msg":"…","time":"2026-11-25T09:05:44Z"}         both as JSON;  `journalctl -o json`
    2026-11-25T18:26:47.126+0900 host prog[1]: …                     journal short-iso, rsyslog; podman's `--timestamps`
    2026/11/25 18:26:47 [error] 1234#0: …                            nginx's error log, in the host's local time
    Nov 25 18:26:47 host prog[1]: …                                  RFC 3164, in local time and without a year
    <34>1 2026-11-25T18:26:47.126Z host app - ID - …                 RFC 5424
    10.100.1.2 - - [25/Nov/2026:18:26:47 +0900] "GET / …" 200 …      nginx's access log

The message behind the prefix of the journal, syslog or podman is searched for its level. Lines are untrusted: every
expression here takes time linear in the length of a line, and an impossible time counts as none.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """Level of a line as written by its program, in ascending order."""

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"
    FATAL = "fatal"

    @property
    def rank(self) -> int:
        """0 is the lowest level."""
        return _RANKS[self]


_RANKS = {level: rank for rank, level in enumerate(Level)}

_LEVEL_BY_WORD = {
    **dict.fromkeys(("trace", "debug"), Level.DEBUG),
    **dict.fromkeys(("info", "notice"), Level.INFO),
    **dict.fromkeys(("warn", "warning"), Level.WARN),
    **dict.fromkeys(("err", "error"), Level.ERROR),
    **dict.fromkeys(("fatal", "panic", "crit", "critical", "alert", "emerg"), Level.FATAL),
}

_LEVEL_BY_SEVERITY = (Level.FATAL,) * 3 + (Level.ERROR, Level.WARN, Level.INFO, Level.INFO, Level.DEBUG)
"""Levels by severity 0 to 7 of syslog and the journal. A syslog priority is eight times its facility plus the severity."""

_PLAUSIBLE_YEARS = range(2000, 2100)
"""Years of a valid time. Programs write the year 1 for "never"."""

_MONTH_NUMBERS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1
    )
}

_LEAP_CYCLE = 8
"""Maximum years between two days of 29 February."""


@dataclass(frozen=True, slots=True)
class LineStamp:
    """Time and level of a line, each None if unknown. `at` is aware, or naive in the host's local time."""

    at: datetime | None
    level: Level | None


LineReader = Callable[[str, datetime], LineStamp | None]
"""Parser of one format; None if a line has another one. The time is the host's at the read, naive; it gives the year."""


def parse_stamp(line: str, now: datetime) -> LineStamp | None:
    """Parses a line by the first format that matches; None if none does."""
    for reader in _READERS:
        stamp = reader(line, now)
        if stamp is not None:
            return stamp
    return None


def parse_level(word: object) -> Level | None:
    """Parses a level by any of its names: `warning`, `WARN`, `ERROR+2` (slog)."""
    return _LEVEL_BY_WORD.get(re.split(r"[+-]", word, maxsplit=1)[0].lower()) if isinstance(word, str) else None


_LOGFMT = re.compile(r'(?:time=(?:"([^"]{1,60})"|([^" ]{1,60})) )?level=([A-Za-z]{1,12})(?![A-Za-z])')


def _parse_logfmt(line: str, now: datetime) -> LineStamp | None:
    found = _LOGFMT.match(line)
    return LineStamp(_parse_iso_time(found[1] or found[2]), parse_level(found[3])) if found is not None else None


def _parse_json(line: str, now: datetime) -> LineStamp | None:
    """Parses a JSON object. An invalid one, perhaps truncated, has neither time nor level."""
    if not line.startswith("{"):
        return None
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return LineStamp(None, None)
    if "__REALTIME_TIMESTAMP" in document:
        return _parse_journal(document, now)
    return LineStamp(_parse_iso_time(document.get("time")), parse_level(document.get("level")))


def _parse_journal(document: Mapping[str, Any], now: datetime) -> LineStamp:
    match document:
        case {"__REALTIME_TIMESTAMP": str(micros)} if re.fullmatch(r"[0-9]{1,16}", micros):
            at = _check_year(datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(micros)))
        case _:
            at = None
    priority = document.get("PRIORITY")
    level = _LEVEL_BY_SEVERITY[int(priority)] if priority in tuple("01234567") else None
    return LineStamp(at, _find_level(document.get("MESSAGE"), now) or level)


_ISO = r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)"
_ISO_FIRST = re.compile(_ISO + r"(?: (.*))?$", re.ASCII | re.DOTALL)
_ISO_ALONE = re.compile(_ISO, re.ASCII)


def _parse_iso_prefix(line: str, now: datetime) -> LineStamp | None:
    found = _ISO_FIRST.match(line)
    return LineStamp(_parse_iso_time(found[1]), _find_level(found[2], now)) if found is not None else None


_NGINX_ERROR = re.compile(r"(\d{4})/(\d\d)/(\d\d) (\d\d):(\d\d):(\d\d) (?:\[([a-z]{1,12})\] )?", re.ASCII)


def _parse_nginx_error(line: str, now: datetime) -> LineStamp | None:
    found = _NGINX_ERROR.match(line)
    if found is None:
        return None
    return LineStamp(_build_time(*map(int, found.groups()[:6])), parse_level(found[7]))


_RFC_3164 = re.compile(
    rf"(?:<(\d{{1,3}})>)?({'|'.join(_MONTH_NUMBERS)}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (.*)", re.ASCII | re.DOTALL
)


def _parse_rfc_3164(line: str, now: datetime) -> LineStamp | None:
    """Parses RFC 3164. The year is the newest that puts the time at most one day into the future."""
    found = _RFC_3164.match(line)
    if found is None:
        return None
    within = (_MONTH_NUMBERS[found[2]], *map(int, found.group(3, 4, 5, 6)))
    latest = now + timedelta(days=1)
    candidates = (_build_time(year, *within) for year in range(latest.year, latest.year - _LEAP_CYCLE - 1, -1))
    at = next((at for at in candidates if at is not None and at <= latest), None)
    return LineStamp(at, _find_level(found[7], now) or _parse_priority(found[1]))


_RFC_5424 = re.compile(r"<(\d{1,3})>1 (\S{1,40}) (.*)", re.ASCII | re.DOTALL)


def _parse_rfc_5424(line: str, now: datetime) -> LineStamp | None:
    found = _RFC_5424.match(line)
    return LineStamp(_parse_iso_time(found[2]), _parse_priority(found[1])) if found is not None else None


_ACCESS_LOG = re.compile(
    r'\[(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d\d)(\d\d)\] "(?:[^"]*" (\d{3})(?!\d))?', re.ASCII
)


def _parse_access_log(line: str, now: datetime) -> LineStamp | None:
    """Parses nginx's access log. nginx escapes a client's quotes as \\x22, so the first time before a quote is its own."""
    found = _ACCESS_LOG.search(line)
    if found is None or found[2] not in _MONTH_NUMBERS:
        return None
    day, year, hour, minute, second = map(int, found.group(1, 3, 4, 5, 6))
    at = _build_time(year, _MONTH_NUMBERS[found[2]], day, hour, minute, second)
    offset = timedelta(hours=int(found[7]), minutes=int(found[7][0] + found[8]))
    return LineStamp(None if at is None else (at - offset).replace(tzinfo=UTC), _judge_status(found[9]))


def _judge_status(digits: str | None) -> Level | None:
    """Returns the level of an HTTP status: from 500 the gateway failed, from 400 the client did."""
    if digits is None:
        return None
    return Level.ERROR if digits >= "500" else Level.WARN if digits >= "400" else Level.INFO


def _parse_priority(priority: str | None) -> Level | None:
    return _LEVEL_BY_SEVERITY[int(priority) % 8] if priority is not None and int(priority) < 192 else None


_PROGRAM_TAG = re.compile(r"\S{1,255} [^\s:\[]{1,64}(?:\[\d{1,10}\])?: ", re.ASCII)
_FIRST_WORD = re.compile(r"\[?([A-Z]{3,8})\]?(?=[\s:])")


def _find_level(message: object, now: datetime) -> Level | None:
    """Finds the level in a program's message, also after a prefix with the host's and the program's name."""
    if not isinstance(message, str):
        return None
    tag = _PROGRAM_TAG.match(message)
    for text in (message, message[tag.end() :]) if tag is not None else (message,):
        for reader in (_parse_logfmt, _parse_json, _parse_nginx_error, _parse_access_log):
            stamp = reader(text, now)
            if stamp is not None and stamp.level is not None:
                return stamp.level
        word = _FIRST_WORD.match(text)
        if word is not None and word[1].lower() in _LEVEL_BY_WORD:
            return parse_level(word[1])
    return None


def _parse_iso_time(text: object) -> datetime | None:
    """Parses a time of RFC 3339 or a similar format. Digits beyond microseconds are dropped."""
    if not isinstance(text, str) or _ISO_ALONE.fullmatch(text) is None:
        return None
    try:
        return _check_year(datetime.fromisoformat(text))
    except ValueError:
        return None


def _build_time(*parts: int) -> datetime | None:
    try:
        return _check_year(datetime(*parts))  # type: ignore[arg-type]  # noqa: DTZ001 - the host's local time
    except ValueError:
        return None


def _check_year(at: datetime) -> datetime | None:
    return at if at.year in _PLAUSIBLE_YEARS else None


_READERS: tuple[LineReader, ...] = (
    _parse_logfmt,
    _parse_json,
    _parse_iso_prefix,
    _parse_nginx_error,
    _parse_rfc_3164,
    _parse_rfc_5424,
    _parse_access_log,
)
