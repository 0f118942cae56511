"""Lines of Nebula's log that tell of a handshake received, in its three forms: text and JSON of logrus, slog of 1.11.

    time="2026-11-25T09:05:44Z" level=info msg="Handshake message received" certName=host-a fingerprint=f768… …
    {"certName":"host-a","fingerprint":"f768…","level":"info","msg":"Handshake message received","time":"…", …}
    time=2026-11-25T09:26:47.126Z level=INFO msg="Handshake message received" certName=host-a …

Nebula writes such a line once it has accepted the other's certificate. Lines are foreign: what cannot be read is none.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from adapters.value import Value

RECEIVED = "Handshake message received"

LINE_LIMIT = 2_000
"""Characters; Nebula's own lines have about four hundred."""

_FIELD = re.compile(r'(?:^|(?<= ))([A-Za-z]+)=("(?:[^"\\]|\\.)*"|[^ "]*)(?= |$)')


class Received(Value):
    """Whose certificate was accepted, and when by the clock of the host that logged it; None where no time stands there."""

    name: str
    fingerprint: str
    at: datetime | None


def read_received(line: str) -> Received | None:
    """What a line tells; None for every other line."""
    if len(line) > LINE_LIMIT or RECEIVED not in line:
        return None
    fields = _json(line) if line.startswith("{") else _text(line)
    match fields:
        case {"msg": str(message), "certName": str(name), "fingerprint": str(fingerprint)} if message == RECEIVED:
            return Received(name=name, fingerprint=fingerprint, at=_time(fields.get("time")))
        case _:
            return None


def _json(line: str) -> Mapping[str, Any]:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _text(line: str) -> Mapping[str, Any]:
    return {name: _plain(value) for name, value in _FIELD.findall(line)}


def _plain(value: str) -> str:
    """Go quotes what has spaces or other than plain characters, as JSON does for all that stands in names."""
    if not value.startswith('"'):
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value.strip('"')


def _time(text: object) -> datetime | None:
    """RFC 3339; slog in JSON writes nanoseconds, which are cut."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo is not None else None
