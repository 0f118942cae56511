"""Encodes values as text for the database: points in time, JSON, untrusted text. No SQL.

Points in time are text of one width, in UTC (`2026-01-31T09:00:00.000000Z`). The text sorts like the time, and is readable.
JSON is ASCII, so that no character of untrusted text (NUL, a lone surrogate) can damage a row.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from adapters.phrase import Phrase
from bot.store.errors import TooLarge

MAX_JSON_BYTES = 65_536
"""Maximum bytes of one JSON value. A message within Slack's limits is far smaller."""


def encode_time(at: datetime) -> str:
    """Encodes an aware point in time. Raises `ValueError` for a naive one."""
    if at.tzinfo is None:
        raise ValueError("a stored point in time needs its zone")
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def encode_json(value: Mapping[str, Any]) -> str:
    """Encodes a value as canonical ASCII JSON. Raises `TooLarge` beyond `MAX_JSON_BYTES`."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, sort_keys=True, separators=(",", ":"))
    if len(text) > MAX_JSON_BYTES:
        raise TooLarge(
            Phrase(
                "too large to store: {size} bytes (limit {limit}). Narrow the range and try again",
                size=len(text),
                limit=MAX_JSON_BYTES,
            )
        )
    return text


def escape_text(text: str) -> str:
    """Escapes what SQLite cannot store as text (NUL, lone surrogates) as visible characters."""
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")
