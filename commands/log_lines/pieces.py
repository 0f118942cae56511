"""Finds the pieces of a line that matter: its message, and the fields beside it. Pure.

    nginx's error log   connect() failed (10061: …) → 10.100.2.1:8080 · GET /orders/ · client 10.87.1.11 · host shop
    nginx's access log  GET /orders/ 502 · client 10.87.1.11
    Nebula, podman      Handshake timed out · certName=host-b · udpAddrs=[192.0.2.12:4242]      key=value and JSON
    journal, syslog     flatnet-cni: CNI ADD container=web ip=10.87.1.10/24
    any other           the whole line

A piece is a place in the line, so it never shows anything that the line does not show. Lines are untrusted: every
expression here takes time linear in the length of a line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

Pieces = tuple["Piece", ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a line, from one place to another, and the constant text before it. `quoted`: it has escapes of JSON."""

    lead: str
    begin: int
    end: int
    quoted: bool = False


def find_pieces(line: str) -> Pieces:
    """Finds the pieces of a line, the message first; the whole line if its format is unknown."""
    begin = _skip(_TIME_PREFIX, line, 0)
    tag = _PROGRAM_TAG.match(line, begin) if begin else None
    if tag is None:
        return _find_body(line, begin)
    first, *others = _find_body(line, _skip(_TIME_PREFIX, line, tag.end()))
    return (Piece("", *tag.span(1)), Piece(": ", first.begin, first.end, first.quoted), *others)


def _find_body(line: str, begin: int) -> Pieces:
    """Finds the pieces behind the prefix of the journal or syslog."""
    for find in (_find_nginx_error, _find_access, _find_logfmt, _find_json):
        found = find(line, begin)
        if found:
            return tuple(found)
    return (Piece("", _skip(_LEVEL_WORD, line, begin), len(line)),)


def _skip(prefix: re.Pattern[str], line: str, begin: int) -> int:
    found = prefix.match(line, begin)
    return begin if found is None else found.end()


_TIME_PREFIX = re.compile(
    r"(?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z| ?[+-]\d\d:?\d\d(?: [A-Z]{3,5})?)?(?: m=[+-][\d.]{1,30})?"
    r"|(?:<\d{1,3}>)?[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|<\d{1,3}>1 \S{1,40}) ",
    re.ASCII,
)
_PROGRAM_TAG = re.compile(r"\S{1,255} ([^\s:\[]{1,64})(?:\[\d{1,10}\])?: ", re.ASCII)
_LEVEL_WORD = re.compile(
    r"\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERR|ERROR|FATAL|PANIC|CRIT|CRITICAL|ALERT|EMERG)\]?(?:: ?| )(?=\S)"
)

