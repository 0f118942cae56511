"""Parser for lines of Nebula's log about handshakes, in their three forms: text and JSON of logrus, slog of 1.11.

    time="2026-11-25T09:05:44Z" level=info msg="Handshake message received" certName=host-a fingerprint=f768… …
    {"certName":"host-a","fingerprint":"f768…","level":"info","msg":"Handshake message received","time":"…", …}
    time=2026-11-25T09:26:47.126Z level=INFO msg="Handshake message received" certName=host-a …

Nebula writes such a line once it has accepted the peer's certificate, and "Invalid certificate from host" with an error
where it has not. Lines are untrusted: an unreadable one is skipped.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from adapters.value import Value

RECEIVED_MESSAGE = "Handshake message received"
REFUSED_MESSAGE = "Invalid certificate from host"
BLOCKED_MESSAGE = "Blocklisting cert"

LINE_LIMIT = 2_000
"""Characters of a line. Nebula's own have about four hundred."""

_FIELD = re.compile(r'(?:^|(?<= ))([A-Za-z]+)=("(?:[^"\\]|\\.)*"|[^ "]*)(?= |$)')


class ReceivedHandshake(Value):
    """The peer whose certificate was accepted, and the time by the clock of the host that logged it; None without a time.

    `issuer` is the fingerprint of its CA, `address` its addresses on the overlay with spaces between, `underlay` the address
    from which it came; "" without any.
    """

    name: str
    fingerprint: str
    at: datetime | None
    issuer: str = ""
    address: str = ""
    underlay: str = ""


def parse_handshake(line: str) -> ReceivedHandshake | None:
    """Parses a line; None for every other line."""
    if len(line) > LINE_LIMIT or RECEIVED_MESSAGE not in line:
        return None
    fields = _parse_fields(line)
    match fields:
        case {"msg": str(message), "certName": str(name), "fingerprint": str(fingerprint)} if message == RECEIVED_MESSAGE:
            return ReceivedHandshake(
                name=name,
                fingerprint=fingerprint,
                at=_parse_time(fields.get("time")),
                issuer=_get_text(fields, "issuer"),
                address=_parse_addresses(fields),
                underlay=_parse_peer(fields),
            )
        case _:
            return None


class Refusal(Value):
    """Refusal of a peer's certificate: Nebula's reason, and the address of the peer without its port; "" without any."""

    why: str
    address: str


def parse_refusal(line: str) -> Refusal:
    """Parses a line about a refused certificate, as far as it can be read."""
    fields = {} if len(line) > LINE_LIMIT else _parse_fields(line)
    return Refusal(why=_get_text(fields, "error"), address=_parse_peer(fields))


def parse_blocked(line: str) -> tuple[str, datetime | None]:
    """Parses the line in which Nebula says that it blocks a certificate: its fingerprint ("" for every other line), when."""
    fields = {} if len(line) > LINE_LIMIT else _parse_fields(line)
    if _get_text(fields, "msg") != BLOCKED_MESSAGE:
        return "", None
    return _get_text(fields, "fingerprint"), _parse_time(fields.get("time"))


class RefusedHandshake(Value):
    """A peer whose certificate was refused, with Nebula's reason. Parts that the line does not have are "".

    `address` is the peer's, without its port: any machine can send from any address. `fingerprint` is in lines of 1.10 and
    later, some of which have no reason.
    """

    address: str
    why: str
    fingerprint: str
    at: datetime | None


def parse_refused_handshake(line: str) -> RefusedHandshake | None:
    """Parses a line; None for every other line."""
    fields = {} if len(line) > LINE_LIMIT else _parse_fields(line)
    if fields.get("msg") != REFUSED_MESSAGE:
        return None
    return RefusedHandshake(
        address=_parse_peer(fields),
        why=_get_text(fields, "error"),
        fingerprint=_get_text(fields, "certFingerprint"),
        at=_parse_time(fields.get("time")),
    )


def _parse_peer(fields: Mapping[str, Any]) -> str:
    """Parses `udpAddr` of 1.9 and `from` of later versions: text, in JSON also an object."""
    match fields.get("from", fields.get("udpAddr", "")):
        case str(text) | {"direct": str(text)}:
            return text.rpartition(":")[0].strip("[]")
        case {"ip": str(text)}:
            return text
        case _:
            return ""


def _parse_fields(line: str) -> Mapping[str, Any]:
    return _parse_json(line) if line.startswith("{") else _parse_text(line)


def _get_text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name, "")
    return value if isinstance(value, str) else ""


def _parse_addresses(fields: Mapping[str, Any]) -> str:
    """Parses `vpnIp` of 1.9, and `vpnAddrs` of later versions: a list in JSON, in text in brackets."""
    match fields.get("vpnAddrs", fields.get("vpnIp", "")):
        case str(text):
            return " ".join(text.strip("[]").replace(",", " ").split())
        case [*several] if all(isinstance(each, str) for each in several):
            return " ".join(several)
        case _:
            return ""


def _parse_json(line: str) -> Mapping[str, Any]:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _parse_text(line: str) -> Mapping[str, Any]:
    return {name: _unquote(value) for name, value in _FIELD.findall(line)}


def _unquote(value: str) -> str:
    """Unquotes a value. Go quotes values with spaces or unusual characters, as JSON does for all that occurs in names."""
    if not value.startswith('"'):
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value.strip('"')


def _parse_time(text: object) -> datetime | None:
    """Parses RFC 3339. slog in JSON writes nanoseconds, which are cut."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
        return moment.astimezone(UTC) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):  # in UTC it may lie before the year 1
        return None