_NGINX_ERROR = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d (?:\[[a-z]{1,12}\] )?(?:\d+#\d+: )?(?:\*\d+ )?", re.ASCII)
_NGINX_CLIENT = ", client: "
_NGINX_FIELDS = re.compile(
    r", client: (?P<client>[^,]*+)(?:, server: [^,]*+)?(?:, request: \"(?P<request>[^\"]*?)(?: HTTP/[\d.]+)?\")?"
    r"(?:, (?:sub)?request: \"[^\"]*+\")?(?:, upstream: \"(?:[a-z]+://)?(?P<upstream>[^/\"]*+)[^\"]*+\")?"
    r"(?:, bytes from/to client:\d+/\d+, bytes from/to upstream:\d+/\d+)?"
    r"(?:, host: \"(?P<host>[^\"]*+)\")?(?:, referrer: \"[^\"]*+\")?",
    re.ASCII,
)
"""The fields to the end of a line. Possessive quantifiers keep the search linear where they do not reach the end."""
_NGINX_LEADS = {"upstream": " → ", "request": " · ", "client": " · client ", "host": " · host "}
_CONNECTING = " while connecting to upstream"
_LONG_REASON = re.compile(r"\(\d{1,6}: ([^()]{60,})\)", re.ASCII)
_REASON_SHOWN = 40
"""Characters shown of a reason of the operating system. Windows states it in up to 170."""


def _find_nginx_error(line: str, begin: int) -> list[Piece]:
    """Finds the pieces of a line of nginx's error log.

    Requesters choose the path and the headers, which nginx writes without escapes, also before its own fields. A line whose
    fields have more than one reading is shown whole, so a requester cannot hide who asked.
    """
    prefix = _NGINX_ERROR.match(line, begin)
    if prefix is None:
        return []
    client = line.find(_NGINX_CLIENT, prefix.end())
    alone = client >= 0 and line.find(_NGINX_CLIENT, client + 1) < 0
    fields = _NGINX_FIELDS.fullmatch(line, client) if alone else None
    if fields is None:
        return _shorten_reason(line, prefix.end(), len(line))
    ends = client - len(_CONNECTING) if line.endswith(_CONNECTING, prefix.end(), client) else client
    named = [Piece(lead, *fields.span(name)) for name, lead in _NGINX_LEADS.items() if fields[name]]
    return [*_shorten_reason(line, prefix.end(), ends), *named]


def _shorten_reason(line: str, begin: int, end: int) -> list[Piece]:
    long = _LONG_REASON.search(line, begin, end)
    if long is None:
        return [Piece("", begin, end)]
    return [Piece("", begin, long.start(1) + _REASON_SHOWN), Piece("…", long.end() - 1, end)]


_ACCESS = re.compile(
    r"(?P<client>\S{1,64}) \S+ \S+ \[[^\]]{1,40}\] \"(?P<request>[^\"]*?)(?: HTTP/[\d.]+)?\" (?P<status>\d{3})(?!\d)",
    re.ASCII,
)
_ACCESS_LEADS = {"request": "", "status": " ", "client": " · client "}
_DURATION = re.compile(r"\b(?:rt|request_time)=\"?(\d+\.\d+)", re.ASCII)


def _find_access(line: str, begin: int) -> list[Piece]:
    found = _ACCESS.match(line, begin)
    if found is None:
        return []
    pieces = [Piece(lead, *found.span(name)) for name, lead in _ACCESS_LEADS.items()]
    took = _DURATION.search(line, found.end())
    return [*pieces, *([Piece(" · request_time=", *took.span(1))] if took is not None else [])]


_LOGFMT_PREFIX = re.compile(r'(?:time=(?:"[^"]{1,60}"|[^" ]{1,60}) )?level=[A-Za-z]{1,12}(?:[+-]\d+)? ')
_LOGFMT_FIELD = re.compile(r'(?<![\w.-])([A-Za-z_][\w.-]*)=(?:"((?:[^"\\]|\\.)*)"|(\S*))', re.ASCII)
_JSON_FIELD = re.compile(r'"([^"\\]*)":\s?(?:"((?:[^"\\]|\\.)*)"|(\{[^{}]*\}|\[[^\[\]]*\]|[^\s",{}\[\]]+))', re.ASCII)
_MESSAGE_KEYS = ("msg", "message", "MESSAGE")
_DROPPED_KEYS = frozenset(
    (
        *("time", "level", "ts", "timestamp", "severity", "durationNs", "fingerprint", "handshake", "initiatorIndex"),
        *("localIndex", "remoteIndex", "responderIndex", "issuer", "sentCachedPackets", "certVersion", "build"),
    )
)
"""Fields that are shown otherwise (time, level), or whose values mean something to programs only."""


def _find_logfmt(line: str, begin: int) -> list[Piece]:
    prefix = _LOGFMT_PREFIX.match(line, begin)
    return [] if prefix is None else _order_fields(_LOGFMT_FIELD.finditer(line, prefix.end()))


def _find_json(line: str, begin: int) -> list[Piece]:
    return _order_fields(_JSON_FIELD.finditer(line, begin)) if line.startswith("{", begin) else []


def _order_fields(fields: Iterator[re.Match[str]]) -> list[Piece]:
    """Returns the message, then the other fields in their order; [] without a message."""
    message: list[Piece] = []
    others: list[Piece] = []
    for field in fields:
        quoted = field.end(2) >= 0
        place = field.span(2 if quoted else 3)
        if field[1] in _MESSAGE_KEYS and not message:
            message.append(Piece("", *place, quoted))
        elif field[1] not in _DROPPED_KEYS and place[0] < place[1]:
            others.append(Piece(f" · {field[1]}=", *place, quoted))
    return [*message, *others] if message else []
